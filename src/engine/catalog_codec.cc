#include <array>
#include <limits>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"
#include "engine/catalog.h"

/// Events and rows of deployed workflows as JSON, and back. Members that say nothing are left out.
namespace reeve::engine {

namespace {

constexpr std::int64_t kCountMax = std::numeric_limits<std::int64_t>::max();

constexpr std::array kTriggerKinds = {
    TriggerKind::Cron,
    TriggerKind::Webhook,
    TriggerKind::Object,
    TriggerKind::Channel,
    TriggerKind::Inbox};

constexpr std::array<std::string_view, std::variant_size_v<CatalogEvent>> kTypes = {
    "workflow.applied",
    "workflow.disabled",
    "workflow.enabled",
    "trigger.armed",
    "trigger.fired",
    "trigger.skipped",
    "trigger.missed",
    "workflow.deleted"};

Error corrupt(Error error) {
  error.code = ErrorCode::Corrupt;
  return error;
}

void set_text(Json& json, const char* name, const std::string& text) {
  if (!text.empty()) {
    json.set(name, text);
  }
}

void set_time(Json& json, const char* name, const std::optional<Timestamp>& at) {
  if (at) {
    json.set(name, format_timestamp(*at));
  }
}

void set_count(Json& json, const char* name, std::uint64_t count) {
  if (count > 0) {
    json.set(name, count);
  }
}

void set_window(Json& json, const std::optional<trigger::RateWindow>& window) {
  if (window) {
    json.set("window", trigger::to_json(*window));
  }
}

std::uint64_t count_of(Fields& fields, std::string_view name) {
  return static_cast<std::uint64_t>(fields.number(name, 0, kCountMax));
}

Result<std::optional<trigger::RateWindow>> window_of(Fields& fields) {
  const Json* json = fields.object("window");
  if (json == nullptr) {
    return std::optional<trigger::RateWindow>();
  }
  REEVE_TRY(trigger::RateWindow window, trigger::rate_window_from_json(*json));
  return std::optional(window);
}

struct Encoder {
  Json operator()(const WorkflowApplied& e) const {
    Json json = Json::object();
    json.set("digest", e.version.digest.str());
    set_text(json, "version", e.version.version);
    Json triggers = Json::object();
    for (const auto& [name, kind] : e.triggers) {
      triggers.set(name, to_string(kind));
    }
    json.set("triggers", std::move(triggers));
    return json;
  }

  Json operator()(const WorkflowDisabled& /*e*/) const { return Json::object(); }

  Json operator()(const WorkflowEnabled& /*e*/) const { return Json::object(); }

  Json operator()(const WorkflowDeleted& /*e*/) const { return Json::object(); }

  Json operator()(const TriggerArmed& e) const {
    Json json = Json::object();
    json.set("trigger", e.trigger).set("due", format_timestamp(e.due));
    return json;
  }

  Json operator()(const TriggerFired& e) const {
    Json json = Json::object();
    json.set("trigger", e.trigger).set("mission", e.mission);
    set_time(json, "tick", e.tick);
    set_window(json, e.window);
    return json;
  }

  Json operator()(const TriggerSkipped& e) const {
    Json json = Json::object();
    json.set("trigger", e.trigger).set("reason", e.reason);
    set_text(json, "message", e.message);
    set_time(json, "tick", e.tick);
    set_window(json, e.window);
    return json;
  }

