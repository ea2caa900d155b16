#include "api/compat/formicary_events.h"

#include "api/compat/formicary.h"
#include "base/strings.h"

namespace reeve::api::formicary {

namespace {

constexpr std::string_view kJob = "JobExecutionLifecycleEvent";
constexpr std::string_view kTask = "TaskExecutionLifecycleEvent";

const Json& member(const Json& object, std::string_view name) {
  static const Json kNone = Json::object();
  const Json* found = object.find(name);
  return found == nullptr ? kNone : *found;
}

/// The state that a mission had then: its holds are known as they are now.
std::string job_state_at(const std::string& state, const Json& mission) {
  Json status = Json::object();
  status.set("state", state);
  if (const Json* holds = member(mission, "status").find("holds")) {
    status.set("holds", *holds);
  }
  Json then = Json::object();
  then.set("status", std::move(status)).set("spec", member(mission, "spec"));
  return job_state(then);
}

std::string task_state_of(const MissionEvent& event) {
  if (event.type == "run.active") {
    return "EXECUTING";
  }
  const std::string state = event.data.get_string("state");
  return state == "COMPLETE" ? "COMPLETED" : state == "ABORTED" ? "CANCELLED" : state;
}

}  // namespace

Result<Subscription> subscription_of(std::string_view message) {
  const Result<Json> asked = parse_json(message);
  if (!asked || !asked->is_object()) {
    return make_error(ErrorCode::Invalid, "a subscription is a JSON object with event_type");
  }
  Subscription made{
      .event_type = asked->get_string("event_type"), .job_request_id = asked->get_string("scope")};
  if (made.event_type == "LogEvent") {
    return make_error(
        ErrorCode::Unsupported,
        "logs are not told here; instead: "
        "/apis/reeve.dev/v1/namespaces/NS/missions/ID/log?follow=true",
        "event_type"
    );
  }
  if (made.event_type != kJob && made.event_type != kTask) {
    return make_error(ErrorCode::Invalid, concat("must be ", kJob, " or ", kTask), "event_type");
  }
  return made;
}

std::optional<Json> lifecycle_event(
    std::string_view event_type, const MissionEvent& event, const Json& mission
) {
  const bool of_job = event_type == kJob && event.type == "mission.transitioned";
  const bool of_task =
      event_type == kTask && (event.type == "run.active" || event.type == "run.ended");
  if (!of_job && !of_task) {
    return {};
  }
  const Json& status = member(mission, "status");
  Json made = Json::object();
  made.set("id", event.id).set("source", "reeve").set("event_type", event_type);
  made.set("created_at", event.at).set("user_id", status.get_string("owner"));
  made.set("job_request_id", event.name);
  made.set("job_type", member(status, "workflow").get_string("name"));
  made.set("job_execution_id", concat(event.name, ".", status.get_int("epoch", 1)));
  if (of_job) {
    made.set("job_state", job_state_at(event.data.get_string("to"), mission));
    made.set("job_priority", member(mission, "spec").get_int("priority"));
  } else {
    made.set("task_type", event.data.get_string("task")).set("task_state", task_state_of(event));
    made.set("exit_code", event.data.get_string("exitCode"));
    made.set("error_code", event.data.get_string("errorCode"));
  }
  made.set("contexts", Json::object());
  return made;
}

}  // namespace reeve::api::formicary
