#include <algorithm>

#include "base/strings.h"
#include "engine/gate_machine.h"
#include "engine/mission_turn.h"

namespace reeve::engine {

using model::MissionState;
using model::Reason;
using model::RunEnd;
using model::RunResult;
using model::RunSlot;
using model::RunState;
using model::TaskStatus;
using workflow::Decision;

namespace {

/// Poll interval of a task that sets none.
constexpr Duration kPollDelayDefault{2000};

/// A tool may say more than a code. A run that never started has an exit code only if its launcher
/// gave one (126, 127).
std::string exit_text(const RunResult& result) {
  if (!result.exit_text.empty()) {
    return result.exit_text;
  }
  const bool unknown = result.end == RunEnd::LaunchFailed && result.exit_code == 0;
  return unknown ? std::string() : std::to_string(result.exit_code);
}

/// No fewer bytes than the results take as JSON.
std::size_t bytes_at_most(const RunEnded& event) {
  constexpr std::size_t kEscaped = 6;  // one byte as \u0000
  constexpr std::size_t kEach = 200;   // punctuation, a digest, a size
  std::size_t bytes = 0;
  for (const model::NamedValue& output : event.outputs) {
    bytes += kEach + output.first.size() + output.second.size();
  }
  for (const model::ArtifactRef& artifact : event.artifacts) {
    bytes += kEach + artifact.path.size();
  }
  return bytes * kEscaped;
}

/// Drops results that have no room in an event. A refused commit would stop everything, and the
/// host would report the same results again and again. Within the limits of a result this takes
/// text of which JSON needs many times the bytes.
void drop_excess(const workflow::Workflow& workflow, RunEnded& event) {
  // What is still to be added: a reason and a code.
  constexpr std::size_t kRoom = journal::kEventDataBytesMax - (std::size_t{64} << 10U);
  if (bytes_at_most(event) <= kRoom) {
    return;
  }
  std::string data;
  encode(event, workflow, data);
  if (data.size() > kRoom && !event.outputs.empty()) {
    event.outputs.clear();
    event.warnings.push_back(
        concat("the outputs were ignored: the result takes ", data.size(), " bytes as JSON")
    );
    data.clear();
    encode(event, workflow, data);
  }
  if (data.size() > kRoom) {
    event.artifacts.clear();
    event.warnings.push_back(
        concat("the artifacts were ignored: the result takes ", data.size(), " bytes as JSON")
    );
  }
}

/// About dependencies that gave the run nothing because they were left out on the way. Empty: none.
std::string missing_inputs(
    const workflow::Workflow& workflow, const workflow::Task& def, const model::Mission& mission
) {
  constexpr std::size_t kNamedMax = 5;
  std::vector<std::string> names;
  for (const TaskIndex dependency : def.dependencies) {
    const TaskStatus& task = mission.tasks[dependency];
    const bool ran =
        task.state != model::TaskState::Waiting && task.state != model::TaskState::Skipped;
    if (!ran && task.artifacts.empty() && names.size() <= kNamedMax) {
      names.push_back(workflow.tasks[dependency].name.str());
    }
  }
  if (names.empty()) {
    return {};
  }
  if (names.size() > kNamedMax) {
    names.back() = "others";
  }
  return concat("there are no files of ", join(names, ", "), ": not run before this task");
}

/// Whether a failure stops what does not depend on it, too: somebody said that the whole is over.
/// After any other one, tasks that need the failed one never start, and the rest goes on.
bool ends_the_walk(std::string_view error_code) {
  return error_code == kErrorFatal || error_code == kErrorRestartJob ||
         error_code == kErrorRejection;
}

Decision failed_with(std::string_view error_code) {
  return {
      .outcome = Decision::Outcome::Failed,
      .error_code = std::string(error_code),
      .next = std::nullopt};
}

Outcome outcome_of(Decision::Outcome outcome) {
  switch (outcome) {
    case Decision::Outcome::Completed:
      return Outcome::Completed;
    case Decision::Outcome::Failed:
      return Outcome::Failed;
    case Decision::Outcome::Retry:
      return Outcome::Retry;
    case Decision::Outcome::Poll:
      return Outcome::Poll;
    case Decision::Outcome::Pause:
      return Outcome::Pause;
  }
  return Outcome::Failed;
}

}  // namespace

std::string MissionTurn::slot_timer(std::string_view what, SlotKey key) const {
  return concat(
      what,
      ":",
      task_def(key.task).name.view(),
      key.leg == Leg::Undo ? kUndoSuffix : std::string_view()
  );
}

std::optional<SlotKey> MissionTurn::slot_named(const RunName& run) const {
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    const SlotKey forward{.task = i};
    if (m_.tasks[i].run.attempt > 0 && run_name(forward) == run) {
      return forward;
    }
    const SlotKey undo{.task = i, .leg = Leg::Undo};
    if (m_.tasks[i].undo && run_name(undo) == run) {
      return undo;
    }
  }
  return std::nullopt;
}

