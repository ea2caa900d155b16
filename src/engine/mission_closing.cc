#include <algorithm>

#include "base/strings.h"
#include "engine/gate_machine.h"
#include "engine/mission_turn.h"

namespace reeve::engine {

using model::MissionState;
using model::Reason;
using model::RunState;
using model::TaskState;
using model::TaskStatus;

namespace {

Reason reason_of(std::string_view error_code) {
  if (error_code == kErrorTimedOut) {
    return Reason::Timeout;
  }
  if (error_code == kErrorQuota) {
    return Reason::QuotaExceeded;
  }
  return error_code == kErrorLost ? Reason::WorkerLost : Reason::Failure;
}

}  // namespace

/// One step towards the end. Returns false if the mission waits (it is HELD or has ended).
bool MissionTurn::close() {
  const Verdict result = verdict();
  if (!result.good) {
    if (try_again(result)) {
      return m_.state != MissionState::Held;
    }
    if (start_undo(result)) {
      return true;
    }
  }
  if (start_always_run()) {
    return true;
  }
  end_mission(result);
  return false;
}

MissionTurn::Verdict MissionTurn::verdict() const {
  Verdict result;
  if (m_.aborting) {
    return {
        .good = false,
        .reason = Reason::UserRequest,
        .error_code = std::string(kErrorCancelled),
        .message = m_.message};
  }
  if (m_.timed_out) {
    return {
        .good = false,
        .reason = Reason::Timeout,
        .error_code = std::string(kErrorTimedOut),
        .message = concat("not done within ", format_duration(plan_->workflow->timeout))};
  }
  // The failure that ended first is the one that explains the rest.
  const TaskStatus* first = nullptr;
  for (std::size_t i = 0; i < m_.tasks.size(); ++i) {
    const TaskStatus& task = m_.tasks[i];
    const bool allowed = plan_->workflow->tasks[i].allow_failure && task.error_code != kErrorLoop;
    // An aborted run that nobody asked to abort is no success either.
    const bool failed =
        (task.state == TaskState::Failed || task.state == TaskState::Aborted) && !allowed;
    if (failed && (first == nullptr || task.ended < first->ended)) {
      first = &task;
    }
  }
  return first == nullptr ? result : failure_of(static_cast<TaskIndex>(first - m_.tasks.data()));
}

/// What the failure of a task means for the mission.
MissionTurn::Verdict MissionTurn::failure_of(TaskIndex index) const {
  const TaskStatus& task = m_.tasks[index];
  const workflow::Task& def = task_def(index);
  Verdict result;
  result.good = false;
  result.reason = reason_of(task.error_code);
  result.error_code = task.error_code.empty() ? std::string(kErrorJob) : task.error_code;
  const bool rejected = task.gate && task.gate->state == model::ApprovalState::Rejected;
  const bool expired = task.gate && task.gate->state == model::ApprovalState::Expired;
  if (task.state == TaskState::Failed && (rejected || expired)) {
    const bool handled = workflow::has_route(def, kExitRejected) ||
                         workflow::has_route(def, "FAILED") ||
                         (expired && workflow::has_route(def, kExitExpired));
    result.reason = rejected ? Reason::ApprovalRejected : Reason::ApprovalExpired;
    result.refused = true;
    result.aborts = !handled && plan_->workflow->format == workflow::Format::Native;
    result.message = concat("gate ", def.name.view(), ": ", task.message);
    return result;
  }
  result.message = concat(
      "task ", def.name.view(), task.state == TaskState::Failed ? " failed" : " was cancelled"
  );
  if (!task.exit_code.empty()) {
    result.message += concat(" with exit code ", task.exit_code);
  }
  if (!task.message.empty()) {
    result.message += concat(": ", task.message);
  }
  return result;
}

/// Starts the next epoch if the whole may be tried again.
bool MissionTurn::try_again(const Verdict& verdict) {
  const bool closed = std::any_of(m_.tasks.begin(), m_.tasks.end(), [](const TaskStatus& task) {
    return task.run.closing;
  });
  if (m_.aborting || m_.timed_out || closed || m_.state == MissionState::Compensating ||
      m_.epoch >= engine_.limits_.epochs_max) {
    return false;
  }
  const workflow::RetryPolicy& policy = plan_->workflow->retry;
  const std::uint32_t done = m_.epoch - 1;
  const bool asked = std::any_of(m_.tasks.begin(), m_.tasks.end(), [](const TaskStatus& task) {
    return task.state == TaskState::Failed && task.error_code == kErrorRestartJob;
  });
  // An endless loop is one in the next attempt, too; without hosts in it all would be one turn.
  const bool fatal = verdict.error_code == kErrorFatal || verdict.error_code == kErrorLoop ||
                     verdict.error_code == kErrorQuota || verdict.refused;
  if (!asked && (fatal || done >= policy.retries)) {
    return false;
  }
  const std::uint32_t hard = plan_->workflow->hard_reset_after_retries;
  const bool full = hard > 0 && m_.epoch % (hard + 1) == 0;
  start_epoch(full, workflow::retry_delay(policy, done, seed_of({})));
  return true;
}

void MissionTurn::start_epoch(bool full, Duration delay) {
  become_active(Reason::Failure);
  emit(EpochStarted{.epoch = m_.epoch + 1, .full = full});
  reach_entries();
  if (delay.count() == 0) {
    transition(MissionState::Queued, Reason::Retry);
    return;
  }
  model::Hold hold;
  hold.kind = model::HoldKind::Backoff;
  hold.since = scope_.now;
  hold.deadline = scope_.now + delay;
  hold.message = concat(
      "waits until ",
      format_timestamp(*hold.deadline),
      " before attempt ",
      m_.epoch,
      " at the whole"
  );
  set_timer(concat("hold:", to_string(hold.kind), ":"), hold.deadline);
  emit(HoldRaised{.hold = std::move(hold)});
  transition(MissionState::Held, Reason::Retry);
}

/// Starts undoing the latest effect that has not been undone.
bool MissionTurn::start_undo(const Verdict& verdict) {
  std::optional<TaskIndex> latest;
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    const TaskStatus& task = m_.tasks[i];
    const bool given_up = m_.aborting && task.undo && task.undo->state != RunState::Complete;
    const bool undone = task.undo && task.undo->state == RunState::Complete;
    if (!task.undoable || !task_def(i).compensate || undone || given_up) {
      continue;
    }
    if (!latest || m_.tasks[*latest].ended < task.ended) {
      latest = i;
    }
  }
  if (!latest) {
    return false;
  }
  if (m_.state != MissionState::Compensating) {
    become_active(Reason::Compensation);
    transition(
        MissionState::Compensating, Reason::Compensation, verdict.error_code, verdict.message
    );
  }
  create_run({.task = *latest, .leg = Leg::Undo}, Duration(0), false);
  return true;
}

