#include <algorithm>

#include "base/strings.h"
#include "engine/mission_turn.h"

/// Missions whose runs add tasks to them.
namespace reeve::engine {

namespace {

constexpr std::string_view kPermission = "mission.extend";

/// A list of tasks alone is the short form of a document.
std::string as_document(std::string_view extension) {
  if (!trim(extension).starts_with('[')) {
    return std::string(extension);
  }
  return concat(
      "{apiVersion: reeve.dev/v1, kind: WorkflowExtension, spec: {tasks: ", extension, "}}\n"
  );
}

}  // namespace

/// The plan with further tasks; the same one if there is nothing new.
Result<std::shared_ptr<const Plan>> Engine::extended_plan(
    const Plan& plan, std::string_view extension
) {
  if (!extender_) {
    return make_error(ErrorCode::Unsupported, "missions cannot be extended here");
  }
  REEVE_TRY(const std::string source, extender_(plan.workflow->source, as_document(extension)));
  if (source == plan.workflow->source) {
    return plan_of(plan.ns, plan.workflow->digest);
  }
  REEVE_TRY(std::shared_ptr<const workflow::Workflow> workflow, loader_(source));
  std::string row;
  encode_workflow(*workflow, plan.ns, row);
  if (row.size() > journal::kEventDataBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat(
            "the workflow would take ",
            row.size(),
            " bytes as JSON with these tasks, at most ",
            journal::kEventDataBytesMax,
            " are allowed"
        )
    );
  }
  return plan_for(plan.ns, std::move(workflow));
}

void Engine::change_plan(
    const model::Mission& mission, const std::shared_ptr<const Plan>& plan, Scope& scope
) {
  keep_version(plan, scope);
  std::shared_ptr<const Plan>& current = missions_.at(mission.created).plan;
  add_demand(*plan);
  pools_.forget_demand(current->demand);
  current = plan;
}

/// Adds the tasks that a completed run asks for, all or none. Says why not.
std::optional<std::string> MissionTurn::extend(TaskIndex index, const std::string& extension) {
  const std::vector<std::string>& permissions = task_def(index).permissions;
  if (std::find(permissions.begin(), permissions.end(), kPermission) == permissions.end()) {
    const std::string message = concat(
        "task ",
        task_def(index).name.view(),
        " may not add tasks: it has no permission ",
        kPermission
    );
    emit(ExtensionRefused{.task = index, .message = message});
    return message;
  }
  const Result<std::shared_ptr<const Plan>> plan = engine_.extended_plan(*plan_, extension);
  if (!plan) {
    const std::string message = concat("its tasks are refused: ", plan.error().describe());
    emit(ExtensionRefused{.task = index, .message = message});
    return message;
  }
  const auto before = static_cast<TaskIndex>(m_.tasks.size());
  const auto after = static_cast<TaskIndex>((*plan)->workflow->tasks.size());
  if (after == before) {
    return std::nullopt;
  }
  engine_.change_plan(m_, *plan, scope_);
  emit(MissionExtended{.task = index, .workflow = (*plan)->workflow->digest, .task_count = after});
  plan_ = plan->get();
  for (TaskIndex added = before; added < after; ++added) {
    const workflow::Task& def = task_def(added);
    if (def.needs.empty() && !plan_->routed_to[added] && !def.always_run) {
      reach(added, true);
    }
  }
  return std::nullopt;
}

}  // namespace reeve::engine
