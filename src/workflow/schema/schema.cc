#include "workflow/schema/schema.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "workflow/document/yaml.h"

namespace reeve::workflow {

namespace {

constexpr std::string_view kDialect = "https://json-schema.org/draft/2020-12/schema";
constexpr std::string_view kId = "https://reeve.dev/schemas/v1/workflow.json";
constexpr std::string_view kOldReference = "#/definitions/";
constexpr std::string_view kNewReference = "#/$defs/";
/// What `parse_duration` reads, or a text with a template.
constexpr std::string_view kDurationPattern = "^([0-9]+([.][0-9]*)?(ns|us|µs|ms|s|m|h|d))+$|[{][{]";
constexpr std::string_view kTemplatePattern = "[{][{]";

constexpr std::array<std::string_view, 3> kEarlyTypes = {"integer", "number", "boolean"};

/// Turns one structural schema of the contract into one of the dialect.
class Converter {
 public:
  Json convert(const Json& schema) {
    if (!schema.is_object()) {
      return schema;
    }
    Json out = Json::object();
    for (const auto& [key, value] : schema.as_object()) {
      convert_member(key, value, out);
    }
    allow_other_writing(schema, out);
    return out;
  }

  Json convert_all(const Json& schemas) {
    Json out = Json::object();
    for (const auto& [name, schema] : schemas.as_object()) {
      out.set(name, convert(schema));
    }
    return out;
  }

 private:
  void convert_member(const std::string& key, const Json& value, Json& out) {
    if (key == "$ref" && value.is_string()) {
      std::string reference = value.as_string();
      if (reference.starts_with(kOldReference)) {
        reference = concat(kNewReference, reference.substr(kOldReference.size()));
      }
      out.set("$ref", std::move(reference));
    } else if (key == "properties" && value.is_object()) {
      out.set(key, convert_all(value));
    } else if (key == "items" || key == "additionalProperties") {
      out.set(key, convert(value));
    } else if ((key == "oneOf" || key == "anyOf" || key == "allOf") && value.is_array()) {
      // The choices overlap once numbers may stand for text.
      out.set(key == "oneOf" ? "anyOf" : key, convert_each(value));
    } else if (key != "format" && key != "nullable" && !key.starts_with("x-")) {
      out.set(key, value);
    }
  }

  Json convert_each(const Json& schemas) {
    Json out = Json::array();
    for (const Json& schema : schemas.as_array()) {
      out.push(convert(schema));
    }
    return out;
  }

  /// What a document may say instead of the exact type: YAML reads `version: 1.2` as a number, and
  /// a number may be a template.
  static void allow_other_writing(const Json& schema, Json& out) {
    const std::string type = schema.get_string("type");
    if (schema.get_string("format") == "duration") {
      out.set("pattern", kDurationPattern);
      out.set("examples", Json::array().push("500ms").push("30s").push("5m").push("1h30m"));
    } else if (type == "string" && schema.find("enum") == nullptr && schema.find("pattern") == nullptr) {
      out.set("type", Json::array().push("string").push("number").push("boolean"));
    } else if (std::find(kEarlyTypes.begin(), kEarlyTypes.end(), type) != kEarlyTypes.end()) {
      allow_template(type, out);
    }
    if (schema.get_bool("nullable")) {
      Json choices = Json::array();
      choices.push(Json::object().set("type", "null")).push(std::move(out));
      out = Json::object().set("anyOf", std::move(choices));
    }
  }

  /// `{type: integer, minimum: 0, description: …}` becomes a choice; what is for people stays on
  /// top, where editors show it.
  static void allow_template(const std::string& type, Json& out) {
    Json exact = Json::object();
    Json top = Json::object();
    for (auto& [key, value] : out.as_object()) {
      const bool for_people = key == "description" || key == "default" || key == "examples";
      (for_people ? top : exact).set(key, value);
    }
    exact.set("type", type);
    Json text = Json::object();
    text.set("type", "string").set("pattern", kTemplatePattern);
    top.set("anyOf", Json::array().push(std::move(exact)).push(std::move(text)));
    out = std::move(top);
  }
};

Error corrupt(std::string message) {
  return make_error(ErrorCode::Corrupt, std::move(message), "api/v1/workflow.yaml");
}

}  // namespace

Result<Json> editor_schema_of(std::string_view contract) {
  REEVE_TRY(const document::Node root, document::parse_yaml(contract));
  const Json json = document::to_json(root);
  const Json* schema = json.find("schema");
  const Json* definitions = json.find("definitions");
  if (schema == nullptr || !schema->is_object() || definitions == nullptr ||
      !definitions->is_object()) {
    return corrupt("the contract has no schema or no definitions");
  }
  Converter converter;
  Json out = Json::object();
  out.set("$schema", kDialect).set("$id", kId).set("title", "Reeve workflow");
  const Json body = converter.convert(*schema);
  for (const auto& [key, value] : body.as_object()) {
    out.set(key, value);
  }
  out.set("$defs", converter.convert_all(*definitions));
  if (const Json* example = json.find("example")) {
    out.set("examples", Json::array().push(*example));
  }
  return out;
}

Result<Json> editor_schema() {
  return editor_schema_of(workflow_contract());
}

}  // namespace reeve::workflow
