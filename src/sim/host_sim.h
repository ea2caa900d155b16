#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "model/effect.h"
#include "sim/behaviour.h"
#include "sim/faults.h"
#include "sim/fwd.h"

namespace reeve::sim {

/// What became of a run on the host. Survives the controller and the host, as a run directory does.
struct RunRecord {
  enum class State : std::uint8_t {
    Accepted,  ///< not started yet
    Alive,
    Finished,
    Lost,
  };

  MissionName mission;
  TaskName task;
  RunName run;
  Fence fence;
  State state = State::Accepted;
  model::RunSpec spec;
  model::RunResult result;
  /// Executions of this very run; more than one is a violation.
  std::uint32_t executions = 0;
  /// Which execution of its task this is, from 1.
  std::uint32_t number = 0;
  /// Its work was really done, whatever anybody believes.
  bool done = false;
  /// Goes on although its host has given it up.
  bool zombie = false;
  /// A cancellation is under way.
  bool cancelled = false;
  /// It stands still, and would have ended meanwhile.
  bool frozen = false;
  bool end_is_due = false;

  /// Whether it can do anything, whatever its host says.
  bool lives() const { return state == State::Alive || zombie; }
};

/// A host with virtual processes. What they do is written in their scripts (behaviour.h). Requests
/// are idempotent by (run, fence), as model/effect.h demands; the ledger of what really ran lies
/// outside of the controller and survives it.
///
/// Threading: the simulation's.
class HostSim {
 public:
  using Sink = std::function<void(model::Report)>;

  /// Plays runs that make so many calls about which people decide, before they work.
  using Asker = std::function<void(Fence fence, std::uint32_t calls)>;

  HostSim(World& world, FaultRates& faults, Checkers& checkers, Sink sink);

  /// Without one, runs have their answers at once.
  void use(Asker asker) { asker_ = std::move(asker); }

  /// A run has its answers, and works for as long as its script says.
  void go_on(Fence fence);

  /// It ends because people have to decide, and says so.
  void park(Fence fence);

  /// A request has arrived. While the host is down it is lost.
  void handle(const model::Effect& effect);

  /// All runs are lost, some of them go on as zombies; the host is back after `away`.
  void die(Duration away);

  /// The record of the run that was handed out with `fence`, or null.
  const RunRecord* find(Fence fence) const;

  /// All runs in the order of their fences.
  const std::map<Fence, RunRecord>& runs() const { return runs_; }

  /// How often the script of a task really ran; `task` as in run names (`a`, `a~compensate`).
  std::uint32_t executions(const MissionName& mission, const TaskName& task) const;

  /// How often its work was really done: it ended by itself with code 0.
  std::uint32_t completions(const MissionName& mission, const TaskName& task) const;

  /// Runs that are accepted or alive, and reports that are on their way.
  std::size_t busy() const;

  /// From now on no launch is confirmed any more (and none begins).
  void stop_confirming(bool stop) { mute_ = stop; }

 private:
  using TaskKey = std::pair<std::string, std::string>;

  void launch(const model::LaunchRun& request);
  void cancel(const model::CancelRun& request);
  void freeze(const model::FreezeRun& request);
  void thaw(const model::ThawRun& request);
  void begin(Fence fence);
  void end(Fence fence);
  void expire(Fence fence);
  void finish(RunRecord& record, model::RunEnd end, int code, std::string reason);
  void answer(const RunRecord& record);
  void report(model::Report report);
  void lose(RunRecord& record, std::string_view why);

  World& world_;
  FaultRates& faults_;
  Checkers& checkers_;
  Sink sink_;
  Asker asker_;
  std::map<Fence, RunRecord> runs_;
  std::map<RunName, Fence> fences_;
  std::map<TaskKey, std::uint32_t> executions_;
  std::map<TaskKey, std::uint32_t> completions_;
  std::uint32_t reports_in_flight_ = 0;
  std::uint64_t incarnation_ = 0;
  bool up_ = true;
  bool mute_ = false;
};

}  // namespace reeve::sim
