#include "resource/schema/discovery.h"

#include <string>
#include <vector>

#include "base/strings.h"

namespace reeve::resource::schema {

namespace {

Json texts(const std::vector<std::string>& values) {
  Json out = Json::array();
  for (const std::string& value : values) {
    out.push(value);
  }
  return out;
}

void set_texts(Json& json, const char* name, const std::vector<std::string>& values) {
  if (!values.empty()) {
    json.set(name, texts(values));
  }
}

std::string group_version(std::string_view group, std::string_view version) {
  return group.empty() ? std::string(version) : concat(group, "/", version);
}

Json version_json(std::string_view group, std::string_view version) {
  return Json::object().set("groupVersion", group_version(group, version)).set("version", version);
}

/// One group as APIGroupList has it.
Json group_json(const Contracts& contracts, std::string_view group) {
  Json versions = Json::array();
  const std::vector<std::string> names = contracts.versions(group);
  for (const std::string& version : names) {
    versions.push(version_json(group, version));
  }
  Json json = Json::object();
  json.set("name", group).set("versions", std::move(versions));
  json.set("preferredVersion", version_json(group, names.front()));
  return json;
}

void add_resource(const ResourceType& type, Json& resources) {
  Json json = Json::object();
  json.set("name", type.plural).set("singularName", type.singular);
  json.set("namespaced", type.namespaced).set("kind", type.kind).set("verbs", texts(type.verbs));
  set_texts(json, "shortNames", type.short_names);
  set_texts(json, "categories", type.categories);
  resources.push(std::move(json));
  for (const Subresource& sub : type.subresources) {
    Json inner = Json::object();
    inner.set("name", concat(type.plural, "/", sub.name)).set("singularName", "");
    inner.set("namespaced", type.namespaced);
    if (sub.group != type.group || sub.version != type.version) {
      inner.set("group", sub.group).set("version", sub.version);
    }
    inner.set("kind", sub.kind).set("verbs", texts(sub.verbs));
    resources.push(std::move(inner));
  }
}

Json response_kind(std::string_view group, std::string_view version, std::string_view kind) {
  return Json::object().set("group", group).set("version", version).set("kind", kind);
}

Json aggregated_resource(const ResourceType& type) {
  Json json = Json::object();
  json.set("resource", type.plural);
  json.set("responseKind", response_kind(type.group, type.version, type.kind));
  json.set("scope", type.namespaced ? "Namespaced" : "Cluster");
  json.set("singularResource", type.singular).set("verbs", texts(type.verbs));
  set_texts(json, "shortNames", type.short_names);
  set_texts(json, "categories", type.categories);
  Json inner = Json::array();
  for (const Subresource& sub : type.subresources) {
    Json each = Json::object();
    each.set("subresource", sub.name);
    each.set("responseKind", response_kind(sub.group, sub.version, sub.kind));
    each.set("verbs", texts(sub.verbs));
    inner.push(std::move(each));
  }
  if (!inner.as_array().empty()) {
    json.set("subresources", std::move(inner));
  }
  return json;
}

Json aggregated_group(const Contracts& contracts, std::string_view group) {
  Json versions = Json::array();
  for (const std::string& version : contracts.versions(group)) {
    Json resources = Json::array();
    for (const ResourceType& type : contracts.types(group, version)) {
      resources.push(aggregated_resource(type));
    }
    Json each = Json::object();
    each.set("version", version).set("resources", std::move(resources));
    each.set("freshness", "Current");
    versions.push(std::move(each));
  }
  Json metadata = Json::object();
  if (!group.empty()) {
    metadata.set("name", group);
  }
  return Json::object().set("metadata", std::move(metadata)).set("versions", std::move(versions));
}

}  // namespace

Json api_versions(std::string_view server_address) {
  Json address = Json::object();
  address.set("clientCIDR", "0.0.0.0/0").set("serverAddress", server_address);
  Json json = Json::object();
  json.set("kind", "APIVersions").set("versions", Json::array().push("v1"));
  json.set("serverAddressByClientCIDRs", Json::array().push(std::move(address)));
  return json;
}

Json api_group_list(const Contracts& contracts) {
  Json groups = Json::array();
  for (const std::string& group : contracts.groups()) {
    groups.push(group_json(contracts, group));
  }
  Json json = Json::object();
  json.set("kind", "APIGroupList").set("apiVersion", "v1").set("groups", std::move(groups));
  return json;
}

std::optional<Json> api_group(const Contracts& contracts, std::string_view group) {
  if (group.empty() || contracts.versions(group).empty()) {
    return std::nullopt;
  }
  Json json = Json::object();
  json.set("kind", "APIGroup").set("apiVersion", "v1");
  const Json rest = group_json(contracts, group);
  for (const auto& [name, value] : rest.as_object()) {
    json.set(name, value);
  }
  return json;
}

std::optional<Json> api_resource_list(
    const Contracts& contracts, std::string_view group, std::string_view version
) {
  const std::span<const ResourceType> types = contracts.types(group, version);
  if (types.empty()) {
    return std::nullopt;
  }
  Json resources = Json::array();
  for (const ResourceType& type : types) {
    add_resource(type, resources);
  }
  Json json = Json::object();
  json.set("kind", "APIResourceList").set("apiVersion", "v1");
  json.set("groupVersion", group_version(group, version)).set("resources", std::move(resources));
  return json;
}

Json aggregated_discovery(const Contracts& contracts, bool core, DiscoveryVersion version) {
  Json items = Json::array();
  if (core) {
    if (!contracts.versions("").empty()) {
      items.push(aggregated_group(contracts, ""));
    }
  } else {
    for (const std::string& group : contracts.groups()) {
      items.push(aggregated_group(contracts, group));
    }
  }
  Json json = Json::object();
  json.set("kind", "APIGroupDiscoveryList");
  json.set(
      "apiVersion",
      version == DiscoveryVersion::V2 ? "apidiscovery.k8s.io/v2" : "apidiscovery.k8s.io/v2beta1"
  );
  json.set("metadata", Json::object()).set("items", std::move(items));
  return json;
}

std::string_view aggregated_discovery_type(DiscoveryVersion version) {
  return version == DiscoveryVersion::V2
             ? "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
             : "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
}

}  // namespace reeve::resource::schema
