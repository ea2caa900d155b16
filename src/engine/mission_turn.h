#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/mission_machine.h"
#include "engine/mission_queries.h"
#include "workflow/render.h"
#include "workflow/routing.h"

namespace reeve::engine {

/// Everything one turn does to one mission. Emits events, which change the mission at once.
///
/// Threading: engine loop; lives for one turn.
class MissionTurn {
 public:
  MissionTurn(Engine& engine, Scope& scope, model::Mission& mission, const Plan& plan);

  /// Records one event and applies it.
  void emit(const MissionEvent& event);

  /// Moves the mission; the move must be legal.
  void transition(
      model::MissionState to,
      model::Reason reason,
      std::string error_code = {},
      std::string message = {}
  );

  // mission_turn.cc: going forward

  /// After creation: checks `skip_if`, queues the mission and starts what can start.
  void begin();

  /// Does everything that can be done now. Called at the end of every turn that touched it.
  void advance();

  /// What the workflow's own condition says now. Invalid: it cannot be rendered.
  Result<bool> is_skipped() const;

  /// Starts a mission that has waited for its place.
  void admit();

  void note_waiting(std::string message);
  void note_waiting(SlotKey key, std::string message);
  bool waits_for_admission() const;
  void set_timer(std::string key, std::optional<Timestamp> due);

  Result<std::string> submit_mission(TaskIndex index, const workflow::Submission& submission);

  const model::Mission& mission() const { return m_; }

  const Plan& plan() const { return *plan_; }

  Timestamp now() const { return scope_.now; }

  void request_abort(const std::string& message);
  void resume(model::Reason reason, bool expired);

  /// Holds the mission; what it does goes on. It is neither over nor being undone, and has no such
  /// hold.
  void hold(model::Hold hold);

  /// Releases what a person may release. IllegalTransition: it waits for approvals, which are
  /// decided and not released.
  Result<void> resume_by_hand();
  void reconcile();
  void on_dependency_over(const model::Mission& before);
  void on_timer(std::string_view key);

  // mission_quota.cc: limits that are reached

  bool is_held_for_quota() const;
  /// The hold with this subject, or any for a quota; null: none.
  const model::Hold* quota_hold(std::string_view subject = {}) const;
  void stop_over_quota(SlotKey key, const std::string& message);
  /// Says whether it is held now and was not before.
  bool hold_for_quota(const std::string& subject, const std::string& message);
  void release_quota(const std::string& subject);
  void watch_duration(SlotKey key, bool overdue);
  /// Whether none of its runs has had so much time at `at`.
  bool all_runs_below(Duration limit, Timestamp at) const;

  // mission_launch.cc: handing runs to hosts

  /// Asks a host for a run whose turn has come (a slot is free). May end the run at once.
  void launch(SlotKey key);

  /// Asks the hosts again for what should be going on, after a restart.
  void recover();

  /// Asks the hosts again for active runs: the answer may have been lost. A host that goes on with
  /// one just says so.
  void ask_again();

  // mission_children.cc: tasks that are missions

  /// A mission that the task has started has ended.
  void on_child_over(TaskIndex index, const model::Mission& child);

  // mission_results.cc: what hosts report

  Result<void> on_started(SlotKey key, Fence fence);
  Result<void> on_finished(SlotKey key, Fence fence, const model::RunResult& result);
  Result<void> on_lost(SlotKey key, Fence fence, const std::string& detail);

  // mission_parking.cc: runs for which people decide about tool calls

  /// Tells the run what it waits for, or that it waits no more; one that has stopped for that
  /// reason goes on as another one.
  void look_at_decisions(std::string_view run, model::Reason reason);

  // mission_decisions.cc: what people decide

  /// See DecideGate. An error has changed nothing.
  Result<GateReply> decide_gate(const DecideGate& command);

  /// Finds the slot a run name belongs to.
  std::optional<SlotKey> slot_named(const RunName& run) const;
  RunName run_name(SlotKey key) const;

 private:
  struct Verdict {
    bool good = true;
    /// People said no: trying again would not change that.
    bool refused = false;
    /// Nothing in the workflow deals with that: the mission is not FAILED but ABORTED.
    bool aborts = false;
    model::Reason reason = model::Reason::Completion;
    std::string error_code;
    std::string message;
  };

