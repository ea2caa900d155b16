#include "telemetry/work/work_metrics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "engine/object_metadata.h"
#include "engine/quota.h"
#include "model/mission.h"
#include "telemetry/work/run_key.h"

namespace reeve::telemetry {

namespace {

constexpr double kMillisPerSecond = 1000;
constexpr std::string_view kUnknown = "unknown";

double seconds_between(Timestamp from, Timestamp to) {
  return static_cast<double>(std::max(Duration(0), to - from).count()) / kMillisPerSecond;
}

/// From half a millisecond to about 8 s.
std::vector<double> commit_seconds_buckets() {
  constexpr double kStart = 0.0005;
  constexpr std::size_t kCount = 15;
  return exponential_buckets(kStart, 2, kCount);
}

/// From 1 to 16,384 events.
std::vector<double> commit_events_buckets() {
  constexpr double kFactor = 4;
  constexpr std::size_t kCount = 8;
  return exponential_buckets(1, kFactor, kCount);
}

bool is_over(std::string_view state) {
  const Result<model::MissionState> known = model::parse_mission_state(state);
  return known && model::is_terminal(*known);
}

/// A limit of a budget as a number: amounts are texts, durations have units.
std::optional<double> limit_of(const Json& value) {
  if (value.is_int()) {
    return static_cast<double>(value.as_int());
  }
  if (!value.is_string()) {
    return {};
  }
  const std::string& text = value.as_string();
  double amount = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size()) {
    return amount;
  }
  const Result<Duration> duration = parse_duration(text);
  return duration ? std::optional(static_cast<double>(duration->count()) / kMillisPerSecond)
                  : std::nullopt;
}

}  // namespace

std::string executor_of(const model::RunSpec& spec) {
  if (spec.steps.empty()) {
    return std::string(kUnknown);
  }
  const auto main = std::find_if(spec.steps.begin(), spec.steps.end(), [](const model::Step& step) {
    return step.phase == model::Phase::Main;
  });
  const model::Step& step = main == spec.steps.end() ? spec.steps.front() : *main;
  if (!step.tool.empty()) {
    return step.tool;
  }
  return spec.container ? "container" : "shell";
}

WorkMetrics::WorkMetrics(MetricRegistry& registry)
    : registry_(registry),
      events_(registry.counter(
          {.name = "reeve_events_total",
           .help = "Events that were committed",
           .labels = {"type"},
           .series_max = 200}
      )),
      submitted_(registry.counter(
          {.name = "reeve_missions_submitted_total",
           .help = "Missions that were made",
           .labels = {"workflow"},
           .series_max = kWorkflowSeriesMax}
      )),
      transitions_(registry.counter(
          {.name = "reeve_mission_transitions_total",
           .help = "Moves of missions from state to state",
           .labels = {"from", "to"},
           .series_max = 100}
      )),
      mission_seconds_(registry.histogram(
          {.name = "reeve_mission_duration_seconds",
           .help = "Time from the making of a mission to its end",
           .labels = {"state"}},
          run_seconds_buckets()
      )),
      runs_ended_(registry.counter(
          {.name = "reeve_runs_total",
           .help = "Runs that ended",
           .labels = {"executor", "state"},
           .series_max = 200}
      )),
      run_seconds_(registry.histogram(
          {.name = "reeve_run_duration_seconds",
           .help = "Time from the first process of a run to its end",
           .labels = {"executor"},
           .series_max = 50},
          run_seconds_buckets()
      )),
      launch_seconds_(registry.histogram(
          {.name = "reeve_run_launch_seconds",
           .help = "Time from asking a host for a run to its first process",
           .labels = {}},
          request_seconds_buckets()
      )),
      retries_(registry.counter(
          {.name = "reeve_run_retries_total",
           .help = "Runs after which their task is tried again",
           .labels = {"executor"},
           .series_max = 50}
      )),
      gates_(registry.counter(
          {.name = "reeve_gates_decided_total",
           .help = "Gates that were closed",
           .labels = {"outcome"},
           .series_max = 20}
      )),
      triggers_(registry.counter(
          {.name = "reeve_trigger_occurrences_total",
           .help = "What came of the occurrences that triggers wait for",
           .labels = {"outcome"},
           .series_max = 20}
      )),
      messages_(registry.counter(
          {.name = "reeve_channel_events_total",
           .help = "What happened to messages of channels",
           .labels = {"event"},
           .series_max = 20}
      )),
      commit_seconds_(registry.histogram(
          {.name = "reeve_commit_duration_seconds",
           .help = "Time that the store took for a commit",
           .labels = {}},
          commit_seconds_buckets()
      )),
      commit_events_(registry.histogram(
          {.name = "reeve_commit_events", .help = "Events of one commit", .labels = {}},
          commit_events_buckets()
      )),
      commit_failures_(registry.counter(
          {.name = "reeve_commit_failures_total",
           .help = "Commits that the store refused",
           .labels = {}}
      )) {
  // Without a first value there would be nothing to compare the second one with.
  (void)commit_failures_.get();
  (void)commit_seconds_.get();
  (void)commit_events_.get();
  (void)launch_seconds_.get();
}

