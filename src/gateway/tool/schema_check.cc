#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/canonical.h"
#include "base/strings.h"
#include "gateway/tool/schema.h"
#include "gateway/tool/schema_parts.h"

/// Whether arguments fit a schema.
namespace reeve::gateway {

using schema::comparable;
using schema::resolve;
using schema::within;

namespace {

bool has_type(const Json& value, std::string_view type) {
  if (type == "integer") {
    return value.is_int() ||
           (value.is_double() && std::floor(value.as_double()) == value.as_double());
  }
  return (type == "null" && value.is_null()) || (type == "boolean" && value.is_bool()) ||
         (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "number" && value.is_number()) || (type == "string" && value.is_string());
}

/// Characters, as schemas count them.
std::size_t length_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

}  // namespace

/// Compares one value with a schema. Whatever takes time that the schema or the value decides about
/// counts as steps.
class ArgumentChecker {
 public:
  explicit ArgumentChecker(const ArgumentSchema& schema)
      : root_(*schema.schema_), values_(*schema.values_) {}

  // NOLINTNEXTLINE(misc-no-recursion): bounded by depth and steps
  Result<void> check(const Json& schema, const Json& value, const std::string& at) {
    if (!spend(1)) {
      return make_error(ErrorCode::LimitExceeded, "takes too long to check", where(at));
    }
    if (schema.is_bool()) {
      return schema.as_bool() ? Result<void>() : wrong("is not allowed", at);
    }
    if (depth_ >= kSchemaDepthMax) {
      return make_error(ErrorCode::LimitExceeded, "is nested too deeply", where(at));
    }
    ++depth_;
    Result<void> result = members(schema, value, at);
    --depth_;
    // Out of steps: what seems to fit, or not to, was not looked at.
    return spend(0) ? result : too_long(at);
  }

 private:
  /// Names of the members of a value, in order.
  using Names = std::vector<std::string_view>;

  static constexpr std::size_t kStepBytes = 64;

  /// False: there are no more steps.
  bool spend(std::size_t steps) {
    steps_ += steps;
    return steps_ <= kSchemaStepsMax;
  }

  static Error too_long(const std::string& at) {
    return make_error(ErrorCode::LimitExceeded, "takes too long to check", where(at));
  }

  static std::string where(const std::string& at) { return at.empty() ? "arguments" : at; }

