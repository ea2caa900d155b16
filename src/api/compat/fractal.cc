#include "api/compat/fractal.h"

#include <array>
#include <utility>

#include "api/compat/fractal_parts.h"
#include "base/strings.h"

namespace reeve::api::fractal {

namespace {

constexpr std::array kKinds = {
    Kind{Shape::Shard, "Shard", "Mission", "missions"},
    Kind{Shape::ShardRun, "ShardRun", "Run", "runs"},
    Kind{Shape::BudgetQuota, "BudgetQuota", "BudgetQuota", "budgetquotas"},
    Kind{Shape::BlackboardEntry, "BlackboardEntry", "BlackboardEntry", "blackboardentries"}};

constexpr Refusal kNoAgent = {
    .field = "kind",
    .message =
        "what an agent is made of differs here: write an Agent of reeve.dev/v1, deploy a Workflow "
        "of "
        "the agent's name with the params task and input, and Shards carry it out"};
constexpr Refusal kNoToolCall = {
    .field = "spec.tool",
    .message =
        "there is no kind of tool calls yet: put a gate before the task that acts, and "
        "people approve there"};
constexpr Refusal kNoGateContext = {
    .field = "spec.gate",
    .message =
        "what people see at a gate is part of the workflow: give the gate of the task a "
        "prompt and a context, and its Approval shows them"};

struct Refused {
  std::string_view group;
  std::string_view kind;
  const Refusal* why;
};

constexpr std::array kRefused = {
    Refused{kGroup, "KAgent", &kNoAgent},
    Refused{kGroup, "ToolCall", &kNoToolCall},
    Refused{"kagent.dev", "Agent", &kNoAgent},
    Refused{"houston.ai", "GateContext", &kNoGateContext}};

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

/// What our kinds have and theirs have no word for.
void carry_over(const Json* current, std::string_view section, std::string_view name, Json& to) {
  if (current != nullptr) {
    copy(member(*current, section), name, to);
  }
}

Result<Json> quota_of(const Json& object, const Json* current) {
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
  carry_over(current, "spec", "currency", spec);
  if (current != nullptr) {
    copy(member(member(*current, "spec"), "notifications"), "channel", told);
  }
  if (!told.as_object().empty()) {
    spec.set("notifications", std::move(told));
  }
  Json made = object_of("reeve.dev/v1", "BudgetQuota", member(object, "metadata"));
  made.set("spec", std::move(spec));
  copy(object, "status", made);
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

Result<Json> entry_of(const Json& object, const Json* current) {
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
  const Json* confidence = member(theirs, "content").find("confidence");
  if (confidence != nullptr && confidence->is_number()) {
    spec.set("confidence", *confidence);
  }
  for (const std::string_view name : {"mission", "expiresAfter"}) {
    carry_over(current, "spec", name, spec);
  }
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

/// Without what only says that the object is one of theirs.
Json shown_metadata(const Json& ours) {
  Json::Object shown;
  for (const auto& [name, value] : ours.as_object()) {
    if ((name != "labels" && name != "annotations") || !value.is_object()) {
      shown.emplace_back(name, value);
      continue;
    }
    Json::Object kept;
    for (const auto& [key, text] : value.as_object()) {
      if (key != kKindLabel && key != kSpecAnnotation) {
        kept.emplace_back(key, text);
      }
    }
    if (!kept.empty()) {
      shown.emplace_back(name, Json(std::move(kept)));
    }
  }
  return Json(std::move(shown));
}

/// An attempt has the name that Fractal gives it, and belongs to its Shard.
void rename_run(const Json& run, Json& metadata) {
  const Json& spec = member(run, "spec");
  const std::string shard = spec.get_string("mission");
  metadata.set("name", shard_run_name(shard, spec.get_int("epoch", 1), spec.get_int("attempt", 1)));
  if (Json* owners = metadata.find("ownerReferences"); owners != nullptr && owners->is_array()) {
    Json renamed = Json::array();
    for (Json owner : owners->as_array()) {
      owner.set("apiVersion", concat(kGroup, "/", kVersion)).set("kind", "Shard");
      renamed.push(std::move(owner));
    }
    *owners = std::move(renamed);
  }
}

}  // namespace

const Kind* find_kind(std::string_view group, std::string_view kind) {
  for (const Kind& known : kKinds) {
    if (group == kGroup && known.kind == kind) {
      return &known;
    }
  }
  return nullptr;
}

bool is_shard(const Json& mission_metadata) {
  return member(mission_metadata, "labels").get_string(kKindLabel) == "Shard";
}

const Refusal* refusal_of(std::string_view group, std::string_view kind) {
  for (const Refused& known : kRefused) {
    if (known.group == group && known.kind == kind) {
      return known.why;
    }
  }
  return nullptr;
}

Result<Json> to_ours(const Kind& kind, const Json& object, const Json* current) {
  if (!object.is_object() || object.get_string("kind") != kind.kind) {
    return invalid("kind", concat("must be ", kind.kind));
  }
  switch (kind.shape) {
    case Shape::Shard:
      return mission_of(object);
    case Shape::BudgetQuota:
      return quota_of(object, current);
    case Shape::BlackboardEntry:
      return entry_of(object, current);
    case Shape::ShardRun:
      return invalid("kind", concat(kind.kind, " is written by the system only"));
  }
  return invalid("kind", "is unknown");
}

Json from_ours(const Kind& kind, const Json& object) {
  Json metadata = shown_metadata(member(object, "metadata"));
  Json parts;
  switch (kind.shape) {
    case Shape::Shard:
      parts = shard_of(object);
      break;
    case Shape::ShardRun:
      parts = shard_run_of(object);
      rename_run(object, metadata);
      break;
    case Shape::BudgetQuota:
      parts = fractal_quota_of(object);
      break;
    case Shape::BlackboardEntry:
      parts = fractal_entry_of(object);
      break;
  }
  Json made = object_of(concat(kGroup, "/", kVersion), kind.kind, std::move(metadata));
  copy(parts, "spec", made);
  copy(parts, "status", made);
  return made;
}

void put_back(const Kind& kind, const Json& before, Json& after) {
  Json* spec = after.find("spec");
  if (kind.shape != Shape::BlackboardEntry || spec == nullptr || !spec->is_object()) {
    return;
  }
  const Json& was = member(before, "spec");
  Json::Object said;
  for (const auto& [name, value] : spec->as_object()) {
    if (name != "author" && name != "timestamp" && name != "lastUpdated") {
      said.emplace_back(name, value);
    }
  }
  *spec = Json(std::move(said));
  for (const std::string_view name : {"author", "timestamp", "lastUpdated"}) {
    copy(was, name, *spec);
  }
}

}  // namespace reeve::api::fractal