Result<void> WorkMetrics::load(store::Reader& reader) {
  {
    const std::scoped_lock lock(mutex_);
    runs_.clear();
    budgets_.clear();
    usage_.clear();
  }
  return reader.each_live_row([this](store::Row row) -> Result<void> {
    if (engine::is_quota(row.key.kind) || row.key.kind == journal::Kind::BudgetUsage) {
      see(row);
    } else if (row.key.kind == journal::Kind::Mission) {
      load_runs(row);
    }
    return {};
  });
}

/// Since when its runs have been going on. Most missions have none, and rows are long.
void WorkMetrics::load_runs(const store::Row& row) {
  if (row.body.find("\"ACTIVE\"") == std::string::npos) {
    return;
  }
  const Result<Json> mission = parse_json(row.body);
  const Json* status = mission ? mission->find("status") : nullptr;
  const Json* tasks = status == nullptr ? nullptr : status->find("tasks");
  if (tasks == nullptr || !tasks->is_array()) {
    return;
  }
  const std::scoped_lock lock(mutex_);
  for (const Json& task : tasks->as_array()) {
    const Json* run = task.find("run");
    const Result<Timestamp> started = parse_timestamp(task.get_string("startedAt"));
    if (run == nullptr || !started || run->get_string("state") != "ACTIVE") {
      continue;
    }
    const std::string key =
        run_key(model::qualify(row.key.ns, row.key.name).view(), task.get_string("name"), false);
    runs_[key] = {
        .executor = run->get_bool("inside") ? "engine" : std::string(kUnknown),
        .launched_at = *started,
        .active_at = *started};
  }
}

void WorkMetrics::see(const WorkEvent& seen) {
  const std::string& type = seen.event.type;
  events_.with({type}).add();
  if (type == "mission.created") {
    const std::string workflow = seen.data.get_string("workflow");
    submitted_.with({workflow.empty() ? std::string("other") : workflow}).add();
  } else if (type == "mission.transitioned") {
    mission_moved(seen);
  } else if (type == "run.launching") {
    run_launching(seen);
  } else if (type == "run.active") {
    run_active(seen);
  } else if (type == "run.ended") {
    run_ended(seen);
  } else if (type == "gate.opened") {
    gate_opened(seen);
  } else if (type == "gate.decided") {
    gates_.with({seen.data.get_string("outcome")}).add();
  } else if (type == "trigger.fired") {
    triggers_.with({"fired"}).add();
  } else if (type == "trigger.skipped") {
    triggers_.with({seen.data.get_string("reason")}).add();
  } else if (type == "trigger.missed") {
    triggers_.with({"missed"}).add(static_cast<double>(seen.data.get_int("count", 1)));
  } else if (type.starts_with("message.")) {
    messages_.with({std::string_view(type).substr(type.find('.') + 1)}).add();
  }
}

void WorkMetrics::mission_moved(const WorkEvent& seen) {
  const std::string to = seen.data.get_string("to");
  transitions_.with({seen.data.get_string("from"), to}).add();
  if (!is_over(to)) {
    return;
  }
  forget_runs(seen.event.object);
  if (seen.head) {
    mission_seconds_.with({to}).observe(seconds_between(seen.head->created_at, seen.event.at));
  }
}

