#include "engine/mission_turn.h"

#include <algorithm>

#include "base/hash.h"
#include "base/strings.h"

namespace reeve::engine {

using model::Mission;
using model::MissionState;
using model::Reason;
using model::RunSlot;
using model::RunState;
using model::TaskState;
using model::TaskStatus;

MissionTurn::MissionTurn(Engine& engine, Scope& scope, Mission& mission, const Plan& plan)
    : engine_(engine), scope_(scope), m_(mission), plan_(&plan), queries_(engine, *this) {}

void MissionTurn::emit(const MissionEvent& event) {
  journal::Event record;
  record.revision = scope_.next;
  record.at = scope_.now;
  record.object = {
      .kind = journal::Kind::Mission, .ns = m_.ns, .name = std::string(model::plain(m_.name))};
  record.uid = m_.uid;
  record.type = type_of(event);
  record.actor = scope_.actor;
  record.correlation = m_.correlation;
  encode(event, *plan_->workflow, record.data);
  const std::optional<MissionSituation> before = situation_of(m_);
  apply(m_, event, scope_.next, scope_.now);
  if (!std::holds_alternative<MissionCreated>(event)) {
    engine_.recount(*plan_, before, situation_of(m_));
  }
  scope_.events.push_back(std::move(record));
  scope_.next = scope_.next.next();
}

void MissionTurn::transition(
    MissionState to, Reason reason, std::string error_code, std::string message
) {
  REEVE_ASSERT(is_legal(m_.state, to));
  const bool first_launch = to == MissionState::Launching && !m_.started_at;
  emit(MissionTransitioned{
      .from = m_.state,
      .to = to,
      .reason = reason,
      .error_code = std::move(error_code),
      .message = std::move(message)});
  if (first_launch) {
    set_timer("deadline", scope_.now + plan_->workflow->timeout);
  }
  if (to == MissionState::Held) {
    leave_line();
  }
  if (is_terminal(to)) {
    set_timer("deadline", std::nullopt);
    engine_.mission_over(m_);
  }
  engine_.update_claims(m_, *plan_);
}

/// While the mission is HELD its runs are in nobody's way; its release queues them again.
void MissionTurn::leave_line() {
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    for (const Leg leg : {Leg::Forward, Leg::Undo}) {
      engine_.forget_run({.created = m_.created, .slot = {.task = i, .leg = leg}});
    }
  }
}

void MissionTurn::set_timer(std::string key, std::optional<Timestamp> due) {
  scope_.timers.push_back(
      {.owner =
           {.kind = journal::Kind::Mission,
            .ns = m_.ns,
            .name = std::string(model::plain(m_.name))},
       .key = std::move(key),
       .due = due}
  );
}

// --- starting -----------------------------------------------------------------------------------

/// What the workflow's own condition says now.
Result<bool> MissionTurn::is_skipped() const {
  const workflow::Workflow& workflow = *plan_->workflow;
  if (workflow.skip_if.empty()) {
    return false;
  }
  return workflow::render_condition(workflow, nullptr, workflow.skip_if, render_context({}));
}

void MissionTurn::begin() {
  // One that is for later is asked when its time has come.
  const bool later = m_.not_before && *m_.not_before > scope_.now;
  const Result<bool> skip = later ? Result<bool>(false) : is_skipped();
  if (!skip) {
    transition(
        MissionState::Failed,
        Reason::Failure,
        std::string(kErrorValidation),
        concat("skip_if: ", skip.error().describe())
    );
    return;
  }
  if (*skip) {
    transition(
        MissionState::Aborted, Reason::Skipped, std::string(kErrorFiltered), "skipped by skip_if"
    );
    return;
  }
  transition(MissionState::Queued, Reason::UserRequest);
  reach_entries();
  wait_for_missions();
  advance();
}

