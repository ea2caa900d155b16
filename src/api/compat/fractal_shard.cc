#include <array>
#include <utility>

#include "api/compat/fractal_parts.h"

/// Shards and their runs: missions of one task, and attempts at it.
namespace reeve::api::fractal {

namespace {

constexpr std::int64_t kRetriesDefault = 3;
constexpr std::string_view kTimeoutDefault = "30m";
constexpr std::string_view kTask = "shard";

/// With what makes a mission a Shard, and what it says, which nothing else keeps in this shape.
Json shard_metadata(const Json& object) {
  Json metadata = member(object, "metadata");
  Json labels = member(metadata, "labels");
  labels.set(std::string(kKindLabel), "Shard");
  metadata.set("labels", std::move(labels));
  Json annotations = member(metadata, "annotations");
  annotations.set(std::string(kSpecAnnotation), member(object, "spec").dump());
  metadata.set("annotations", std::move(annotations));
  return metadata;
}

/// The workflow of the one task that calls the agent.
Json shard_workflow(const Json& spec, const std::string& agent) {
  Json declared = Json::object();
  Json passed = Json::object();
  for (const std::string_view name : {"task", "input"}) {
    Json required = Json::object();
    required.set("required", true);
    declared.set(std::string(name), std::move(required));
    passed.set(std::string(name), concat("{{ .", name, " }}"));
  }
  Json child = Json::object();
  child.set("workflow", agent).set("params", std::move(passed));
  Json retry = Json::object();
  retry.set("max", spec.get_int("maxRetries", kRetriesDefault));
  Json task = Json::object();
  task.set("name", kTask).set("mission", std::move(child)).set("retry", std::move(retry));
  task.set("timeout", spec.get_string("timeout", kTimeoutDefault));
  Json tasks = Json::array();
  tasks.push(std::move(task));
  Json workflow_spec = Json::object();
  workflow_spec.set("params", std::move(declared)).set("tasks", std::move(tasks));
  Json metadata = Json::object();
  metadata.set("name", concat("shard-of-", agent));
  Json workflow = object_of("reeve.dev/v1", "Workflow", std::move(metadata));
  workflow.set("spec", std::move(workflow_spec));
  return workflow;
}

std::string phase_of(const std::string& state) {
  constexpr std::array kPhases = {
      std::pair(std::string_view("HELD"), std::string_view("Paused")),
      std::pair(std::string_view("ACTIVE"), std::string_view("Running")),
      std::pair(std::string_view("COMPENSATING"), std::string_view("Running")),
      std::pair(std::string_view("COMPLETE"), std::string_view("Succeeded")),
      std::pair(std::string_view("FAILED"), std::string_view("Failed")),
      std::pair(std::string_view("LOST"), std::string_view("Failed")),
      std::pair(std::string_view("ABORTED"), std::string_view("Terminated"))};
  for (const auto& [ours, theirs] : kPhases) {
    if (state == ours) {
      return std::string(theirs);
    }
  }
  return "Pending";
}

bool is_final(std::string_view state) {
  return state == "COMPLETE" || state == "FAILED" || state == "ABORTED";
}

}  // namespace

Result<Json> mission_of(const Json& object) {
  constexpr std::array kKnown = {
      std::string_view("task"),
      std::string_view("agentRef"),
      std::string_view("input"),
      std::string_view("maxRetries"),
      std::string_view("timeout")};
  const Json& spec = member(object, "spec");
  REEVE_CHECK(only(spec, "spec", kKnown));
  const std::string agent = member(spec, "agentRef").get_string("name");
  if (agent.empty()) {
    return invalid(
        "spec.agentRef.name", "is needed: a deployed Workflow of that name is carried out"
    );
  }
  if (spec.get_string("task").empty()) {
    return invalid("spec.task", "is needed");
  }
  Json params = Json::object();
  params.set("task", spec.get_string("task"));
  params.set("input", member(spec, "input").dump());
  Json mission_spec = Json::object();
  // JSON is YAML.
  mission_spec.set("source", shard_workflow(spec, agent).dump()).set("params", std::move(params));
  Json mission = object_of("reeve.dev/v1", "Mission", shard_metadata(object));
  mission.set("spec", std::move(mission_spec));
  return mission;
}

std::string shard_run_name(std::string_view shard, std::int64_t epoch, std::int64_t attempt) {
  return epoch <= 1 ? concat(shard, "-", attempt) : concat(shard, "-", epoch, "-", attempt);
}

Json shard_of(const Json& mission) {
  const Json& ours = member(mission, "status");
  const Json& metadata = member(mission, "metadata");
  const Json& annotations = member(metadata, "annotations");
  const Result<Json> kept = parse_json(annotations.get_string(kSpecAnnotation));
  Json spec = kept && kept->is_object() ? *kept : Json::object();
  const std::string state = ours.get_string("state");
  Json status = Json::object();
  status.set("phase", phase_of(state));
  const Json* tasks = ours.find("tasks");
  if (tasks != nullptr && tasks->is_array() && !tasks->as_array().empty()) {
    const Json& run = member(tasks->as_array().front(), "run");
    const std::int64_t attempt = run.get_int("attempt");
    status.set("attempts", attempt);
    if (attempt > 0 && !is_final(state)) {
      status.set(
          "activeRun",
          shard_run_name(metadata.get_string("name"), ours.get_int("epoch", 1), attempt)
      );
    }
  }
  copy(ours, "startedAt", status, "startTime");
  copy(ours, "endedAt", status, "completionTime");
  copy(ours, "message", status, "lastError");
  copy(ours, "observedGeneration", status);
  Json conditions = Json::array();
  if (const Json* all = ours.find("conditions"); all != nullptr && all->is_array()) {
    for (const Json& condition : all->as_array()) {
      conditions.push(condition);
    }
  }
  status.set("conditions", std::move(conditions));
  Json made = Json::object();
  made.set("spec", std::move(spec)).set("status", std::move(status));
  return made;
}

Json shard_run_of(const Json& run) {
  const Json& ours = member(run, "status");
  const Json& our_spec = member(run, "spec");
  Json shard = Json::object();
  shard.set("name", our_spec.get_string("mission"));
  Json spec = Json::object();
  spec.set("shardRef", std::move(shard)).set("attempt", our_spec.get_int("attempt", 1));
  Json status = Json::object();
  status.set("phase", phase_of(ours.get_string("state")));
  copy(ours, "startedAt", status, "startTime");
  copy(ours, "endedAt", status, "completionTime");
  copy(ours, "message", status, "lastError");
  copy(ours, "errorCode", status);
  copy(ours, "outputs", status, "result");
  Json made = Json::object();
  made.set("spec", std::move(spec)).set("status", std::move(status));
  return made;
}

}  // namespace reeve::api::fractal
