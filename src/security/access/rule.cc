#include "security/access/rule.h"

#include <algorithm>
#include <iterator>

#include "base/fields.h"
#include "base/strings.h"

namespace reeve::access {

namespace {

using Texts = std::vector<std::string>;

constexpr std::string_view kAll = "*";

bool has(const Texts& texts, std::string_view text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

bool has_or_all(const Texts& texts, std::string_view text) {
  return std::any_of(texts.begin(), texts.end(), [&](const std::string& one) {
    return one == kAll || one == text;
  });
}

/// `missions/log` is also `*/log`; `*` is all of them.
bool resource_matches(const Texts& resources, std::string_view full_resource) {
  if (has_or_all(resources, full_resource)) {
    return true;
  }
  const std::size_t slash = full_resource.find('/');
  return slash != std::string_view::npos &&
         has(resources, concat(kAll, full_resource.substr(slash)));
}

bool url_matches(const Texts& urls, std::string_view path) {
  return std::any_of(urls.begin(), urls.end(), [&](const std::string& url) {
    return url == path || (url.ends_with('*') &&
                           path.starts_with(std::string_view(url).substr(0, url.size() - 1)));
  });
}

Error invalid(std::string message, std::string subject) {
  return make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
}

Result<void> check_entries(const Texts& texts, const std::string& place) {
  if (texts.size() > kRuleEntriesMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("has more than ", kRuleEntriesMax, " entries"), place
    );
  }
  for (const std::string& text : texts) {
    if (text.size() > kRuleEntryBytesMax) {
      return make_error(
          ErrorCode::LimitExceeded,
          concat("has an entry of more than ", kRuleEntryBytesMax, " bytes"),
          place
      );
    }
  }
  return {};
}

Result<void> check_urls(const Rule& rule, const std::string& place) {
  for (const std::string& url : rule.non_resource_urls) {
    const bool star_inside = url.substr(0, url.size() - 1).find('*') != std::string::npos;
    if (url.empty() || star_inside || (url != kAll && url.front() != '/')) {
      return invalid(
          "must be paths that begin with a slash, with a star at most at the end",
          concat(place, ".nonResourceURLs")
      );
    }
  }
  return {};
}

Result<void> check_rule(const Rule& rule, const std::string& place, bool paths_allowed) {
  REEVE_CHECK(check_entries(rule.verbs, concat(place, ".verbs")));
  REEVE_CHECK(check_entries(rule.api_groups, concat(place, ".apiGroups")));
  REEVE_CHECK(check_entries(rule.resources, concat(place, ".resources")));
  REEVE_CHECK(check_entries(rule.resource_names, concat(place, ".resourceNames")));
  REEVE_CHECK(check_entries(rule.non_resource_urls, concat(place, ".nonResourceURLs")));
  if (rule.verbs.empty()) {
    return invalid("a rule must have at least one verb", concat(place, ".verbs"));
  }
  const bool has_resources =
      !rule.api_groups.empty() || !rule.resources.empty() || !rule.resource_names.empty();
  if (!rule.non_resource_urls.empty()) {
    if (!paths_allowed) {
      return invalid(
          "a rule of a namespace cannot be about paths", concat(place, ".nonResourceURLs")
      );
    }
    if (has_resources) {
      return invalid("a rule is about resources or about paths, not both", place);
    }
    return check_urls(rule, place);
  }
  if (rule.api_groups.empty()) {
    return invalid(
        "a rule about resources must name at least one API group", concat(place, ".apiGroups")
    );
  }
  if (rule.resources.empty()) {
    return invalid("a rule must name at least one resource", concat(place, ".resources"));
  }
  return {};
}

Result<Rule> parse_rule(const Json& json, const std::string& place, bool paths_allowed) {
  Fields fields(json, place);
  Rule rule;
  rule.verbs = fields.text_list("verbs");
  rule.api_groups = fields.text_list("apiGroups");
  rule.resources = fields.text_list("resources");
  rule.resource_names = fields.text_list("resourceNames");
  rule.non_resource_urls = fields.text_list("nonResourceURLs");
  REEVE_CHECK(fields.finish());
  REEVE_CHECK(check_rule(rule, place, paths_allowed));
  return rule;
}

/// One permission of a rule: the product of its lists has many.
struct Permission {
  std::string_view verb;
  std::string_view group;
  std::string_view resource;
  /// Empty: all names.
  std::string_view name;
  std::string_view url;

