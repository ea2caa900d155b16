#include <optional>
#include <string>

#include "base/strings.h"
#include "engine/gate_machine.h"
#include "engine/mission_machine.h"

/// What is never so, whatever has happened.
namespace reeve::engine {

using model::Mission;
using model::MissionState;
using model::RunSlot;
using model::RunState;
using model::TaskState;
using model::TaskStatus;

namespace {

std::optional<std::string> broken_slot_rule(const RunSlot& slot) {
  if (on_host(slot) && slot.fence == Fence()) {
    return "a run on a host has no fence";
  }
  if (in_progress(slot) && slot.attempt == 0) {
    return "a run in progress has no number";
  }
  return std::nullopt;
}

/// Each hold for approval is about an open gate or a parked run, and a mission that is held for it
/// has nothing else to do and leaves none out.
std::optional<std::string> broken_approval_rule(
    const Mission& mission, const workflow::Workflow& workflow
) {
  const bool waits = mission.approval_since.has_value();
  std::size_t holds = 0;
  for (const model::Hold& hold : mission.holds) {
    if (hold.kind != model::HoldKind::Approval) {
      continue;
    }
    ++holds;
    const std::optional<TaskIndex> task = workflow.find(hold.subject);
    if (!task || !mission.tasks.at(*task).waits_for_people()) {
      return concat("held for the approval of ", hold.subject, ", which is no open gate");
    }
  }
  std::size_t gates = 0;
  std::size_t open = 0;
  bool busy = false;
  for (const TaskStatus& task : mission.tasks) {
    gates += task.gate_open() ? 1 : 0;
    open += task.waits_for_people() ? 1 : 0;
    busy = busy || in_progress(task.run) || (task.undo && in_progress(*task.undo));
  }
  if (waits != (holds > 0) || (waits && (holds != open || busy))) {
    return concat("held for ", holds, " approvals while ", open, " gates are open");
  }
  if (gates > 0 && is_terminal(mission.state)) {
    return "the mission has ended but a gate is open";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> broken_invariant(
    const Mission& mission, const workflow::Workflow& workflow
) {
  if ((mission.state == MissionState::Held) != !mission.holds.empty()) {
    return concat(to_string(mission.state), " with ", mission.holds.size(), " open holds");
  }
  if (mission.tasks.size() != workflow.tasks.size()) {
    return "the mission's tasks are not its workflow's";
  }
  const bool terminal = is_terminal(mission.state);
  if (terminal != mission.ended_at.has_value()) {
    return "an end time without an end, or an end without a time";
  }
  for (std::size_t i = 0; i < mission.tasks.size(); ++i) {
    const TaskStatus& task = mission.tasks[i];
    const std::string& name = workflow.tasks[i].name.str();
    const RunSlot* undo = task.undo ? &*task.undo : nullptr;
    for (const RunSlot* slot : {&task.run, undo}) {
      if (slot == nullptr) {
        continue;
      }
      if (auto broken = broken_slot_rule(*slot)) {
        return concat("task ", name, ": ", *broken);
      }
      if (terminal && in_progress(*slot)) {
        return concat("the mission has ended but a run of task ", name, " has not");
      }
    }
    if (terminal && !is_ended(task.state)) {
      return concat("the mission has ended but task ", name, " is ", to_string(task.state));
    }
    if (mission.state == MissionState::Complete && task.state == TaskState::Failed &&
        !workflow.tasks[i].allow_failure) {
      return concat("COMPLETE although task ", name, " failed");
    }
    if (task.run.failures > workflow.tasks[i].retry.retries) {
      return concat("task ", name, " was retried more often than allowed");
    }
    if (task.gate) {
      if (auto broken = broken_gate_rule(mission, workflow.tasks[i], task)) {
        return concat("gate ", name, ": ", *broken);
      }
    }
    // A mission that ends before it comes back to the task keeps the result for its successor.
    if (task.kept && task.state != (terminal ? TaskState::Skipped : TaskState::Waiting)) {
      return concat("task ", name, " ran although its result was kept");
    }
  }
  return broken_approval_rule(mission, workflow);
}

}  // namespace reeve::engine
