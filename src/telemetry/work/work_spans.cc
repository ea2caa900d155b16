#include "telemetry/work/work_spans.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/strings.h"
#include "engine/mission_turn.h"
#include "model/mission.h"
#include "model/scoped_name.h"

namespace reeve::telemetry {

namespace {

std::uint64_t nanos_of(Timestamp at) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count()
  );
}

bool is_over(std::string_view state) {
  const Result<model::MissionState> known = model::parse_mission_state(state);
  return known && model::is_terminal(*known);
}

/// The span that the caller's traceparent names; empty: there is none.
std::string caller_span(const model::Trace& trace) {
  constexpr std::size_t kSpanAt = 36;
  constexpr std::size_t kSpanDigits = 16;
  return model::is_traceparent(trace.parent) ? trace.parent.substr(kSpanAt, kSpanDigits)
                                             : std::string();
}

std::vector<Attribute> attributes_of(const journal::Event& event) {
  return {
      {"reeve.namespace", event.object.ns.str()},
      {"reeve.mission", event.object.name},
      {"reeve.correlation_id", event.correlation.str()}};
}

void set_status(SpanRecord& record, bool good, std::string_view message) {
  record.status = good ? SpanStatus::Ok : SpanStatus::Error;
  record.status_message = good ? std::string() : std::string(message);
}

/// Whether a task is over after such an outcome of a run.
bool ends_task(std::string_view outcome) {
  return outcome == "completed" || outcome == "failed" || outcome == "aborted";
}

}  // namespace

Result<void> WorkSpans::load(store::Reader& reader) {
  missions_.clear();
  return reader.each_live_row([this](const store::Row& row) -> Result<void> {
    if (row.key.kind == journal::Kind::Mission) {
      load_mission(row);
    }
    return {};
  });
}

/// Only what has begun has to be read: everything else is in the events to come.
void WorkSpans::load_mission(const store::Row& row) {
  const std::optional<MissionHead> head = mission_head(row.body);
  const bool begun = row.body.find("\"startedAt\"") != std::string::npos;
  if (!head || !begun || missions_.size() >= kTracedMissionsMax ||
      !model::is_sampled(head->trace, head->uid, ratio_)) {
    return;
  }
  const Result<Json> object = parse_json(row.body);
  const Json* status = object ? object->find("status") : nullptr;
  const Json* tasks = status == nullptr ? nullptr : status->find("tasks");
  if (tasks == nullptr || !tasks->is_array()) {
    return;
  }
  Mission& mission = missions_[head->uid];
  mission.epoch = static_cast<std::uint32_t>(status->get_int("epoch", 1));
  const Json* spec = object->find("spec");
  const Json* workflow = spec == nullptr ? nullptr : spec->find("workflow");
  mission.workflow = workflow == nullptr ? std::string() : workflow->get_string("name");
  for (const Json& task : tasks->as_array()) {
    const Result<Timestamp> started = parse_timestamp(task.get_string("startedAt"));
    const Json* run = task.find("run");
    const bool going_on = run != nullptr && (run->get_string("state") == "ACTIVE" ||
                                             run->get_string("state") == "LAUNCHING");
    if (started && going_on) {
      const std::string name = task.get_string("name");
      mission.tasks[name] = {.started_at = *started};
      mission.runs[{name, false}] = {.started_at = *started};
    }
  }
}

WorkSpans::Mission* WorkSpans::mission_of(const WorkEvent& seen) {
  const auto found = missions_.find(seen.head->uid);
  if (found != missions_.end()) {
    return &found->second;
  }
  if (missions_.size() >= kTracedMissionsMax) {
    skipped_.fetch_add(seen.event.type == "mission.created" ? 1 : 0, std::memory_order_relaxed);
    return nullptr;
  }
  return &missions_[seen.head->uid];
}

