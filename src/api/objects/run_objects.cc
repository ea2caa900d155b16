#include <string>
#include <utility>

#include "api/objects/metadata.h"
#include "api/objects/objects.h"
#include "base/strings.h"

namespace reeve::api {

namespace {

/// Runs of compensations are told from others by this in their names.
constexpr std::string_view kUndoSuffix = "~compensate";

/// One attempt at a task, however the row has it.
struct AttemptView {
  const Json& task;
  /// State, fence, times; of the last attempt the task has some of them.
  const Json& slot;
  std::int64_t epoch = 1;
  bool undo = false;
  /// The task's own result is this attempt's.
  bool last = false;
};

Json conditions_of(const std::string& state, const std::string& message, std::string_view since) {
  const bool final =
      state == "COMPLETE" || state == "FAILED" || state == "ABORTED" || state == "LOST";
  const std::string_view status = !final ? "Unknown" : state == "COMPLETE" ? "True" : "False";
  Json conditions = Json::array();
  conditions.push(condition("Succeeded", status, camel_case(state), message, since));
  return conditions;
}

Json run_status(const AttemptView& attempt, std::string_view created) {
  Json status = Json::object();
  const std::string state = attempt.slot.get_string("state");
  status.set("state", state).set("host", "local");
  for (const std::string_view name :
       {"exitCode",
        "errorCode",
        "startedAt",
        "endedAt",
        "notBefore",
        "pendingSince",
        "cancelling",
        "timedOut",
        "failures"}) {
    copy_member(attempt.slot, name, status);
  }
  std::string message;
  if (attempt.last) {
    for (const std::string_view name : {"exitCode", "errorCode", "startedAt", "endedAt"}) {
      copy_member(attempt.task, name, status);
    }
    message = attempt.task.get_string("message");
    if (!message.empty()) {
      status.set("message", message);
    }
  }
  status.set(
      "conditions",
      conditions_of(
          state, message, status.get_string("endedAt", status.get_string("startedAt", created))
      )
  );
  return status;
}

std::string run_name(const Source& mission, const AttemptView& attempt, const std::string& task) {
  return concat(
      mission.key.name,
      ".",
      attempt.epoch,
      ".",
      attempt.undo ? concat(task, kUndoSuffix) : task,
      ".",
      attempt.slot.get_int("attempt", 1)
  );
}

ApiObject run_object(const Source& mission, const AttemptView& attempt) {
  const std::string task = attempt.task.get_string("name");
  const std::string name = run_name(mission, attempt, task);
  const auto changed = static_cast<std::uint64_t>(attempt.slot.get_int("revision"));
  const Revision revision = changed == 0 ? mission.revision : Revision(changed);
  const Uid uid = part_uid(mission.uid, name);
  const std::string created = whole_seconds(attempt.slot.get_string(
      "pendingSince",
      attempt.slot.get_string(
          "startedAt",
          attempt.task.get_string(
              "startedAt", member(mission.row, "metadata").get_string("creationTimestamp")
          )
      )
  ));
  Json metadata = Json::object();
  metadata.set("name", name).set("namespace", mission.key.ns.str()).set("uid", uid.str());
  metadata.set("resourceVersion", std::to_string(revision.value())).set("generation", 1);
  metadata.set("creationTimestamp", created);
  Json labels = Json::object();
  if (const std::string value = label_value(mission.key.name); !value.empty()) {
    labels.set(std::string(kMissionLabel), value);
  }
  if (const std::string value = label_value(task); !value.empty()) {
    labels.set(std::string(kTaskLabel), value);
  }
  metadata.set("labels", std::move(labels));
  Json owners = Json::array();
  owners.push(owner_reference("Mission", mission.key.name, mission.uid.view()));
  metadata.set("ownerReferences", std::move(owners));
  Json spec = Json::object();
  spec.set("mission", mission.key.name).set("task", task).set("epoch", attempt.epoch);
  spec.set("attempt", attempt.slot.get_int("attempt", 1));
  if (attempt.undo) {
    spec.set("undo", true);
  }
  copy_member(attempt.slot, "fence", spec);
  Json object = Json::object();
  object.set("apiVersion", kGroupVersion).set("kind", "Run").set("metadata", std::move(metadata));
  object.set("spec", std::move(spec)).set("status", run_status(attempt, created));
  return {
      .ns = mission.key.ns.str(),
      .name = name,
      .uid = uid,
      .revision = revision,
      .object = std::move(object)};
}

/// Whether a slot is, or was, in the hands of a host, or carried out otherwise if that is wanted.
bool is_wanted(const Json* slot, Attempts attempts) {
  return slot != nullptr && slot->is_object() && slot->get_int("fence") != 0 &&
         (attempts == Attempts::All || !slot->get_bool("inside"));
}

/// The run of a task that was skipped afterwards is in its history and in its slot.
bool is_same(const Json& past, const Json* run, Attempts attempts) {
  return is_wanted(run, attempts) && run->get_int("fence") == past.get_int("fence");
}

}  // namespace

std::vector<ApiObject> run_objects(const Source& mission, Attempts attempts) {
  std::vector<ApiObject> runs;
  const Json& status = member(mission.row, "status");
  const std::int64_t epoch = status.get_int("epoch", 1);
  for (const Json& task : elements(status, "tasks")) {
    for (const Json& past : elements(task, "history")) {
      if (is_same(past, task.find("run"), attempts)) {
        continue;
      }
      runs.push_back(run_object(
          mission,
          {.task = task,
           .slot = past,
           .epoch = past.get_int("epoch", 1),
           .undo = past.get_bool("compensation"),
           .last = false}
      ));
    }
    if (const Json* run = task.find("run"); is_wanted(run, attempts)) {
      runs.push_back(run_object(
          mission, {.task = task, .slot = *run, .epoch = epoch, .undo = false, .last = true}
      ));
    }
    if (const Json* undo = task.find("compensation"); is_wanted(undo, attempts)) {
      runs.push_back(run_object(
          mission, {.task = task, .slot = *undo, .epoch = epoch, .undo = true, .last = false}
      ));
    }
  }
  return runs;
}

}  // namespace reeve::api