  const workflow::Task& task_def(TaskIndex index) const { return plan_->workflow->tasks[index]; }

  model::TaskStatus& status(TaskIndex index) { return m_.tasks[index]; }

  const model::TaskStatus& status(TaskIndex index) const { return m_.tasks[index]; }

  // mission_turn.cc
  bool stopping() const { return m_.draining || m_.aborting || m_.timed_out; }

  bool may_start() const;
  bool needs_met(TaskIndex index) const;

  bool ran_in_this_epoch(TaskIndex index) const { return m_.tasks[index].run.attempt > 0; }

  bool is_ready(TaskIndex index) const;
  bool start_ready_tasks();
  void start(TaskIndex index);
  Result<bool> wants_skip(TaskIndex index) const;
  bool carry_out_inside(TaskIndex index, bool closing);
  void stop_loop(TaskIndex index);
  void complete_noop(TaskIndex index);
  void create_run(SlotKey key, Duration delay, bool closing);
  void leave_line();
  void reach(TaskIndex index, bool fresh);
  void reach_entries();
  void become_active(model::Reason reason);
  bool drop_pending_runs();
  void cancel_runs(const std::string& message);
  bool undo_failed() const;
  void release(const model::Hold& hold, bool expired);
  bool anything_in_progress() const;
  void ask_for_missions(SlotKey key);
  Result<model::LaunchRun> launch_effect(SlotKey key, Fence fence, Timestamp at) const;
  model::Origin origin_of(const RunName& run) const;
  void repeat_request(SlotKey key);
  bool is_without_person() const;
  workflow::RenderContext render_context(SlotKey key) const;
  std::vector<model::NamedValue> outputs_so_far() const;
  void add_artifact_addresses(std::size_t index, std::vector<model::NamedValue>& outputs) const;
  std::vector<model::ArtifactRef> inputs_of(TaskIndex index) const;
  std::uint64_t seed_of(SlotKey key) const;

  // mission_results.cc
  Result<void> check_report(SlotKey key, Fence fence) const;
  void fail_before_start(SlotKey key, const std::string& error_code, const std::string& message);
  void emit_end(RunEnded event);
  void end_forward(TaskIndex index, const model::RunResult& result);
  void end_over_quota(TaskIndex index, RunEnded event);
  void end_forward_with(TaskIndex index, const workflow::Ended& ended, RunEnded event);
  workflow::Decision decide_end(
      TaskIndex index, const workflow::Ended& ended, bool closing, std::string& message
  ) const;
  std::optional<Duration> polled_longer_than(TaskIndex index) const;
  void end_undo(TaskIndex index, RunEnded event, bool succeeded);
  void follow(TaskIndex index, const workflow::Decision& decision, bool closing);
  void pause(TaskIndex index);
  Duration poll_delay(TaskIndex index) const;
  std::uint32_t lost_max(SlotKey key) const;
  void lose(SlotKey key, const std::string& detail, model::Reason reason);
  void leave_host(SlotKey key);
  std::string slot_timer(std::string_view what, SlotKey key) const;

  // mission_quota.cc
  void each_run_on_host(const std::function<void(SlotKey)>& visit);
  void freeze_runs(const std::string& message);
  void freeze(SlotKey key, const std::string& message);
  void thaw(SlotKey key);
  void quota_released();
  Duration elapsed(TaskIndex index, Timestamp at) const;
  static Duration warn_after(const Quota& quota);
  void on_quota_timer(SlotKey key);

  // mission_dependencies.cc
  void wait_for_missions();

  // mission_extension.cc
  std::optional<std::string> extend(TaskIndex index, const std::string& extension);

