#include "telemetry/work/work_log.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "model/mission.h"
#include "model/scoped_name.h"

namespace reeve::telemetry {

namespace {

bool is_over(std::string_view state) {
  const Result<model::MissionState> known = model::parse_mission_state(state);
  return known && model::is_terminal(*known);
}

}  // namespace

Logger WorkLog::logger_for(const WorkEvent& seen) const {
  const MissionHead nobody;
  const MissionHead& head = seen.head ? *seen.head : nobody;
  if (!seen.head) {
    Correlation correlation;
    correlation.id = seen.event.correlation;
    correlation.principal = seen.event.actor;
    return engine_.with(std::move(correlation));
  }
  return engine_.with(
      correlation_of(head, model::mission_span(head.uid), seen.sampled, seen.event.actor)
  );
}

void WorkLog::see(const WorkEvent& seen) {
  const std::string& type = seen.event.type;
  if (type == "mission.created") {
    mission_created(seen);
  } else if (type == "mission.transitioned") {
    mission_moved(seen);
  } else if (type == "run.ended") {
    run_ended(seen);
  } else if (type == "gate.opened") {
    gate(seen, "gate opened");
  } else if (type == "gate.decided") {
    gate(seen, "gate decided");
  } else if (type == "trigger.skipped" && seen.data.get_string("reason") == "failed") {
    trigger_failed(seen);
  } else if (type == "message.died") {
    message_died(seen);
  }
}

void WorkLog::mission_created(const WorkEvent& seen) const {
  REEVE_LOG(
      logger_for(seen),
      Info,
      "mission created",
      {"namespace", seen.event.object.ns.view()},
      {"mission", seen.event.object.name},
      {"workflow", seen.data.get_string("workflow")}
  );
}

void WorkLog::mission_moved(const WorkEvent& seen) const {
  const std::string to = seen.data.get_string("to");
  const bool over = is_over(to);
  const Level level = over ? Level::Info : Level::Debug;
  if (!engine_.enabled(level)) {
    return;
  }
  logger_for(seen).write(
      level,
      over ? "mission ended" : "mission moved",
      {{"namespace", seen.event.object.ns.view()},
       {"mission", seen.event.object.name},
       {"from", seen.data.get_string("from")},
       {"state", to},
       {"reason", seen.data.get_string("reason")},
       {"error_code", seen.data.get_string("errorCode")},
       {"detail", seen.data.get_string("message")}}
  );
}

void WorkLog::run_ended(const WorkEvent& seen) const {
  const std::string state = seen.data.get_string("state");
  const Level level = state == "COMPLETE" ? Level::Info : Level::Warn;
  if (!engine_.enabled(level)) {
    return;
  }
  logger_for(seen).write(
      level,
      "task run ended",
      {{"namespace", seen.event.object.ns.view()},
       {"mission", seen.event.object.name},
       {"task", seen.data.get_string("task")},
       {"attempt", seen.data.get_int("attempt")},
       {"state", state},
       {"outcome", seen.data.get_string("outcome")},
       {"exit_code", seen.data.get_string("exitCode")},
       {"error_code", seen.data.get_string("errorCode")},
       {"detail", seen.data.get_string("message")}}
  );
}

void WorkLog::gate(const WorkEvent& seen, std::string_view message) const {
  REEVE_LOG(
      logger_for(seen),
      Info,
      message,
      {"namespace", seen.event.object.ns.view()},
      {"mission", seen.event.object.name},
      {"task", seen.data.get_string("task")},
      {"outcome", seen.data.get_string("outcome")}
  );
}

void WorkLog::trigger_failed(const WorkEvent& seen) const {
  REEVE_LOG(
      logger_for(seen),
      Warn,
      "trigger failed",
      {"namespace", seen.event.object.ns.view()},
      {"workflow", seen.event.object.name},
      {"trigger", seen.data.get_string("trigger")},
      {"detail", seen.data.get_string("message")}
  );
}

void WorkLog::message_died(const WorkEvent& seen) const {
  REEVE_LOG(
      logger_for(seen),
      Warn,
      "message put aside as a dead letter",
      {"namespace", seen.event.object.ns.view()},
      {"channel", seen.event.object.name},
      {"group", seen.data.get_string("group")},
      {"sequence", seen.data.get_int("sequence")},
      {"detail", seen.data.get_string("reason")}
  );
}

void WorkLog::see(const model::Effect& effect) {
  const auto* launch = std::get_if<model::LaunchRun>(&effect);
  if (launch == nullptr) {
    return;
  }
  const std::scoped_lock lock(mutex_);
  if (runs_.size() >= kLoggedRunsMax || runs_.contains(launch->run.str())) {
    return;
  }
  Run run;
  run.started = launch->started;
  run.correlation.id = launch->origin.correlation;
  run.correlation.principal = Principal("system:host");
  if (Result<TraceContext> context = parse_traceparent(launch->origin.trace.parent)) {
    run.correlation.trace = *std::move(context);
  }
  runs_.emplace(launch->run.str(), std::move(run));
}

void WorkLog::see(const model::Report& report) {
  const RunName& name =
      std::visit([](const auto& about) -> const RunName& { return about.run; }, report);
  const auto* started = std::get_if<model::RunStarted>(&report);
  std::optional<Run> run;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = runs_.find(name.str());
    if (found == runs_.end() || (started != nullptr && found->second.started)) {
      return;
    }
    run = found->second;
    if (started != nullptr) {
      found->second.started = true;
    } else {
      runs_.erase(found);
    }
  }
  const Logger log = host_.with(run->correlation);
  if (started != nullptr) {
    log.info("run started", {{"run", name.view()}});
  } else if (const auto* finished = std::get_if<model::RunFinished>(&report)) {
    log.info(
        "run ended",
        {{"run", name.view()},
         {"end", model::to_string(finished->result.end)},
         {"exit_code", finished->result.exit_code},
         {"detail", finished->result.reason}}
    );
  } else if (const auto* lost = std::get_if<model::RunLost>(&report)) {
    log.warn("run lost", {{"run", name.view()}, {"detail", lost->detail}});
  }
}

}  // namespace reeve::telemetry