/// Starts a QUEUED mission whose turn has come, unless its condition has changed meanwhile.
void MissionTurn::admit() {
  const bool waited = !m_.waiting.empty();
  const Result<bool> skip = waited ? is_skipped() : Result<bool>(false);
  if (skip && *skip) {
    transition(
        MissionState::Aborted, Reason::Skipped, std::string(kErrorFiltered), "skipped by skip_if"
    );
    return;
  }
  emit(MissionAdmitted{});
  engine_.update_claims(m_, *plan_);
  reconcile();
}

/// Says what a mission waits for, once for each reason.
void MissionTurn::note_waiting(std::string message) {
  if (m_.waiting != message) {
    emit(MissionWaiting{.message = std::move(message)});
  }
}

void MissionTurn::note_waiting(SlotKey key, std::string message) {
  if (m_.tasks[key.task].message != message) {
    emit(RunWaiting{.slot = key, .message = std::move(message)});
  }
}

/// Whether nothing may start because the mission has no place yet.
bool MissionTurn::waits_for_admission() const {
  return !m_.admitted && !stopping() && m_.state == MissionState::Queued;
}

void MissionTurn::reach_entries() {
  for (const TaskIndex entry : plan_->workflow->entries) {
    reach(entry, false);
  }
}

/// Leads to a task. One that is under way already goes on: what leads to it twice joins.
void MissionTurn::reach(TaskIndex index, bool fresh) {
  if (in_progress(status(index).run) || status(index).waits_for_people()) {
    return;
  }
  emit(TaskReached{.task = index, .fresh = fresh});
}

void MissionTurn::advance() {
  while (!is_terminal(m_.state) && m_.state != MissionState::Held && !waits_for_admission()) {
    const bool moved = may_start() ? start_ready_tasks() : drop_pending_runs();
    if (step_inside() || moved) {
      continue;
    }
    if (anything_in_progress()) {
      engine_.suspect(m_);
      return;
    }
    if (wait_for_approval() || !close()) {
      return;
    }
  }
  if (waits_for_admission()) {
    engine_.consider(*this);
  }
}

bool MissionTurn::may_start() const {
  return !stopping() && m_.state != MissionState::Compensating;
}

bool MissionTurn::needs_met(TaskIndex index) const {
  const std::vector<TaskIndex>& needs = task_def(index).needs;
  return std::all_of(needs.begin(), needs.end(), [&](TaskIndex need) {
    const TaskState state = m_.tasks[need].state;
    return state == TaskState::Complete || state == TaskState::Skipped ||
           (state == TaskState::Failed && task_def(need).allow_failure);
  });
}

bool MissionTurn::is_ready(TaskIndex index) const {
  const TaskStatus& task = m_.tasks[index];
  if (task.state != TaskState::Waiting || task.waits_for_people()) {
    return false;
  }
  if (task.reached) {
    return needs_met(index);
  }
  // A task with needs starts by itself, unless something must lead to it or it waits for the end.
  const workflow::Task& def = task_def(index);
  return !def.needs.empty() && !plan_->routed_to[index] && !def.always_run && needs_met(index);
}

bool MissionTurn::start_ready_tasks() {
  bool moved = false;
  for (TaskIndex i = 0; i < m_.tasks.size() && may_start() && m_.state != MissionState::Held; ++i) {
    if (is_ready(i)) {
      start(i);
      moved = true;
    }
  }
  return moved;
}