/// A report counts only for the run that is on a host now, and only with its fence.
Result<void> MissionTurn::check_report(SlotKey key, Fence fence) const {
  const RunSlot& slot = slot_of(m_, key);
  if (!on_host(slot) || slot.fence != fence) {
    return make_error(
        ErrorCode::StaleFence, "the report belongs to a run that is over", run_name(key).str()
    );
  }
  return {};
}

Result<void> MissionTurn::on_started(SlotKey key, Fence fence) {
  REEVE_CHECK(check_report(key, fence));
  if (slot_of(m_, key).state == RunState::Active) {
    return {};
  }
  emit(RunActive{.slot = key});
  set_timer(slot_timer("launch", key), std::nullopt);
  if (m_.state == MissionState::Launching) {
    transition(MissionState::Active, Reason::AgentReady);
  }
  if (const model::Hold* hold = quota_hold()) {
    freeze(key, hold->message);
  } else {
    watch_duration(key, false);
  }
  return {};
}

Result<void> MissionTurn::on_finished(SlotKey key, Fence fence, const RunResult& result) {
  REEVE_CHECK(check_report(key, fence));
  if (result.end != RunEnd::LaunchFailed) {
    REEVE_CHECK(on_started(key, fence));
  }
  leave_host(key);
  if (key.leg == Leg::Undo) {
    RunEnded event;
    event.slot = key;
    event.exit_code = exit_text(result);
    event.message = result.reason;
    event.warnings = result.warnings;
    const bool parks = event.exit_code == model::kWaitsForDecision && !slot_of(m_, key).cancelling;
    if (parks && park(key, event)) {
      return {};
    }
    end_undo(key.task, std::move(event), result.succeeded());
  } else {
    end_forward(key.task, result);
  }
  advance();
  return {};
}

Result<void> MissionTurn::on_lost(SlotKey key, Fence fence, const std::string& detail) {
  REEVE_CHECK(check_report(key, fence));
  lose(key, detail, Reason::WorkerLost);
  advance();
  return {};
}

/// Frees the slot on the host and disarms what watched over it.
void MissionTurn::leave_host(SlotKey key) {
  engine_.host_left({m_.created, key});
  if (slot_of(m_, key).state == RunState::Launching) {
    set_timer(slot_timer("launch", key), std::nullopt);
  }
}

// --- the forward leg ----------------------------------------------------------------------------

void MissionTurn::fail_before_start(
    SlotKey key, const std::string& error_code, const std::string& message
) {
  if (m_.state == MissionState::Queued) {
    become_active(Reason::Failure);
  }
  RunEnded event;
  event.slot = key;
  event.error_code = error_code;
  event.message = message;
  event.state = RunState::Failed;
  if (key.leg == Leg::Undo) {
    event.attempt = slot_of(m_, key).attempt;
    end_undo(key.task, std::move(event), false);
    return;
  }
  // A created run ends here; without one this counts as a run of its own.
  const RunSlot& slot = slot_of(m_, key);
  event.attempt =
      slot.state == RunState::Pending && slot.attempt > 0 ? slot.attempt : slot.attempt + 1;
  end_forward_with(
      key.task,
      {.exit_code = {}, .succeeded = false, .timed_out = false, .retry_left = false},
      std::move(event)
  );
}

