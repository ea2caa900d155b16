#include <string>

#include "api/objects/metadata.h"
#include "api/objects/objects.h"
#include "base/strings.h"
#include "base/time.h"

namespace reeve::api {

namespace {

/// How a Pod calls the state of a run.
std::string_view pod_phase(std::string_view state) {
  if (state == "COMPLETE") {
    return "Succeeded";
  }
  if (state == "FAILED" || state == "ABORTED") {
    return "Failed";
  }
  if (state == "ACTIVE") {
    return "Running";
  }
  return state == "LOST" ? "Unknown" : "Pending";
}

Json container_state(const Json& status) {
  const std::string state = status.get_string("state");
  const std::string_view phase = pod_phase(state);
  Json detail = Json::object();
  Json made = Json::object();
  if (phase == "Pending") {
    detail.set("reason", camel_case(state));
    made.set("waiting", std::move(detail));
  } else if (phase == "Running") {
    copy_member(status, "startedAt", detail);
    made.set("running", std::move(detail));
  } else {
    const bool good = phase == "Succeeded";
    detail.set("exitCode", status.get_int("exitCode", good ? 0 : 1));
    detail.set("reason", good ? "Completed" : "Error");
    detail.set("message", status.get_string("message"));
    detail.set("startedAt", status.get_string("startedAt"));
    detail.set("finishedAt", status.get_string("endedAt"));
    made.set("terminated", std::move(detail));
  }
  return made;
}

constexpr std::string_view kDenied = "access.denied";

/// A short CamelCase reason: `mission.transitioned` as `MissionTransitioned`.
std::string reason_of(const journal::Event& event, const Json& data) {
  if (event.type == "mission.transitioned") {
    return camel_case(data.get_string("to", "Transitioned"));
  }
  return camel_case(event.type);
}

/// Who was refused what, how often.
std::string denials_text(const Json& data) {
  std::string text;
  if (const Json* denials = data.find("denials"); denials != nullptr && denials->is_array()) {
    for (const Json& each : denials->as_array()) {
      const std::string ns = each.get_string("namespace");
      text += concat(
          text.empty() ? "" : "; ",
          each.get_string("user"),
          " may not ",
          each.get_string("verb"),
          " ",
          each.get_string("resource"),
          ns.empty() ? "" : " in namespace ",
          ns,
          " (",
          each.get_int("count"),
          ")"
      );
    }
  }
  if (const std::int64_t others = data.get_int("others"); others > 0) {
    text += concat(text.empty() ? "" : "; ", "others (", others, ")");
  }
  return text;
}

std::int64_t denials_count(const Json& data) {
  std::int64_t count = data.get_int("others");
  if (const Json* denials = data.find("denials"); denials != nullptr && denials->is_array()) {
    for (const Json& each : denials->as_array()) {
      count += each.get_int("count");
    }
  }
  return count;
}

std::string message_of(const journal::Event& event, const Json& data) {
  if (event.type == kDenied) {
    return denials_text(data);
  }
  if (event.type == "mission.transitioned") {
    return concat(
        data.get_string("from"), " to ", data.get_string("to"), " (", data.get_string("reason"), ")"
    );
  }
  const std::string message = data.get_string("message");
  const std::string task = data.get_string("task");
  if (task.empty()) {
    return message.empty() ? concat(event.type, " by ", event.actor.view()) : message;
  }
  return message.empty() ? concat("task ", task) : concat("task ", task, ": ", message);
}

}  // namespace

Json pod_of_run(const ApiObject& run) {
  const Json& status = member(run.object, "status");
  const std::string state = status.get_string("state");
  const std::string_view phase = pod_phase(state);
  Json pod = Json::object();
  pod.set("apiVersion", "v1").set("kind", "Pod");
  pod.set("metadata", member(run.object, "metadata"));
  Json container = Json::object();
  container.set("name", "main").set("image", "reeve.dev/run");
  Json containers = Json::array();
  containers.push(std::move(container));
  Json spec = Json::object();
  spec.set("containers", std::move(containers)).set("restartPolicy", "Never");
  spec.set("nodeName", "local");
  pod.set("spec", std::move(spec));
  Json container_status = Json::object();
  container_status.set("name", "main").set("image", "reeve.dev/run").set("imageID", "");
  container_status.set("ready", phase == "Running").set("restartCount", 0);
  container_status.set("state", container_state(status));
  Json statuses = Json::array();
  statuses.push(std::move(container_status));
  Json pod_status = Json::object();
  pod_status.set("phase", phase);
  if (status.find("startedAt") != nullptr) {
    pod_status.set("startTime", status.get_string("startedAt"));
  }
  pod_status.set("containerStatuses", std::move(statuses));
  pod.set("status", std::move(pod_status));
  return pod;
}

Json core_event(const journal::Event& event) {
  const Result<Json> parsed = parse_json(event.data);
  const Json data = parsed ? *parsed : Json::object();
  const std::string at = whole_seconds(format_timestamp(event.at));
  const std::string revision = std::to_string(event.revision.value());
  Json metadata = Json::object();
  metadata.set("name", concat(event.object.name, ".", revision));
  metadata.set("namespace", event.object.ns.str()).set("resourceVersion", revision);
  metadata.set("uid", part_uid(event.uid, concat("event/", revision)).str());
  metadata.set("creationTimestamp", at);
  Json involved = Json::object();
  involved.set("apiVersion", kGroupVersion).set("kind", api_kind(event.object.kind));
  involved.set("namespace", event.object.ns.str()).set("name", event.object.name);
  involved.set("uid", event.uid.str()).set("resourceVersion", revision);
  const std::string reason = reason_of(event, data);
  const std::string state = data.get_string("state");
  const bool warning = reason == "Failed" || reason == "Aborted" || state == "FAILED" ||
                       state == "LOST" || event.type.ends_with(".failed") || event.type == kDenied;
  Json source = Json::object();
  source.set("component", "reeve");
  Json made = Json::object();
  made.set("apiVersion", "v1").set("kind", "Event").set("metadata", std::move(metadata));
  made.set("involvedObject", std::move(involved)).set("reason", reason);
  made.set("message", message_of(event, data)).set("type", warning ? "Warning" : "Normal");
  const bool counted = event.type == kDenied;
  made.set("firstTimestamp", counted ? whole_seconds(data.get_string("from")) : at);
  made.set("lastTimestamp", at).set("count", counted ? denials_count(data) : 1);
  made.set("source", std::move(source)).set("reportingComponent", "reeve.dev/engine");
  made.set("reportingInstance", event.actor.str()).set("action", event.type);
  return made;
}

}  // namespace reeve::api
