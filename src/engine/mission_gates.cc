#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "engine/gate_machine.h"
#include "engine/mission_turn.h"

/// Gates: opening, holding, closing, reminders and the end of their time.
namespace reeve::engine {

using model::ApprovalState;
using model::Decision;
using model::GateStatus;
using model::MissionState;
using model::Reason;
using model::RunState;
using model::TaskStatus;

namespace {

std::string_view word_for(ApprovalState outcome) {
  switch (outcome) {
    case ApprovalState::Granted:
      return kExitApproved;
    case ApprovalState::Rejected:
      return kExitRejected;
    case ApprovalState::Expired:
      return kExitExpired;
    case ApprovalState::Revise:
      return "REVISE";
    case ApprovalState::Pending:
    case ApprovalState::Withdrawn:
      return {};
  }
  return {};
}

Reason reason_for(ApprovalState outcome) {
  switch (outcome) {
    case ApprovalState::Granted:
      return Reason::ApprovalGranted;
    case ApprovalState::Rejected:
      return Reason::ApprovalRejected;
    case ApprovalState::Expired:
      return Reason::ApprovalExpired;
    case ApprovalState::Revise:
    case ApprovalState::Pending:
    case ApprovalState::Withdrawn:
      return Reason::UserRequest;
  }
  return Reason::UserRequest;
}

}  // namespace

std::string MissionTurn::gate_timer(TaskIndex index) const {
  return concat("gate:", task_def(index).name.view());
}

// --- opening ------------------------------------------------------------------------------------

void MissionTurn::open_gate(TaskIndex index) {
  const workflow::Gate& def = *task_def(index).gate;
  const std::vector<model::NamedValue> outputs = outputs_so_far();
  workflow::RenderContext context = render_context({.task = index});
  context.outputs = &outputs;
  Result<workflow::GateText> text = workflow::render_gate(*plan_->workflow, index, context);
  const Result<void> people = check_electorate(def, m_.responsible());
  if (!text || !people) {
    const Error& error = text ? people.error() : text.error();
    fail_before_start({.task = index}, std::string(kErrorValidation), error.describe());
    return;
  }
  GateOpened event;
  event.task = index;
  event.revision = (status(index).gate ? status(index).gate->revision : 0) + 1;
  event.prompt = std::move(text->prompt);
  event.context = std::move(text->context);
  if (def.deadline) {
    event.deadline = scope_.now + *def.deadline;
  }
  emit(event);
  set_timer(gate_timer(index), next_due(def, *status(index).gate));
}

/// Holds a mission that has nothing to do but to wait for people. False: nobody is waited for.
bool MissionTurn::wait_for_approval() {
  const bool waits = std::any_of(m_.tasks.begin(), m_.tasks.end(), [](const TaskStatus& task) {
    return task.waits_for_people();
  });
  if (!waits) {
    return false;
  }
  if (m_.state == MissionState::Launching) {
    become_active(Reason::Failure);
  }
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    if (m_.tasks[i].waits_for_people()) {
      emit(HoldRaised{.hold = m_.tasks[i].parked ? parked_hold(i) : approval_hold(i)});
    }
  }
  transition(MissionState::Held, Reason::ApprovalRequired);
  if (m_.started_at) {
    set_timer("deadline", std::nullopt);
  }
  return true;
}

model::Hold MissionTurn::approval_hold(TaskIndex index) const {
  const workflow::Gate& def = *task_def(index).gate;
  const GateStatus& gate = *m_.tasks[index].gate;
  const Tally votes = tally(def, m_.responsible(), gate);
  model::Hold hold;
  hold.kind = model::HoldKind::Approval;
  hold.subject = task_def(index).name.str();
  hold.since = gate.opened_at;
  hold.deadline = gate.deadline;
  hold.on_deadline = model::OnDeadline::Abort;
  const std::string name = concat(model::plain(m_.name), "/", hold.subject);
  hold.message = concat(
      "gate ",
      hold.subject,
      " waits for approval (",
      votes.approvals,
      " of ",
      votes.needed,
      "); ",
      who_may(def, m_.responsible()),
      " may decide: reeve approve ",
      name,
      ", reeve reject ",
      name,
      def.revises ? concat(" or reeve revise ", name) : "",
      gate.deadline ? concat("; expires at ", format_timestamp(*gate.deadline)) : ""
  );
  return hold;
}

/// Ends the wait for approval. Gates that are still open hold the mission again once it has nothing
/// else to do.
void MissionTurn::leave_approval(Reason reason) {
  if (!m_.approval_since) {
    return;
  }
  const std::vector<model::Hold> holds = m_.holds;
  for (const model::Hold& hold : holds) {
    if (hold.kind == model::HoldKind::Approval) {
      release(hold, reason == Reason::ApprovalExpired);
    }
  }
  if (m_.holds.empty()) {
    transition(MissionState::Queued, reason);
  }
}

/// The time for which a mission waited for people does not count against it. A limit that would be
/// over has been started again after an absence, and is once more.
void MissionTurn::rearm_deadline() {
  const Duration limit = plan_->workflow->timeout;
  const Timestamp due = m_.started_at.value_or(scope_.now) + limit + m_.approval_time;
  set_timer("deadline", due > scope_.now ? due : scope_.now + limit);
}