/// The end of a run, with as much of its results as there is room for.
void MissionTurn::emit_end(RunEnded event) {
  drop_excess(*plan_->workflow, event);
  emit(event);
}

void MissionTurn::end_forward(TaskIndex index, const RunResult& result) {
  if (!result.bundle.is_null()) {
    emit(BundleKept{.task = index, .bundle = result.bundle});
  }
  // Tasks count with the success of the run that adds them, and with nothing less.
  std::optional<std::string> refused;
  if (!result.extension.empty() && result.succeeded()) {
    refused = extend(index, result.extension);
  }
  const RunSlot& slot = status(index).run;
  const workflow::Task& def = task_def(index);
  RunEnded event;
  event.slot = {.task = index};
  event.attempt = slot.attempt;
  event.exit_code = exit_text(result);
  event.message = result.reason;
  event.outputs = result.outputs;
  event.artifacts = result.artifacts;
  event.warnings = result.warnings;
  if (std::string missing = missing_inputs(*plan_->workflow, def, m_); !missing.empty()) {
    event.warnings.push_back(std::move(missing));
  }
  if (slot.over_quota && !result.succeeded()) {
    end_over_quota(index, std::move(event));
    return;
  }
  const bool goes_on = !slot.cancelling && (!stopping() || slot.closing);
  if (event.exit_code == model::kWaitsForDecision && goes_on && park({.task = index}, event)) {
    return;
  }
  if (result.end == RunEnd::Cancelled || (slot.cancelling && !result.succeeded())) {
    event.state = RunState::Aborted;
    event.outcome = Outcome::Aborted;
    event.error_code = kErrorCancelled;
    event.unknown = true;
    emit_end(std::move(event));
    return;
  }
  const bool timed_out = result.end == RunEnd::TimedOut;
  event.unknown = timed_out;
  if (result.end == RunEnd::LaunchFailed) {
    event.error_code = kErrorLaunch;
  }
  if (refused) {
    event.error_code = kErrorValidation;
    event.message = *refused;
  }
  workflow::Ended ended;
  ended.exit_code = event.exit_code;
  ended.succeeded = result.succeeded() && !refused;
  ended.timed_out = timed_out;
  const std::uint32_t retries = engine_.retries_max(m_, *plan_, index, def.retry.retries);
  ended.retry_left = slot.failures < retries && (!stopping() || slot.closing);
  end_forward_with(index, ended, std::move(event));
}

/// A run was ended because it may use nothing more. Trying again would not change that; a route of
/// the workflow may deal with it.
void MissionTurn::end_over_quota(TaskIndex index, RunEnded event) {
  event.error_code = kErrorQuota;
  event.unknown = true;
  if (event.message.empty()) {
    event.message = "a quota is used up";
  }
  end_forward_with(
      index,
      {.exit_code = {}, .succeeded = false, .timed_out = false, .retry_left = false},
      std::move(event)
  );
}

/// What the end of a run means. `message` says why if polling has gone on for too long.
Decision MissionTurn::decide_end(
    TaskIndex index, const workflow::Ended& ended, bool closing, std::string& message
) const {
  const workflow::Task& def = task_def(index);
  Decision decision = workflow::decide(def, ended);
  const std::optional<Duration> limit = decision.outcome == Decision::Outcome::Poll
                                            ? polled_longer_than(index)
                                            : std::optional<Duration>();
  if (limit) {
    workflow::Ended over = ended;
    over.exit_code.clear();
    over.succeeded = false;
    over.timed_out = true;
    over.retry_left = false;
    decision = workflow::decide(def, over);
    if (decision.outcome == Decision::Outcome::Poll) {
      // FAILED: EXECUTING would go on for ever.
      decision = failed_with(kErrorTimedOut);
    }
    message = concat("still not done after ", format_duration(*limit));
  }
  // A mission that comes to its end is not held any more, not even by its clean-up.
  const bool polls = decision.outcome == Decision::Outcome::Poll;
  const bool pauses = decision.outcome == Decision::Outcome::Pause;
  if ((stopping() && !closing && polls) || ((stopping() || closing) && pauses)) {
    return failed_with(kErrorCancelled);
  }
  return decision;
}

