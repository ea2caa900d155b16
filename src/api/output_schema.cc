#include "api/output_schema.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "resource/causes.h"

namespace reeve::api {

namespace {

using resource::Cause;

constexpr std::array<std::string_view, 7> kTypes = {
    "object", "array", "string", "number", "integer", "boolean", "null"};

/// What the value of a keyword is.
enum class Shape : std::uint8_t {
  Schema,
  Schemas,
  NamedSchemas,
  Type,
  Reference,
  Number,
  Count,
  Flag,
  Names,
  List,
  Anything
};

struct Keyword {
  std::string_view name;
  Shape shape;
};

/// Those that executor/agent/json_schema understands.
constexpr std::array<Keyword, 40> kKeywords = {{
    {"type", Shape::Type},
    {"enum", Shape::List},
    {"const", Shape::Anything},
    {"properties", Shape::NamedSchemas},
    {"required", Shape::Names},
    {"additionalProperties", Shape::Schema},
    {"items", Shape::Schema},
    {"prefixItems", Shape::Schemas},
    {"minItems", Shape::Count},
    {"maxItems", Shape::Count},
    {"uniqueItems", Shape::Flag},
    {"minLength", Shape::Count},
    {"maxLength", Shape::Count},
    {"minimum", Shape::Number},
    {"maximum", Shape::Number},
    {"exclusiveMinimum", Shape::Number},
    {"exclusiveMaximum", Shape::Number},
    {"minProperties", Shape::Count},
    {"maxProperties", Shape::Count},
    {"allOf", Shape::Schemas},
    {"anyOf", Shape::Schemas},
    {"oneOf", Shape::Schemas},
    {"not", Shape::Schema},
    {"$ref", Shape::Reference},
    {"$defs", Shape::NamedSchemas},
    {"definitions", Shape::NamedSchemas},
    {"title", Shape::Anything},
    {"description", Shape::Anything},
    {"default", Shape::Anything},
    {"examples", Shape::Anything},
    {"$schema", Shape::Anything},
    {"$id", Shape::Anything},
    {"$comment", Shape::Anything},
    {"deprecated", Shape::Anything},
    {"readOnly", Shape::Anything},
    {"writeOnly", Shape::Anything},
    {"format", Shape::Anything},
    {"$anchor", Shape::Anything},
    {"contentEncoding", Shape::Anything},
    {"contentMediaType", Shape::Anything},
}};

bool is_type(const Json& value) {
  return value.is_string() &&
         std::find(kTypes.begin(), kTypes.end(), value.as_string()) != kTypes.end();
}

class SchemaReader {
 public:
  SchemaReader(const Json& root, std::vector<Cause>& causes) : root_(root), causes_(causes) {}

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kOutputSchemaDepthMax
  void read(const Json& schema, const std::string& path, int depth) {
    if (schema.is_bool()) {
      return;
    }
    if (!schema.is_object()) {
      wrong(path, schema, "must be a schema: an object, true or false");
      return;
    }
    if (++schemas_ > kOutputSchemasMax || depth > kOutputSchemaDepthMax) {
      causes_.push_back(
          resource::forbidden_value(path, "the schema is larger or deeper than can be checked")
      );
      return;
    }
    for (const auto& [name, value] : schema.as_object()) {
      read_keyword(name, value, concat(path, ".", name), depth);
    }
  }

