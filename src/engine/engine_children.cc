#include <algorithm>

#include "base/strings.h"
#include "engine/book.h"
#include "engine/engine.h"
#include "engine/mission_turn.h"
#include "workflow/part.h"
#include "workflow/render.h"

/// What missions have to do with each other: making children, and waiting for their end.
namespace reeve::engine {

using model::Mission;

namespace {

/// Missions that may stand above one another.
constexpr std::uint32_t kDepthMax = 10;
/// Bytes of the parent's name in the name of a child.
constexpr std::size_t kParentNameMax = 60;

}  // namespace

/// `<parent>.<task>.<revision>` in the parent's namespace, which is free unless somebody has chosen
/// it before.
Result<MissionName> Engine::child_name(const model::Parent& parent, Revision revision) const {
  constexpr std::size_t kSuffixMax = 4;
  const model::ScopedName whole = model::split(parent.mission.view());
  const std::string number = std::to_string(revision.value());
  const std::size_t room = model::name_room(whole.ns) - number.size() - 2 - kSuffixMax;
  const std::size_t of_parent = std::min(kParentNameMax, room / 4 * 3);
  return first_free(
      whole.ns,
      concat(
          whole.name.substr(0, of_parent),
          ".",
          parent.task.view().substr(0, room - of_parent),
          ".",
          number
      )
  );
}

Result<void> Engine::check_ancestors(const Mission& parent, const ChildPlan& child) const {
  if (parent.depth + 1 > kDepthMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("missions stand ", kDepthMax, " deep above this one, which is the limit"),
        "depth"
    );
  }
  // As upstream: a job that starts its own kind would go on for ever.
  const workflow::Workflow& workflow = *child.plan->workflow;
  const Mission* above =
      workflow.format == workflow::Format::Formicary && !workflow.part ? &parent : nullptr;
  while (above != nullptr) {
    if (above->workflow_name == workflow.name) {
      return make_error(
          ErrorCode::Invalid,
          concat("a job of the type \"", workflow.name, "\" cannot start one of its own type"),
          "fork_job_type"
      );
    }
    // What a template has asked for stands at the top.
    above = above->parent && above->depth > 0 ? find(above->parent->mission) : nullptr;
  }
  return {};
}

/// The mission that has made this one and waits for it.
const Mission* Engine::waiting_parent(const Mission& mission) const {
  return mission.parent && !mission.parent->detached ? find(mission.parent->mission) : nullptr;
}

Result<Engine::Made> Engine::make_child(const Mission& parent, ChildPlan child, Scope& scope) {
  if (const Mission* live = live_with_key(parent.ns, child.user_key)) {
    if (!child.detached && waits_for(*live, parent)) {
      return make_error(
          ErrorCode::Invalid,
          concat(
              "mission \"",
              model::plain(live->name),
              "\" has the user key \"",
              child.user_key,
              live == &parent ? "\" and cannot wait for itself"
                              : "\" and waits for this one: both would wait for ever"
          ),
          "user_key"
      );
    }
    return Made{.name = live->name, .existing = true};
  }
  if (!child.detached) {
    REEVE_CHECK(check_ancestors(parent, child));
  }
  const workflow::Workflow& workflow = *child.plan->workflow;
  if (!workflow.part) {
    REEVE_CHECK(
        workflow::check_params(workflow, child.params, configuration(parent.ns, workflow.name))
    );
  }
  MissionCreated event;
  event.ns = parent.ns;
  event.owner = parent.owner;
  event.author = parent.author ? *parent.author : Principal();
  event.workflow_name = workflow.name;
  event.workflow = workflow.digest;
  event.task_count = static_cast<std::uint32_t>(workflow.tasks.size());
  event.params = unique_values(child.params);
  event.local = parent.local;
  event.user_key = child.user_key;
  event.description = child.description;
  event.priority = parent.priority != 0 ? parent.priority : workflow.priority;
  event.depth = child.detached ? 0 : parent.depth + 1;
  event.inputs = std::move(child.inputs);
  REEVE_TRY(MissionName name, child_name(child.parent, scope.next));
  event.parent = std::move(child.parent);
  REEVE_TRY(const Mission* made, create(std::move(event), std::move(name), child.plan, scope));
  return Made{.name = made->name, .existing = false};
}