/// The time for which the task may be polled, if that is over.
std::optional<Duration> MissionTurn::polled_longer_than(TaskIndex index) const {
  const std::optional<Timestamp> since = m_.tasks[index].polling_since;
  if (!since) {
    return std::nullopt;
  }
  const std::vector<model::NamedValue> outputs = outputs_so_far();
  workflow::RenderContext context = render_context({.task = index});
  context.outputs = &outputs;
  const auto window = workflow::render_limit(*plan_->workflow, index, context);
  const Duration whole = plan_->workflow->timeout;
  const Duration limit = window.ok() ? window->value_or(whole) : whole;
  return scope_.now - *since >= limit ? std::optional(limit) : std::nullopt;
}

void MissionTurn::end_forward_with(TaskIndex index, const workflow::Ended& ended, RunEnded event) {
  const workflow::Task& def = task_def(index);
  const bool closing = status(index).run.attempt == event.attempt && status(index).run.closing;
  const Decision decision = decide_end(index, ended, closing, event.message);
  // A route may count a failure as a completion; the run itself has not completed if it never
  // started or was lost.
  const bool started = status(index).run.state != RunState::Launching;
  if (event.state != RunState::Lost) {
    event.state = ended.succeeded || (decision.outcome == Decision::Outcome::Completed && started)
                      ? RunState::Complete
                      : RunState::Failed;
  }
  event.outcome = outcome_of(decision.outcome);
  if (!decision.error_code.empty()) {
    event.error_code = decision.error_code;
  }
  if (event.outcome == Outcome::Failed && event.error_code.empty()) {
    event.error_code = kErrorTask;
  }
  event.drains = ends_the_walk(event.error_code) && event.outcome == Outcome::Failed &&
                 !decision.next && !def.allow_failure && !closing;
  emit_end(event);
  const bool again = event.outcome == Outcome::Retry || event.outcome == Outcome::Poll;
  if (again && def.method == workflow::Method::Gate) {
    // Asked again: there is no run that could be repeated.
    reach(index, true);
    return;
  }
  if (again && (!stopping() || closing)) {
    const std::uint32_t used = status(index).run.failures;
    const Duration delay =
        event.outcome == Outcome::Retry
            ? workflow::retry_delay(def.retry, used == 0 ? 0 : used - 1, seed_of({.task = index}))
            : poll_delay(index);
    create_run({.task = index}, delay, closing);
    return;
  }
  follow(index, decision, closing);
}

void MissionTurn::follow(TaskIndex index, const Decision& decision, bool closing) {
  if (decision.outcome == Decision::Outcome::Pause) {
    pause(index);
    return;
  }
  if (decision.next && !closing && !stopping()) {
    reach(*decision.next, true);
  }
}

void MissionTurn::pause(TaskIndex index) {
  const Duration delay = task_def(index).pace.value_or(plan_->workflow->pause_time);
  model::Hold hold;
  hold.kind = model::HoldKind::Backoff;
  hold.subject = task_def(index).name.str();
  hold.since = scope_.now;
  hold.deadline = scope_.now + delay;
  hold.on_deadline = model::OnDeadline::Release;
  hold.message = concat(
      "task ",
      hold.subject,
      " asked for a pause; it runs again at ",
      format_timestamp(*hold.deadline)
  );
  const std::string key = concat("hold:", to_string(hold.kind), ":", hold.subject);
  const std::optional<Timestamp> due = hold.deadline;
  const bool first = m_.state != MissionState::Held;
  if (m_.state == MissionState::Launching) {
    become_active(Reason::Failure);
  }
  emit(HoldRaised{.hold = std::move(hold)});
  set_timer(key, due);
  if (first) {
    transition(MissionState::Held, Reason::UserRequest);
  }
}