void MissionTurn::start(TaskIndex index) {
  const workflow::Task& def = task_def(index);
  if (m_.starts >= engine_.limits_.starts_max) {
    stop_loop(index);
    return;
  }
  const bool fresh = std::any_of(def.needs.begin(), def.needs.end(), [&](TaskIndex need) {
    return ran_in_this_epoch(need);
  });
  if (status(index).kept && !fresh && !def.always_run) {
    emit(TaskReused{.task = index});
    const workflow::Ended ended{
        .exit_code = status(index).exit_code,
        .succeeded = true,
        .timed_out = false,
        .retry_left = false};
    const workflow::Decision decision = workflow::decide(def, ended);
    if (decision.next) {
      reach(*decision.next, false);
    }
    return;
  }
  const Result<bool> skip = wants_skip(index);
  if (!skip) {
    fail_before_start({.task = index}, std::string(kErrorValidation), skip.error().describe());
    return;
  }
  if (*skip) {
    emit(TaskSkipped{.task = index, .message = "its condition says so"});
    const workflow::Ended ended{
        .exit_code = "SKIPPED", .succeeded = true, .timed_out = false, .retry_left = false};
    follow(index, workflow::decide(def, ended), false);
    return;
  }
  if (carry_out_inside(index, false)) {
    return;
  }
  create_run({.task = index}, Duration(0), false);
}

/// Carries out a task for which no host is needed; false if it needs one.
bool MissionTurn::carry_out_inside(TaskIndex index, bool closing) {
  const workflow::Task& def = task_def(index);
  if (def.fan_out || def.method == workflow::Method::Mission) {
    start_children(index, closing);
    return true;
  }
  if (def.method == workflow::Method::Gate) {
    open_gate(index);
    return true;
  }
  if (def.method == workflow::Method::Await) {
    start_await(index, closing);
    return true;
  }
  if (def.method == workflow::Method::Noop && !closing) {
    complete_noop(index);
    return true;
  }
  return false;
}

/// Whether the task's own condition is true, with what earlier tasks published.
Result<bool> MissionTurn::wants_skip(TaskIndex index) const {
  const workflow::Task& def = task_def(index);
  if (def.skip_if.empty()) {
    return false;
  }
  const std::vector<model::NamedValue> outputs = outputs_so_far();
  workflow::RenderContext context = render_context({.task = index});
  context.outputs = &outputs;
  return workflow::render_condition(*plan_->workflow, &def, def.skip_if, context);
}

/// Fails the task and with it the mission. Its routes are not followed: they are the loop.
void MissionTurn::stop_loop(TaskIndex index) {
  become_active(Reason::Failure);
  RunEnded event;
  event.slot = {.task = index};
  event.attempt = status(index).run.attempt + 1;
  event.state = RunState::Failed;
  event.outcome = Outcome::Failed;
  event.error_code = kErrorLoop;
  event.message =
      concat("tasks were started ", m_.starts, " times: the routes form an endless loop");
  event.drains = true;
  emit(event);
}

void MissionTurn::complete_noop(TaskIndex index) {
  become_active(Reason::AgentReady);
  const workflow::Ended ended{
      .exit_code = "0", .succeeded = true, .timed_out = false, .retry_left = false};
  RunEnded event;
  event.slot = {.task = index};
  event.attempt = status(index).run.attempt + 1;
  end_forward_with(index, ended, std::move(event));
}

/// Goes through the states that lead to ACTIVE when no host has to confirm anything.
void MissionTurn::become_active(Reason reason) {
  if (m_.state == MissionState::Queued) {
    transition(MissionState::Launching, Reason::Scheduler);
  }
  if (m_.state == MissionState::Launching) {
    transition(MissionState::Active, reason);
  }
}

void MissionTurn::create_run(SlotKey key, Duration delay, bool closing) {
  const TaskStatus& task = status(key.task);
  const RunSlot* slot = key.leg == Leg::Forward ? &task.run : task.undo ? &*task.undo : nullptr;
  RunCreated event;
  event.slot = key;
  event.attempt = (slot == nullptr ? 0 : slot->attempt) + 1;
  event.closing = closing;
  if (delay.count() > 0) {
    event.not_before = scope_.now + delay;
  }
  emit(event);
  if (event.not_before) {
    set_timer(slot_timer("retry", key), event.not_before);
  } else {
    engine_.enqueue(m_, key);
  }
}

// --- stopping -----------------------------------------------------------------------------------

