#include "api/compat/fractal.h"

#include <array>
#include <utility>

#include "base/strings.h"

namespace reeve::api::fractal {

namespace {

constexpr std::array kKinds = {
    Kind{"Shard", "shards", "shard", "Mission", "missions"},
    Kind{"ShardRun", "shardruns", "shardrun", "Run", "runs", true},
    Kind{"BudgetQuota", "budgetquotas", "budgetquota", "BudgetQuota", "budgetquotas"},
    Kind{
        "BlackboardEntry",
        "blackboardentries",
        "blackboardentry",
        "BlackboardEntry",
        "blackboardentries"}};

constexpr std::int64_t kRetriesDefault = 3;
constexpr std::string_view kTimeoutDefault = "30m";
constexpr std::string_view kTask = "shard";
/// What a Shard said, as JSON: the text of a mission's workflow is not shown again.
constexpr std::string_view kSpecAnnotation = "fractal.ai/spec";

const Json& member(const Json& object, std::string_view name) {
  static const Json kNone = Json::object();
  const Json* found = object.find(name);
  return found == nullptr || found->is_null() ? kNone : *found;
}

Error invalid(std::string_view field, std::string message) {
  return make_error(ErrorCode::Invalid, std::move(message), std::string(field));
}

/// Refuses members that are not among those that are understood.
template <std::size_t Count>
Result<void> only(
    const Json& object, std::string_view path, const std::array<std::string_view, Count>& known
) {
  if (!object.is_object()) {
    return invalid(path, "must be an object");
  }
  for (const auto& [name, value] : object.as_object()) {
    bool found = false;
    for (const std::string_view each : known) {
      found = found || each == name;
    }
    if (!found) {
      return invalid(concat(path, ".", name), "has no counterpart here");
    }
  }
  return {};
}

void copy(const Json& from, std::string_view name, Json& to, std::string_view as = {}) {
  if (const Json* found = from.find(name); found != nullptr && !found->is_null()) {
    to.set(std::string(as.empty() ? name : as), *found);
  }
}

Json object_of(std::string_view api_version, std::string_view kind, Json metadata) {
  Json object = Json::object();
  object.set("apiVersion", api_version).set("kind", kind).set("metadata", std::move(metadata));
  return object;
}

// --- Shard --------------------------------------------------------------------------------------

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
  Json workflow_metadata = Json::object();
  workflow_metadata.set("name", concat("shard-of-", agent));
  Json workflow = object_of("reeve.dev/v1", "Workflow", std::move(workflow_metadata));
  workflow.set("spec", std::move(workflow_spec));
  Json mission_spec = Json::object();
  // JSON is YAML.
  mission_spec.set("source", workflow.dump()).set("params", std::move(params));
  Json metadata = member(object, "metadata");
  Json labels = member(metadata, "labels");
  labels.set(std::string(kKindLabel), "Shard");
  metadata.set("labels", std::move(labels));
  Json annotations = member(metadata, "annotations");
  annotations.set(std::string(kSpecAnnotation), spec.dump());
  metadata.set("annotations", std::move(annotations));
  Json mission = object_of("reeve.dev/v1", "Mission", std::move(metadata));
  mission.set("spec", std::move(mission_spec));
  return mission;
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

Json shard_of(const Json& mission) {
  const Json& ours = member(mission, "status");
  const Json& annotations = member(member(mission, "metadata"), "annotations");
  const Result<Json> kept = parse_json(annotations.get_string(kSpecAnnotation));
  Json spec = kept && kept->is_object() ? *kept : Json::object();
  Json status = Json::object();
  status.set("phase", phase_of(ours.get_string("state")));
  if (const Json* tasks = ours.find("tasks");
      tasks != nullptr && tasks->is_array() && !tasks->as_array().empty()) {
    status.set("attempts", tasks->as_array().front().get_int("attempts"));
  }
  copy(ours, "startedAt", status, "startTime");
  copy(ours, "endedAt", status, "completionTime");
  copy(ours, "message", status, "lastError");
  copy(ours, "observedGeneration", status);
  Json made = Json::object();
  made.set("spec", std::move(spec)).set("status", std::move(status));
  return made;
}

Json shard_run_of(const Json& run) {
  const Json& ours = member(run, "status");
  Json shard = Json::object();
  shard.set("name", member(run, "spec").get_string("mission"));
  Json spec = Json::object();
  spec.set("shardRef", std::move(shard)).set("attempt", member(run, "spec").get_int("attempt", 1));
  Json status = Json::object();
  status.set("phase", phase_of(ours.get_string("state")));
  copy(ours, "startedAt", status, "startTime");
  copy(ours, "endedAt", status, "completionTime");
  copy(ours, "outputs", status, "result");
  Json made = Json::object();
  made.set("spec", std::move(spec)).set("status", std::move(status));
  return made;
}

// --- BudgetQuota --------------------------------------------------------------------------------

/// With or without the sign of the currency in front.
void convert_costs(Json& limits, bool sign) {
  for (const std::string_view name : {"maxCostPerRun", "maxTotalCost"}) {
    Json* cost = limits.find(name);
    if (cost == nullptr || !cost->is_string()) {
      continue;
    }
    const std::string text = cost->as_string();
    const bool has = text.starts_with('$');
    *cost = sign ? (has ? text : concat("$", text)) : (has ? text.substr(1) : text);
  }
}

Json recipients_of(const Json& list, const std::string& slack) {
  Json recipients = list.is_array() ? list : Json::array();
  if (!slack.empty()) {
    recipients.push(concat("slack:", slack));
  }
  return recipients;
}

Result<Json> quota_of(const Json& object) {
  constexpr std::array kKnown = {
      std::string_view("limits"),
      std::string_view("enforcement"),
      std::string_view("notifications"),
      std::string_view("warnings"),
      std::string_view("escalation"),
      std::string_view("selector"),
      std::string_view("period")};
  const Json& theirs = member(object, "spec");
  REEVE_CHECK(only(theirs, "spec", kKnown));
  const Json& notifications = member(theirs, "notifications");
  const Json& escalation = member(theirs, "escalation");
  REEVE_CHECK(only(
      notifications,
      "spec.notifications",
      std::array{std::string_view("slack"), std::string_view("threshold")}
  ));
  REEVE_CHECK(only(
      escalation,
      "spec.escalation",
      std::array{std::string_view("notifyOnWarning"), std::string_view("notifyOnLimit")}
  ));
  Json spec = Json::object();
  for (const std::string_view name : {"enforcement", "selector", "period"}) {
    copy(theirs, name, spec);
  }
  Json limits = member(theirs, "limits");
  convert_costs(limits, false);
  spec.set("limits", std::move(limits));
  Json warnings = member(theirs, "warnings");
  if (const Json* threshold = notifications.find("threshold"); threshold != nullptr) {
    for (const std::string_view name : {"tokenThreshold", "costThreshold"}) {
      if (warnings.find(name) == nullptr) {
        warnings.set(std::string(name), *threshold);
      }
    }
  }
  if (!warnings.as_object().empty()) {
    spec.set("warnings", std::move(warnings));
  }
  Json told = Json::object();
  const Json warn =
      recipients_of(member(escalation, "notifyOnWarning"), notifications.get_string("slack"));
  const Json limit = recipients_of(member(escalation, "notifyOnLimit"), {});
  if (!warn.as_array().empty()) {
    told.set("onWarning", warn);
  }
  if (!limit.as_array().empty()) {
    told.set("onLimit", limit);
  }
  if (!told.as_object().empty()) {
    spec.set("notifications", std::move(told));
  }
  Json made = object_of("reeve.dev/v1", "BudgetQuota", member(object, "metadata"));
  made.set("spec", std::move(spec));
  return made;
}

Json fractal_quota_of(const Json& quota) {
  Json spec = member(quota, "spec");
  if (Json* limits = spec.find("limits")) {
    convert_costs(*limits, true);
  }
  const Json told = member(spec, "notifications");
  Json::Object rest;
  for (auto& [name, value] : spec.as_object()) {
    if (name != "notifications" && name != "currency") {
      rest.emplace_back(name, value);
    }
  }
  Json out(std::move(rest));
  Json escalation = Json::object();
  copy(told, "onWarning", escalation, "notifyOnWarning");
  copy(told, "onLimit", escalation, "notifyOnLimit");
  if (!escalation.as_object().empty()) {
    out.set("escalation", std::move(escalation));
  }
  Json made = Json::object();
  made.set("spec", std::move(out));
  copy(quota, "status", made);
  return made;
}

// --- BlackboardEntry ----------------------------------------------------------------------------

Result<Json> entry_of(const Json& object) {
  constexpr std::array kKnown = {
      std::string_view("type"),
      std::string_view("phase"),
      std::string_view("author"),
      std::string_view("content"),
      std::string_view("timestamp"),
      std::string_view("lastUpdated")};
  const Json& theirs = member(object, "spec");
  REEVE_CHECK(only(theirs, "spec", kKnown));
  Json spec = Json::object();
  for (const std::string_view name : {"type", "phase", "content"}) {
    copy(theirs, name, spec);
  }
  copy(member(theirs, "content"), "confidence", spec);
  Json made = object_of("reeve.dev/v1", "BlackboardEntry", member(object, "metadata"));
  made.set("spec", std::move(spec));
  return made;
}

Json fractal_entry_of(const Json& entry) {
  const Json& ours = member(entry, "spec");
  Json spec = Json::object();
  for (const std::string_view name : {"type", "phase", "author", "content"}) {
    copy(ours, name, spec);
  }
  if (ours.get_string("type") == "decision") {
    copy(member(entry, "metadata"), "creationTimestamp", spec, "timestamp");
  } else {
    copy(member(entry, "status"), "lastUpdated", spec);
  }
  Json made = Json::object();
  made.set("spec", std::move(spec));
  return made;
}

}  // namespace

const Kind* find_kind(std::string_view plural) {
  for (const Kind& kind : kKinds) {
    if (kind.plural == plural) {
      return &kind;
    }
  }
  return nullptr;
}

std::string_view instead_of(std::string_view plural) {
  if (plural == "kagents" || plural == "agents") {
    return "there is no kind Agent yet: deploy a Workflow of the agent's name with the params task "
           "and input, and Shards carry it out";
  }
  if (plural == "toolcalls") {
    return "there is no kind ToolCall yet: put a gate before the task that acts, and people "
           "approve "
           "there";
  }
  return {};
}

Result<Json> to_ours(const Kind& kind, const Json& object) {
  if (!object.is_object() || object.get_string("kind") != kind.kind) {
    return invalid("kind", concat("must be ", kind.kind));
  }
  if (kind.read_only) {
    return invalid("kind", concat(kind.kind, " is written by the system only"));
  }
  if (kind.kind == "Shard") {
    return mission_of(object);
  }
  return kind.kind == "BudgetQuota" ? quota_of(object) : entry_of(object);
}

Json from_ours(const Kind& kind, const Json& object) {
  Json metadata = member(object, "metadata");
  Json::Object kept;
  for (const auto& [name, value] : metadata.as_object()) {
    if (name != "managedFields") {
      kept.emplace_back(name, value);
    }
  }
  Json made = object_of(concat(kGroup, "/", kVersion), kind.kind, Json(std::move(kept)));
  const Json parts = kind.kind == "Shard"         ? shard_of(object)
                     : kind.kind == "ShardRun"    ? shard_run_of(object)
                     : kind.kind == "BudgetQuota" ? fractal_quota_of(object)
                                                  : fractal_entry_of(object);
  copy(parts, "spec", made);
  copy(parts, "status", made);
  return made;
}

Json list_from_ours(const Kind& kind, const Json& list) {
  Json items = Json::array();
  if (const Json* ours = list.find("items"); ours != nullptr && ours->is_array()) {
    for (const Json& item : ours->as_array()) {
      items.push(from_ours(kind, item));
    }
  }
  Json made =
      object_of(concat(kGroup, "/", kVersion), concat(kind.kind, "List"), member(list, "metadata"));
  made.set("items", std::move(items));
  return made;
}

Json resources() {
  Json list = Json::array();
  for (const Kind& kind : kKinds) {
    Json verbs = Json::array();
    verbs.push("get").push("list");
    if (!kind.read_only) {
      verbs.push("create").push("delete");
    }
    Json resource = Json::object();
    resource.set("name", kind.plural).set("singularName", kind.singular).set("namespaced", true);
    resource.set("kind", kind.kind).set("verbs", std::move(verbs));
    list.push(std::move(resource));
  }
  Json made = Json::object();
  made.set("kind", "APIResourceList").set("apiVersion", "v1");
  made.set("groupVersion", concat(kGroup, "/", kVersion)).set("resources", std::move(list));
  return made;
}

Json group() {
  Json version = Json::object();
  version.set("groupVersion", concat(kGroup, "/", kVersion)).set("version", kVersion);
  Json versions = Json::array();
  versions.push(version);
  Json made = Json::object();
  made.set("kind", "APIGroup").set("apiVersion", "v1").set("name", kGroup);
  made.set("versions", std::move(versions)).set("preferredVersion", std::move(version));
  return made;
}

}  // namespace reeve::api::fractal
