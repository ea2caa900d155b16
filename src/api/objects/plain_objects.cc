#include <string>

#include "api/objects/metadata.h"
#include "api/objects/objects.h"
#include "base/strings.h"

namespace reeve::api {

namespace {

ApiObject finish(const Source& source, Json object) {
  return {
      .ns = source.key.ns.str(),
      .name = source.key.name,
      .uid = source.uid,
      .revision = source.revision,
      .object = std::move(object)};
}

Json begin(std::string_view api_version, std::string_view kind) {
  Json object = Json::object();
  object.set("apiVersion", api_version).set("kind", kind);
  return object;
}

}  // namespace

ApiObject workflow_object(const Source& workflow, const Json& document) {
  const Json& row_spec = member(workflow.row, "spec");
  const Json& row_status = member(workflow.row, "status");
  Json object = begin(kGroupVersion, "Workflow");
  object.set("metadata", make_metadata(workflow, {}));
  Json spec = Json::object();
  if (document.is_string()) {
    spec.set("source", document);
  } else {
    spec = member(document, "spec");
  }
  object.set("spec", std::move(spec));
  Json status = Json::object();
  copy_member(row_spec, "enabled", status);
  copy_member(row_spec, "digest", status);
  copy_member(row_spec, "version", status);
  copy_member(row_spec, "owner", status);
  copy_member(row_status, "appliedAt", status);
  copy_member(row_status, "versions", status);
  copy_member(row_status, "triggers", status);
  if (!document.is_string()) {
    status.set("tasks", elements(member(document, "spec"), "tasks").size());
  }
  const bool enabled = row_spec.get_bool("enabled", true);
  Json conditions = Json::array();
  conditions.push(condition(
      "Ready",
      enabled ? "True" : "False",
      enabled ? "Deployed" : "Disabled",
      enabled ? "" : "disabled: it makes no missions until it is enabled",
      row_status.get_string("appliedAt")
  ));
  status.set("conditions", std::move(conditions));
  status.set("observedGeneration", member(object, "metadata").get_int("generation", 1));
  object.set("status", std::move(status));
  return finish(workflow, std::move(object));
}

ApiObject credential_object(const Source& credential) {
  const Json& row_spec = member(credential.row, "spec");
  Json object = begin(kGroupVersion, "Credential");
  object.set("metadata", make_metadata(credential, {}));
  Json spec = Json::object();
  copy_member(row_spec, "description", spec);
  copy_member(row_spec, "workflows", spec);
  object.set("spec", std::move(spec));
  Json status = Json::object();
  copy_member(row_spec, "keyId", status);
  copy_member(row_spec, "updatedAt", status);
  object.set("status", std::move(status));
  return finish(credential, std::move(object));
}

ApiObject channel_object(const Source& channel) {
  const Json& row_spec = member(channel.row, "spec");
  const Json& row_status = member(channel.row, "status");
  Json object = begin(kGroupVersion, "Channel");
  object.set("metadata", make_metadata(channel, {}));
  object.set("spec", row_spec);
  Json status = Json::object();
  status.set("messages", elements(row_status, "messages").size());
  status.set("groups", elements(row_status, "groups").size());
  object.set("status", std::move(status));
  return finish(channel, std::move(object));
}

ApiObject plain_object(const Source& plain, std::string_view api_version, std::string_view kind) {
  Json object = begin(api_version, kind);
  object.set("metadata", make_metadata(plain, {}));
  for (const auto& [name, value] : plain.row.as_object()) {
    if (name != "apiVersion" && name != "kind" && name != "metadata") {
      object.set(name, value);
    }
  }
  return finish(plain, std::move(object));
}

Json secret_of_credential(const ApiObject& credential) {
  Json object = begin("v1", "Secret");
  object.set("metadata", member(credential.object, "metadata")).set("type", "Opaque");
  return object;
}

}  // namespace reeve::api