Result<std::shared_ptr<const Plan>> Engine::part_plan(const Plan& whole, TaskIndex task) {
  Library& library = libraries_[whole.ns];
  const auto known = library.parts.find({whole.workflow->digest, task});
  if (known != library.parts.end()) {
    return known->second;
  }
  REEVE_TRY(
      std::shared_ptr<const workflow::Workflow> part, workflow::part_of(*whole.workflow, task)
  );
  std::shared_ptr<const Plan> plan = plan_for(whole.ns, std::move(part));
  library.parts.emplace(std::pair(whole.workflow->digest, task), plan);
  return plan;
}

Result<std::shared_ptr<const Plan>> Engine::deployed(
    const Namespace& ns, std::string_view workflow, std::string_view version
) {
  for (const std::unique_ptr<Book>& book : books_) {
    if (const std::optional<Digest> digest = book->deployed(ns, workflow, version)) {
      return plan_of(ns, *digest);
    }
  }
  Error error = make_error(
      ErrorCode::NotFound,
      version.empty()
          ? concat("no workflow \"", workflow, "\" is deployed")
          : concat("no version ", version, " of a workflow \"", workflow, "\" is known"),
      std::string(workflow)
  );
  error.hint = "reeve apply deploys a workflow";
  return error;
}

Result<std::shared_ptr<const workflow::Workflow>> Engine::workflow_to_submit(
    const Namespace& ns, std::string_view name, std::string_view version
) {
  REEVE_TRY(const std::shared_ptr<const Plan> plan, deployed(ns, name, version));
  const bool disabled = std::any_of(books_.begin(), books_.end(), [&](const auto& book) {
    return book->is_disabled(ns, name);
  });
  if (disabled) {
    Error error = make_error(
        ErrorCode::IllegalTransition,
        concat("workflow \"", name, "\" is disabled"),
        std::string(name)
    );
    error.hint = concat("reeve enable ", name);
    return error;
  }
  return plan->workflow;
}

const Mission* Engine::live_with_key(const Namespace& ns, std::string_view user_key) const {
  if (user_key.empty()) {
    return nullptr;
  }
  const auto found = by_user_key_.find({ns, std::string(user_key)});
  return found == by_user_key_.end() ? nullptr : find(found->second);
}

/// Notes what others look a mission up by.
void Engine::index_mission(const Mission& mission) {
  if (is_terminal(mission.state)) {
    return;
  }
  recount(*missions_.at(mission.created).plan, std::nullopt, situation_of(mission));
  index_deadlock(mission);
  if (!mission.user_key.empty()) {
    by_user_key_[{mission.ns, mission.user_key}] = mission.name;
  }
  index_dependencies(mission);
  for (TaskIndex i = 0; i < mission.tasks.size(); ++i) {
    if (!mission.tasks[i].children) {
      continue;
    }
    for (const model::ChildMission& child : mission.tasks[i].children->missions) {
      if (child.live()) {
        wait_for(child.name, mission, i);
      }
    }
  }
}

void Engine::wait_for(const MissionName& child, const Mission& parent, TaskIndex task) {
  waiting_for_[child].insert({parent.created, task});
}

/// A mission has come to its end: forgets what it holds, and remembers to tell who waits for it.
void Engine::mission_over(const Mission& mission) {
  forget_runs(mission);
  leave_queue(mission);
  told_.erase(mission.created);
  held_told_ = over_quota_.erase(mission.created) == 0 && held_told_;
  pools_.forget_demand(missions_.at(mission.created).plan->demand);
  if (const std::string tally = tally_of(missions_.at(mission.created)); !tally.empty()) {
    ++ended_counts_[tally];
  }
  const auto key = by_user_key_.find({mission.ns, mission.user_key});
  if (key != by_user_key_.end() && key->second == mission.name) {
    by_user_key_.erase(key);
  }
  over_.push_back(mission.name);
}

void Engine::tell_waiting(const MissionName& name, Scope& scope) {
  const auto found = waiting_for_.find(name);
  const Mission* ended = find(name);
  if (found == waiting_for_.end() || ended == nullptr) {
    return;
  }
  const std::set<std::pair<Revision, TaskIndex>> waiting = std::move(found->second);
  waiting_for_.erase(found);
  for (const auto& [created, task] : waiting) {
    const auto parent = missions_.find(created);
    if (parent != missions_.end()) {
      MissionTurn turn(*this, scope, *parent->second.mission, *parent->second.plan);
      turn.on_child_over(task, *ended);
    }
  }
}

void Engine::stop_mission(const MissionName& name, const std::string& message, Scope& scope) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    return;
  }
  Entry& entry = missions_.at(found->second);
  if (!is_terminal(entry.mission->state)) {
    MissionTurn(*this, scope, *entry.mission, *entry.plan).request_abort(message);
  }
}

}  // namespace reeve::engine