  static Error wrong(std::string message, const std::string& at) {
    return make_error(ErrorCode::Invalid, std::move(message), where(at));
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Result<void> members(const Json& schema, const Json& value, const std::string& at) {
    if (const Json* reference = schema.find("$ref")) {
      const Json* target = resolve(root_, reference->as_string());
      REEVE_CHECK(check(*target, value, at));
    }
    REEVE_CHECK(general(schema, value, at));
    if (value.is_number()) {
      REEVE_CHECK(number(schema, value.as_double(), at));
    } else if (value.is_string()) {
      REEVE_CHECK(text(schema, value.as_string(), at));
    } else if (value.is_array()) {
      REEVE_CHECK(array(schema, value.as_array(), at));
    } else if (value.is_object()) {
      REEVE_CHECK(object(schema, value.as_object(), at));
    }
    return combined(schema, value, at);
  }

  Result<void> general(const Json& schema, const Json& value, const std::string& at) {
    if (const Json* type = schema.find("type")) {
      const Json::Array one = {type->is_array() ? Json() : *type};
      const Json::Array& types = type->is_array() ? type->as_array() : one;
      if (!spend(types.size())) {
        return too_long(at);
      }
      const bool fits = std::any_of(types.begin(), types.end(), [&](const Json& name) {
        return has_type(value, name.as_string());
      });
      if (!fits) {
        return wrong(concat("must be of the type ", type->dump()), at);
      }
    }
    const Json* constant = schema.find("const");
    const Json* list = schema.find("enum");
    if (constant == nullptr && list == nullptr) {
      return {};
    }
    const std::string text = comparable(value);
    // One text is compared with few of those that are allowed: they are in order.
    if (!spend(1 + text.size() / kStepBytes)) {
      return too_long(at);
    }
    if (constant != nullptr && !values_.at(constant).contains(text)) {
      return wrong("is not the value that is expected", at);
    }
    if (list != nullptr && !values_.at(list).contains(text)) {
      return wrong("is none of the values that are allowed", at);
    }
    return {};
  }

  Result<void> text(const Json& schema, const std::string& value, const std::string& at) {
    if (schema.find("minLength") == nullptr && schema.find("maxLength") == nullptr) {
      return {};
    }
    if (!spend(value.size() / kStepBytes)) {
      return too_long(at);
    }
    return bounds(schema, "minLength", "maxLength", length_of(value), "characters", at);
  }

  static Result<void> number(const Json& schema, double value, const std::string& at) {
    const auto limit = [&](std::string_view name) {
      const Json* found = schema.find(name);
      return found == nullptr ? std::numeric_limits<double>::quiet_NaN() : found->as_double();
    };
    // Comparisons with what is not given are false.
    if (value < limit("minimum") || value <= limit("exclusiveMinimum")) {
      return wrong("is too small", at);
    }
    if (value > limit("maximum") || value >= limit("exclusiveMaximum")) {
      return wrong("is too large", at);
    }
    const double step = limit("multipleOf");
    if (step > 0 && std::abs(std::remainder(value, step)) > step * 1e-9) {
      return wrong("is no multiple of what is asked for", at);
    }
    return {};
  }

  static Result<void> bounds(
      const Json& schema,
      std::string_view min,
      std::string_view max,
      std::size_t count,
      std::string_view what,
      const std::string& at
  ) {
    const Json* low = schema.find(min);
    const Json* high = schema.find(max);
    if (low != nullptr && static_cast<double>(count) < low->as_double()) {
      return wrong(concat("has too few ", what), at);
    }
    if (high != nullptr && static_cast<double>(count) > high->as_double()) {
      return wrong(concat("has too many ", what), at);
    }
    return {};
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Result<void> array(const Json& schema, const Json::Array& items, const std::string& at) {
    REEVE_CHECK(bounds(schema, "minItems", "maxItems", items.size(), "items", at));
    const Json* prefix = schema.find("prefixItems");
    const std::size_t fixed = prefix == nullptr ? 0 : prefix->as_array().size();
    const Json* rest = schema.find("items");
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string here = within(at, concat("[", i, "]"));
      if (i < fixed) {
        REEVE_CHECK(check(prefix->as_array()[i], items[i], here));
      } else if (rest != nullptr) {
        REEVE_CHECK(check(*rest, items[i], here));
      }
    }
    if (schema.get_bool("uniqueItems")) {
      std::set<std::string> seen;
      for (const Json& item : items) {
        std::string text = canonical_json(item);
        if (!spend(1 + text.size() / kStepBytes)) {
          return too_long(at);
        }
        if (!seen.insert(std::move(text)).second) {
          return wrong("has an item twice", at);
        }
      }
    }
    const Json* contained = schema.find("contains");
    if (contained != nullptr && std::none_of(items.begin(), items.end(), [&](const Json& item) {
          return check(*contained, item, at).ok();
        })) {
      return wrong("lacks an item that is asked for", at);
    }
    return {};
  }

  Result<void> required(const Json& names, const Json::Object& members, const std::string& at) {
    if (!spend(names.as_array().size() + members.size())) {
      return too_long(at);
    }
    Names there;
    for (const auto& member : members) {
      there.push_back(member.first);
    }
    std::sort(there.begin(), there.end());
    for (const Json& name : names.as_array()) {
      if (!name.is_string() || !std::binary_search(there.begin(), there.end(), name.as_string())) {
        return wrong("is missing", within(at, name.is_string() ? name.as_string() : "a name"));
      }
    }
    return {};
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Result<void> object(const Json& schema, const Json::Object& members, const std::string& at) {
    REEVE_CHECK(bounds(schema, "minProperties", "maxProperties", members.size(), "members", at));
    if (const Json* names = schema.find("required")) {
      REEVE_CHECK(required(*names, members, at));
    }
    const Json* properties = schema.find("properties");
    constexpr std::size_t kNamesOfStep = 16;
    const std::size_t search =
        properties == nullptr ? 0 : properties->as_object().size() / kNamesOfStep;
    const Json* others = schema.find("additionalProperties");
    const Json* names = schema.find("propertyNames");
    for (const auto& [name, value] : members) {
      const std::string here = within(at, name);
      if (!spend(1 + search)) {
        return too_long(at);
      }
      if (names != nullptr) {
        REEVE_CHECK(check(*names, Json(name), here));
      }
      const Json* known = properties == nullptr ? nullptr : properties->find(name);
      if (known != nullptr) {
        REEVE_CHECK(check(*known, value, here));
      } else if (others != nullptr) {
        if (others->is_bool() && !others->as_bool()) {
          return wrong("is not known", here);
        }
        REEVE_CHECK(check(*others, value, here));
      }
    }
    return {};
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  std::size_t fitting(const Json& list, const Json& value, const std::string& at) {
    std::size_t count = 0;
    for (const Json& each : list.as_array()) {
      count += check(each, value, at).ok() ? 1 : 0;
    }
    return count;
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Result<void> combined(const Json& schema, const Json& value, const std::string& at) {
    if (const Json* all = schema.find("allOf")) {
      for (const Json& each : all->as_array()) {
        REEVE_CHECK(check(each, value, at));
      }
    }
    if (const Json* any = schema.find("anyOf"); any != nullptr && fitting(*any, value, at) == 0) {
      return wrong("fits none of the forms that are allowed", at);
    }
    if (const Json* one = schema.find("oneOf"); one != nullptr && fitting(*one, value, at) != 1) {
      return wrong("does not fit exactly one of the forms that are allowed", at);
    }
    if (const Json* none = schema.find("not"); none != nullptr && check(*none, value, at).ok()) {
      return wrong("has a form that is not allowed", at);
    }
    return {};
  }

  const Json& root_;
  const ArgumentSchema::Values& values_;
  std::size_t steps_ = 0;
  std::size_t depth_ = 0;
};

Result<void> ArgumentSchema::check(const Json& arguments) const {
  if (!arguments.is_object()) {
    return make_error(ErrorCode::Invalid, "must be an object", "arguments");
  }
  ArgumentChecker checker(*this);
  return checker.check(*schema_, arguments, "");
}

}  // namespace reeve::gateway