void WorkSpans::see(const WorkEvent& seen) {
  if (!seen.head || !seen.sampled) {
    return;
  }
  const std::string& type = seen.event.type;
  Mission* mission =
      type.starts_with("mission.") || type.starts_with("run.") ? mission_of(seen) : nullptr;
  if (mission == nullptr) {
    return;
  }
  const std::string task = seen.data.get_string("task");
  if (type == "mission.created") {
    mission->workflow = seen.data.get_string("workflow");
  } else if (type == "mission.epoch_started") {
    mission->epoch = static_cast<std::uint32_t>(seen.data.get_int("epoch", 1));
    mission->tasks.clear();
    mission->runs.clear();
  } else if (type == "run.launching") {
    mission->tasks.try_emplace(task, Task{.started_at = seen.event.at});
    mission->runs[{task, seen.data.get_bool("compensation")}] = {.started_at = seen.event.at};
  } else if (type == "run.ended") {
    run_ended(seen, *mission);
    if (ends_task(seen.data.get_string("outcome")) && !seen.data.get_bool("compensation")) {
      task_ended(seen, *mission);
    }
  } else if (type == "mission.transitioned" && is_over(seen.data.get_string("to"))) {
    mission_ended(seen, *mission);
    missions_.erase(seen.head->uid);
  } else if (type == "mission.deleted") {
    missions_.erase(seen.head->uid);
  }
}

void WorkSpans::add(
    const WorkEvent& seen,
    SpanRecord record,
    std::string_view span,
    std::string_view parent,
    Timestamp started_at
) {
  const model::Trace below = model::trace_below(seen.head->trace, seen.head->uid, span, true);
  Result<TraceContext> context = parse_traceparent(below.parent);
  if (!context) {
    return;
  }
  record.context = *std::move(context);
  if (const Result<SpanId> above = parse_span_id(parent)) {
    record.parent = *above;
  }
  record.start_unix_nanos = nanos_of(std::min(started_at, seen.event.at));
  record.end_unix_nanos = nanos_of(seen.event.at);
  sink_.add(std::move(record));
}

void WorkSpans::run_ended(const WorkEvent& seen, Mission& mission) {
  const std::string task = seen.data.get_string("task");
  const bool undo = seen.data.get_bool("compensation");
  const auto found = mission.runs.find({task, undo});
  if (found == mission.runs.end()) {
    // It never began.
    return;
  }
  const Timestamp started_at = found->second.started_at;
  mission.runs.erase(found);
  const auto attempt = static_cast<std::uint32_t>(seen.data.get_int("attempt"));
  const RunName run = model::make_run_name(
      model::qualify(seen.event.object.ns, seen.event.object.name),
      mission.epoch,
      TaskName(concat(task, undo ? engine::kUndoSuffix : std::string_view())),
      attempt
  );
  SpanRecord record;
  record.name = concat("run ", task);
  record.attributes = attributes_of(seen.event);
  record.attributes.emplace_back("reeve.task", task);
  record.attributes.emplace_back("reeve.run", run.str());
  record.attributes.emplace_back("reeve.attempt", std::int64_t{attempt});
  record.attributes.emplace_back("reeve.exit_code", seen.data.get_string("exitCode"));
  const std::string state = seen.data.get_string("state");
  record.attributes.emplace_back("reeve.state", state);
  set_status(record, state == "COMPLETE", seen.data.get_string("errorCode"));
  add(seen,
      std::move(record),
      model::run_span(seen.head->uid, run),
      model::task_span(seen.head->uid, mission.epoch, TaskName(task)),
      started_at);
}

void WorkSpans::task_ended(const WorkEvent& seen, Mission& mission) {
  const std::string task = seen.data.get_string("task");
  const auto found = mission.tasks.find(task);
  if (found == mission.tasks.end()) {
    return;
  }
  const Timestamp started_at = found->second.started_at;
  mission.tasks.erase(found);
  SpanRecord record;
  record.name = concat("task ", task);
  record.attributes = attributes_of(seen.event);
  record.attributes.emplace_back("reeve.task", task);
  const std::string outcome = seen.data.get_string("outcome");
  record.attributes.emplace_back("reeve.outcome", outcome);
  set_status(record, outcome == "completed", seen.data.get_string("errorCode"));
  add(seen,
      std::move(record),
      model::task_span(seen.head->uid, mission.epoch, TaskName(task)),
      model::mission_span(seen.head->uid),
      started_at);
}

void WorkSpans::mission_ended(const WorkEvent& seen, const Mission& mission) {
  const std::string state = seen.data.get_string("to");
  SpanRecord record;
  record.name =
      mission.workflow.empty() ? std::string("mission") : concat("mission ", mission.workflow);
  record.attributes = attributes_of(seen.event);
  record.attributes.emplace_back("reeve.workflow", mission.workflow);
  record.attributes.emplace_back("reeve.state", state);
  set_status(record, state == "COMPLETE", seen.data.get_string("errorCode"));
  add(seen,
      std::move(record),
      model::mission_span(seen.head->uid),
      caller_span(seen.head->trace),
      seen.head->created_at);
}

}  // namespace reeve::telemetry