 private:
  void wrong(const std::string& path, const Json& value, std::string_view what) {
    causes_.push_back(resource::invalid_json(path, value, what));
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  void read_keyword(
      const std::string& name, const Json& value, const std::string& path, int depth
  ) {
    const auto* const known =
        std::find_if(kKeywords.begin(), kKeywords.end(), [&](const Keyword& keyword) {
          return keyword.name == name;
        });
    if (known != kKeywords.end()) {
      read_value(known->shape, value, path, depth);
    } else {
      causes_.push_back(resource::forbidden_value(
          path, "is not understood: no result that it restricts would be accepted"
      ));
    }
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  void read_value(Shape shape, const Json& value, const std::string& path, int depth) {
    switch (shape) {
      case Shape::Schema:
        read(value, path, depth + 1);
        return;
      case Shape::Schemas:
        read_list(value, path, depth);
        return;
      case Shape::NamedSchemas:
        read_named(value, path, depth);
        return;
      case Shape::Type:
        read_type(value, path);
        return;
      case Shape::Reference:
        read_reference(value, path);
        return;
      case Shape::Number:
        expect(value.is_number(), path, value, "must be a number");
        return;
      case Shape::Count:
        expect(value.is_int() && value.as_int() >= 0, path, value, "must be a whole number from 0");
        return;
      case Shape::Flag:
        expect(value.is_bool(), path, value, "must be true or false");
        return;
      case Shape::Names:
        expect(is_list_of_texts(value), path, value, "must be a list of names");
        return;
      case Shape::List:
        expect(is_filled_list(value), path, value, "must be a list of values");
        return;
      case Shape::Anything:
        return;
    }
  }

  void expect(bool fits, const std::string& path, const Json& value, std::string_view what) {
    if (!fits) {
      wrong(path, value, what);
    }
  }

  static bool is_filled_list(const Json& value) {
    return value.is_array() && !value.as_array().empty();
  }

  static bool is_list_of_texts(const Json& value) {
    return value.is_array() &&
           std::all_of(value.as_array().begin(), value.as_array().end(), [](const Json& one) {
             return one.is_string();
           });
  }

  void read_type(const Json& value, const std::string& path) {
    const bool fits = is_filled_list(value)
                          ? std::all_of(value.as_array().begin(), value.as_array().end(), is_type)
                          : is_type(value);
    expect(
        fits,
        path,
        value,
        "must be one of object, array, string, number, integer, boolean, null, or a list of these"
    );
  }

  /// `#`, or a JSON pointer after it.
  void read_reference(const Json& value, const std::string& path) {
    const std::string_view text = value.is_string() ? value.as_string() : std::string_view();
    if (!text.starts_with('#')) {
      wrong(path, value, "must lead to a part of this schema: #/$defs/NAME");
      return;
    }
    const Json* target = &root_;
    const std::vector<std::string_view> steps = split(text.substr(1), '/');
    for (std::size_t i = 1; i < steps.size() && target != nullptr; ++i) {
      const std::string name = replace_all(replace_all(steps[i], "~1", "/"), "~0", "~");
      target = step(*target, name);
    }
    expect(target != nullptr && (steps.size() > 1 || text == "#"), path, value, "leads to nothing");
  }

  static const Json* step(const Json& at, const std::string& name) {
    if (at.is_object()) {
      return at.find(name);
    }
    std::size_t index = 0;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), index);
    const bool fits = at.is_array() && read.ec == std::errc() &&
                      read.ptr == name.data() + name.size() && index < at.as_array().size();
    return fits ? &at.as_array()[index] : nullptr;
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  void read_list(const Json& value, const std::string& path, int depth) {
    if (!is_filled_list(value)) {
      wrong(path, value, "must be a list of schemas");
      return;
    }
    for (std::size_t i = 0; i < value.as_array().size(); ++i) {
      read(value.as_array()[i], concat(path, "[", i, "]"), depth + 1);
    }
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  void read_named(const Json& value, const std::string& path, int depth) {
    if (!value.is_object()) {
      wrong(path, value, "must be an object of schemas");
      return;
    }
    for (const auto& [name, schema] : value.as_object()) {
      read(schema, concat(path, ".", name), depth + 1);
    }
  }

  const Json& root_;
  std::vector<Cause>& causes_;
  std::size_t schemas_ = 0;
};

}  // namespace

std::vector<Cause> output_schema_causes(const Json& schema, const std::string& path) {
  std::vector<Cause> causes;
  SchemaReader(schema, causes).read(schema, path, 0);
  return causes;
}

}  // namespace reeve::api