  std::string describe() const {
    if (!url.empty()) {
      return concat(verb, " on path ", url);
    }
    return concat(
        verb,
        " on ",
        resource,
        group.empty() ? "" : ".",
        group,
        name.empty() ? "" : concat(" named ", name)
    );
  }
};

bool covers(const Rule& held, const Permission& wanted) {
  if (!has_or_all(held.verbs, wanted.verb)) {
    return false;
  }
  if (!wanted.url.empty()) {
    return url_matches(held.non_resource_urls, wanted.url);
  }
  const bool any_name = held.resource_names.empty();
  return has_or_all(held.api_groups, wanted.group) &&
         resource_matches(held.resources, wanted.resource) &&
         (any_name || (!wanted.name.empty() && has(held.resource_names, wanted.name)));
}

/// Compares what is held with permissions one by one, up to a limit.
class Comparison {
 public:
  explicit Comparison(const std::vector<Rule>& held) : held_(held) {
    for (const Rule& rule : held) {
      cost_ += rule.verbs.size() + rule.api_groups.size() + rule.resources.size() +
               rule.resource_names.size() + rule.non_resource_urls.size();
    }
  }

  /// Whether the walk goes on: false after a permission that is not held, or at the limit.
  bool look_at(const Permission& wanted) {
    steps_ += cost_;
    if (steps_ > kRuleComparisonsMax) {
      return false;
    }
    const bool covered = std::any_of(held_.begin(), held_.end(), [&](const Rule& rule) {
      return covers(rule, wanted);
    });
    if (!covered) {
      missing_ = wanted.describe();
    }
    return covered;
  }

  bool look_at(const Rule& wanted) {
    return std::all_of(wanted.verbs.begin(), wanted.verbs.end(), [&](const std::string& verb) {
      return look_at(wanted, verb);
    });
  }

  Result<std::string> finish() const {
    if (steps_ > kRuleComparisonsMax) {
      return make_error(
          ErrorCode::LimitExceeded,
          "the rules are too many to be compared with those that are held",
          "rules"
      );
    }
    return missing_;
  }

 private:
  bool look_at(const Rule& wanted, std::string_view verb) {
    for (const std::string& url : wanted.non_resource_urls) {
      if (!look_at(Permission{.verb = verb, .group = {}, .resource = {}, .name = {}, .url = url})) {
        return false;
      }
    }
    for (const std::string& group : wanted.api_groups) {
      for (const std::string& resource : wanted.resources) {
        Permission one{.verb = verb, .group = group, .resource = resource, .name = {}, .url = {}};
        if (!look_at_names(wanted.resource_names, one)) {
          return false;
        }
      }
    }
    return true;
  }

  bool look_at_names(const Texts& names, Permission one) {
    if (names.empty()) {
      return look_at(one);
    }
    return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      one.name = name;
      return look_at(one);
    });
  }

  const std::vector<Rule>& held_;
  /// Of comparing one permission with all that is held.
  std::size_t cost_ = 1;
  std::size_t steps_ = 0;
  std::string missing_;
};

Json to_array(const Texts& texts) {
  Json array = Json::array();
  for (const std::string& text : texts) {
    array.push(text);
  }
  return array;
}

}  // namespace

bool Rule::allows(const Attributes& attributes) const {
  if (!has_or_all(verbs, attributes.verb)) {
    return false;
  }
  if (!attributes.is_resource()) {
    return url_matches(non_resource_urls, attributes.non_resource_path);
  }
  return has_or_all(api_groups, attributes.group) &&
         resource_matches(resources, attributes.full_resource()) &&
         (resource_names.empty() ||
          (!attributes.name.empty() && has(resource_names, attributes.name)));
}

Result<std::vector<Rule>> parse_rules(const Json* rules, bool paths_allowed) {
  std::vector<Rule> parsed;
  if (rules == nullptr || rules->is_null()) {
    return parsed;
  }
  if (!rules->is_array()) {
    return invalid("must be a list", "rules");
  }
  if (rules->as_array().size() > kRulesMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("has more than ", kRulesMax, " entries"), "rules"
    );
  }
  for (std::size_t i = 0; i < rules->as_array().size(); ++i) {
    const std::string place = concat("rules[", i, "]");
    const Json& rule = rules->as_array()[i];
    if (!rule.is_object()) {
      return invalid("must be an object", place);
    }
    REEVE_TRY(Rule one, parse_rule(rule, place, paths_allowed));
    parsed.push_back(std::move(one));
  }
  return parsed;
}

Json to_json(const Rule& rule) {
  Json json = Json::object();
  json.set("verbs", to_array(rule.verbs));
  if (!rule.api_groups.empty()) {
    json.set("apiGroups", to_array(rule.api_groups));
  }
  if (!rule.resources.empty()) {
    json.set("resources", to_array(rule.resources));
  }
  if (!rule.resource_names.empty()) {
    json.set("resourceNames", to_array(rule.resource_names));
  }
  if (!rule.non_resource_urls.empty()) {
    json.set("nonResourceURLs", to_array(rule.non_resource_urls));
  }
  return json;
}

Result<std::string> first_uncovered(
    const std::vector<Rule>& held, const std::vector<Rule>& wanted
) {
  Comparison comparison(held);
  for (const Rule& rule : wanted) {
    const bool held_as_it_is = std::find(held.begin(), held.end(), rule) != held.end();
    if (!held_as_it_is && !comparison.look_at(rule)) {
      break;
    }
  }
  return comparison.finish();
}

}  // namespace reeve::access
