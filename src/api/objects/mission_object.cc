#include <string>

#include "api/objects/metadata.h"
#include "api/objects/objects.h"
#include "base/strings.h"

namespace reeve::api {

namespace {

bool is_final(std::string_view state) {
  return state == "COMPLETE" || state == "FAILED" || state == "ABORTED";
}

/// Why it does not proceed, for people.
std::string hold_text(const Json& status) {
  std::string text;
  for (const Json& hold : elements(status, "holds")) {
    if (!text.empty()) {
      text += "; ";
    }
    text += hold.get_string("message", hold.get_string("kind"));
  }
  return text;
}

/// When the first open hold began.
std::string held_since(const Json& status, std::string_view fallback) {
  const Json::Array& holds = elements(status, "holds");
  return holds.empty() ? std::string(fallback) : holds.front().get_string("since", fallback);
}

Json conditions_of(const Json& status, std::string_view created) {
  const std::string state = status.get_string("state");
  const std::string reason = camel_case(state);
  Json conditions = Json::array();
  const std::string_view succeeded = !is_final(state)      ? "Unknown"
                                     : state == "COMPLETE" ? "True"
                                                           : "False";
  const std::string since = is_final(state) ? status.get_string("endedAt", created)
                                            : status.get_string("startedAt", created);
  conditions.push(condition("Succeeded", succeeded, reason, status.get_string("message"), since));
  const bool held = state == "HELD";
  const Json::Array& holds = elements(status, "holds");
  const std::string why =
      holds.empty() ? std::string("NotHeld") : camel_case(holds.front().get_string("kind"));
  conditions.push(condition(
      "Held",
      held ? "True" : "False",
      held ? why : std::string("NotHeld"),
      held ? hold_text(status) : std::string(),
      held ? held_since(status, since) : since
  ));
  return conditions;
}

Labels labels_of(const Json& spec) {
  Labels labels;
  labels.emplace_back(kWorkflowLabel, label_value(member(spec, "workflow").get_string("name")));
  return labels;
}

/// What was asked for.
Json spec_of(const Json& row_spec) {
  Json spec = Json::object();
  Json workflow = Json::object();
  workflow.set("name", member(row_spec, "workflow").get_string("name"));
  spec.set("workflow", std::move(workflow));
  if (const Json& params = member(row_spec, "params");
      params.is_object() && !params.as_object().empty()) {
    spec.set("params", params);
  }
  for (const std::string_view name :
       {"priority", "userKey", "notBefore", "after", "description", "local"}) {
    copy_member(row_spec, name, spec);
  }
  return spec;
}

/// Where it comes from.
Json origin_of(const Json& row_spec) {
  Json origin = Json::object();
  for (const std::string_view name :
       {"trigger", "continues", "reopened", "parent", "depth", "part"}) {
    copy_member(row_spec, name, origin);
  }
  return origin;
}

}  // namespace

ApiObject mission_object(const Source& mission) {
  const Json& row_metadata = member(mission.row, "metadata");
  const Json& row_status = member(mission.row, "status");
  const Json& row_spec = member(mission.row, "spec");
  Json metadata = make_metadata(mission, labels_of(row_spec));
  Json status = Json::object();
  const std::string state = row_status.get_string("state");
  status.set("state", state);
  for (const auto& [name, value] : row_status.as_object()) {
    status.set(name, value);
  }
  copy_member(row_metadata, "owner", status);
  copy_member(row_spec, "author", status);
  copy_member(row_metadata, "correlation", status);
  copy_member(row_metadata, "traceparent", status);
  copy_member(row_spec, "workflow", status);
  copy_member(row_spec, "inputs", status);
  if (Json origin = origin_of(row_spec); !origin.as_object().empty()) {
    status.set("origin", std::move(origin));
  }
  if (state == "HELD") {
    status.set("waitsFor", hold_text(row_status));
  }
  status.set("conditions", conditions_of(row_status, metadata.get_string("creationTimestamp")));
  status.set("observedGeneration", metadata.get_int("generation", 1));
  Json object = Json::object();
  object.set("apiVersion", kGroupVersion).set("kind", "Mission");
  object.set("metadata", std::move(metadata)).set("spec", spec_of(row_spec));
  object.set("status", std::move(status));
  return {
      .ns = mission.key.ns.str(),
      .name = mission.key.name,
      .uid = mission.uid,
      .revision = mission.revision,
      .object = std::move(object)};
}

}  // namespace reeve::api
