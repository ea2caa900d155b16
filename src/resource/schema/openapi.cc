#include "resource/schema/openapi.h"

#include "base/hash.h"
#include "base/strings.h"
#include "resource/schema/gnostic.h"
#include "resource/schema/openapi_paths.h"
#include "resource/schema/openapi_schema.h"

namespace reeve::resource::schema {

namespace {

constexpr std::string_view kApiExtensions = "apiextensions.k8s.io/v1";

std::string document_path(std::string_view group, std::string_view version) {
  return group.empty() ? concat("api/", version) : concat("apis/", group, "/", version);
}

Json info(std::string_view version) {
  return Json::object().set("title", "Reeve").set("version", version);
}

void add_components(const ResourceType& type, Dialect dialect, Json& components) {
  const std::string name = component_name(type);
  components.set(name, object_component(type, dialect));
  if (type.has_verb("list")) {
    components.set(concat(name, "List"), list_component(type, dialect));
  }
}

Json components_of(std::span<const ResourceType> types, Dialect dialect) {
  Json components = Json::object();
  for (const ResourceType& type : types) {
    add_components(type, dialect, components);
  }
  if (!types.empty()) {
    components.set(std::string(kObjectMeta), metadata_component(types.front(), dialect));
    components.set(std::string(kListMeta), list_metadata_component());
  }
  return components;
}

Json paths_of(std::span<const ResourceType> types, Dialect dialect) {
  Json paths = Json::object();
  for (const ResourceType& type : types) {
    add_paths(type, dialect, paths);
  }
  return paths;
}

Json v3_document(std::span<const ResourceType> types, std::string_view version) {
  Json document = Json::object();
  document.set("openapi", "3.0.0").set("info", info(version));
  document.set("paths", paths_of(types, Dialect::V3));
  document.set("components", Json::object().set("schemas", components_of(types, Dialect::V3)));
  return document;
}

Json v2_document(const Contracts& contracts, std::string_view version) {
  Json document = Json::object();
  document.set("swagger", "2.0").set("info", info(version));
  document.set("paths", paths_of(contracts.types(), Dialect::V2));
  document.set("definitions", components_of(contracts.types(), Dialect::V2));
  return document;
}

Json crd_names(const ResourceType& type) {
  const auto texts = [](const std::vector<std::string>& values) {
    Json out = Json::array();
    for (const std::string& value : values) {
      out.push(value);
    }
    return out;
  };
  Json names = Json::object();
  names.set("kind", type.kind).set("listKind", type.list_kind);
  names.set("plural", type.plural).set("singular", type.singular);
  names.set("shortNames", texts(type.short_names)).set("categories", texts(type.categories));
  return names;
}

Json crd_columns(const ResourceType& type) {
  Json columns = Json::array();
  for (const Column& column : type.columns) {
    Json json = Json::object();
    json.set("name", column.name).set("type", column.type);
    json.set("description", column.description).set("jsonPath", column.json_path);
    if (column.priority != 0) {
      json.set("priority", column.priority);
    }
    columns.push(std::move(json));
  }
  return columns;
}

}  // namespace

OpenApi OpenApi::make(const Contracts& contracts, std::string_view version) {
  OpenApi out;
  std::vector<std::string> groups = contracts.groups();
  groups.insert(groups.begin(), "");
  Json paths = Json::object();
  for (const std::string& group : groups) {
    for (const std::string& each : contracts.versions(group)) {
      Document document;
      document.path = document_path(group, each);
      document.text = v3_document(contracts.types(group, each), version).dump();
      document.hash = to_upper(sha256(document.text).view());
      const std::string url = concat("/openapi/v3/", document.path, "?hash=", document.hash);
      paths.set(document.path, Json::object().set("serverRelativeURL", url));
      out.v3_.push_back(std::move(document));
    }
  }
  out.v3_index_ = Json::object().set("paths", std::move(paths)).dump();
  const Json v2 = v2_document(contracts, version);
  out.v2_json_ = v2.dump();
  out.v2_protobuf_ = encode_gnostic(v2);
  out.v2_hash_ = to_upper(sha256(out.v2_json_).view());
  return out;
}

const OpenApi& LazyOpenApi::get() const {
  if (!made_) {
    made_ = OpenApi::make(contracts_, version_);
  }
  return *made_;
}

const std::string* OpenApi::v3(std::string_view path) const {
  for (const Document& document : v3_) {
    if (document.path == path) {
      return &document.text;
    }
  }
  return nullptr;
}

std::string_view OpenApi::v3_hash(std::string_view path) const {
  for (const Document& document : v3_) {
    if (document.path == path) {
      return document.hash;
    }
  }
  return {};
}

Json custom_resource_definition(const ResourceType& type) {
  Json version = Json::object();
  version.set("name", type.version).set("served", true).set("storage", true);
  version.set(
      "schema", Json::object().set("openAPIV3Schema", object_component(type, Dialect::Crd))
  );
  if (type.subresource("status") != nullptr) {
    version.set("subresources", Json::object().set("status", Json::object()));
  }
  version.set("additionalPrinterColumns", crd_columns(type));
  if (!type.selectable_fields.empty()) {
    Json fields = Json::array();
    for (const std::string& field : type.selectable_fields) {
      fields.push(Json::object().set("jsonPath", concat(".", field)));
    }
    version.set("selectableFields", std::move(fields));
  }
  Json spec = Json::object();
  spec.set("group", type.group).set("names", crd_names(type));
  spec.set("scope", type.namespaced ? "Namespaced" : "Cluster");
  spec.set("versions", Json::array().push(std::move(version)));
  Json json = Json::object();
  json.set("apiVersion", kApiExtensions).set("kind", "CustomResourceDefinition");
  json.set("metadata", Json::object().set("name", concat(type.plural, ".", type.group)));
  json.set("spec", std::move(spec));
  return json;
}

}  // namespace reeve::resource::schema
