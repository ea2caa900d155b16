#include "executor/agent/json_schema.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "base/strings.h"
#include "executor/json_pointer.h"

namespace reeve::executor::agent {

namespace {

/// Levels of schema and value together.
constexpr int kDepthMax = 64;

constexpr std::array<std::string_view, 16> kDescriptions = {
    "title",
    "description",
    "default",
    "examples",
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
    "$anchor",
    "contentEncoding",
    "contentMediaType"};

std::string below(const std::string& path, std::string_view name) {
  return concat(path, "/", replace_all(replace_all(name, "~", "~0"), "/", "~1"));
}

Error misfit(const std::string& path, std::string message) {
  return make_error(ErrorCode::Invalid, std::move(message), path.empty() ? "/" : path);
}

bool equal(const Json& left, const Json& right) {
  if (left.is_number() && right.is_number()) {
    return left.as_double() == right.as_double();
  }
  if (left.is_object() && right.is_object()) {
    const auto& members = left.as_object();
    return members.size() == right.as_object().size() &&
           std::all_of(members.begin(), members.end(), [&right](const Json::Member& member) {
             const Json* other = right.find(member.first);
             return other != nullptr && equal(member.second, *other);
           });
  }
  if (left.is_array() && right.is_array()) {
    return std::equal(
        left.as_array().begin(),
        left.as_array().end(),
        right.as_array().begin(),
        right.as_array().end(),
        equal
    );
  }
  return left == right;
}

bool is_of_type(const Json& value, std::string_view type) {
  if (type == "integer") {
    return value.is_int() ||
           (value.is_double() && std::trunc(value.as_double()) == value.as_double());
  }
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) || (type == "number" && value.is_number()) ||
         (type == "boolean" && value.is_bool()) || (type == "null" && value.is_null());
}

std::ptrdiff_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  });
}

/// Checks one value against one schema after the other.
class Checker {
 public:
  explicit Checker(const Json& root) : root_(root) {}

  Result<void> check(const Json& schema, const Json& value, const std::string& path) {
    if (depth_ >= kDepthMax) {
      return make_error(ErrorCode::LimitExceeded, "the schema or the result is too deep", path);
    }
    ++depth_;
    Result<void> fits = check_members(schema, value, path);
    --depth_;
    return fits;
  }

 private:
  Result<void> check_members(const Json& schema, const Json& value, const std::string& path) {
    if (schema.is_bool()) {
      return schema.as_bool() ? Result<void>{} : Result<void>(misfit(path, "may not be there"));
    }
    if (!schema.is_object()) {
      return make_error(ErrorCode::Unsupported, "a schema is an object", path);
    }
    for (const auto& [keyword, rule] : schema.as_object()) {
      REEVE_CHECK(check_keyword(schema, keyword, rule, value, path));
    }
    return {};
  }

  Result<void> check_keyword(
      const Json& schema,
      const std::string& keyword,
      const Json& rule,
      const Json& value,
      const std::string& path
  ) {
    for (const auto& part :
         {&Checker::check_value,
          &Checker::check_size,
          &Checker::check_object,
          &Checker::check_list,
          &Checker::check_combination}) {
      REEVE_TRY(const bool known, (this->*part)(schema, keyword, rule, value, path));
      if (known) {
        return {};
      }
    }
    if (std::find(kDescriptions.begin(), kDescriptions.end(), keyword) != kDescriptions.end()) {
      return {};
    }
    return make_error(
        ErrorCode::Unsupported,
        concat("the schema has \"", keyword, "\", which is not understood"),
        path
    );
  }

  // Each of these: whether it is a keyword of its own; an error if the value does not fit.

  Result<bool> check_value(
      const Json& /*schema*/,
      const std::string& keyword,
      const Json& rule,
      const Json& value,
      const std::string& path
  ) {
    if (keyword == "type") {
      const Json::Array types = rule.is_array() ? rule.as_array() : Json::Array{rule};
      const bool fits = std::any_of(types.begin(), types.end(), [&value](const Json& type) {
        return type.is_string() && is_of_type(value, type.as_string());
      });
      return fits ? Result<bool>(true)
                  : Result<bool>(misfit(path, concat("must be of type ", rule.dump())));
    }
    if (keyword == "const") {
      return equal(rule, value) ? Result<bool>(true)
                                : Result<bool>(misfit(path, concat("must be ", rule.dump())));
    }
    if (keyword == "enum" && rule.is_array()) {
      const bool found =
          std::any_of(rule.as_array().begin(), rule.as_array().end(), [&value](const Json& one) {
            return equal(one, value);
          });
      return found ? Result<bool>(true)
                   : Result<bool>(misfit(path, concat("must be one of ", rule.dump())));
    }
    return false;
  }

  Result<bool> check_size(
      const Json& /*schema*/,
      const std::string& keyword,
      const Json& rule,
      const Json& value,
      const std::string& path
  ) {
    struct Bound {
      std::string_view keyword;
      bool lower;
      bool strict;
    };

    constexpr std::array<Bound, 10> kBounds = {
        {{"minimum", true, false},
         {"maximum", false, false},
         {"exclusiveMinimum", true, true},
         {"exclusiveMaximum", false, true},
         {"minLength", true, false},
         {"maxLength", false, false},
         {"minItems", true, false},
         {"maxItems", false, false},
         {"minProperties", true, false},
         {"maxProperties", false, false}}};
    for (const Bound& bound : kBounds) {
      if (bound.keyword != keyword) {
        continue;
      }
      if (!rule.is_number()) {
        return make_error(ErrorCode::Unsupported, concat("\"", keyword, "\" is no number"), path);
      }
      const std::optional<double> size = size_of(keyword, value);
      const double limit = rule.as_double();
      const bool fits = !size || (bound.lower ? (bound.strict ? *size > limit : *size >= limit)
                                              : (bound.strict ? *size < limit : *size <= limit));
      return fits ? Result<bool>(true)
                  : Result<bool>(misfit(path, concat("breaks ", keyword, " ", rule.dump())));
    }
    return false;
  }