Duration MissionTurn::poll_delay(TaskIndex index) const {
  const Duration delay = task_def(index).pace.value_or(task_def(index).retry.delay);
  return delay.count() > 0 ? delay : kPollDelayDefault;
}

// --- losses -------------------------------------------------------------------------------------

/// Losses have their own cap and do not use up retries. Where retries are configured the cap is not
/// higher than they are: a task that kills its supervisor must not run more often than one that
/// fails in the ordinary way.
std::uint32_t MissionTurn::lost_max(SlotKey key) const {
  const std::uint32_t cap = engine_.limits_.lost_max;
  const std::uint32_t retries = task_def(key.task).retry.retries;
  return key.leg == Leg::Undo || retries == 0 ? cap : std::min(cap, retries);
}

void MissionTurn::lose(SlotKey key, const std::string& detail, Reason reason) {
  leave_host(key);
  const RunSlot& slot = slot_of(m_, key);
  RunEnded event;
  event.slot = key;
  event.attempt = slot.attempt;
  event.state = RunState::Lost;
  event.error_code = kErrorLost;
  event.message = detail;
  event.unknown = true;
  const bool closing = slot.closing;
  const bool again = slot.lost < lost_max(key) && !slot.cancelling &&
                     (!stopping() || closing || key.leg == Leg::Undo);
  if (again) {
    event.outcome = Outcome::Again;
    emit(event);
    if (m_.state == MissionState::Active || m_.state == MissionState::Launching) {
      transition(MissionState::Queued, reason);
    }
    create_run(key, Duration(0), closing);
    return;
  }
  if (key.leg == Leg::Undo) {
    end_undo(key.task, std::move(event), false);
    return;
  }
  if (slot.over_quota && !stopping()) {
    end_over_quota(key.task, std::move(event));
    return;
  }
  if (slot.cancelling || stopping()) {
    event.outcome = Outcome::Aborted;
    emit(event);
    return;
  }
  end_forward_with(
      key.task,
      {.exit_code = {}, .succeeded = false, .timed_out = false, .retry_left = false},
      std::move(event)
  );
}

// --- the undo leg -------------------------------------------------------------------------------

void MissionTurn::end_undo(TaskIndex index, RunEnded event, bool succeeded) {
  const workflow::Task& def = task_def(index);
  const SlotKey key = event.slot;
  const RunSlot& slot = slot_of(m_, key);
  event.attempt = slot.attempt;
  if (event.state != RunState::Lost) {
    event.state = succeeded ? RunState::Complete : RunState::Failed;
  }
  const bool again = !succeeded && slot.failures < def.compensate->retry.retries;
  event.outcome = succeeded ? Outcome::Completed : again ? Outcome::Retry : Outcome::Failed;
  emit(event);
  if (succeeded) {
    return;
  }
  if (again) {
    const Duration delay =
        workflow::retry_delay(def.compensate->retry, slot_of(m_, key).failures - 1, seed_of(key));
    create_run(key, delay, false);
    return;
  }
  model::Hold hold;
  hold.kind = model::HoldKind::CompensationFailed;
  hold.subject = def.name.str();
  hold.since = scope_.now;
  hold.message = concat(
      "undoing task ",
      def.name.view(),
      " failed ",
      slot_of(m_, key).attempt,
      " times; mend the cause, then let it be tried again (reeve release ",
      model::plain(m_.name),
      ") or give up (reeve abort ",
      model::plain(m_.name),
      ")"
  );
  emit(HoldRaised{.hold = std::move(hold)});
  transition(MissionState::Held, Reason::Compensation);
}

}  // namespace reeve::engine