  Json operator()(const TriggerMissed& e) const {
    Json json = Json::object();
    json.set("trigger", e.trigger).set("from", format_timestamp(e.from));
    json.set("count", static_cast<std::int64_t>(e.count));
    return json;
  }
};

Result<CatalogEvent> applied(Fields& fields) {
  WorkflowApplied e;
  e.version = {.version = fields.text("version"), .digest = Digest(fields.required_text("digest"))};
  for (const auto& [name, kind] : fields.texts("triggers")) {
    REEVE_TRY(const TriggerKind parsed, parse_trigger_kind(kind));
    e.triggers.emplace_back(name, parsed);
  }
  return CatalogEvent(std::move(e));
}

Result<CatalogEvent> fired(Fields& fields) {
  TriggerFired e;
  e.trigger = fields.required_text("trigger");
  e.mission = fields.required_text("mission");
  e.tick = fields.time("tick");
  REEVE_TRY(e.window, window_of(fields));
  return CatalogEvent(std::move(e));
}

Result<CatalogEvent> skipped(Fields& fields) {
  TriggerSkipped e;
  e.trigger = fields.required_text("trigger");
  e.reason = fields.required_text("reason");
  e.message = fields.text("message");
  e.tick = fields.time("tick");
  REEVE_TRY(e.window, window_of(fields));
  return CatalogEvent(std::move(e));
}

Result<CatalogEvent> decode(std::string_view type, Fields& fields) {
  if (type == "workflow.applied") {
    return applied(fields);
  }
  if (type == "workflow.disabled") {
    return CatalogEvent(WorkflowDisabled{});
  }
  if (type == "workflow.enabled") {
    return CatalogEvent(WorkflowEnabled{});
  }
  if (type == "workflow.deleted") {
    return CatalogEvent(WorkflowDeleted{});
  }
  if (type == "trigger.armed") {
    std::string trigger = fields.required_text("trigger");
    return CatalogEvent(TriggerArmed{
        .trigger = std::move(trigger), .due = fields.required_time("due")});
  }
  if (type == "trigger.fired") {
    return fired(fields);
  }
  if (type == "trigger.skipped") {
    return skipped(fields);
  }
  if (type == "trigger.missed") {
    TriggerMissed e;
    e.trigger = fields.required_text("trigger");
    e.from = fields.required_time("from");
    e.count = static_cast<std::uint32_t>(fields.number("count", 1, kMissedTicksMax));
    return CatalogEvent(std::move(e));
  }
  return make_error(ErrorCode::Corrupt, concat("unknown type of event \"", type, "\""));
}

Json to_json(const TriggerStatus& status) {
  Json json = Json::object();
  json.set("name", status.name).set("kind", to_string(status.kind));
  set_time(json, "due", status.due);
  set_time(json, "lastTick", status.last_tick);
  set_time(json, "firedAt", status.fired_at);
  set_text(json, "mission", status.mission);
  set_count(json, "fired", status.fired);
  set_count(json, "skipped", status.skipped);
  set_text(json, "reason", status.reason);
  set_count(json, "missed", status.missed);
  if (!(status.window == trigger::RateWindow())) {
    json.set("window", trigger::to_json(status.window));
  }
  return json;
}

Result<TriggerStatus> status_from_json(const Json& json) {
  Fields fields(json, "trigger");
  TriggerStatus status;
  status.name = fields.required_text("name");
  REEVE_TRY(status.kind, parse_trigger_kind(fields.required_text("kind")));
  status.due = fields.time("due");
  status.last_tick = fields.time("lastTick");
  status.fired_at = fields.time("firedAt");
  status.mission = fields.text("mission");
  status.fired = count_of(fields, "fired");
  status.skipped = count_of(fields, "skipped");
  status.reason = fields.text("reason");
  status.missed = count_of(fields, "missed");
  REEVE_TRY(const std::optional<trigger::RateWindow> window, window_of(fields));
  status.window = window.value_or(trigger::RateWindow());
  REEVE_CHECK(fields.finish());
  return status;
}

Result<void> read_metadata(const Json& json, Deployed& deployed) {
  Fields fields(json, "metadata");
  deployed.name = fields.required_text("name");
  deployed.ns = Namespace(fields.required_text("namespace"));
  deployed.uid = Uid(fields.text("uid"));
  deployed.generation = count_of(fields, "generation");
  deployed.created_at = fields.required_time("creationTimestamp");
  return fields.finish();
}

Result<void> read_spec(const Json& json, Deployed& deployed) {
  Fields fields(json, "spec");
  deployed.enabled = fields.flag("enabled");
  deployed.owner = Principal(fields.text("owner"));
  // Of the last version, for readers.
  fields.skip("digest");
  fields.skip("version");
  return fields.finish();
}

Result<void> read_status(const Json& json, Deployed& deployed) {
  Fields fields(json, "status");
  deployed.applied_at = fields.required_time("appliedAt");
  deployed.revision = Revision(count_of(fields, "revision"));
  if (const Json* versions = fields.array("versions")) {
    for (const Json& item : versions->as_array()) {
      Fields version(item, "version");
      WorkflowVersion known{
          .version = version.text("version"), .digest = Digest(version.required_text("digest"))};
      REEVE_CHECK(version.finish());
      deployed.versions.push_back(std::move(known));
    }
  }
  if (const Json* triggers = fields.array("triggers")) {
    for (const Json& item : triggers->as_array()) {
      REEVE_TRY(TriggerStatus status, status_from_json(item));
      deployed.triggers.push_back(std::move(status));
    }
  }
  return fields.finish();
}

Result<Deployed> read_row(const Json& row) {
  Fields fields(row, "workflow");
  fields.skip("apiVersion");
  fields.skip("kind");
  const Json none = Json::object();
  const auto part = [&](std::string_view name) {
    const Json* json = fields.object(name);
    return json == nullptr ? &none : json;
  };
  Deployed deployed;
  REEVE_CHECK(read_metadata(*part("metadata"), deployed));
  REEVE_CHECK(read_spec(*part("spec"), deployed));
  REEVE_CHECK(read_status(*part("status"), deployed));
  REEVE_CHECK(fields.finish());
  if (const std::string problem = breach(deployed); !problem.empty()) {
    return make_error(ErrorCode::Corrupt, problem, deployed.name);
  }
  return deployed;
}

}  // namespace

std::string_view to_string(TriggerKind kind) {
  switch (kind) {
    case TriggerKind::Cron:
      return "cron";
    case TriggerKind::Webhook:
      return "webhook";
    case TriggerKind::Object:
      return "object";
    case TriggerKind::Channel:
      return "channel";
    case TriggerKind::Inbox:
      return "inbox";
  }
  return "unknown";
}

Result<TriggerKind> parse_trigger_kind(std::string_view text) {
  for (const TriggerKind kind : kTriggerKinds) {
    if (to_string(kind) == text) {
      return kind;
    }
  }
  return make_error(ErrorCode::Invalid, concat("there is no kind of trigger \"", text, "\""));
}

TriggerKind kind_of(const workflow::TriggerSource& source) {
  return kTriggerKinds.at(source.index());
}

std::string_view type_of(const CatalogEvent& event) {
  return kTypes.at(event.index());
}

Json to_json(const CatalogEvent& event) {
  return std::visit(Encoder{}, event);
}

Result<CatalogEvent> decode_catalog_event(std::string_view type, std::string_view data) {
  REEVE_TRY(const Json json, parse_json(data));
  Fields fields(json, type);
  Result<CatalogEvent> event = decode(type, fields);
  if (!event) {
    return corrupt(std::move(event).error());
  }
  if (Result<void> complete = fields.finish(); !complete) {
    return corrupt(std::move(complete).error());
  }
  return event;
}

void encode_deployed(const Deployed& deployed, std::string& out) {
  Json metadata = Json::object();
  metadata.set("name", deployed.name).set("namespace", deployed.ns.str());
  set_text(metadata, "uid", deployed.uid.str());
  metadata.set("generation", deployed.generation);
  metadata.set("creationTimestamp", format_timestamp(deployed.created_at));
  Json spec = Json::object();
  spec.set("enabled", deployed.enabled).set("digest", deployed.digest().str());
  set_text(spec, "version", deployed.versions.back().version);
  set_text(spec, "owner", deployed.owner.str());
  Json versions = Json::array();
  for (const WorkflowVersion& known : deployed.versions) {
    Json version = Json::object();
    version.set("digest", known.digest.str());
    set_text(version, "version", known.version);
    versions.push(std::move(version));
  }
  Json triggers = Json::array();
  for (const TriggerStatus& status : deployed.triggers) {
    triggers.push(to_json(status));
  }
  Json status = Json::object();
  status.set("appliedAt", format_timestamp(deployed.applied_at));
  status.set("revision", deployed.revision.value());
  status.set("versions", std::move(versions)).set("triggers", std::move(triggers));
  Json row = Json::object();
  row.set("apiVersion", "reeve.dev/v1").set("kind", "Workflow");
  row.set("metadata", std::move(metadata)).set("spec", std::move(spec));
  row.set("status", std::move(status));
  out += row.dump();
}

Result<Deployed> decode_deployed(const Json& row) {
  Result<Deployed> deployed = read_row(row);
  return deployed ? std::move(deployed) : Result<Deployed>(corrupt(std::move(deployed).error()));
}

}  // namespace reeve::engine
