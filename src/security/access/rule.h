#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "security/access/identity.h"

namespace reeve::access {

inline constexpr std::size_t kRulesMax = 500;
/// Entries of one list of a rule.
inline constexpr std::size_t kRuleEntriesMax = 200;
inline constexpr std::size_t kRuleEntryBytesMax = 512;
/// Entries of rules that one comparison looks at.
inline constexpr std::size_t kRuleComparisonsMax = 5'000'000;

/// One rule of a role: verbs on resources, or verbs on paths. `*` is everything; `*/log` is that
/// subresource of everything; a path may end with `*`.
struct Rule {
  std::vector<std::string> verbs;
  std::vector<std::string> api_groups;
  std::vector<std::string> resources;
  /// Empty: all names, also requests without a name.
  std::vector<std::string> resource_names;
  std::vector<std::string> non_resource_urls;

  bool allows(const Attributes& attributes) const;

  friend bool operator==(const Rule&, const Rule&) = default;
};

/// Reads `rules` of a Role or, with paths allowed, a ClusterRole; null is none. Invalid: a rule
/// without verbs, resources or groups, of both kinds, or with an unknown member; the subject is its
/// place (`rules[2].verbs`). LimitExceeded: see above.
Result<std::vector<Rule>> parse_rules(const Json* rules, bool paths_allowed);

/// As in the API: only the lists that have entries.
Json to_json(const Rule& rule);

/// The first permission of `wanted` that no rule of `held` contains, for people; "": there is none.
/// LimitExceeded: it takes more than kRuleComparisonsMax steps.
Result<std::string> first_uncovered(const std::vector<Rule>& held, const std::vector<Rule>& wanted);

}  // namespace reeve::access
