#include "resource/schema/schema.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace reeve::resource::schema {

namespace {

constexpr std::array<std::pair<std::string_view, Type>, 6> kTypes = {{
    {"object", Type::Object},
    {"array", Type::Array},
    {"string", Type::String},
    {"integer", Type::Integer},
    {"number", Type::Number},
    {"boolean", Type::Boolean},
}};

constexpr std::array<std::pair<std::string_view, ListType>, 3> kListTypes = {
    {{"atomic", ListType::Atomic}, {"set", ListType::Set}, {"map", ListType::Map}}};

/// The formats of integers are told to clients; all of them are int64 here.
constexpr std::array<std::pair<std::string_view, Format>, 6> kFormats = {
    {{"date-time", Format::DateTime},
     {"duration", Format::Duration},
     {"byte", Format::Byte},
     {"int32", Format::None},
     {"int64", Format::None},
     {"double", Format::None}}};

/// What a node hands on to those below.
struct Inherited {
  bool templated = false;
  bool documented_defaults = false;
};

using Node = std::unique_ptr<const Schema>;

class SchemaReader {
 public:
  Result<Node> read(const Json& json, const std::string& path, Inherited inherited, int depth) {
    if (depth > kSchemaDepthMax) {
      return make_error(ErrorCode::LimitExceeded, "the schema is too deep", path);
    }
    if (!json.is_object()) {
      return fault(path, "a schema is an object");
    }
    inherited.templated = inherited.templated || json.get_bool("x-reeve-templated");
    inherited.documented_defaults =
        inherited.documented_defaults || json.get_bool("x-reeve-documented-defaults");
    auto schema = std::make_unique<Schema>();
    schema->templated = inherited.templated;
    for (const auto& [key, value] : json.as_object()) {
      REEVE_TRY(const bool inner, read_inner(*schema, key, value, path, inherited, depth));
      if (inner) {
        continue;
      }
      REEVE_TRY(const bool known, read_keyword(*schema, key, value, path));
      if (!known) {
        return fault(path, concat("the keyword \"", key, "\" is not known"));
      }
    }
    if (inherited.documented_defaults) {
      schema->default_value.reset();
    }
    REEVE_CHECK(check(*schema, path));
    return Node(std::move(schema));
  }

 private:
  static Error fault(const std::string& path, std::string message) {
    return make_error(ErrorCode::Invalid, std::move(message), path);
  }

  /// Keywords that hold schemas; false: it is none of them.
  Result<bool> read_inner(
      Schema& schema,
      const std::string& key,
      const Json& value,
      const std::string& path,
      Inherited inherited,
      int depth
  ) {
    if (key == "properties") {
      if (!value.is_object()) {
        return fault(path, "properties is no object");
      }
      for (const auto& [name, property] : value.as_object()) {
        const std::string inner = path.empty() ? name : concat(path, ".", name);
        REEVE_TRY(Node node, read(property, inner, inherited, depth + 1));
        schema.properties.emplace_back(name, std::move(node));
      }
    } else if (key == "items") {
      REEVE_TRY(schema.items, read(value, concat(path, "[]"), inherited, depth + 1));
    } else if (key == "additionalProperties") {
      if (value.is_bool()) {
        schema.preserves_unknown = schema.preserves_unknown || value.as_bool();
      } else {
        REEVE_TRY(schema.additional, read(value, concat(path, ".*"), inherited, depth + 1));
      }
    } else if (key == "oneOf") {
      if (!value.is_array()) {
        return fault(path, "oneOf is no list");
      }
      for (const Json& choice : value.as_array()) {
        REEVE_TRY(Node node, read(choice, concat(path, "|"), inherited, depth + 1));
        schema.one_of.push_back(std::move(node));
      }
    } else {
      return false;
    }
    return true;
  }

