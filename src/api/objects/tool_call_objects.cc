#include <string>
#include <utility>

#include "api/objects/metadata.h"
#include "api/objects/objects.h"

namespace reeve::api {

namespace {

constexpr std::string_view kRunLabel = "reeve.dev/run";
constexpr std::string_view kAgentLabel = "reeve.dev/agent";
constexpr std::string_view kToolLabel = "reeve.dev/tool";
constexpr std::string_view kServerLabel = "reeve.dev/toolserver";

/// Whether it may be carried out.
Json conditions_of(const Json& status, const std::string& since) {
  const std::string state = status.get_string("state");
  const bool no = state == "REJECTED" || state == "EXPIRED";
  const std::string_view approved = state == "PENDING" ? "Unknown" : no ? "False" : "True";
  Json conditions = Json::array();
  conditions.push(condition("Approved", approved, camel_case(state), "", since));
  return conditions;
}

Json status_of(const Json& row, const std::string& created) {
  const Json& kept = member(row, "status");
  Json status = Json::object();
  for (const std::string_view name :
       {"state",
        "sequence",
        "tainted",
        "approval",
        "editedArguments",
        "approvedHash",
        "due",
        "startedAt",
        "endedAt",
        "result",
        "message",
        "rollbacks",
        "rolledBackBy"}) {
    copy_member(kept, name, status);
  }
  // What it takes to undo it may be what somebody wanted to be gone.
  status.set("undoable", kept.find("undo") != nullptr && kept.get_string("state") == "COMPLETED");
  if (kept.get_int("spiral") > 0) {
    status.set("spiral", true);
  }
  status.set("conditions", conditions_of(kept, kept.get_string("endedAt", created)));
  return status;
}

}  // namespace

ApiObject tool_call_object(const Source& call) {
  const Json& spec = member(call.row, "spec");
  const Labels labels = {
      {kMissionLabel, label_value(spec.get_string("mission"))},
      {kRunLabel, label_value(spec.get_string("run"))},
      {kTaskLabel, label_value(spec.get_string("task"))},
      {kAgentLabel, label_value(spec.get_string("agent"))},
      {kServerLabel, label_value(spec.get_string("server"))},
      {kToolLabel, label_value(spec.get_string("tool"))}};
  Json object = Json::object();
  object.set("apiVersion", kGroupVersion).set("kind", "ToolCall");
  object.set("metadata", make_metadata(call, labels)).set("spec", spec);
  const std::string created = member(call.row, "metadata").get_string("creationTimestamp");
  object.set("status", status_of(call.row, created));
  return {
      .ns = call.key.ns.str(),
      .name = call.key.name,
      .uid = call.uid,
      .revision = call.revision,
      .object = std::move(object)};
}

}  // namespace reeve::api
