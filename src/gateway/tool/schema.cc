#include "gateway/tool/schema.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "gateway/tool/schema_parts.h"

namespace reeve::gateway {

using schema::comparable;
using schema::resolve;
using schema::within;

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

using Values = std::map<const Json*, std::set<std::string, std::less<>>>;

/// Looks at every part of a schema once.
class Compiler {
 public:
  Compiler(const Json& root, Values& values) : root_(root), values_(values) {}

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
    const std::string here = within(at, name);
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
      return listed(value, here);
    }
    if (name == "const") {
      values_[&value].insert(comparable(value));
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

  Result<void> listed(const Json& value, const std::string& at) {
    if (!value.is_array()) {
      return no_schema("must be a list", at);
    }
    std::set<std::string, std::less<>>& texts = values_[&value];
    for (const Json& each : value.as_array()) {
      texts.insert(comparable(each));
    }
    return {};
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Result<void> named(const Json& value, const std::string& at, std::size_t depth) {
    if (!value.is_object()) {
      return no_schema("must be an object", at);
    }
    for (const auto& [name, schema] : value.as_object()) {
      REEVE_CHECK(node(schema, within(at, name), depth + 1));
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
  Values& values_;
  std::set<const Json*> seen_;
  std::size_t nodes_ = 0;
};

}  // namespace

Result<ArgumentSchema> ArgumentSchema::compile(const Json& schema) {
  if (!schema.is_object()) {
    return no_schema("the arguments of a tool have an object as schema", "");
  }
  if (schema.dump().size() > kSchemaBytesMax) {
    return make_error(ErrorCode::LimitExceeded, "the schema is too large", "schema");
  }
  ArgumentSchema made;
  made.schema_ = std::make_shared<const Json>(schema);
  auto values = std::make_shared<Values>();
  Compiler compiler(*made.schema_, *values);
  REEVE_CHECK(compiler.node(*made.schema_, "", 0));
  made.values_ = std::move(values);
  return made;
}

}  // namespace reeve::gateway
