#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "engine/engine.h"
#include "engine/mission_turn.h"

/// Missions that continue ended ones.
namespace reeve::engine {

using model::Mission;
using model::MissionState;
using model::TaskState;

namespace {

Error not_to_continue(const Mission& parent, std::string_view rule, std::string hint) {
  Error error = make_error(
      ErrorCode::IllegalTransition,
      concat(
          "mission \"", model::plain(parent.name), "\" is ", to_string(parent.state), "; ", rule
      ),
      "state"
  );
  error.hint = std::move(hint);
  return error;
}

Result<void> check_retry(const Mission& parent, const RetryMission& command) {
  const bool complete = parent.state == MissionState::Complete;
  const bool failed = parent.state == MissionState::Failed || parent.state == MissionState::Aborted;
  if (command.reopen && !complete) {
    return not_to_continue(
        parent,
        "only a COMPLETE one can be reopened",
        failed ? concat("reeve retry ", model::plain(parent.name)) : std::string()
    );
  }
  if (!command.reopen && !failed) {
    return not_to_continue(
        parent,
        "only a FAILED or ABORTED one can be tried again",
        complete
            ? concat("reeve retry --reopen ", model::plain(parent.name), " -m WHY runs it again")
            : std::string()
    );
  }
  if (command.reopen == trim(command.message).empty()) {
    return make_error(
        ErrorCode::Invalid,
        command.reopen ? "to reopen a mission needs a reason"
                       : "a reason belongs to reopening a mission",
        "message"
    );
  }
  if (!command.reopen && !command.from.empty()) {
    return make_error(ErrorCode::Invalid, "a task belongs to reopening a mission", "from");
  }
  if (command.message.size() > kReopenReasonBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("the reason is longer than ", kReopenReasonBytesMax, " bytes"),
        "message"
    );
  }
  return {};
}

/// Whether something leads from a task of `marked` to `task`.
bool follows(const workflow::Workflow& workflow, const std::vector<bool>& marked, TaskIndex task) {
  const auto is_marked = [&](TaskIndex index) {
    return marked[index];
  };
  const workflow::Task& def = workflow.tasks[task];
  if (std::any_of(def.needs.begin(), def.needs.end(), is_marked) ||
      std::any_of(def.dependencies.begin(), def.dependencies.end(), is_marked)) {
    return true;
  }
  for (TaskIndex from = 0; from < workflow.tasks.size(); ++from) {
    for (const workflow::Route& route : workflow.tasks[from].routes) {
      const auto* target = std::get_if<TaskIndex>(&route.target);
      if (marked[from] && target != nullptr && *target == task) {
        return true;
      }
    }
  }
  return false;
}

/// The tasks that run again: `from` and what comes after it; all of them without `from`.
Result<std::vector<bool>> tasks_to_repeat(
    const Mission& parent, const workflow::Workflow& workflow, const RetryMission& command
) {
  std::vector<bool> again(workflow.tasks.size(), command.reopen && command.from.empty());
  if (command.from.empty()) {
    return again;
  }
  const std::optional<TaskIndex> from = workflow.find(command.from.view());
  if (!from) {
    return make_error(
        ErrorCode::NotFound,
        concat(
            "mission \"", model::plain(parent.name), "\" has no task \"", command.from.view(), "\""
        ),
        "from"
    );
  }
  if (parent.tasks[*from].state != TaskState::Complete &&
      parent.tasks[*from].state != TaskState::Failed) {
    Error error = make_error(
        ErrorCode::IllegalTransition,
        concat(
            "task ",
            command.from.view(),
            " of mission \"",
            model::plain(parent.name),
            "\" is ",
            to_string(parent.tasks[*from].state)
        ),
        "from"
    );
    error.hint = "name a task that has run";
    return error;
  }
  again[*from] = true;
  for (bool changed = true; changed;) {
    changed = false;
    for (TaskIndex i = 0; i < again.size(); ++i) {
      if (!again[i] && follows(workflow, again, i)) {
        again[i] = true;
        changed = true;
      }
    }
  }
  return again;
}

/// Whether the result of a task counts in the mission that continues its own.
bool is_reusable(const Mission& parent, const workflow::Workflow& workflow, TaskIndex index) {
  const model::TaskStatus& task = parent.tasks[index];
  const bool undone = task.undo && task.undo->state == model::RunState::Complete;
  return (task.state == TaskState::Complete || task.kept) && !undone &&
         !workflow.tasks[index].always_run;
}

/// The tasks whose results count. The missions that a task has started belong to its result: one
/// that has to be waited for again has to start them again.
std::vector<bool> reused_tasks(
    const Mission& parent, const workflow::Workflow& workflow, const std::vector<bool>& again
) {
  std::vector<bool> reused(parent.tasks.size());
  for (TaskIndex i = 0; i < reused.size(); ++i) {
    reused[i] = !again[i] && is_reusable(parent, workflow, i);
  }
  for (TaskIndex i = 0; i < reused.size(); ++i) {
    if (!reused[i] && workflow.tasks[i].await) {
      for (const TaskIndex awaited : workflow.tasks[i].await->tasks) {
        reused[awaited] = false;
      }
    }
  }
  return reused;
}

}  // namespace

Result<Reply> Engine::retry(const RetryMission& command, Scope& scope) {
  REEVE_TRY(Entry * entry, entry_of(command.parent));
  const Mission& parent = *entry->mission;
  const workflow::Workflow& workflow = *entry->plan->workflow;
  REEVE_CHECK(check_retry(parent, command));
  REEVE_TRY(const std::vector<bool> again, tasks_to_repeat(parent, workflow, command));
  MissionCreated event;
  event.ns = parent.ns;
  event.owner = scope.actor;
  event.author = person_behind(event.owner);
  event.workflow_name = parent.workflow_name;
  event.workflow = parent.workflow;
  event.task_count = static_cast<std::uint32_t>(parent.tasks.size());
  event.params = parent.params;
  event.continues = parent.name;
  event.reopened = command.message;
  event.local = parent.local;
  event.bundle = parent.bundle;
  event.inputs = parent.inputs;
  event.priority = parent.priority;
  const std::vector<bool> reused = reused_tasks(parent, workflow, again);
  for (TaskIndex i = 0; i < parent.tasks.size(); ++i) {
    if (reused[i]) {
      const model::TaskStatus& task = parent.tasks[i];
      Reused& result = event.reused.emplace_back();
      result.task = i;
      result.exit_code = task.exit_code;
      result.outputs = task.outputs;
      add_artifacts_of(parent, i, result.artifacts);
    }
  }
  const std::shared_ptr<const Plan> plan = entry->plan;
  MissionName name = model::qualify(parent.ns, command.name.view());
  return reply_after(create(std::move(event), std::move(name), plan, scope), scope);
}

}  // namespace reeve::engine