/// Starts the next `always_run` task that has not run in this epoch, if anything ran at all.
bool MissionTurn::start_always_run() {
  if (!m_.started_at) {
    return false;
  }
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    const TaskStatus& task = m_.tasks[i];
    if (!task_def(i).always_run || task.state != TaskState::Waiting || ran_in_this_epoch(i)) {
      continue;
    }
    start_closing(i);
    return true;
  }
  return false;
}

void MissionTurn::start_closing(TaskIndex index) {
  const workflow::Task& def = task_def(index);
  const Result<bool> skip = wants_skip(index);
  if (skip && *skip) {
    emit(TaskSkipped{.task = index, .message = "its condition says so"});
    return;
  }
  if (def.method == workflow::Method::Gate) {
    emit(TaskSkipped{.task = index, .message = "a gate is no clean-up: nobody is asked at the end"}
    );
    return;
  }
  // What cannot be decided is carried out: this is the guarantee of `always_run`.
  if (carry_out_inside(index, true)) {
    return;
  }
  if (def.method != workflow::Method::Noop) {
    create_run({.task = index}, Duration(0), true);
    return;
  }
  if (m_.state != MissionState::Compensating) {
    become_active(Reason::AgentReady);
  }
  RunEnded event;
  event.slot = {.task = index};
  event.attempt = 1;
  event.exit_code = "0";
  emit(event);
}

void MissionTurn::end_mission(const Verdict& verdict) {
  if (m_.aborting || verdict.aborts) {
    transition(MissionState::Aborted, verdict.reason, verdict.error_code, verdict.message);
    return;
  }
  if (verdict.good) {
    become_active(Reason::AgentReady);
    transition(MissionState::Complete, verdict.reason);
    return;
  }
  if (m_.state == MissionState::Queued) {
    transition(MissionState::Launching, Reason::Scheduler);
  }
  transition(MissionState::Failed, verdict.reason, verdict.error_code, verdict.message);
}

}  // namespace reeve::engine