  /// Keywords with plain values; false: not known.
  static Result<bool> read_keyword(
      Schema& schema, const std::string& key, const Json& value, const std::string& path
  ) {
    if (key == "description") {
      REEVE_TRY(schema.description, text(key, value, path));
    } else if (key == "type") {
      REEVE_TRY(schema.type, word(kTypes, key, value, path));
    } else if (key == "format") {
      REEVE_TRY(schema.format, word(kFormats, key, value, path));
    } else if (key == "x-kubernetes-list-type") {
      REEVE_TRY(schema.list_type, word(kListTypes, key, value, path));
    } else if (key == "x-kubernetes-list-map-keys") {
      REEVE_TRY(schema.list_map_keys, texts(key, value, path));
    } else if (key == "x-kubernetes-map-type") {
      REEVE_TRY(const std::string map, text(key, value, path));
      if (map != "atomic" && map != "granular") {
        return fault(path, "x-kubernetes-map-type is atomic or granular");
      }
      schema.map_atomic = map == "atomic";
    } else if (key == "required") {
      REEVE_TRY(schema.required, texts(key, value, path));
    } else if (key == "x-reeve-exactly-one-of") {
      REEVE_TRY(schema.exactly_one_of, texts(key, value, path));
    } else if (key == "enum") {
      if (!value.is_array() || value.as_array().empty()) {
        return fault(path, "enum is a list of values");
      }
      schema.enumeration = value.as_array();
    } else if (key == "default") {
      schema.default_value = value;
    } else if (key == "pattern") {
      REEVE_TRY(const std::string pattern, text(key, value, path));
      Result<Pattern> compiled = Pattern::compile(pattern);
      if (!compiled.ok()) {
        return fault(path, compiled.error().describe());
      }
      schema.pattern = std::move(*compiled);
    } else if (key != "example" && key != "title") {
      return read_limit(schema, key, value, path);
    }
    return true;
  }

  static Result<bool> read_limit(
      Schema& schema, const std::string& key, const Json& value, const std::string& path
  ) {
    const std::pair<std::string_view, std::optional<std::uint64_t>*> sizes[] = {
        {"minLength", &schema.min_length},
        {"maxLength", &schema.max_length},
        {"minItems", &schema.min_items},
        {"maxItems", &schema.max_items},
        {"minProperties", &schema.min_properties},
        {"maxProperties", &schema.max_properties}};
    for (const auto& [name, place] : sizes) {
      if (name == key) {
        if (!value.is_int() || value.as_int() < 0) {
          return fault(path, concat(key, " is a number from 0"));
        }
        *place = static_cast<std::uint64_t>(value.as_int());
        return true;
      }
    }
    if (key == "minimum" || key == "maximum") {
      if (!value.is_number()) {
        return fault(path, concat(key, " is a number"));
      }
      (key == "minimum" ? schema.minimum : schema.maximum) = value.as_double();
      return true;
    }
    return read_flag(schema, key, value, path);
  }

  static Result<bool> read_flag(
      Schema& schema, const std::string& key, const Json& value, const std::string& path
  ) {
    bool inherited = false;
    const std::pair<std::string_view, bool*> flags[] = {
        {"nullable", &schema.nullable},
        {"writeOnly", &schema.write_only},
        {"exclusiveMinimum", &schema.exclusive_minimum},
        {"exclusiveMaximum", &schema.exclusive_maximum},
        {"x-kubernetes-int-or-string", &schema.int_or_string},
        {"x-kubernetes-preserve-unknown-fields", &schema.preserves_unknown},
        {"x-reeve-immutable", &schema.immutable},
        {"x-reeve-alone", &schema.alone},
        {"x-reeve-templated", &inherited},
        {"x-reeve-documented-defaults", &inherited}};
    for (const auto& [name, place] : flags) {
      if (name == key) {
        if (!value.is_bool()) {
          return fault(path, concat(key, " is true or false"));
        }
        *place = value.as_bool();
        return true;
      }
    }
    return false;
  }

  static Result<std::string> text(
      const std::string& key, const Json& value, const std::string& path
  ) {
    if (!value.is_string()) {
      return fault(path, concat(key, " is no text"));
    }
    return value.as_string();
  }

  static Result<std::vector<std::string>> texts(
      const std::string& key, const Json& value, const std::string& path
  ) {
    std::vector<std::string> out;
    if (!value.is_array()) {
      return fault(path, concat(key, " is no list"));
    }
    for (const Json& item : value.as_array()) {
      REEVE_TRY(std::string each, text(key, item, path));
      out.push_back(std::move(each));
    }
    return out;
  }

  template <class Word, std::size_t kCount>
  static Result<Word> word(
      const std::array<std::pair<std::string_view, Word>, kCount>& words,
      const std::string& key,
      const Json& value,
      const std::string& path
  ) {
    for (const auto& [name, meaning] : words) {
      if (value.is_string() && value.as_string() == name) {
        return meaning;
      }
    }
    return fault(path, concat(key, " is none of the choices"));
  }

