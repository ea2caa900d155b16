#include "resource/schema/contract_reader.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/strings.h"

namespace reeve::resource::schema {

namespace {

constexpr std::string_view kReference = "#/definitions/";
constexpr int kReferenceDepthMax = 64;
constexpr std::string_view kColumnTypes[] = {"string", "integer", "number", "boolean", "date"};
constexpr std::string_view kContractKeys[] = {
    "group",          "version",          "kind",       "plural",
    "singular",       "shortNames",       "categories", "scope",
    "verbs",          "subresources",     "nameRule",   "listKind",
    "printerColumns", "selectableFields", "schema",     "definitions",
    "overlay",        "example",          "examples",   "limits",
    "formats"};

Error fault(std::string_view place, std::string message) {
  return make_error(ErrorCode::Invalid, std::move(message), std::string(place));
}

template <class Words>
bool contains(const Words& words, std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

Result<std::string> needed_text(const Json& json, std::string_view name) {
  const Json* value = json.find(name);
  if (value == nullptr || !value->is_string()) {
    return fault(name, "is missing, or no text");
  }
  return value->as_string();
}

/// A list of texts; empty if absent.
Result<std::vector<std::string>> texts_of(const Json& json, std::string_view name) {
  std::vector<std::string> out;
  const Json* list = json.find(name);
  if (list == nullptr) {
    return out;
  }
  if (!list->is_array()) {
    return fault(name, "is no list");
  }
  for (const Json& item : list->as_array()) {
    if (!item.is_string()) {
      return fault(name, "has an item that is no text");
    }
    out.push_back(item.as_string());
  }
  return out;
}

Result<const Json*> list_of(const Json& json, std::string_view name) {
  static const Json kNone = Json::array();
  const Json* list = json.find(name);
  if (list != nullptr && !list->is_array()) {
    return fault(name, "is no list");
  }
  return list == nullptr ? &kNone : list;
}

/// JSON merge patch (RFC 7386).
void merge(Json& target, const Json& patch) {
  if (!target.is_object()) {
    target = Json::object();
  }
  for (const auto& [name, value] : patch.as_object()) {
    if (value.is_null()) {
      std::erase_if(target.as_object(), [&, key = name](const Json::Member& member) {
        return member.first == key;
      });
    } else if (value.is_object()) {
      Json* present = target.find(name);
      Json merged = present == nullptr ? Json::object() : *present;
      merge(merged, value);
      target.set(name, std::move(merged));
    } else {
      target.set(name, value);
    }
  }
}

/// Puts definitions where they are referred to; what stands beside a reference wins over it.
class Resolver {
 public:
  explicit Resolver(const Json& definitions) : definitions_(definitions) {}

  Result<Json> resolve(const Json& schema, int depth = 0) const {
    if (depth > kReferenceDepthMax) {
      return fault("definitions", "references are too deep, or lead back to themselves");
    }
    if (!schema.is_object()) {
      return schema;
    }
    Json out = Json::object();
    const Json* reference = schema.find("$ref");
    if (reference != nullptr && reference->is_string()) {
      REEVE_TRY(out, definition(reference->as_string(), depth));
    }
    for (const auto& [key, value] : schema.as_object()) {
      if (key == "properties" && value.is_object()) {
        REEVE_TRY(Json members, each_member(value, depth));
        out.set(key, std::move(members));
      } else if (key == "oneOf" && value.is_array()) {
        REEVE_TRY(Json choices, each_item(value, depth));
        out.set(key, std::move(choices));
      } else if (key == "items" || key == "additionalProperties") {
        REEVE_TRY(Json inner, resolve(value, depth + 1));
        out.set(key, std::move(inner));
      } else if (key == "x-preserve-unknown-fields") {
        out.set("x-kubernetes-preserve-unknown-fields", value);
      } else if (key != "$ref") {
        out.set(key, value);
      }
    }
    return out;
  }

 private:
  Result<Json> definition(const std::string& name, int depth) const {
    const Json* found =
        name.starts_with(kReference) ? definitions_.find(name.substr(kReference.size())) : nullptr;
    if (found == nullptr) {
      return fault(name, "there is no such definition");
    }
    return resolve(*found, depth + 1);
  }

  Result<Json> each_member(const Json& schemas, int depth) const {
    Json out = Json::object();
    for (const auto& [name, schema] : schemas.as_object()) {
      REEVE_TRY(Json resolved, resolve(schema, depth + 1));
      out.set(name, std::move(resolved));
    }
    return out;
  }

  Result<Json> each_item(const Json& schemas, int depth) const {
    Json out = Json::array();
    for (const Json& schema : schemas.as_array()) {
      REEVE_TRY(Json resolved, resolve(schema, depth + 1));
      out.push(std::move(resolved));
    }
    return out;
  }

  const Json& definitions_;
};

Result<Column> read_column(const Json& json) {
  Column column;
  REEVE_TRY(column.name, needed_text(json, "name"));
  REEVE_TRY(column.type, needed_text(json, "type"));
  REEVE_TRY(column.json_path, needed_text(json, "jsonPath"));
  column.format = json.get_string("format");
  column.description = json.get_string("description");
  column.priority = static_cast<int>(json.get_int("priority"));
  if (!contains(kColumnTypes, column.type)) {
    return fault(column.name, concat("\"", column.type, "\" is no type of a column"));
  }
  return column;
}

Result<Subresource> read_subresource(
    const Json& json, const ResourceType& type, const Resolver& resolver
) {
  Subresource sub;
  REEVE_TRY(sub.name, needed_text(json, "name"));
  REEVE_TRY(sub.verbs, texts_of(json, "verbs"));
  std::sort(sub.verbs.begin(), sub.verbs.end());
  sub.group = json.get_string("group", type.group);
  sub.version = json.get_string("version", type.version);
  sub.kind = json.get_string("kind", type.kind);
  sub.description = json.get_string("description");
  if (sub.verbs.empty()) {
    return fault(sub.name, "has no verbs");
  }
  for (const std::string& verb : sub.verbs) {
    if (!contains(kVerbs, verb)) {
      return fault(sub.name, concat("\"", verb, "\" is no verb"));
    }
  }
  if (const Json* body = json.find("body")) {
    REEVE_TRY(sub.body_json, resolver.resolve(*body));
    REEVE_TRY(sub.body, read_schema(sub.body_json));
  }
  return sub;
}

Result<NameRule> name_rule_of(const Json& contract) {
  const std::string word = contract.get_string("nameRule", "subdomain");
  for (const NameRule rule :
       {NameRule::Subdomain, NameRule::Label, NameRule::Free, NameRule::Segment}) {
    if (to_string(rule) == word) {
      return rule;
    }
  }
  return fault("nameRule", concat("\"", word, "\" is none"));
}

Result<void> read_names(const Json& contract, ResourceType& type) {
  REEVE_TRY(type.group, needed_text(contract, "group"));
  REEVE_TRY(type.version, needed_text(contract, "version"));
  REEVE_TRY(type.kind, needed_text(contract, "kind"));
  REEVE_TRY(type.plural, needed_text(contract, "plural"));
  REEVE_TRY(type.singular, needed_text(contract, "singular"));
  type.list_kind = contract.get_string("listKind", concat(type.kind, "List"));
  REEVE_TRY(type.short_names, texts_of(contract, "shortNames"));
  REEVE_TRY(type.categories, texts_of(contract, "categories"));
  REEVE_TRY(type.selectable_fields, texts_of(contract, "selectableFields"));
  REEVE_TRY(type.name_rule, name_rule_of(contract));
  REEVE_TRY(const std::string scope, needed_text(contract, "scope"));
  if (scope != "Namespaced" && scope != "Cluster") {
    return fault("scope", "is Namespaced or Cluster");
  }
  type.namespaced = scope == "Namespaced";
  REEVE_TRY(type.verbs, texts_of(contract, "verbs"));
  if (contract.find("verbs") == nullptr) {
    type.verbs.assign(std::begin(kVerbs), std::end(kVerbs));
  }
  std::sort(type.verbs.begin(), type.verbs.end());
  for (const std::string& verb : type.verbs) {
    if (!contains(kVerbs, verb)) {
      return fault("verbs", concat("\"", verb, "\" is no verb"));
    }
  }
  return {};
}

/// The schema of the whole object: the contract's, with what every kind has.
Result<Json> whole_schema(const Json& contract, const Json& metadata, const Resolver& resolver) {
  const Json* schema = contract.find("schema");
  if (schema == nullptr || !schema->is_object() || schema->find("properties") == nullptr) {
    return fault("schema", "is missing, or has no properties");
  }
  Json merged = *schema;
  if (const Json* overlay = contract.find("overlay")) {
    if (!overlay->is_object()) {
      return fault("overlay", "is no object");
    }
    merge(merged, *overlay);
  }
  REEVE_TRY(Json resolved, resolver.resolve(merged));
  REEVE_TRY(const Json common, resolver.resolve(metadata));
  Json properties = Json::object();
  for (const char* name : {"apiVersion", "kind", "metadata"}) {
    const Json* property = common.find("properties")->find(name);
    properties.set(name, *property);
  }
  for (const auto& [name, property] : resolved.find("properties")->as_object()) {
    if (properties.find(name) == nullptr) {
      properties.set(name, property);
    }
  }
  resolved.set("properties", std::move(properties));
  // Which of them are there is checked before: they say what the object is.
  if (Json* required = resolved.find("required"); required != nullptr && required->is_array()) {
    std::erase_if(required->as_array(), [&common](const Json& name) {
      return name.is_string() && common.find("properties")->find(name.as_string()) != nullptr;
    });
  }
  return resolved;
}

Result<void> read_parts(const Json& contract, const Resolver& resolver, ResourceType& type) {
  REEVE_TRY(const Json* columns, list_of(contract, "printerColumns"));
  for (const Json& item : columns->as_array()) {
    REEVE_TRY(Column column, read_column(item));
    type.columns.push_back(std::move(column));
  }
  REEVE_TRY(const Json* subresources, list_of(contract, "subresources"));
  for (const Json& item : subresources->as_array()) {
    REEVE_TRY(Subresource sub, read_subresource(item, type, resolver));
    type.subresources.push_back(std::move(sub));
  }
  if (const Json* example = contract.find("example")) {
    type.examples.push_back(*example);
  }
  REEVE_TRY(const Json* examples, list_of(contract, "examples"));
  type.examples.insert(
      type.examples.end(), examples->as_array().begin(), examples->as_array().end()
  );
  return {};
}

Result<void> check_paths(const ResourceType& type) {
  for (const Column& column : type.columns) {
    if (schema_at_path(*type.schema, column.json_path) == nullptr) {
      return fault(column.json_path, concat("the column ", column.name, " shows no known field"));
    }
  }
  for (const std::string& field : type.selectable_fields) {
    if (schema_at_path(*type.schema, concat(".", field)) == nullptr) {
      return fault(field, "is selectable, but no known field");
    }
  }
  return {};
}

}  // namespace

const Schema* schema_at_path(const Schema& root, std::string_view json_path) {
  std::vector<std::string> steps;
  bool quoted = false;
  int brackets = 0;
  for (const char c : json_path) {
    quoted = (c == '"') ? !quoted : quoted;
    if (!quoted && c == '[') {
      ++brackets;
    } else if (!quoted && c == ']') {
      --brackets;
    } else if (brackets == 0 && c == '.') {
      steps.emplace_back();
    } else if (brackets == 0) {
      if (steps.empty()) {
        return nullptr;
      }
      steps.back().push_back(c);
    }
  }
  return steps.empty() || brackets != 0 ? nullptr : schema_at(root, steps);
}

Result<ResourceType> read_contract(const Json& contract, const Json& metadata) {
  if (!contract.is_object()) {
    return fault("", "a contract is a map");
  }
  for (const auto& [key, value] : contract.as_object()) {
    if (!contains(kContractKeys, key)) {
      return fault(key, "is not known in a contract");
    }
  }
  const Json* schema = metadata.find("schema");
  const Json* common = schema == nullptr ? nullptr : schema->find("properties");
  for (const char* name : {"apiVersion", "kind", "metadata"}) {
    if (common == nullptr || common->find(name) == nullptr) {
      return fault(name, "is missing in the schema of metadata");
    }
  }
  Json definitions = Json::object();
  for (const Json* source : {&metadata, &contract}) {
    if (const Json* named = source->find("definitions"); named != nullptr && named->is_object()) {
      merge(definitions, *named);
    }
  }
  const Resolver resolver(definitions);
  ResourceType type;
  REEVE_CHECK(read_names(contract, type));
  REEVE_TRY(type.schema_json, whole_schema(contract, *schema, resolver));
  REEVE_TRY(type.schema, read_schema(type.schema_json));
  type.description = type.schema->description;
  REEVE_CHECK(read_parts(contract, resolver, type));
  REEVE_CHECK(check_paths(type));
  return type;
}

}  // namespace reeve::resource::schema