  /// What a keyword bounds; nothing if it is about values of another type.
  static std::optional<double> size_of(std::string_view keyword, const Json& value) {
    if (keyword.ends_with("Length")) {
      return value.is_string() ? std::optional(static_cast<double>(characters(value.as_string())))
                               : std::nullopt;
    }
    if (keyword.ends_with("Items")) {
      return value.is_array() ? std::optional(static_cast<double>(value.as_array().size()))
                              : std::nullopt;
    }
    if (keyword.ends_with("Properties")) {
      return value.is_object() ? std::optional(static_cast<double>(value.as_object().size()))
                               : std::nullopt;
    }
    return value.is_number() ? std::optional(value.as_double()) : std::nullopt;
  }

  Result<bool> check_object(
      const Json& schema,
      const std::string& keyword,
      const Json& rule,
      const Json& value,
      const std::string& path
  ) {
    if (keyword != "required" && keyword != "properties" && keyword != "additionalProperties") {
      return false;
    }
    if (!value.is_object()) {
      return true;
    }
    if (keyword == "required" && rule.is_array()) {
      for (const Json& name : rule.as_array()) {
        if (name.is_string() && value.find(name.as_string()) == nullptr) {
          return misfit(below(path, name.as_string()), "is missing");
        }
      }
    }
    const Json* const declared = schema.find("properties");
    for (const auto& [name, member] : value.as_object()) {
      const Json* const own = declared == nullptr ? nullptr : declared->find(name);
      if (keyword == "properties" && own != nullptr) {
        REEVE_CHECK(check(*own, member, below(path, name)));
      }
      if (keyword == "additionalProperties" && own == nullptr) {
        REEVE_CHECK(check(rule, member, below(path, name)));
      }
    }
    return true;
  }

  Result<bool> check_list(
      const Json& schema,
      const std::string& keyword,
      const Json& rule,
      const Json& value,
      const std::string& path
  ) {
    if (keyword != "items" && keyword != "prefixItems" && keyword != "uniqueItems") {
      return false;
    }
    if (!value.is_array()) {
      return true;
    }
    const Json::Array& items = value.as_array();
    const Json* const prefix = schema.find("prefixItems");
    const std::size_t first =
        prefix != nullptr && prefix->is_array() ? prefix->as_array().size() : 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (keyword == "items" && i >= first) {
        REEVE_CHECK(check(rule, items[i], concat(path, "/", i)));
      }
      if (keyword == "prefixItems" && i < first) {
        REEVE_CHECK(check(rule.as_array()[i], items[i], concat(path, "/", i)));
      }
      const bool unique = keyword == "uniqueItems" && rule.is_bool() && rule.as_bool();
      for (std::size_t j = 0; unique && j < i; ++j) {
        if (equal(items[i], items[j])) {
          return misfit(concat(path, "/", i), "is there twice");
        }
      }
    }
    return true;
  }

  Result<bool> check_combination(
      const Json& /*schema*/,
      const std::string& keyword,
      const Json& rule,
      const Json& value,
      const std::string& path
  ) {
    if (keyword == "$ref") {
      REEVE_TRY(const Json* target, resolve(rule, path));
      REEVE_CHECK(check(*target, value, path));
      return true;
    }
    if (keyword == "not") {
      const Result<void> fits = check(rule, value, path);
      if (!fits && fits.error().code != ErrorCode::Invalid) {
        return fits.error();
      }
      return fits ? Result<bool>(misfit(path, "has the form that it may not have"))
                  : Result<bool>(true);
    }
    if ((keyword != "allOf" && keyword != "anyOf" && keyword != "oneOf") || !rule.is_array()) {
      return false;
    }
    std::size_t fitting = 0;
    for (const Json& one : rule.as_array()) {
      const Result<void> fits = check(one, value, path);
      if (!fits && (keyword == "allOf" || fits.error().code != ErrorCode::Invalid)) {
        return fits.error();
      }
      fitting += fits ? 1 : 0;
    }
    const bool good = keyword == "allOf" || (keyword == "anyOf" && fitting > 0) ||
                      (keyword == "oneOf" && fitting == 1);
    return good ? Result<bool>(true)
                : Result<bool>(misfit(path, concat("fits ", fitting, " forms of ", keyword)));
  }

  Result<const Json*> resolve(const Json& reference, const std::string& path) const {
    const std::string text = reference.is_string() ? reference.as_string() : std::string();
    if (!text.starts_with('#')) {
      return make_error(ErrorCode::Unsupported, "a schema refers to itself only", path);
    }
    return resolve_pointer(root_, std::string_view(text).substr(1));
  }

  const Json& root_;
  int depth_ = 0;
};

}  // namespace

Result<void> check_schema(const Json& schema, const Json& value) {
  return Checker(schema).check(schema, value, "");
}

}  // namespace reeve::executor::agent
