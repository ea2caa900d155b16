#include "engine/mission_codec.h"

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "engine/gate_codec.h"
#include "engine/row_json.h"
#include "model/scoped_name.h"

namespace reeve::engine {

namespace {

/// A thousand years: what a row may say that a mission waited.
constexpr std::uint64_t kMillisMax = std::uint64_t{1000} * 366 * 24 * 3600 * 1000;

using model::Mission;
using model::NamedValue;
using model::RunSlot;
using model::TaskStatus;

/// A number if it is one.
void write_exit_code(JsonWriter& json, const std::string& code) {
  if (const std::optional<std::int64_t> number = decimal(code)) {
    json.member("exitCode", *number);
  } else {
    write_text(json, "exitCode", code);
  }
}

void write_slot_members(JsonWriter& json, const RunSlot& slot, RowForm form) {
  json.member("state", to_string(slot.state));
  json.member("attempt", static_cast<std::uint64_t>(slot.attempt));
  write_count(json, "failures", slot.failures);
  write_count(json, "lost", slot.lost);
  write_count(json, "fence", slot.fence.value());
  write_flag(json, "cancelling", slot.cancelling);
  write_flag(json, "closing", slot.closing);
  write_flag(json, "inside", slot.inside);
  write_flag(json, "timedOut", slot.timed_out);
  write_flag(json, "overQuota", slot.over_quota);
  write_count(json, "frozenMillis", static_cast<std::uint64_t>(slot.frozen.count()));
  write_time(json, "notBefore", slot.not_before);
  if (slot.pending_since != Timestamp()) {
    write_time(json, "pendingSince", slot.pending_since);
  }
  if (form == RowForm::Whole) {
    write_count(json, "revision", slot.changed.value());
  }
}

bool is_blank(const RunSlot& slot) {
  return slot.attempt == 0 && slot.failures == 0 && slot.lost == 0;
}

void write_run(JsonWriter& json, const RunSlot& slot, RowForm form) {
  if (!is_blank(slot)) {
    json.key("run");
    json.begin_object();
    write_slot_members(json, slot, form);
    json.end_object();
  }
}

void write_undo(JsonWriter& json, const model::UndoRun& run, RowForm form) {
  if (is_blank(run)) {
    return;
  }
  json.key("compensation");
  json.begin_object();
  write_slot_members(json, run, form);
  if (form == RowForm::Whole) {
    write_time(json, "startedAt", run.started_at);
    write_time(json, "endedAt", run.ended_at);
    write_exit_code(json, run.exit_code);
    write_text(json, "errorCode", run.error_code);
  }
  json.end_object();
}

void write_past(JsonWriter& json, const std::vector<model::PastRun>& past) {
  json.key("history");
  json.begin_array();
  for (const model::PastRun& run : past) {
    json.begin_object();
    json.member("epoch", static_cast<std::uint64_t>(run.epoch));
    json.member("attempt", static_cast<std::uint64_t>(run.attempt));
    write_flag(json, "compensation", run.undo);
    json.member("state", to_string(run.state));
    write_count(json, "fence", run.fence.value());
    write_time(json, "startedAt", run.started_at);
    write_time(json, "endedAt", run.ended_at);
    write_exit_code(json, run.exit_code);
    write_text(json, "errorCode", run.error_code);
    write_count(json, "revision", run.changed.value());
    json.end_object();
  }
  json.end_array();
}

void write_artifacts(
    JsonWriter& json, std::string_view name, const std::vector<model::ArtifactRef>& artifacts
) {
  json.key(name);
  json.begin_array();
  for (const model::ArtifactRef& artifact : artifacts) {
    json.value(model::to_json(artifact));
  }
  json.end_array();
}

void write_child(JsonWriter& json, const model::ChildMission& child) {
  json.begin_object();
  write_text(json, "mission", model::plain(child.name));
  write_flag(json, "existing", !child.own);
  if (child.ended) {
    json.member("state", to_string(*child.ended));
  }
  write_text(json, "errorCode", child.error_code);
  write_text(json, "message", child.message);
  if (!child.outputs.empty()) {
    write_values(json, "outputs", child.outputs);
  }
  if (!child.artifacts.empty()) {
    write_artifacts(json, "artifacts", child.artifacts);
  }
  json.end_object();
}

void write_children(JsonWriter& json, const model::Children& children) {
  json.key("children");
  json.begin_object();
  write_flag(json, "fansOut", children.fans_out);
  json.key("items");
  json.begin_array();
  for (const std::string& item : children.items) {
    json.value(std::string_view(item));
  }
  json.end_array();
  json.key("missions");
  json.begin_array();
  for (const model::ChildMission& child : children.missions) {
    write_child(json, child);
  }
  json.end_array();
  json.end_object();
}

void write_task(
    JsonWriter& json,
    const Mission& m,
    const TaskStatus& task,
    const workflow::Task& def,
    RowForm form
) {
  json.begin_object();
  json.member("name", def.name.view());
  json.member("state", to_string(task.state));
  json.member("attempts", static_cast<std::uint64_t>(task.attempts));
  write_exit_code(json, task.exit_code);
  write_text(json, "errorCode", task.error_code);
  write_text(json, "message", task.message);
  write_time(json, "startedAt", task.started_at);
  write_time(json, "endedAt", task.ended_at);
  write_values(json, "outputs", task.outputs);
  write_artifacts(json, "artifacts", task.artifacts);
  write_run(json, task.run, form);
  if (task.undo) {
    write_undo(json, *task.undo, form);
  }
  if (task.past && form == RowForm::Whole) {
    write_past(json, *task.past);
  }
  if (task.children) {
    write_children(json, *task.children);
  }
  if (!task.submitted.empty()) {
    json.key("submitted");
    json.begin_array();
    for (const MissionName& mission : task.submitted) {
      json.value(model::plain(mission));
    }
    json.end_array();
  }
  write_flag(json, "reached", task.reached);
  write_flag(json, "kept", task.kept);
  write_flag(json, "undoable", task.undoable);
  write_count(json, "polls", task.polls);
  write_time(json, "pollingSince", task.polling_since);
  write_flag(json, "parked", task.parked);
  write_count(json, "endedRevision", task.ended.value());
  if (task.gate) {
    write_gate(json, m.owner, *task.gate, def, form);
  }
  json.end_object();
}

void write_hold(JsonWriter& json, const model::Hold& hold) {
  json.begin_object();
  json.member("kind", to_string(hold.kind));
  write_text(json, "subject", hold.subject);
  write_time(json, "since", hold.since);
  if (hold.deadline) {
    write_time(json, "deadline", hold.deadline);
    json.member("onDeadline", to_string(hold.on_deadline));
  }
  write_text(json, "message", hold.message);
  json.end_object();
}

void write_spec(JsonWriter& json, const Mission& m, const workflow::Workflow& workflow) {
  json.key("spec");
  json.begin_object();
  json.key("workflow");
  json.begin_object();
  json.member("name", std::string_view(m.workflow_name));
  json.member("digest", m.workflow.view());
  json.end_object();
  write_values(json, "params", m.params);
  if (m.continues) {
    json.member("continues", model::plain(*m.continues));
  }
  write_text(json, "reopened", m.reopened);
  write_flag(json, "local", m.local);
  write_text(json, "userKey", m.user_key);
  if (m.priority != 0) {
    json.member("priority", static_cast<std::int64_t>(m.priority));
  }
  write_time(json, "notBefore", m.not_before);
  write_text(json, "trigger", m.trigger);
  if (m.parent) {
    json.key("parent");
    json.begin_object();
    json.member("mission", model::plain(m.parent->mission));
    json.member("task", m.parent->task.view());
    write_count(json, "item", m.parent->item);
    write_flag(json, "detached", m.parent->detached);
    json.end_object();
    write_count(json, "depth", m.depth);
  }
  if (!m.inputs.empty()) {
    write_artifacts(json, "inputs", m.inputs);
  }
  write_text(json, "description", m.description);
  write_text(json, "author", m.author ? m.author->view() : std::string_view());
  if (!m.after.empty()) {
    json.key("after");
    json.begin_array();
    for (const MissionName& mission : m.after) {
      json.value(model::plain(mission));
    }
    json.end_array();
  }
  // Tells missions of one task of a workflow from those of the whole.
  write_flag(json, "part", workflow.part);
  json.end_object();
}

/// Whether the mission has failed and everything that it did and can undo is undone.
bool is_compensated(const Mission& m) {
  if (!model::is_terminal(m.state)) {
    return false;
  }
  bool any = false;
  for (const TaskStatus& task : m.tasks) {
    if (task.undo && task.undo->state != model::RunState::Complete) {
      return false;
    }
    any = any || task.undo;
  }
  return any;
}

void write_status(
    JsonWriter& json, const Mission& m, const workflow::Workflow& workflow, RowForm form
) {
  json.key("status");
  json.begin_object();
  json.member("state", to_string(m.state));
  json.member("reason", to_string(m.reason));
  json.member("epoch", static_cast<std::uint64_t>(m.epoch));
  write_count(json, "pauses", m.pauses);
  write_text(json, "errorCode", m.error_code);
  write_text(json, "message", m.message);
  write_time(json, "startedAt", m.started_at);
  write_time(json, "endedAt", m.ended_at);
  write_flag(json, "draining", m.draining);
  write_flag(json, "aborting", m.aborting);
  write_flag(json, "timedOut", m.timed_out);
  // Follows from the tasks; for readers.
  write_flag(json, "compensated", is_compensated(m));
  write_count(json, "starts", m.starts);
  write_time(json, "approvalSince", m.approval_since);
  write_count(json, "approvalMillis", static_cast<std::uint64_t>(m.approval_time.count()));
  write_flag(json, "admitted", m.admitted);
  write_flag(json, "claims", m.claims);
  write_text(json, "waitsFor", m.waiting);
  if (!m.bundle.is_null()) {
    json.member("bundle", m.bundle);
  }
  json.key("tasks");
  json.begin_array();
  for (std::size_t i = 0; i < m.tasks.size(); ++i) {
    write_task(json, m, m.tasks[i], workflow.tasks[i], form);
  }
  json.end_array();
  json.key("holds");
  json.begin_array();
  for (const model::Hold& hold : m.holds) {
    write_hold(json, hold);
  }
  json.end_array();
  json.end_object();
}

// --- decoding -----------------------------------------------------------------------------------

std::string read_exit_code(const Json& from, Members& in) {
  const Json* code = from.find("exitCode");
  return code != nullptr && code->is_int() ? std::to_string(code->as_int()) : in.text("exitCode");
}

void read_slot(Members& in, RunSlot& slot) {
  slot.state = in.word("state", model::parse_run_state);
  slot.attempt = in.count("attempt");
  slot.failures = in.count("failures");
  slot.lost = in.count("lost");
  slot.fence = Fence(in.revision("fence").value());
  slot.cancelling = in.flag("cancelling");
  slot.closing = in.flag("closing");
  slot.inside = in.flag("inside");
  slot.timed_out = in.flag("timedOut");
  slot.over_quota = in.flag("overQuota");
  slot.frozen = Duration(in.number("frozenMillis", kMillisMax));
  slot.not_before = in.time("notBefore");
  slot.pending_since = in.time("pendingSince").value_or(Timestamp());
  slot.changed = in.revision("revision");
}

Result<RunSlot> read_run(const Json& from) {
  Members in(from);
  RunSlot slot;
  read_slot(in, slot);
  REEVE_CHECK(in.check());
  return slot;
}

Result<model::UndoRun> read_undo(const Json& from) {
  Members in(from);
  model::UndoRun run;
  read_slot(in, run);
  run.started_at = in.time("startedAt");
  run.ended_at = in.time("endedAt");
  run.exit_code = read_exit_code(from, in);
  run.error_code = in.text("errorCode");
  REEVE_CHECK(in.check());
  return run;
}

Result<std::vector<model::PastRun>> read_past(const Json::Array& items) {
  std::vector<model::PastRun> past;
  for (const Json& item : items) {
    Members in(item);
    model::PastRun& run = past.emplace_back();
    run.epoch = in.count("epoch");
    run.attempt = in.count("attempt");
    run.undo = in.flag("compensation");
    run.state = in.word("state", model::parse_run_state);
    run.fence = Fence(in.revision("fence").value());
    run.started_at = in.time("startedAt");
    run.ended_at = in.time("endedAt");
    run.exit_code = read_exit_code(item, in);
    run.error_code = in.text("errorCode");
    run.changed = in.revision("revision");
    REEVE_CHECK(in.check());
  }
  if (past.size() > model::kPastRunsMax) {
    return corrupt_row(concat("a task has ", past.size(), " past runs"));
  }
  return past;
}

/// Names of missions of a namespace; none if the member is absent.
std::vector<MissionName> read_names(Members& in, std::string_view name, const Namespace& ns) {
  std::vector<MissionName> names;
  if (in.has(name)) {
    for (const Json& item : in.items(name)) {
      if (!item.is_string()) {
        in.fail(name, "has an item that is not a string");
        return {};
      }
      names.push_back(model::qualify(ns, item.as_string()));
    }
  }
  return names;
}

Result<std::vector<model::ArtifactRef>> read_artifacts(const Json::Array& items) {
  std::vector<model::ArtifactRef> artifacts;
  for (const Json& item : items) {
    REEVE_TRY(model::ArtifactRef artifact, model::artifact_from_json(item));
    artifacts.push_back(std::move(artifact));
  }
  return artifacts;
}

Result<model::ChildMission> read_child(const Json& from, const Namespace& ns) {
  Members in(from);
  model::ChildMission child;
  child.name = model::qualify(ns, in.text("mission"));
  child.own = !in.flag("existing");
  if (in.has("state")) {
    child.ended = in.word("state", model::parse_mission_state);
  }
  child.error_code = in.text("errorCode");
  child.message = in.text("message");
  if (in.has("outputs")) {
    child.outputs = in.values("outputs");
  }
  if (in.has("artifacts")) {
    REEVE_TRY(child.artifacts, read_artifacts(in.items("artifacts")));
  }
  REEVE_CHECK(in.check());
  return child;
}

Result<model::Children> read_children(const Json& from, const Namespace& ns) {
  Members in(from);
  model::Children children;
  children.fans_out = in.flag("fansOut");
  for (const Json& item : in.items("items")) {
    if (!item.is_string()) {
      return corrupt_row("an item of a fan-out is not a string");
    }
    children.items.push_back(item.as_string());
  }
  for (const Json& item : in.items("missions")) {
    REEVE_TRY(model::ChildMission child, read_child(item, ns));
    children.missions.push_back(std::move(child));
  }
  REEVE_CHECK(in.check());
  return children;
}

Result<TaskStatus> read_task(const Json& from, const Namespace& ns) {
  Members in(from);
  TaskStatus task;
  task.state = in.word("state", model::parse_task_state);
  task.attempts = in.count("attempts");
  task.exit_code = read_exit_code(from, in);
  task.error_code = in.text("errorCode");
  task.message = in.text("message");
  task.started_at = in.time("startedAt");
  task.ended_at = in.time("endedAt");
  task.outputs = in.values("outputs");
  REEVE_TRY(task.artifacts, read_artifacts(in.items("artifacts")));
  task.submitted = read_names(in, "submitted", ns);
  if (const Json* children = from.find("children")) {
    REEVE_TRY(task.children, read_children(*children, ns));
  }
  if (const Json* run = from.find("run")) {
    REEVE_TRY(task.run, read_run(*run));
  }
  if (const Json* undo = from.find("compensation")) {
    REEVE_TRY(task.undo, read_undo(*undo));
  }
  if (in.has("history")) {
    REEVE_TRY(task.past, read_past(in.items("history")));
  }
  task.reached = in.flag("reached");
  task.kept = in.flag("kept");
  task.undoable = in.flag("undoable");
  task.polls = in.count("polls");
  task.polling_since = in.time("pollingSince");
  task.parked = in.flag("parked");
  task.ended = in.revision("endedRevision");
  if (const Json* gate = from.find("gate")) {
    REEVE_TRY(task.gate, read_gate(*gate));
  }
  REEVE_CHECK(in.check());
  return task;
}

Result<model::Hold> read_hold(const Json& from) {
  Members in(from);
  model::Hold hold;
  hold.kind = in.word("kind", model::parse_hold_kind);
  hold.subject = in.text("subject");
  hold.message = in.text("message");
  hold.since = in.time("since").value_or(Timestamp{});
  hold.deadline = in.time("deadline");
  if (hold.deadline) {
    hold.on_deadline = in.word("onDeadline", model::parse_on_deadline);
  }
  REEVE_CHECK(in.check());
  return hold;
}

Result<void> read_status(const Json& status, const workflow::Workflow& workflow, Mission& m) {
  Members in(status);
  m.state = in.word("state", model::parse_mission_state);
  m.reason = in.word("reason", model::parse_reason);
  m.epoch = in.count("epoch");
  m.pauses = in.count("pauses");
  if (m.epoch == 0) {
    in.fail("epoch", "is missing");
  }
  m.error_code = in.text("errorCode");
  m.message = in.text("message");
  m.started_at = in.time("startedAt");
  m.ended_at = in.time("endedAt");
  m.draining = in.flag("draining");
  m.aborting = in.flag("aborting");
  m.timed_out = in.flag("timedOut");
  m.starts = in.count("starts");
  m.approval_since = in.time("approvalSince");
  m.approval_time = Duration(in.number("approvalMillis", kMillisMax));
  m.admitted = in.flag("admitted");
  m.claims = in.flag("claims");
  m.waiting = in.text("waitsFor");
  if (in.has("bundle")) {
    m.bundle = in.object("bundle");
  }
  const Json::Array& tasks = in.items("tasks");
  const Json::Array& holds = in.items("holds");
  REEVE_CHECK(in.check());
  if (tasks.size() != workflow.tasks.size()) {
    return corrupt_row("the tasks are not those of the workflow");
  }
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    if (tasks[i].get_string("name") != workflow.tasks[i].name.view()) {
      return corrupt_row(concat("task ", i, " is not \"", workflow.tasks[i].name.view(), "\""));
    }
    REEVE_TRY(TaskStatus task, read_task(tasks[i], m.ns));
    m.tasks.push_back(std::move(task));
  }
  for (const Json& item : holds) {
    REEVE_TRY(model::Hold hold, read_hold(item));
    m.holds.push_back(std::move(hold));
  }
  return {};
}

/// Where a mission comes from and how it is to be scheduled.
Result<void> read_origin(const Json& spec, Mission& m) {
  Members in(spec);
  m.user_key = in.text("userKey");
  m.priority = static_cast<std::int32_t>(spec.get_int("priority"));
  m.not_before = in.time("notBefore");
  m.trigger = in.text("trigger");
  if (const Json* parent = spec.find("parent")) {
    Members from(*parent);
    model::Parent value;
    value.mission = model::qualify(m.ns, from.needed_text("mission"));
    value.task = TaskName(from.needed_text("task"));
    value.item = from.count("item");
    value.detached = from.flag("detached");
    REEVE_CHECK(from.check());
    m.parent = std::move(value);
    m.depth = in.count("depth");
  }
  if (in.has("inputs")) {
    REEVE_TRY(m.inputs, read_artifacts(in.items("inputs")));
  }
  m.description = in.text("description");
  if (std::string author = in.text("author"); !author.empty()) {
    m.author = Principal(std::move(author));
  }
  m.after = read_names(in, "after", m.ns);
  return in.check();
}

Result<Mission> read_mission(const Json& row, const workflow::Workflow& workflow) {
  Members in(row);
  Members metadata(in.object("metadata"));
  const Json& spec_object = in.object("spec");
  Members spec(spec_object);
  Members reference(spec.object("workflow"));
  const Json& status = in.object("status");
  REEVE_CHECK(in.check());
  Mission m;
  m.ns = Namespace(metadata.needed_text("namespace"));
  m.name = model::qualify(m.ns, metadata.needed_text("name"));
  m.uid = Uid(metadata.needed_text("uid"));
  m.owner = Principal(metadata.text("owner"));
  m.correlation = CorrelationId(metadata.text("correlation"));
  if (std::string parent = metadata.text("traceparent"); !parent.empty()) {
    m.trace = model::Trace{.parent = std::move(parent), .state = metadata.text("tracestate")};
  }
  m.created = metadata.revision("createdRevision");
  m.created_at = metadata.time("creationTimestamp").value_or(Timestamp{});
  const std::optional<std::int64_t> revision = decimal(metadata.text("resourceVersion"));
  if (m.created == Revision() || m.created_at == Timestamp{} || revision.value_or(0) <= 0) {
    metadata.fail("createdRevision, creationTimestamp or resourceVersion", "is missing");
  }
  m.revision = Revision(static_cast<std::uint64_t>(revision.value_or(0)));
  REEVE_CHECK(metadata.check());
  m.workflow_name = reference.needed_text("name");
  m.workflow = Digest(reference.needed_text("digest"));
  REEVE_CHECK(reference.check());
  m.params = spec.values("params");
  if (spec.has("continues")) {
    m.continues = model::qualify(m.ns, spec.needed_text("continues"));
  }
  m.reopened = spec.text("reopened");
  m.local = spec.flag("local");
  REEVE_CHECK(read_origin(spec_object, m));
  REEVE_CHECK(spec.check());
  REEVE_CHECK(read_status(status, workflow, m));
  return m;
}

}  // namespace