  // mission_children.cc
  void start_inside(TaskIndex index, bool closing);
  void start_children(TaskIndex index, bool closing);
  void start_await(TaskIndex index, bool closing);
  std::string too_many_copies(TaskIndex index, std::size_t items) const;
  void start_waiting_children(TaskIndex index);
  bool make_child(TaskIndex index, std::uint32_t item);
  Result<ChildPlan> plan_child(TaskIndex index, std::uint32_t item);
  ChildEnded child_ended(TaskIndex index, std::uint32_t item, const model::Mission& child) const;
  bool step_inside();
  void step_children(TaskIndex index);
  void step_await(TaskIndex index);
  bool is_decided(TaskIndex index) const;
  void stop_if_decided(TaskIndex index);
  void stop_children(TaskIndex index, const std::string& message);
  bool children_good(TaskIndex index) const;
  void end_children(TaskIndex index);
  void end_inside(TaskIndex index, bool good, bool stopped, RunEnded event);
  void take_results(TaskIndex index, ChildEnded& event, const model::Mission& child) const;
  static std::vector<model::NamedValue> outputs_of(const model::Mission& mission);
  std::vector<model::NamedValue> child_outputs(TaskIndex index) const;

  // mission_parking.cc
  bool park(SlotKey key, RunEnded event);
  void unpark(TaskIndex index, model::Reason reason);
  bool is_awaited(TaskIndex index) const;
  void look_at_parked_runs();
  bool drop_parked_runs();
  model::Hold parked_hold(TaskIndex index) const;

  // mission_gates.cc
  std::string gate_timer(TaskIndex index) const;
  void open_gate(TaskIndex index);
  bool wait_for_approval();
  model::Hold approval_hold(TaskIndex index) const;
  void leave_approval(model::Reason reason);
  void rearm_deadline();
  void close_gate(TaskIndex index, model::ApprovalState outcome);
  void send_back(TaskIndex index);
  bool withdraw_gates();
  std::optional<std::string> feedback_for(TaskIndex index) const;
  void serve_gate(TaskIndex index);
  void serve_overdue_gates();
  void on_gate_timer(std::string_view key);

  // mission_decisions.cc
  Result<void> check_decision(TaskIndex index, const DecideGate& command) const;
  Result<TaskIndex> gate_named(const TaskName& name) const;
  Error not_open(TaskIndex index) const;

  // mission_closing.cc: nothing runs and nothing can start
  bool close();
  Verdict verdict() const;
  Verdict failure_of(TaskIndex index) const;
  bool try_again(const Verdict& verdict);
  void start_epoch(bool full, Duration delay);
  bool start_undo(const Verdict& verdict);
  bool start_always_run();
  void start_closing(TaskIndex index);
  void end_mission(const Verdict& verdict);

  Engine& engine_;
  Scope& scope_;
  model::Mission& m_;
  /// Another one once the mission has been extended.
  const Plan* plan_;
  /// Asked while rendering, which changes nothing but how often it was asked.
  mutable MissionQueries queries_;
};

/// Appends the artifacts of a task and of the missions it has started; those of an item of a
/// fan-out are in a directory of the item's number.
void add_artifacts_of(
    const model::Mission& mission, TaskIndex index, std::vector<model::ArtifactRef>& artifacts
);

inline constexpr std::string_view kErrorFatal = "ERR_FATAL";
inline constexpr std::string_view kErrorRestartJob = "ERR_RESTART_JOB";
inline constexpr std::string_view kErrorTimedOut = "ERR_TASK_TIMED_OUT";
inline constexpr std::string_view kErrorLost = "ERR_WORKER_LOST";
inline constexpr std::string_view kErrorLaunch = "ERR_ANT_EXECUTION_FAILED";
inline constexpr std::string_view kErrorValidation = "ERR_VALIDATION";
inline constexpr std::string_view kErrorFiltered = "ERR_FILTERED_JOB";
inline constexpr std::string_view kErrorCancelled = "ERR_JOB_CANCELLED";
inline constexpr std::string_view kErrorTask = "ERR_TASK_EXECUTE";
inline constexpr std::string_view kErrorJob = "ERR_JOB_EXECUTE";
inline constexpr std::string_view kErrorLoop = "ERR_LOOP_LIMIT";

/// The timer of a mission that may not start before a time.
inline constexpr std::string_view kStartTimer = "start";

/// Begins the timers of runs that a quota gives so much time.
inline constexpr std::string_view kQuotaTimer = "quota";

/// What is added to a task's name in the run names of its compensation.
inline constexpr std::string_view kUndoSuffix = "~compensate";

}  // namespace reeve::engine
