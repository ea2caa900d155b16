#include "schema_validator.h"

#include <algorithm>
#include <regex.h>
#include <set>

#include "base/strings.h"

namespace reeve {

namespace {

const std::set<std::string, std::less<>> kForPeople = {
    "$schema", "$id", "$defs", "title", "description", "default", "examples"};

bool has_type(const Json& value, std::string_view type) {
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) || (type == "integer" && value.is_int()) ||
         (type == "number" && value.is_number()) || (type == "boolean" && value.is_bool()) ||
         (type == "null" && value.is_null());
}

bool matches(const std::string& pattern, const std::string& text) {
  regex_t compiled;
  if (::regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
    return false;
  }
  const bool found = ::regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
  ::regfree(&compiled);
  return found;
}

class Validator {
 public:
  explicit Validator(const Json& root) : root_(root) {}

  std::vector<std::string> run(const Json& value) {
    check(root_, value, "");
    return std::move(faults_);
  }

 private:
  void fault(const std::string& path, std::string message) {
    faults_.push_back(concat(path.empty() ? "/" : path, ": ", message));
  }

  void check(const Json& schema, const Json& value, const std::string& path) {
    if (schema.is_bool()) {
      if (!schema.as_bool()) {
        fault(path, "is not allowed");
      }
      return;
    }
    for (const auto& [keyword, rule] : schema.as_object()) {
      check_keyword(schema, keyword, rule, value, path);
    }
  }

  void check_keyword(
      const Json& schema,
      const std::string& keyword,
      const Json& rule,
      const Json& value,
      const std::string& path
  ) {
    if (kForPeople.contains(keyword)) {
      return;
    }
    if (keyword == "$ref") {
      check(resolve(rule.as_string()), value, path);
    } else if (keyword == "type") {
      check_type(rule, value, path);
    } else if (keyword == "enum") {
      const auto& choices = rule.as_array();
      if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
        fault(path, "is none of the choices");
      }
    } else if (keyword == "anyOf") {
      check_any(rule, value, path);
    } else if (keyword == "allOf") {
      for (const Json& each : rule.as_array()) {
        check(each, value, path);
      }
    } else if (keyword == "pattern" || keyword == "minLength" || keyword == "maxLength") {
      check_text(keyword, rule, value, path);
    } else if (keyword == "minimum" || keyword == "maximum") {
      check_number(keyword, rule, value, path);
    } else if (keyword == "properties" || keyword == "additionalProperties") {
      check_members(schema, keyword, rule, value, path);
    } else if (keyword == "required") {
      check_required(rule, value, path);
    } else if (keyword == "items" || keyword == "minItems" || keyword == "maxItems") {
      check_items(keyword, rule, value, path);
    } else {
      fault(path, concat("the keyword \"", keyword, "\" is not known here"));
    }
  }

  const Json& resolve(const std::string& reference) const {
    static const Json kNothing(false);
    const Json* definitions = root_.find("$defs");
    constexpr std::string_view kPrefix = "#/$defs/";
    const Json* found = reference.starts_with(kPrefix) && definitions != nullptr
                            ? definitions->find(reference.substr(kPrefix.size()))
                            : nullptr;
    return found == nullptr ? kNothing : *found;
  }

  void check_type(const Json& rule, const Json& value, const std::string& path) {
    if (rule.is_string()) {
      if (!has_type(value, rule.as_string())) {
        fault(path, concat("is not of type ", rule.as_string()));
      }
      return;
    }
    const auto& types = rule.as_array();
    if (std::none_of(types.begin(), types.end(), [&](const Json& type) {
          return has_type(value, type.as_string());
        })) {
      fault(path, concat("is of none of the types ", rule.dump()));
    }
  }

  void check_any(const Json& rule, const Json& value, const std::string& path) {
    for (const Json& choice : rule.as_array()) {
      Validator inner(root_);
      inner.check(choice, value, path);
      if (inner.faults_.empty()) {
        return;
      }
    }
    fault(path, "fits none of the alternatives");
  }

  void check_text(
      const std::string& keyword, const Json& rule, const Json& value, const std::string& path
  ) {
    if (!value.is_string()) {
      return;
    }
    const std::string& text = value.as_string();
    if (keyword == "pattern" && !matches(rule.as_string(), text)) {
      fault(path, concat("does not match ", rule.as_string()));
    }
    const auto size = static_cast<std::int64_t>(text.size());
    if ((keyword == "minLength" && size < rule.as_int()) ||
        (keyword == "maxLength" && size > rule.as_int())) {
      fault(path, concat("breaks ", keyword));
    }
  }

  void check_number(
      const std::string& keyword, const Json& rule, const Json& value, const std::string& path
  ) {
    if (value.is_number() && (keyword == "minimum" ? value.as_double() < rule.as_double()
                                                   : value.as_double() > rule.as_double())) {
      fault(path, concat("breaks ", keyword));
    }
  }

  void check_members(
      const Json& schema,
      const std::string& keyword,
      const Json& rule,
      const Json& value,
      const std::string& path
  ) {
    if (!value.is_object()) {
      return;
    }
    const Json* properties = schema.find("properties");
    for (const auto& [name, member] : value.as_object()) {
      const Json* known = properties == nullptr ? nullptr : properties->find(name);
      const std::string inner = concat(path, "/", name);
      if (keyword == "properties" && known != nullptr) {
        check(*known, member, inner);
      } else if (keyword == "additionalProperties" && known == nullptr) {
        check(rule, member, inner);
      }
    }
  }

  void check_required(const Json& rule, const Json& value, const std::string& path) {
    for (const Json& name : rule.as_array()) {
      if (value.is_object() && value.find(name.as_string()) == nullptr) {
        fault(path, concat("lacks \"", name.as_string(), "\""));
      }
    }
  }

  void check_items(
      const std::string& keyword, const Json& rule, const Json& value, const std::string& path
  ) {
    if (!value.is_array()) {
      return;
    }
    const auto& items = value.as_array();
    const auto count = static_cast<std::int64_t>(items.size());
    if (keyword == "items") {
      for (std::size_t i = 0; i < items.size(); ++i) {
        check(rule, items[i], concat(path, "/", i));
      }
    } else if (keyword == "minItems" ? count < rule.as_int() : count > rule.as_int()) {
      fault(path, concat("breaks ", keyword));
    }
  }

  const Json& root_;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> validate(const Json& schema, const Json& value) {
  return Validator(schema).run(value);
}

}  // namespace reeve