/// Whatever became of them.
void WorkMetrics::forget_runs(const journal::ObjectKey& mission) {
  const std::string prefix = run_key(model::qualify(mission.ns, mission.name).view(), {}, false);
  const std::scoped_lock lock(mutex_);
  auto run = runs_.lower_bound(prefix);
  while (run != runs_.end() && run->first.starts_with(prefix)) {
    run = runs_.erase(run);
  }
}

/// That is when the task of a gate begins: people carry it out.
void WorkMetrics::gate_opened(const WorkEvent& seen) {
  const std::scoped_lock lock(mutex_);
  if (runs_.size() < kTimedRunsMax) {
    runs_[run_key(seen)] = {
        .executor = "gate", .launched_at = seen.event.at, .active_at = seen.event.at};
  }
}

void WorkMetrics::run_launching(const WorkEvent& seen) {
  const std::scoped_lock lock(mutex_);
  if (runs_.size() >= kTimedRunsMax) {
    return;
  }
  runs_[run_key(seen)] = {
      .executor = seen.data.get_bool("inside") ? "engine" : std::string(kUnknown),
      .launched_at = seen.event.at,
      .active_at = {}};
}

void WorkMetrics::run_active(const WorkEvent& seen) {
  const std::scoped_lock lock(mutex_);
  const auto found = runs_.find(run_key(seen));
  if (found == runs_.end()) {
    return;
  }
  found->second.active_at = seen.event.at;
  if (found->second.executor != "engine") {
    launch_seconds_.get().observe(seconds_between(found->second.launched_at, seen.event.at));
  }
}

void WorkMetrics::run_ended(const WorkEvent& seen) {
  Run run{.executor = std::string(kUnknown), .launched_at = {}, .active_at = {}};
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = runs_.find(run_key(seen)); found != runs_.end()) {
      run = std::move(found->second);
      runs_.erase(found);
    }
  }
  runs_ended_.with({run.executor, seen.data.get_string("state")}).add();
  if (run.active_at != Timestamp{}) {
    run_seconds_.with({run.executor}).observe(seconds_between(run.active_at, seen.event.at));
  }
  const std::string outcome = seen.data.get_string("outcome");
  if (outcome == "retry") {
    retries_.with({run.executor}).add();
  }
}

void WorkMetrics::see(const model::Effect& effect) {
  const auto* launch = std::get_if<model::LaunchRun>(&effect);
  if (launch == nullptr || launch->spec.steps.empty()) {
    return;
  }
  const std::scoped_lock lock(mutex_);
  if (const auto found = runs_.find(run_key(*launch)); found != runs_.end()) {
    found->second.executor = executor_of(launch->spec);
  }
}

void WorkMetrics::see(const CommitFigures& commit) {
  if (!commit.stored) {
    commit_failures_.get().add();
    return;
  }
  commit_seconds_.get().observe(commit.seconds);
  commit_events_.get().observe(static_cast<double>(commit.events));
}

void WorkMetrics::see(const store::Row& row) {
  if (const std::optional<journal::ObjectKey> quota = engine::quota_key_of(row.key)) {
    const std::scoped_lock lock(mutex_);
    usage_[{quota->ns.str(), quota->name}] = row.body;
    return;
  }
  if (!engine::is_quota(row.key.kind)) {
    return;
  }
  const std::pair key(row.key.ns.str(), row.key.name);
  std::map<std::string, double> limits;
  const Result<Json> object =
      engine::is_deleted_row(row.body) ? Result<Json>(Json::object()) : parse_json(row.body);
  const Json* spec = object ? object->find("spec") : nullptr;
  const Json* given = spec == nullptr ? nullptr : spec->find("limits");
  if (given != nullptr && given->is_object()) {
    for (const Json::Member& member : given->as_object()) {
      if (const std::optional<double> limit = limit_of(member.second)) {
        limits[member.first] = *limit;
      }
    }
  }
  const std::scoped_lock lock(mutex_);
  if (limits.empty()) {
    budgets_.erase(key);
  } else {
    budgets_[key] = std::move(limits);
  }
}

}  // namespace reeve::telemetry