bool MissionTurn::anything_in_progress() const {
  return std::any_of(m_.tasks.begin(), m_.tasks.end(), [](const TaskStatus& task) {
    return in_progress(task.run) || (task.undo && in_progress(*task.undo));
  });
}

/// Ends forward runs that have not been given to a host, and closes gates. Cleaning up goes on.
bool MissionTurn::drop_pending_runs() {
  bool dropped = withdraw_gates();
  dropped = drop_parked_runs() || dropped;
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    const RunSlot& slot = m_.tasks[i].run;
    if (slot.state != RunState::Pending || slot.attempt == 0 || slot.closing) {
      continue;
    }
    RunEnded event;
    event.slot = {.task = i};
    event.attempt = slot.attempt;
    event.state = RunState::Aborted;
    event.outcome = Outcome::Aborted;
    event.error_code = kErrorCancelled;
    event.message = "the mission stopped before this run could start";
    set_timer(slot_timer("retry", event.slot), std::nullopt);
    emit(event);
    engine_.forget_run({.created = m_.created, .slot = event.slot});
    dropped = true;
  }
  return dropped;
}

void MissionTurn::cancel_runs(const std::string& message) {
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    const RunSlot& slot = m_.tasks[i].run;
    if (is_inside(slot) && !slot.cancelling && !slot.closing) {
      emit(RunCancelRequested{.slot = {.task = i}, .message = message});
    }
    if (!slot.closing) {
      stop_children(i, message);
    }
    if (!on_host(slot) || slot.cancelling || slot.closing) {
      continue;
    }
    emit(RunCancelRequested{.slot = {.task = i}, .message = message});
    scope_.effects.emplace_back(model::CancelRun{
        .mission = m_.name, .run = run_name({.task = i}), .fence = slot.fence, .reason = message});
  }
}

void MissionTurn::request_abort(const std::string& message) {
  // A second request gives up an undo that failed after the first one.
  const bool held = m_.state == MissionState::Held;
  if (m_.aborting && !held) {
    return;
  }
  if (!m_.aborting) {
    emit(AbortRequested{.message = message});
  }
  if (m_.state != MissionState::Compensating) {
    cancel_runs(message);
  }
  if (held) {
    resume(Reason::UserRequest, false);
    return;
  }
  advance();
}

/// Whether the mission is held because something could not be undone.
bool MissionTurn::undo_failed() const {
  return std::any_of(m_.holds.begin(), m_.holds.end(), [](const model::Hold& hold) {
    return hold.kind == model::HoldKind::CompensationFailed;
  });
}

void MissionTurn::release(const model::Hold& hold, bool expired) {
  set_timer(concat("hold:", to_string(hold.kind), ":", hold.subject), std::nullopt);
  const bool waited = m_.approval_since.has_value();
  emit(HoldReleased{.kind = hold.kind, .subject = hold.subject, .expired = expired});
  if (waited && !m_.approval_since && m_.started_at) {
    rearm_deadline();
  }
  if (hold.kind == model::HoldKind::Quota) {
    engine_.quota_hold_gone(m_, hold.subject);
    if (!is_held_for_quota()) {
      quota_released();
    }
  }
}

Result<void> MissionTurn::resume_by_hand() {
  if (m_.approval_since) {
    Error error = make_error(
        ErrorCode::IllegalTransition,
        concat("mission \"", model::plain(m_.name), "\" waits for approval"),
        "state"
    );
    error.hint = m_.holds.front().message;
    return error;
  }
  engine_.release_quota_holds(*this);
  if (const model::Hold* hold = quota_hold()) {
    Error error = make_error(
        ErrorCode::IllegalTransition,
        concat("mission \"", model::plain(m_.name), "\" waits for a quota: ", hold->message),
        "state"
    );
    error.hint = "reeve quota raise, or reeve quota reset, lets it go on";
    return error;
  }
  if (m_.state != MissionState::Held) {
    return {};
  }
  resume(Reason::HoldReleased, false);
  return {};
}

