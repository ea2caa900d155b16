#include "gateway/a2a/task.h"

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "base/strings.h"
#include "gateway/a2a/message.h"
#include "model/scoped_name.h"

namespace reeve::gateway::a2a {

namespace {

const Json::Array& items(const Json& object, std::string_view name) {
  static const Json::Array kNone;
  const Json* found = object.find(name);
  return found != nullptr && found->is_array() ? found->as_array() : kNone;
}

std::string context_of(const Json& mission) {
  const std::string given =
      mission.get_object("metadata").get_object("annotations").get_string(kContextAnnotation);
  return given.empty() ? task_id_of(mission) : given;
}

Json text_part(std::string_view text) {
  return Json::object().set("text", text);
}

/// What people should know besides the state.
std::string note_of(const Json& status) {
  const std::string state = status.get_string("state");
  if (state == "HELD") {
    const std::string why = status.get_string("waitsFor");
    return why.empty() ? std::string("it is held") : concat("it is held: ", why);
  }
  return state == "COMPLETE" ? std::string() : status.get_string("message");
}

std::string timestamp_of(const Json& mission) {
  const Json& status = mission.get_object("status");
  const std::string created = mission.get_object("metadata").get_string("creationTimestamp");
  const std::string started = status.get_string("startedAt", created);
  return status.get_string("endedAt", started);
}

Json status_of(const Json& mission) {
  const Json& status = mission.get_object("status");
  Json made = Json::object();
  made.set("state", task_state(status.get_string("state")));
  made.set("timestamp", timestamp_of(mission));
  if (const std::string note = note_of(status); !note.empty()) {
    Json parts = Json::array();
    parts.push(text_part(note));
    Json message = Json::object();
    message.set("messageId", concat(task_id_of(mission), "-status"));
    message.set("contextId", context_of(mission)).set("taskId", task_id_of(mission));
    message.set("role", "ROLE_AGENT").set("parts", std::move(parts));
    made.set("message", std::move(message));
  }
  return made;
}

/// Outputs of a task that is complete; null: there are none.
Json artifact_of(const Json& task) {
  const Json& outputs = task.get_object("outputs");
  if (task.get_string("state") != "COMPLETE" || outputs.as_object().empty()) {
    return {};
  }
  Json parts = Json::array();
  for (const auto& [name, value] : outputs.as_object()) {
    Json one = text_part(value.is_string() ? value.as_string() : value.dump());
    one.set("metadata", Json::object().set("output", name));
    parts.push(std::move(one));
  }
  Json artifact = Json::object();
  artifact.set("artifactId", task.get_string("name")).set("name", task.get_string("name"));
  artifact.set("parts", std::move(parts));
  return artifact;
}

Json event_about(const Json& mission, std::string_view what, Json value) {
  Json event = Json::object();
  event.set("taskId", task_id_of(mission)).set("contextId", context_of(mission));
  event.set(std::string(what), std::move(value));
  return event;
}

}  // namespace

std::string_view task_state(std::string_view mission_state) {
  if (mission_state == "PREP" || mission_state == "QUEUED") {
    return "TASK_STATE_SUBMITTED";
  }
  if (mission_state == "COMPLETE") {
    return "TASK_STATE_COMPLETED";
  }
  if (mission_state == "FAILED") {
    return "TASK_STATE_FAILED";
  }
  // What a mission is held for is not for its sender to give.
  return mission_state == "ABORTED" ? "TASK_STATE_CANCELED" : "TASK_STATE_WORKING";
}

bool is_over(std::string_view mission_state) {
  return mission_state == "COMPLETE" || mission_state == "FAILED" || mission_state == "ABORTED";
}

std::string task_id_of(const Json& mission) {
  const Json& metadata = mission.get_object("metadata");
  return model::scoped(Namespace(metadata.get_string("namespace")), metadata.get_string("name"));
}

TaskHead head_of(const Json& mission) {
  return {
      .id = task_id_of(mission),
      .context = context_of(mission),
      .state = task_state(mission.get_object("status").get_string("state")),
      .timestamp = timestamp_of(mission)};
}

Json task_of(const Json& mission, bool with_artifacts) {
  Json task = Json::object();
  task.set("id", task_id_of(mission)).set("contextId", context_of(mission));
  task.set("status", status_of(mission));
  if (with_artifacts) {
    Json artifacts = Json::array();
    for (const Json& one : items(mission.get_object("status"), "tasks")) {
      if (Json artifact = artifact_of(one); !artifact.is_null()) {
        artifacts.push(std::move(artifact));
      }
    }
    task.set("artifacts", std::move(artifacts));
  }
  const Json& metadata = mission.get_object("metadata");
  Json about = Json::object();
  about.set("namespace", metadata.get_string("namespace"))
      .set("mission", metadata.get_string("name"));
  about.set("workflow", mission.get_object("status").get_object("workflow").get_string("name"));
  about.set("state", mission.get_object("status").get_string("state"));
  task.set("metadata", std::move(about));
  return task;
}

std::vector<Json> Progress::next(const Json& mission) {
  std::vector<Json> events;
  const bool first = !std::exchange(begun_, true);
  if (first) {
    events.push_back(Json::object().set("task", task_of(mission)));
  }
  for (const Json& one : items(mission.get_object("status"), "tasks")) {
    const std::string name = one.get_string("name");
    if (std::find(artifacts_.begin(), artifacts_.end(), name) != artifacts_.end()) {
      continue;
    }
    Json artifact = artifact_of(one);
    if (artifact.is_null()) {
      continue;
    }
    artifacts_.push_back(name);
    if (!first) {
      Json event = event_about(mission, "artifact", std::move(artifact));
      event.set("lastChunk", true);
      events.push_back(Json::object().set("artifactUpdate", std::move(event)));
    }
  }
  Json status = status_of(mission);
  std::string text = status.dump();
  if (std::exchange(status_, std::move(text)) != status.dump() && !first) {
    events.push_back(
        Json::object().set("statusUpdate", event_about(mission, "status", std::move(status)))
    );
  }
  return events;
}

}  // namespace reeve::gateway::a2a
