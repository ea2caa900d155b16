#include "gateway/tool/schema.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "base/canonical.h"
#include "base/strings.h"

namespace reeve::gateway {

namespace {

/// They say nothing about which values are valid.
constexpr std::array<std::string_view, 16> kDescriptive = {
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "default",
    "examples",
    "format",
    "readOnly",
    "writeOnly",
    "deprecated",
    "description",
    "contentEncoding",
    "contentMediaType",
    "$anchor"};

constexpr std::array<std::string_view, 7> kTypes = {
    "null", "boolean", "object", "array", "number", "string", "integer"};

bool contains(const auto& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

Error unsupported(std::string message, const std::string& at) {
  return make_error(ErrorCode::Unsupported, std::move(message), at.empty() ? "schema" : at);
}

Error no_schema(std::string message, const std::string& at) {
  return make_error(ErrorCode::Invalid, std::move(message), at.empty() ? "schema" : at);
}

/// What a local reference (`#`, `#/$defs/Name`) leads to; null: nothing.
const Json* resolve(const Json& root, std::string_view reference) {
  if (!reference.starts_with('#')) {
    return nullptr;
  }
  const Json* at = &root;
  if (reference.size() == 1) {
    return at;
  }
  if (reference[1] != '/') {
    return nullptr;
  }
  for (const std::string_view part : split(reference.substr(2), '/')) {
    const std::string name = replace_all(replace_all(part, "~1", "/"), "~0", "~");
    at = at->find(name);
    if (at == nullptr) {
      return nullptr;
    }
  }
  return at;
}

/// Looks at every part of a schema once.
class Compiler {
 public:
  explicit Compiler(const Json& root) : root_(root) {}

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kSchemaDepthMax
  Result<void> node(const Json& schema, const std::string& at, std::size_t depth) {
    if (++nodes_ > kSchemaNodesMax || depth > kSchemaDepthMax) {
      return make_error(
          ErrorCode::LimitExceeded, "the schema is larger or deeper than can be checked", at
      );
    }
    if (schema.is_bool()) {
      return {};
    }
    if (!schema.is_object()) {
      return no_schema("is no schema", at);
    }
    for (const auto& [name, value] : schema.as_object()) {
      REEVE_CHECK(keyword(name, value, at, depth));
    }
    return {};
  }

 private:
  // NOLINTNEXTLINE(misc-no-recursion)
  Result<void> keyword(
      const std::string& name, const Json& value, const std::string& at, std::size_t depth
  ) {
    const std::string here = at.empty() ? name : concat(at, ".", name);
    if (name == "$defs" || name == "definitions") {
      return value.is_object() ? Result<void>() : no_schema("must be an object", here);
    }
    if (contains(kDescriptive, name) || name.starts_with("x-")) {
      return {};
    }
    if (name == "$ref") {
      return reference(value, here, depth);
    }
    if (name == "type") {
      return type(value, here);
    }
    if (name == "enum") {
      return value.is_array() ? Result<void>() : no_schema("must be a list", here);
    }
    if (name == "const") {
      return {};
    }
    if (name == "properties") {
      return named(value, here, depth);
    }
    if (name == "allOf" || name == "anyOf" || name == "oneOf" || name == "prefixItems") {
      return list(value, here, depth);
    }
    if (name == "items" || name == "additionalProperties" || name == "not" ||
        name == "propertyNames" || name == "contains") {
      return node(value, here, depth + 1);
    }
    if (name == "required") {
      return value.is_array() ? Result<void>() : no_schema("must be a list", here);
    }
    if (name == "uniqueItems") {
      return value.is_bool() ? Result<void>() : no_schema("must be true or false", here);
    }
    static constexpr std::array<std::string_view, 9> kBounds = {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties"};
    if (contains(kBounds, name) || name == "maxProperties" || name == "multipleOf") {
      return value.is_number() ? Result<void>() : no_schema("must be a number", here);
    }
    // Also patterns: an expression of somebody else's could take for ever.
    return unsupported(concat("the keyword \"", name, "\" cannot be checked"), here);
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Result<void> reference(const Json& value, const std::string& at, std::size_t depth) {
    if (!value.is_string()) {
      return no_schema("must be a text", at);
    }
    const Json* target = resolve(root_, value.as_string());
    if (target == nullptr) {
      return unsupported("the reference leads out of the schema, or nowhere", at);
    }
    if (!seen_.insert(target).second) {
      return {};
    }
    return node(*target, at, depth + 1);
  }

  static Result<void> type(const Json& value, const std::string& at) {
    const Json::Array one = {value};
    for (const Json& each : value.is_array() ? value.as_array() : one) {
      if (!each.is_string() || !contains(kTypes, each.as_string())) {
        return no_schema("names no type", at);
      }
    }
    return {};
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Result<void> named(const Json& value, const std::string& at, std::size_t depth) {
    if (!value.is_object()) {
      return no_schema("must be an object", at);
    }
    for (const auto& [name, schema] : value.as_object()) {
      REEVE_CHECK(node(schema, concat(at, ".", name), depth + 1));
    }
    return {};
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Result<void> list(const Json& value, const std::string& at, std::size_t depth) {
    if (!value.is_array() || value.as_array().empty()) {
      return no_schema("must be a list", at);
    }
    for (const Json& schema : value.as_array()) {
      REEVE_CHECK(node(schema, at, depth + 1));
    }
    return {};
  }

  const Json& root_;
  std::set<const Json*> seen_;
  std::size_t nodes_ = 0;
};

bool has_type(const Json& value, std::string_view type) {
  if (type == "integer") {
    return value.is_int() ||
           (value.is_double() && std::floor(value.as_double()) == value.as_double());
  }
  return (type == "null" && value.is_null()) || (type == "boolean" && value.is_bool()) ||
         (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "number" && value.is_number()) || (type == "string" && value.is_string());
}

bool same(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) {
    return a.as_double() == b.as_double();
  }
  return canonical_json(a) == canonical_json(b);
}

/// Characters, as schemas count them.
std::size_t length_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

/// Compares one value with a schema.
class Checker {
 public:
  explicit Checker(const Json& root) : root_(root) {}

  // NOLINTNEXTLINE(misc-no-recursion): bounded by depth and steps
  Result<void> check(const Json& schema, const Json& value, const std::string& at) {
    if (++steps_ > kSchemaStepsMax) {
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
    return result;
  }

 private:
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
      const std::size_t length = length_of(value.as_string());
      REEVE_CHECK(bounds(schema, "minLength", "maxLength", length, "characters", at));
    } else if (value.is_array()) {
      REEVE_CHECK(array(schema, value.as_array(), at));
    } else if (value.is_object()) {
      REEVE_CHECK(object(schema, value.as_object(), at));
    }
    return combined(schema, value, at);
  }

  static Result<void> general(const Json& schema, const Json& value, const std::string& at) {
    if (const Json* type = schema.find("type")) {
      const Json::Array one = {*type};
      const Json::Array& types = type->is_array() ? type->as_array() : one;
      const bool fits = std::any_of(types.begin(), types.end(), [&](const Json& name) {
        return has_type(value, name.as_string());
      });
      if (!fits) {
        return wrong(concat("must be of the type ", type->dump()), at);
      }
    }
    if (const Json* constant = schema.find("const");
        constant != nullptr && !same(*constant, value)) {
      return wrong("is not the value that is expected", at);
    }
    if (const Json* list = schema.find("enum")) {
      const bool known =
          std::any_of(list->as_array().begin(), list->as_array().end(), [&](const Json& each) {
            return same(each, value);
          });
      if (!known) {
        return wrong("is none of the values that are allowed", at);
      }
    }
    return {};
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
      const std::string here = concat(at, "[", i, "]");
      if (i < fixed) {
        REEVE_CHECK(check(prefix->as_array()[i], items[i], here));
      } else if (rest != nullptr) {
        REEVE_CHECK(check(*rest, items[i], here));
      }
    }
    if (schema.get_bool("uniqueItems")) {
      std::set<std::string> seen;
      for (const Json& item : items) {
        if (!seen.insert(canonical_json(item)).second) {
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

  // NOLINTNEXTLINE(misc-no-recursion)
  Result<void> object(const Json& schema, const Json::Object& members, const std::string& at) {
    REEVE_CHECK(bounds(schema, "minProperties", "maxProperties", members.size(), "members", at));
    if (const Json* required = schema.find("required")) {
      for (const Json& name : required->as_array()) {
        const bool there = std::any_of(members.begin(), members.end(), [&](const auto& member) {
          return name.is_string() && member.first == name.as_string();
        });
        if (!there) {
          const std::string text = name.is_string() ? name.as_string() : name.dump();
          return wrong("is missing", at.empty() ? text : concat(at, ".", text));
        }
      }
    }
    const Json* properties = schema.find("properties");
    const Json* others = schema.find("additionalProperties");
    const Json* names = schema.find("propertyNames");
    for (const auto& [name, value] : members) {
      const std::string here = at.empty() ? name : concat(at, ".", name);
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
    // Out of steps: what seems to fit, or not to, was not looked at.
    return steps_ <= kSchemaStepsMax
               ? Result<void>()
               : make_error(ErrorCode::LimitExceeded, "takes too long to check", where(at));
  }

  const Json& root_;
  std::size_t steps_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

Result<ArgumentSchema> ArgumentSchema::compile(const Json& schema) {
  if (!schema.is_object()) {
    return no_schema("the arguments of a tool have an object as schema", "");
  }
  if (schema.dump().size() > kSchemaBytesMax) {
    return make_error(ErrorCode::LimitExceeded, "the schema is too large", "schema");
  }
  Compiler compiler(schema);
  REEVE_CHECK(compiler.node(schema, "", 0));
  ArgumentSchema made;
  made.schema_ = std::make_shared<const Json>(schema);
  return made;
}

Result<void> ArgumentSchema::check(const Json& arguments) const {
  if (!arguments.is_object()) {
    return make_error(ErrorCode::Invalid, "must be an object", "arguments");
  }
  Checker checker(*schema_);
  return checker.check(*schema_, arguments, "");
}

}  // namespace reeve::gateway
