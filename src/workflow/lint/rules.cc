#include "workflow/lint/rules.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve::lint {

std::span<const Rule> all_rules() {
  return kRules;
}

const Rule* find_rule(std::string_view id) {
  const auto* const found = std::find_if(
      std::begin(kRules), std::end(kRules), [id](const Rule& rule) { return rule.id == id; }
  );
  return found == std::end(kRules) ? nullptr : found;
}

std::string help_uri(std::string_view id) {
  return concat(kRulesPage, "#", id);
}

}  // namespace reeve::lint