  /// What makes a schema structural.
  static Result<void> check(const Schema& schema, const std::string& path) {
    const bool any = schema.type == Type::Any;
    if (any && !schema.int_or_string && !schema.preserves_unknown && schema.one_of.empty()) {
      return fault(path, "has no type");
    }
    if (!any && (schema.int_or_string || !schema.one_of.empty())) {
      return fault(path, "has a type and alternatives to it");
    }
    const bool members = !schema.properties.empty() || schema.additional != nullptr ||
                         !schema.required.empty() || !schema.exactly_one_of.empty();
    if (members && schema.type != Type::Object) {
      return fault(path, "has members, but is no object");
    }
    if (!schema.properties.empty() && schema.additional != nullptr) {
      return fault(path, "has both properties and additionalProperties");
    }
    if ((schema.type == Type::Array) != (schema.items != nullptr)) {
      return fault(path, "items and the type array belong together");
    }
    for (const std::vector<std::string>* names : {&schema.required, &schema.exactly_one_of}) {
      for (const std::string& name : *names) {
        if (schema.member(name) == nullptr) {
          return fault(path, concat("\"", name, "\" is required, but not declared"));
        }
      }
    }
    REEVE_CHECK(check_alternatives(schema, path));
    return check_list(schema, path);
  }

  static Result<void> check_alternatives(const Schema& schema, const std::string& path) {
    std::vector<Type> seen;
    for (const Node& choice : schema.one_of) {
      if (choice->type == Type::Any ||
          std::find(seen.begin(), seen.end(), choice->type) != seen.end()) {
        return fault(path, "the alternatives must be of distinct types");
      }
      seen.push_back(choice->type);
    }
    return {};
  }

  static Result<void> check_list(const Schema& schema, const std::string& path) {
    if (schema.list_type == ListType::Map) {
      if (schema.list_map_keys.empty() || !schema.items || schema.items->type != Type::Object) {
        return fault(path, "a list of type map has objects and keys");
      }
      for (const std::string& key : schema.list_map_keys) {
        const Schema* member = schema.items->member(key);
        const bool required =
            std::find(schema.items->required.begin(), schema.items->required.end(), key) !=
            schema.items->required.end();
        if (member == nullptr || (!required && !member->default_value)) {
          return fault(path, concat("the key \"", key, "\" is neither required nor has a default"));
        }
      }
    } else if (!schema.list_map_keys.empty()) {
      return fault(path, "only a list of type map has keys");
    }
    if (schema.list_type == ListType::Set && (!schema.items || schema.items->type == Type::Object ||
                                              schema.items->type == Type::Array)) {
      return fault(path, "a list of type set has scalars");
    }
    return {};
  }
};

}  // namespace

std::string_view to_string(Type type) {
  for (const auto& [name, each] : kTypes) {
    if (each == type) {
      return name;
    }
  }
  return "";
}

std::string_view to_string(ListType type) {
  for (const auto& [name, each] : kListTypes) {
    if (each == type) {
      return name;
    }
  }
  return "";
}

const Schema* Schema::member(std::string_view name) const {
  for (const auto& [key, schema] : properties) {
    if (key == name) {
      return schema.get();
    }
  }
  return additional.get();
}

Result<std::unique_ptr<const Schema>> read_schema(const Json& json) {
  return SchemaReader().read(json, "", {}, 0);
}

const Schema* schema_at(const Schema& root, std::span<const std::string> path) {
  const Schema* at = &root;
  for (const std::string& name : path) {
    while (at != nullptr && at->items) {
      at = at->items.get();
    }
    const Schema* next = at->member(name);
    for (std::size_t i = 0; next == nullptr && i < at->one_of.size(); ++i) {
      next = at->one_of[i]->member(name);
    }
    if (next == nullptr) {
      return nullptr;
    }
    at = next;
  }
  return at;
}

Merge list_type(const Schema& root, std::span<const std::string> path) {
  const Schema* at = schema_at(root, path);
  if (at == nullptr) {
    return {};
  }
  return {
      .list_type = at->list_type,
      .keys = std::span<const std::string>(at->list_map_keys),
      .map_atomic = at->map_atomic};
}

}  // namespace reeve::resource::schema