void encode_mission(
    const Mission& m, const workflow::Workflow& workflow, std::string& out, RowForm form
) {
  JsonWriter json(out);
  json.begin_object();
  json.member("apiVersion", "reeve.dev/v1");
  json.member("kind", "Mission");
  json.key("metadata");
  json.begin_object();
  json.member("name", model::plain(m.name));
  json.member("namespace", m.ns.view());
  json.member("uid", m.uid.view());
  json.member("creationTimestamp", std::string_view(format_timestamp(m.created_at)));
  json.member("createdRevision", m.created.value());
  json.member("resourceVersion", std::string_view(std::to_string(m.revision.value())));
  json.member("owner", m.owner.view());
  write_text(json, "correlation", m.correlation.view());
  if (m.trace) {
    write_text(json, "traceparent", m.trace->parent);
    write_text(json, "tracestate", m.trace->state);
  }
  json.end_object();
  write_spec(json, m, workflow);
  write_status(json, m, workflow, form);
  json.end_object();
}

bool lacks_past(const Mission& m) {
  const auto unknown = [](const RunSlot& slot) {
    return slot.attempt > 0 && slot.changed == Revision();
  };
  return std::any_of(m.tasks.begin(), m.tasks.end(), [&](const TaskStatus& task) {
    // A restart of the whole leaves nothing in the slots: then there must be something of the past.
    const bool forgotten = m.epoch > 1 && task.attempts > 0 && !task.past;
    return unknown(task.run) || (task.undo && unknown(*task.undo)) || forgotten ||
           (task.gate && task.gate->changed == Revision());
  });
}

Result<Mission> decode_mission(const Json& row, const workflow::Workflow& workflow) {
  Result<Mission> mission = read_mission(row, workflow);
  if (!mission && mission.error().code != ErrorCode::Corrupt) {
    return corrupt_row(mission.error().describe());
  }
  return mission;
}

Digest workflow_of(const Json& row) {
  const Json* spec = row.find("spec");
  const Json* reference = spec == nullptr ? nullptr : spec->find("workflow");
  return Digest(reference == nullptr ? std::string() : reference->get_string("digest"));
}

}  // namespace reeve::engine
