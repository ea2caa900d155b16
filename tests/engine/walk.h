#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "model/effect.h"
#include "model/mission.h"

namespace reeve::engine {

/// Where a mission of a test is meant if no other is named.
inline constexpr std::string_view kMission = "m";

/// An engine on a virtual clock with a host that does exactly what the test says. After every turn
/// it folds the events anew and compares: invariants, the row, and the row's decoding.
///
/// Tests name runs by task: `started("build")` is about the last run of "build" that the engine
/// asked for; the undo of a task is "build~compensate".
class Walk {
 public:
  explicit Walk(Limits limits = {});

  /// Compares events and state only after every `turns`-th turn, for stories with very many.
  void check_every(std::uint32_t turns) { check_period_ = turns; }

  // --- commands ---------------------------------------------------------------------------------

  /// Submits a native workflow given by its `spec`, one line of flow style per task:
  /// "{name: a, script: x}". `head` holds further lines of the spec. Must succeed.
  void submit(
      const std::vector<std::string>& tasks,
      std::string_view head = {},
      std::string_view mission = kMission
  );

  /// Submits any document.
  Result<Reply> submit_text(
      std::string_view text,
      std::string_view mission = kMission,
      std::vector<model::NamedValue> params = {},
      bool local = false
  );

  /// Submits a workflow that was made by hand. Must succeed.
  void submit_workflow(
      std::shared_ptr<const workflow::Workflow> workflow, std::string_view mission = kMission
  );

  void abort(std::string_view mission = kMission);
  void resume(std::string_view mission = kMission);
  void reconcile(std::string_view mission = kMission);
  Result<Reply> command(
      const Command& command,
      std::string_view actor = "user:test",
      std::vector<std::string> groups = {}
  );

  /// What `who` ("alice", or with a kind: "run:m.1.a.1") decides about a gate.
  Result<Reply> decide(
      std::string_view who,
      model::Decision decision,
      std::string_view message = {},
      std::string_view task = {},
      std::vector<std::string> groups = {},
      std::string_view mission = kMission
  );

  /// From now on turns belong to this request; at first to "c-1".
  void correlate(std::string_view id, model::Trace trace) {
    correlation_ = CorrelationId(std::string(id));
    trace_ = std::move(trace);
  }

  // --- the host ---------------------------------------------------------------------------------

  void started(std::string_view task, std::string_view mission = kMission);

  /// Its process ended by itself.
  void finished(
      std::string_view task,
      int exit_code = 0,
      std::vector<model::NamedValue> outputs = {},
      std::string_view mission = kMission
  );

  /// Its process ended in another way; `end` decides the exit code.
  void ended(std::string_view task, model::RunEnd end, std::string_view mission = kMission);

  void lost(std::string_view task, std::string_view mission = kMission);

  Result<Reply> report(const model::Report& report);

  /// The last run of a task that the engine asked a host for; it must exist.
  const model::LaunchRun& launch_of(std::string_view task, std::string_view mission = kMission)
      const;

  // --- time -------------------------------------------------------------------------------------

  /// Lets time pass and fires what becomes due, in order.
  void advance(Duration time);

  Timestamp now() const { return now_; }

  // --- what one sees ----------------------------------------------------------------------------

  const model::Mission& mission(std::string_view name = kMission) const;
  std::string state(std::string_view name = kMission) const;
  std::string task_state(std::string_view task, std::string_view mission = kMission) const;
  const model::TaskStatus& task(std::string_view task, std::string_view mission = kMission) const;

  /// "STATE ERROR_CODE" of an ended mission.
  std::string verdict(std::string_view name = kMission) const;

  /// "a=COMPLETE b=SKIPPED".
  std::string tasks(std::string_view mission = kMission) const;

  /// Names of the runs that the engine asked hosts for, in order, joined by spaces.
  std::string launches() const;

  /// Names of runs whose end it asked for.
  std::string cancels() const;

  /// "QUEUED/user_request LAUNCHING/scheduler …" of one mission.
  std::string moves(std::string_view mission = kMission) const;

  const std::vector<journal::Event>& events() const { return events_; }

  std::size_t count_events(std::string_view type) const;

  /// When a timer is due, if it is armed.
  std::optional<Timestamp> timer(std::string_view key, std::string_view mission = kMission) const;

  std::size_t timers() const { return timers_.size(); }

  /// Loses all timers.
  void drop_timers() { timers_.clear(); }

  Engine& engine() { return engine_; }

  /// A controller that starts again from the rows.
  void restart();

 private:
  using TimerId = std::pair<MissionName, std::string>;

  using Made = std::map<std::string, std::shared_ptr<const workflow::Workflow>, std::less<>>;

  static WorkflowLoader loader(std::shared_ptr<const Made> made);
  Scope scope() const;
  void take(Scope scope);
  void check() const;

  std::uint32_t check_period_ = 1;
  std::uint32_t turns_ = 0;

  void fold(const journal::Event& event);
  std::vector<std::pair<journal::ObjectKey, std::string>> rows() const;

  Limits limits_;
  /// Workflows made by hand, by their sources.
  std::shared_ptr<Made> made_ = std::make_shared<Made>();
  Engine engine_;
  Timestamp now_;
  CorrelationId correlation_{"c-1"};
  model::Trace trace_;
  Revision next_{1};
  std::vector<journal::Event> events_;
  std::vector<model::LaunchRun> launches_;
  std::vector<model::CancelRun> cancels_;
  std::set<RunName> frozen_;
  std::map<TimerId, Timestamp> timers_;
  std::map<std::string, model::Mission> folded_;
  std::map<journal::ObjectKey, std::string> workflow_rows_;
  /// Objects of kinds that have books.
  std::set<journal::ObjectKey> others_;
};

/// A native document around one line of flow style per task.
std::string native_text(const std::vector<std::string>& tasks, std::string_view head = {});

}  // namespace reeve::engine
