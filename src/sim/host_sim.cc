#include "sim/host_sim.h"

#include <algorithm>

#include "base/strings.h"
#include "sim/checkers.h"
#include "sim/world.h"

namespace reeve::sim {

namespace {

using model::RunEnd;
using State = RunRecord::State;

constexpr Duration kStartDelayMax{200};
constexpr Duration kReportDelayMax{20};
constexpr Duration kThawPeriod{1000};

Behaviour behaviour_of(const model::RunSpec& spec) {
  // The checkers have seen to it that every script of the workload can be parsed.
  const Result<Behaviour> parsed =
      Behaviour::parse(spec.steps.empty() ? std::string() : spec.steps.front().script);
  return parsed ? *parsed : Behaviour{};
}

/// The mission and the task as it stands in the name of the run: `a`, or `a~compensate`.
std::pair<std::string, std::string> key_of(const RunRecord& record) {
  const std::vector<std::string_view> parts = split(record.run.view(), '.');
  return {record.mission.str(), std::string(parts.at(parts.size() - 2))};
}

/// Whether only its deadline ends it.
bool hangs(const Execution& execution) {
  return execution.ending == Ending::Hang || execution.ending == Ending::DoneThenHang;
}

}  // namespace

HostSim::HostSim(World& world, FaultRates& faults, Checkers& checkers, Sink sink)
    : world_(world), faults_(faults), checkers_(checkers), sink_(std::move(sink)) {}

void HostSim::handle(const model::Effect& effect) {
  if (!up_) {
    return;
  }
  if (const auto* request = std::get_if<model::LaunchRun>(&effect)) {
    launch(*request);
  } else if (const auto* end = std::get_if<model::CancelRun>(&effect)) {
    cancel(*end);
  } else if (const auto* stop = std::get_if<model::FreezeRun>(&effect)) {
    freeze(*stop);
  } else {
    thaw(std::get<model::ThawRun>(effect));
  }
}

void HostSim::freeze(const model::FreezeRun& request) {
  world_.trace("freeze", request.run.view());
  const auto found = runs_.find(request.fence);
  if (found != runs_.end()) {
    found->second.frozen = true;
  }
}

void HostSim::thaw(const model::ThawRun& request) {
  world_.trace("thaw", request.run.view());
  const auto found = runs_.find(request.fence);
  if (found == runs_.end() || !found->second.frozen) {
    return;
  }
  found->second.frozen = false;
  if (found->second.end_is_due) {
    found->second.end_is_due = false;
    end(request.fence);
  }
}

void HostSim::launch(const model::LaunchRun& request) {
  world_.trace("launch", request.run.view());
  const auto known = fences_.find(request.run);
  if (known != fences_.end() && known->second != request.fence) {
    checkers_.fail(concat(
        "run ",
        request.run.view(),
        " is asked for with fence ",
        request.fence.value(),
        " and was handed out with fence ",
        known->second.value()
    ));
    return;
  }
  if (known != fences_.end()) {
    answer(runs_.at(request.fence));
    return;
  }
  if (mute_) {
    return;
  }
  if (request.started) {
    report(model::RunLost{
        .mission = request.mission,
        .run = request.run,
        .fence = request.fence,
        .detail = "there is no trace of it"});
    return;
  }
  fences_.emplace(request.run, request.fence);
  RunRecord record;
  record.mission = request.mission;
  record.task = request.task;
  record.run = request.run;
  record.fence = request.fence;
  record.spec = request.spec;
  runs_.emplace(request.fence, std::move(record));
  world_.after(
      world_.random().duration(Duration(1), kStartDelayMax),
      [this, fence = request.fence, incarnation = incarnation_] {
        if (incarnation == incarnation_) {
          begin(fence);
        }
      }
  );
}

/// What the record of a run says, once more.
void HostSim::answer(const RunRecord& record) {
  switch (record.state) {
    case State::Accepted:
      return;
    case State::Alive:
      report(model::RunStarted{.mission = record.mission, .run = record.run, .fence = record.fence}
      );
      return;
    case State::Finished:
      report(model::RunFinished{
          .mission = record.mission,
          .run = record.run,
          .fence = record.fence,
          .result = record.result});
      return;
    case State::Lost:
      report(model::RunLost{
          .mission = record.mission,
          .run = record.run,
          .fence = record.fence,
          .detail = "its supervisor is gone"});
      return;
  }
}

void HostSim::begin(Fence fence) {
  RunRecord& record = runs_.at(fence);
  if (record.state != State::Accepted) {
    return;
  }
  const Behaviour behaviour = behaviour_of(record.spec);
  record.number = ++executions_[key_of(record)];
  const Execution& execution = behaviour.at(record.number);
  record.result.started_at = world_.time();
  if (execution.ending == Ending::LaunchFailed) {
    finish(record, RunEnd::LaunchFailed, 127, "no such interpreter");
    return;
  }
  ++record.executions;
  if (record.executions > 1) {
    checkers_.fail(concat("run ", record.run.view(), " was executed twice"));
  }
  world_.trace("begin", record.run.view());
  record.state = State::Alive;
  if (behaviour.publishes) {
    record.result.outputs = {{concat(record.task.view(), "-n"), std::to_string(record.number)}};
  }
  answer(record);
  if (behaviour.asks == 0 || !asker_) {
    go_on(fence);
    return;
  }
  if (record.spec.timeout.count() > 0) {
    world_.after(record.spec.timeout, [this, fence] { expire(fence); });
  }
  asker_(fence, behaviour.asks);
}

void HostSim::go_on(Fence fence) {
  RunRecord& record = runs_.at(fence);
  const Behaviour behaviour = behaviour_of(record.spec);
  const Execution& execution = behaviour.at(record.number);
  if (execution.ending == Ending::DoneThenHang) {
    ++completions_[key_of(record)];
  }
  Duration time = hangs(execution) ? Duration::max() : behaviour.time;
  if (record.spec.timeout.count() > 0) {
    time = std::min(time, record.spec.timeout);
  }
  REEVE_ASSERT(time != Duration::max());
  world_.after(time, [this, fence] { end(fence); });
}

void HostSim::park(Fence fence) {
  RunRecord& record = runs_.at(fence);
  record.result.exit_text = model::kWaitsForDecision;
  finish(record, RunEnd::Exited, 1, {});
}

/// The deadline of a run that has waited for people; while it stands still it has none.
void HostSim::expire(Fence fence) {
  RunRecord& record = runs_.at(fence);
  if (record.lives() && record.frozen) {
    world_.after(kThawPeriod, [this, fence] { expire(fence); });
  } else if (record.lives()) {
    finish(record, RunEnd::TimedOut, 137, "not done in time");
  }
}

/// A process ends by itself, or at its deadline.
void HostSim::end(Fence fence) {
  RunRecord& record = runs_.at(fence);
  if (!record.lives()) {
    return;
  }
  if (record.frozen) {
    record.end_is_due = true;
    return;
  }
  const Behaviour behaviour = behaviour_of(record.spec);
  const Execution& execution = behaviour.at(record.number);
  if (hangs(execution) ||
      (record.spec.timeout.count() > 0 && record.spec.timeout < behaviour.time)) {
    finish(record, RunEnd::TimedOut, 137, "not done in time");
    return;
  }
  switch (execution.ending) {
    case Ending::Exit:
      if (execution.code == 0) {
        record.done = true;
        record.result.extension = behaviour.extension;
        ++completions_[key_of(record)];
      }
      finish(record, RunEnd::Exited, execution.code, {});
      return;
    case Ending::Signal:
      finish(record, RunEnd::Signalled, 128 + execution.code, "killed by a signal");
      return;
    case Ending::OutOfMemory:
      finish(record, RunEnd::OutOfMemory, 137, "out of memory");
      return;
    case Ending::KillSupervisor:
      lose(record, "its supervisor vanished");
      return;
    case Ending::Hang:
    case Ending::DoneThenHang:
    case Ending::LaunchFailed:
      return;
  }
}

void HostSim::finish(RunRecord& record, RunEnd end, int code, std::string reason) {
  world_.trace("finish", record.run.view());
  record.result.end = end;
  record.result.exit_code = code;
  record.result.reason = std::move(reason);
  record.result.ended_at = world_.time();
  if (record.zombie) {
    // Its directory says that it was lost; the late report is what a zombie sends all the same.
    record.zombie = false;
    report(model::RunFinished{
        .mission = record.mission,
        .run = record.run,
        .fence = record.fence,
        .result = record.result});
    return;
  }
  record.state = State::Finished;
  answer(record);
}

void HostSim::lose(RunRecord& record, std::string_view why) {
  world_.trace("lost", record.run.view());
  record.zombie = false;
  record.state = State::Lost;
  report(model::RunLost{
      .mission = record.mission,
      .run = record.run,
      .fence = record.fence,
      .detail = std::string(why)});
}

void HostSim::cancel(const model::CancelRun& request) {
  world_.trace("cancel", request.run.view());
  const auto found = runs_.find(request.fence);
  if (found == runs_.end()) {
    report(model::RunLost{
        .mission = request.mission,
        .run = request.run,
        .fence = request.fence,
        .detail = "this host does not know the run"});
    return;
  }
  RunRecord& record = found->second;
  switch (record.state) {
    case State::Accepted:
      finish(record, RunEnd::Cancelled, 143, request.reason);
      return;
    case State::Alive:
      if (record.cancelled) {
        return;
      }
      record.cancelled = true;
      world_.after(
          world_.random().duration(Duration(0), record.spec.grace),
          [this, fence = record.fence] {
            RunRecord& ending = runs_.at(fence);
            if (ending.state == State::Alive) {
              finish(ending, RunEnd::Cancelled, 143, "cancelled");
            }
          }
      );
      return;
    case State::Finished:
    case State::Lost:
      answer(record);
      return;
  }
}

void HostSim::die(Duration away) {
  world_.trace("host dies");
  ++incarnation_;
  up_ = false;
  std::vector<Fence> lost;
  for (auto& [fence, record] : runs_) {
    if (record.state == State::Alive || record.state == State::Accepted) {
      record.zombie = record.state == State::Alive && world_.random().chance(faults_.zombie);
      record.state = State::Lost;
      lost.push_back(fence);
    }
  }
  world_.after(away, [this, lost = std::move(lost)] {
    up_ = true;
    for (const Fence fence : lost) {
      answer(runs_.at(fence));
    }
  });
}

void HostSim::report(model::Report report) {
  const std::uint64_t copies = world_.random().chance(faults_.report_lost)      ? 0
                               : world_.random().chance(faults_.report_doubled) ? 2
                                                                                : 1;
  for (std::uint64_t copy = 0; copy < copies; ++copy) {
    const bool late = world_.random().chance(faults_.report_late);
    ++reports_in_flight_;
    world_.after(
        world_.random().duration(Duration(0), late ? kLatenessMax : kReportDelayMax),
        [this, report] {
          --reports_in_flight_;
          sink_(report);
        }
    );
  }
}

const RunRecord* HostSim::find(Fence fence) const {
  const auto found = runs_.find(fence);
  return found == runs_.end() ? nullptr : &found->second;
}

std::uint32_t HostSim::executions(const MissionName& mission, const TaskName& task) const {
  const auto found = executions_.find({mission.str(), task.str()});
  return found == executions_.end() ? 0 : found->second;
}

std::uint32_t HostSim::completions(const MissionName& mission, const TaskName& task) const {
  const auto found = completions_.find({mission.str(), task.str()});
  return found == completions_.end() ? 0 : found->second;
}

std::size_t HostSim::busy() const {
  const auto live = std::count_if(runs_.begin(), runs_.end(), [](const auto& run) {
    return run.second.state == State::Alive || run.second.state == State::Accepted ||
           run.second.zombie;
  });
  return static_cast<std::size_t>(live) + reports_in_flight_;
}

}  // namespace reeve::sim
