#include "base/strings.h"
#include "engine/engine.h"
#include "engine/mission_turn.h"
#include "engine/tool_call_book.h"

/// Runs for which people decide about tool calls. One that would have to wait for long stops and
/// gives up its place on its host; its task goes on as another run once it is decided.
namespace reeve::engine {

using model::Reason;
using model::RunSlot;
using model::RunState;
using model::TaskStatus;

void Engine::look_at_decisions(
    const MissionName& name, std::string_view run, Reason reason, Scope& scope
) {
  const Result<Entry*> entry = entry_of(name);
  if (entry && !is_terminal((*entry)->mission->state)) {
    MissionTurn(*this, scope, *(*entry)->mission, *(*entry)->plan).look_at_decisions(run, reason);
  }
}

void MissionTurn::look_at_decisions(std::string_view run, Reason reason) {
  const std::string_view task = run.substr(0, run.rfind('.'));
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    const RunName name = run_name({.task = i});
    const std::string_view own = model::plain(name.view());
    if (own.substr(0, own.rfind('.')) != task) {
      continue;
    }
    const std::optional<journal::ObjectKey> call =
        engine_.tool_calls_->pending(m_.ns, own, m_.created);
    // A call that nobody asks for any more may be PENDING for long: whoever has to wait for another
    // one stops again.
    if (m_.tasks[i].parked && reason != Reason::ApprovalRequired && !stopping()) {
      unpark(i, reason);
      advance();
    } else if (m_.tasks[i].run.state == RunState::Active && on_host(m_.tasks[i].run)) {
      note_waiting(SlotKey{.task = i}, call ? engine_.tool_calls_->waiting_text(*call) : "");
    }
  }
}

/// Ends a run that has stopped because people decide about a tool call of it. False: they do not,
/// and nobody has decided since it began.
bool MissionTurn::park(SlotKey key, RunEnded event) {
  const RunSlot& slot = slot_of(m_, key);
  const RunName name = run_name(key);
  const std::string_view run = model::plain(name.view());
  const std::optional<journal::ObjectKey> call =
      engine_.tool_calls_->pending(m_.ns, run, m_.created);
  const Timestamp began = key.leg == Leg::Forward
                              ? status(key.task).started_at.value_or(m_.created_at)
                              : status(key.task).undo->started_at.value_or(m_.created_at);
  if (!call && !engine_.tool_calls_->decided_since(m_.ns, run, began)) {
    return false;
  }
  const bool closing = slot.closing;
  event.slot = key;
  event.attempt = slot.attempt;
  event.state = RunState::Complete;
  event.outcome = Outcome::Parked;
  event.unknown = true;
  event.message = call ? engine_.tool_calls_->waiting_text(*call) : "";
  emit_end(std::move(event));
  // Missions that undo or close are not held for people: it looks again in a while.
  if (!call || closing || key.leg == Leg::Undo) {
    create_run(key, call ? poll_delay(key.task) : Duration(0), closing);
  }
  return true;
}

void MissionTurn::unpark(TaskIndex index, Reason reason) {
  leave_approval(reason);
  create_run({.task = index}, Duration(0), false);
}

/// Whether it is still undecided what the task waits for.
bool MissionTurn::is_awaited(TaskIndex index) const {
  const RunName name = run_name({.task = index});
  return engine_.tool_calls_->pending(m_.ns, model::plain(name.view()), m_.created).has_value();
}

/// Lets those go on of which nobody has told that it is decided.
void MissionTurn::look_at_parked_runs() {
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    if (m_.tasks[i].parked && !stopping() && !is_awaited(i)) {
      unpark(i, Reason::ApprovalExpired);
    }
  }
}

/// A mission that stops waits for nobody: what would have gone on is ended like any other run that
/// has no host yet. Returns whether there was one.
bool MissionTurn::drop_parked_runs() {
  bool dropped = false;
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    if (m_.tasks[i].parked) {
      emit(RunCreated{
          .slot = {.task = i},
          .attempt = m_.tasks[i].run.attempt + 1,
          .not_before = std::nullopt,
          .closing = false});
      dropped = true;
    }
  }
  return dropped;
}

model::Hold MissionTurn::parked_hold(TaskIndex index) const {
  const TaskStatus& task = m_.tasks[index];
  model::Hold hold;
  hold.kind = model::HoldKind::Approval;
  hold.subject = task_def(index).name.str();
  hold.since = task.ended_at.value_or(scope_.now);
  hold.message = concat("task ", hold.subject, " ", task.message);
  return hold;
}

}  // namespace reeve::engine