void MissionTurn::resume(Reason reason, bool expired) {
  const std::vector<model::Hold> holds = m_.holds;
  const bool undoing = undo_failed();
  const bool stood_still = is_held_for_quota();
  for (const model::Hold& hold : holds) {
    release(hold, expired);
  }
  transition(undoing ? MissionState::Compensating : MissionState::Queued, reason);
  if (stood_still && std::any_of(m_.tasks.begin(), m_.tasks.end(), [](const TaskStatus& task) {
        return task.run.state == RunState::Active;
      })) {
    become_active(reason);
  }
  reconcile();
}

// --- timers and reconciliation ------------------------------------------------------------------

void MissionTurn::on_timer(std::string_view key) {
  if (is_terminal(m_.state)) {
    return;
  }
  if (key == "deadline") {
    if (!m_.timed_out && m_.state != MissionState::Compensating && !undo_failed() &&
        !m_.approval_since && !is_held_for_quota()) {
      emit(DeadlinePassed{});
      cancel_runs("the mission's deadline has passed");
      if (m_.state == MissionState::Held) {
        resume(Reason::Timeout, true);
        return;
      }
    }
  } else if (key.starts_with("gate:")) {
    on_gate_timer(key);
  } else if (key == kStartTimer) {
    reconcile();
    return;
  } else if (key.starts_with("hold:")) {
    const auto due = std::find_if(m_.holds.begin(), m_.holds.end(), [&](const model::Hold& hold) {
      return hold.deadline && *hold.deadline <= scope_.now &&
             key == concat("hold:", to_string(hold.kind), ":", hold.subject);
    });
    if (due != m_.holds.end() && due->on_deadline == model::OnDeadline::Abort) {
      request_abort(concat("nobody released the hold in time: ", due->message));
      return;
    }
    if (due != m_.holds.end()) {
      // Other holds keep the mission: each has a deadline of its own.
      if (m_.holds.size() == 1) {
        resume(Reason::HoldReleased, true);
      } else {
        release(model::Hold(*due), true);
      }
      return;
    }
  } else {
    for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
      for (const Leg leg : {Leg::Forward, Leg::Undo}) {
        const SlotKey slot{.task = i, .leg = leg};
        if (leg == Leg::Undo && !m_.tasks[i].undo) {
          continue;
        }
        const RunState state = slot_of(m_, slot).state;
        if (is_inside(slot_of(m_, slot)) && key == slot_timer("limit", slot)) {
          emit(RunCancelRequested{
              .slot = slot, .message = "its time limit has passed", .timed_out = true});
          stop_children(i, "its time limit has passed");
        } else if (key == slot_timer(kQuotaTimer, slot)) {
          on_quota_timer(slot);
        } else if (state == RunState::Pending && key == slot_timer("retry", slot)) {
          engine_.enqueue(m_, slot);
        } else if (state == RunState::Launching && key == slot_timer("launch", slot)) {
          scope_.effects.emplace_back(model::CancelRun{
              .mission = m_.name,
              .run = run_name(slot),
              .fence = slot_of(m_, slot).fence,
              .reason = "launch timeout"});
          lose(slot, "the host did not confirm the start in time", Reason::Timeout);
        }
      }
    }
  }
  advance();
}

/// What a lost wake-up or a lost effect would have left undone.
void MissionTurn::reconcile() {
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    for (const Leg leg : {Leg::Forward, Leg::Undo}) {
      const SlotKey key{.task = i, .leg = leg};
      if (leg == Leg::Undo && !m_.tasks[i].undo) {
        continue;
      }
      const RunSlot& slot = slot_of(m_, key);
      if (slot.state == RunState::Pending && slot.attempt > 0 &&
          (!slot.not_before || *slot.not_before <= scope_.now)) {
        engine_.enqueue(m_, key);
      }
    }
  }
  look_at_parked_runs();
  serve_overdue_gates();
  advance();
}

}  // namespace reeve::engine
