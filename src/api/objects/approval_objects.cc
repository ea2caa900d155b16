#include <string>
#include <utility>

#include "api/objects/metadata.h"
#include "api/objects/objects.h"
#include "base/strings.h"

namespace reeve::api {

namespace {

Json conditions_of(const Json& gate) {
  const std::string state = gate.get_string("state");
  const std::string_view status = state == "pending"   ? "Unknown"
                                  : state == "granted" ? "True"
                                                       : "False";
  Json conditions = Json::array();
  conditions.push(condition(
      "Approved",
      status,
      camel_case(state),
      "",
      gate.get_string("decidedAt", gate.get_string("openedAt"))
  ));
  return conditions;
}

Json approval_spec(const Source& mission, const std::string& task, const Json& gate) {
  Json spec = Json::object();
  spec.set("mission", mission.key.name).set("task", task);
  for (const std::string_view name :
       {"prompt", "context", "approvalsNeeded", "mayDecide", "revisable", "deadline"}) {
    copy_member(gate, name, spec);
  }
  return spec;
}

Json approval_status(const Json& gate) {
  Json status = Json::object();
  for (const std::string_view name :
       {"state",
        "revision",
        "revised",
        "openedAt",
        "decidedAt",
        "reminded",
        "escalated",
        "approvals",
        "votes"}) {
    copy_member(gate, name, status);
  }
  status.set("conditions", conditions_of(gate));
  return status;
}

ApiObject approval_object(const Source& mission, const Json& task, const Json& gate) {
  const std::string task_name = task.get_string("name");
  const std::string name = concat(mission.key.name, ".", task_name);
  const auto changed = static_cast<std::uint64_t>(gate.get_int("changedRevision"));
  const Revision revision = changed == 0 ? mission.revision : Revision(changed);
  const Uid uid = part_uid(mission.uid, concat("gate/", task_name));
  Json metadata = Json::object();
  metadata.set("name", name).set("namespace", mission.key.ns.str()).set("uid", uid.str());
  metadata.set("resourceVersion", std::to_string(revision.value())).set("generation", 1);
  metadata.set("creationTimestamp", whole_seconds(gate.get_string("openedAt")));
  Json labels = Json::object();
  if (const std::string value = label_value(mission.key.name); !value.empty()) {
    labels.set(std::string(kMissionLabel), value);
  }
  metadata.set("labels", std::move(labels));
  Json owners = Json::array();
  owners.push(owner_reference("Mission", mission.key.name, mission.uid.view()));
  metadata.set("ownerReferences", std::move(owners));
  Json object = Json::object();
  object.set("apiVersion", kGroupVersion).set("kind", "Approval");
  object.set("metadata", std::move(metadata));
  object.set("spec", approval_spec(mission, task_name, gate)).set("status", approval_status(gate));
  return {
      .ns = mission.key.ns.str(),
      .name = name,
      .uid = uid,
      .revision = revision,
      .object = std::move(object)};
}

}  // namespace

std::vector<ApiObject> approval_objects(const Source& mission) {
  std::vector<ApiObject> approvals;
  for (const Json& task : elements(member(mission.row, "status"), "tasks")) {
    if (const Json* gate = task.find("gate"); gate != nullptr && gate->is_object()) {
      approvals.push_back(approval_object(mission, task, *gate));
    }
  }
  return approvals;
}

}  // namespace reeve::api