// --- closing ------------------------------------------------------------------------------------

void MissionTurn::close_gate(TaskIndex index, ApprovalState outcome) {
  const workflow::Task& def = task_def(index);
  const GateStatus& gate = *status(index).gate;
  const std::string& name = def.name.str();
  const std::string message = describe_outcome(*def.gate, gate, outcome);
  GateDecided event;
  event.task = index;
  event.revision = gate.revision;
  event.outcome = outcome;
  event.message = message;
  if (outcome != ApprovalState::Withdrawn) {
    Json approvers = Json::array();
    for (std::string& voter : said(gate, Decision::Approve).voters) {
      approvers.push(std::move(voter));
    }
    event.outputs = {
        {concat(name, "-outcome"), std::string(word_for(outcome))},
        {concat(name, "-feedback"), join(said(gate, std::nullopt).messages, "\n")},
        {concat(name, "-approvers"), approvers.dump()},
        {concat(name, "-revision"), std::to_string(gate.revision)}};
  }
  emit(event);
  set_timer(gate_timer(index), std::nullopt);
  leave_approval(reason_for(outcome));
  if (outcome == ApprovalState::Revise) {
    send_back(index);
    return;
  }
  RunEnded end;
  end.slot = {.task = index};
  end.attempt = status(index).run.attempt + 1;
  end.exit_code = word_for(outcome);
  end.message = message;
  if (outcome == ApprovalState::Withdrawn) {
    end.state = RunState::Aborted;
    end.outcome = Outcome::Aborted;
    end.error_code = kErrorCancelled;
    emit(end);
    return;
  }
  const bool granted = outcome == ApprovalState::Granted;
  end.error_code = granted ? std::string() : std::string(kErrorRejection);
  workflow::Ended ended{
      .exit_code = end.exit_code, .succeeded = granted, .timed_out = false, .retry_left = false};
  if (outcome == ApprovalState::Expired && !workflow::has_route(def, kExitExpired)) {
    ended.exit_code = kExitRejected;
  }
  end_forward_with(index, ended, std::move(end));
}

/// Runs the revised task again, and what lies between it and the gate: the gate opens again when
/// they are done. What only routes lead to is reached by them.
void MissionTurn::send_back(TaskIndex index) {
  const TaskIndex revised = *task_def(index).gate->revises;
  const std::vector<bool> between = engine::between(*plan_->workflow, revised, index);
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    const std::vector<TaskIndex>& needs = task_def(i).needs;
    const bool waits_for_it =
        std::any_of(needs.begin(), needs.end(), [&](TaskIndex need) { return between[need]; });
    if (i == revised || (between[i] && waits_for_it && !plan_->routed_to[i])) {
      reach(i, true);
    }
  }
}

/// Closes every open gate of a mission that stops. Returns whether there was one.
bool MissionTurn::withdraw_gates() {
  bool withdrawn = false;
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    if (m_.tasks[i].gate_open()) {
      close_gate(i, ApprovalState::Withdrawn);
      withdrawn = true;
    }
  }
  return withdrawn;
}

/// What a gate said to the task that it sent back, until it opens again.
std::optional<std::string> MissionTurn::feedback_for(TaskIndex index) const {
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    const workflow::Task& def = task_def(i);
    const TaskStatus& task = m_.tasks[i];
    if (def.gate && def.gate->revises == index && task.gate &&
        task.gate->state == ApprovalState::Revise) {
      return join(said(*task.gate, Decision::Revise).messages, "\n");
    }
  }
  return std::nullopt;
}

// --- time ---------------------------------------------------------------------------------------

/// Does what is due at a gate: reminder, escalations, the end. Each once for each opening.
void MissionTurn::serve_gate(TaskIndex index) {
  if (!m_.tasks[index].gate_open()) {
    return;
  }
  const workflow::Gate& def = *task_def(index).gate;
  const GateStatus& gate = *m_.tasks[index].gate;
  const auto is_due = [&](Duration after) {
    return gate.opened_at + after <= scope_.now;
  };
  if (def.remind_after && !gate.reminded && is_due(*def.remind_after)) {
    emit(GateReminded{.task = index, .revision = gate.revision});
  }
  while (gate.escalated < def.escalations.size() && is_due(def.escalations[gate.escalated].after)) {
    const workflow::Escalation& escalation = def.escalations[gate.escalated];
    emit(GateEscalated{
        .task = index,
        .revision = gate.revision,
        .step = gate.escalated + 1,
        .recipients = escalation.to,
        .message = escalation.message});
  }
  if (gate.deadline && *gate.deadline <= scope_.now) {
    close_gate(index, ApprovalState::Expired);
  } else {
    set_timer(gate_timer(index), next_due(def, gate));
  }
}

/// The same for every gate of which something is overdue.
void MissionTurn::serve_overdue_gates() {
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    const TaskStatus& task = m_.tasks[i];
    const std::optional<Timestamp> due =
        task.gate_open() ? next_due(*task_def(i).gate, *task.gate) : std::nullopt;
    if (due && *due <= scope_.now) {
      serve_gate(i);
    }
  }
}

void MissionTurn::on_gate_timer(std::string_view key) {
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    if (task_def(i).gate && key == gate_timer(i)) {
      serve_gate(i);
    }
  }
}

}  // namespace reeve::engine
