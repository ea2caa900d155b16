#include "resource/schema/openapi_schema.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve::resource::schema {

namespace {

constexpr std::string_view kOpen = "x-kubernetes-preserve-unknown-fields";
constexpr std::string_view kIntOrString = "x-kubernetes-int-or-string";
constexpr std::string_view kKubernetesSuffix = ".k8s.io";

/// `reeve.dev` → `dev.reeve`.
std::string reversed(std::string_view group) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(group, '.')) {
    parts.emplace_back(part);
  }
  std::reverse(parts.begin(), parts.end());
  return join(parts, ".");
}

class Publisher {
 public:
  explicit Publisher(Dialect dialect) : dialect_(dialect) {}

  Json publish(const Json& schema, bool templated) const {
    templated = templated || schema.get_bool("x-reeve-templated");
    Json out = Json::object();
    for (const auto& [key, value] : schema.as_object()) {
      publish_member(key, value, templated, out);
    }
    if (templated && schema.get_string("type") == "integer") {
      // A template may stand for the number.
      for (const char* gone : {"type", "format", "minimum", "maximum"}) {
        remove(out, gone);
      }
      out.set(std::string(kIntOrString), true);
    }
    if (dialect_ == Dialect::V2) {
      forget_what_old_clients_misread(schema, out);
    }
    return out;
  }

 private:
  static void remove(Json& object, std::string_view name) {
    std::erase_if(object.as_object(), [name](const Json::Member& member) {
      return member.first == name;
    });
  }

  void publish_member(const std::string& key, const Json& value, bool templated, Json& out) const {
    if (key == "properties") {
      Json members = Json::object();
      for (const auto& [name, property] : value.as_object()) {
        members.set(name, publish(property, templated));
      }
      out.set(key, std::move(members));
    } else if (key == "items" || key == "additionalProperties") {
      if (value.is_object()) {
        out.set(key, publish(value, templated));
      } else if (value.as_bool()) {
        out.set(std::string(kOpen), true);
      }
    } else if (key == "oneOf") {
      publish_choices(value, templated, out);
    } else if (key == "x-reeve-exactly-one-of") {
      publish_company(value, out);
    } else if (key == "format") {
      if (value != Json("duration")) {
        out.set(key, value);
      }
    } else if (key == "writeOnly" || key == "nullable") {
      if (dialect_ == Dialect::V3 || (key == "nullable" && dialect_ == Dialect::Crd)) {
        out.set(key, value);
      }
    } else if (!key.starts_with("x-reeve-") && key != "example") {
      out.set(key, value);
    }
  }

  /// Alternatives have no place in structural schemas.
  void publish_choices(const Json& choices, bool templated, Json& out) const {
    if (dialect_ != Dialect::V3) {
      out.set(std::string(kOpen), true);
      return;
    }
    Json list = Json::array();
    for (const Json& choice : choices.as_array()) {
      list.push(publish(choice, templated));
    }
    out.set("oneOf", std::move(list));
  }

  void publish_company(const Json& names, Json& out) const {
    if (dialect_ == Dialect::V2) {
      return;
    }
    Json list = Json::array();
    for (const Json& name : names.as_array()) {
      list.push(Json::object().set("required", Json::array().push(name)));
    }
    out.set("oneOf", std::move(list));
  }

  /// As kube-apiserver does for clients of Swagger 2.0: types of what may be null, or may have
  /// members that are not declared, are left out.
  static void forget_what_old_clients_misread(const Json& schema, Json& out) {
    if (schema.get_bool("nullable")) {
      for (const char* gone : {"type", "items", "properties", "additionalProperties"}) {
        remove(out, gone);
      }
    }
    if (out.find(kOpen) != nullptr) {
      for (const char* gone : {"items", "properties", "additionalProperties"}) {
        remove(out, gone);
      }
    }
  }

  Dialect dialect_;
};

}  // namespace

std::string component_name(const ResourceType& type) {
  if (type.group.empty()) {
    return concat("io.k8s.api.core.", type.version, ".", type.kind);
  }
  if (type.group.ends_with(kKubernetesSuffix)) {
    const std::string_view first = std::string_view(type.group).substr(0, type.group.find('.'));
    return concat("io.k8s.api.", first, ".", type.version, ".", type.kind);
  }
  return concat(reversed(type.group), ".", type.version, ".", type.kind);
}

Json reference_to(std::string_view component, Dialect dialect) {
  const std::string_view place =
      dialect == Dialect::V2 ? "#/definitions/" : "#/components/schemas/";
  return Json::object().set("$ref", concat(place, component));
}

Json group_version_kind(std::string_view group, std::string_view version, std::string_view kind) {
  return Json::object().set("group", group).set("kind", kind).set("version", version);
}

Json published(const Json& schema, Dialect dialect) {
  return Publisher(dialect).publish(schema, false);
}

Json object_component(const ResourceType& type, Dialect dialect) {
  Json schema = type.schema_json;
  Json& metadata = *schema.find("properties")->find("metadata");
  if (dialect == Dialect::Crd) {
    metadata = Json::object().set("type", "object");
    return published(schema, dialect);
  }
  const Json description = *metadata.find("description");
  Json out = published(schema, dialect);
  Json reference = reference_to(kObjectMeta, dialect);
  if (dialect == Dialect::V3) {
    // Beside a reference, nothing counts in OpenAPI 3.0.
    Json all = Json::object();
    all.set("description", description).set("default", Json::object());
    all.set("allOf", Json::array().push(std::move(reference)));
    reference = std::move(all);
  } else {
    reference.set("description", description);
  }
  *out.find("properties")->find("metadata") = std::move(reference);
  out.set(
      "x-kubernetes-group-version-kind",
      Json::array().push(group_version_kind(type.group, type.version, type.kind))
  );
  return out;
}

Json list_component(const ResourceType& type, Dialect dialect) {
  const auto text = [](std::string_view description) {
    return Json::object().set("type", "string").set("description", description);
  };
  Json items = Json::object();
  items.set("type", "array").set("description", concat("Objects of the kind ", type.kind, "."));
  items.set("items", reference_to(component_name(type), dialect));
  Json properties = Json::object();
  properties.set("apiVersion", text("Group and version of the list."));
  properties.set("kind", text("Kind of the list."));
  properties.set("metadata", reference_to(kListMeta, dialect));
  properties.set("items", std::move(items));
  Json out = Json::object();
  out.set("type", "object")
      .set("description", concat("A list of objects of the kind ", type.kind, "."));
  out.set("required", Json::array().push("items")).set("properties", std::move(properties));
  out.set(
      "x-kubernetes-group-version-kind",
      Json::array().push(group_version_kind(type.group, type.version, type.list_kind))
  );
  return out;
}

Json metadata_component(const ResourceType& any, Dialect dialect) {
  return published(*any.schema_json.find("properties")->find("metadata"), dialect);
}

Json list_metadata_component() {
  const auto field = [](std::string_view type, std::string_view description) {
    return Json::object().set("type", type).set("description", description);
  };
  Json properties = Json::object();
  properties.set("resourceVersion", field("string", "Revision that the list is of."));
  properties.set(
      "continue", field("string", "Given with the next request, it is answered with the next page.")
  );
  properties.set("remainingItemCount", field("integer", "How many objects are on later pages."));
  properties.set("selfLink", field("string", "Not used."));
  Json out = Json::object();
  out.set("type", "object").set("description", "What all lists have.");
  out.set("properties", std::move(properties));
  return out;
}

}  // namespace reeve::resource::schema
