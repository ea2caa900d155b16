#include "sim/family_checks.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "engine/mission_machine.h"
#include "model/scoped_name.h"

namespace reeve::sim {

namespace {

using Problem = std::optional<std::string>;
using model::ChildMission;
using model::MissionState;
using workflow::FanOut;

bool waits_for_children(const workflow::Task& task) {
  return !task.child || task.child->wait;
}

/// Whether the other items are not needed any more.
bool is_decided(const workflow::Task& task, const model::Children& children) {
  const FanOut::Policy policy = task.fan_out ? task.fan_out->policy : FanOut::Policy::All;
  return std::any_of(
      children.missions.begin(),
      children.missions.end(),
      [&](const ChildMission& child) {
        const bool good = child.ended == MissionState::Complete;
        return child.ended && ((policy == FanOut::Policy::FirstWins && good) ||
                               (policy == FanOut::Policy::FailFast && !good));
      }
  );
}

std::uint32_t units_in(const std::vector<workflow::Semaphore>& list, const std::string& pool) {
  std::uint32_t units = 0;
  for (const workflow::Semaphore& semaphore : list) {
    units += semaphore.pool == pool ? semaphore.units : 0;
  }
  return units;
}

}  // namespace

bool waits_for_admission(const model::Mission& mission) {
  return mission.state == MissionState::Queued && !mission.admitted && !mission.waiting.empty();
}

bool waits_for_units(const model::Mission& mission) {
  bool waits = false;
  for (const model::TaskStatus& task : mission.tasks) {
    if (engine::in_progress(task.run)) {
      waits = true;
      if (task.run.state != model::RunState::Pending || task.run.not_before ||
          task.message.empty()) {
        return false;
      }
    }
    if (task.undo && engine::in_progress(*task.undo)) {
      return false;
    }
  }
  return waits && mission.state == MissionState::Queued && mission.admitted;
}

const FamilyChecks::View* FamilyChecks::find(const MissionName& name) const {
  const auto found = all_.find(name.str());
  return found == all_.end() ? nullptr : &found->second;
}

// --- events -------------------------------------------------------------------------------------

Problem FamilyChecks::before(
    const model::Mission& mission,
    const workflow::Workflow& workflow,
    const engine::MissionEvent& event
) {
  if (const auto* started = std::get_if<engine::ChildStarted>(&event)) {
    return child_started(mission, workflow, *started);
  }
  if (const auto* ended = std::get_if<engine::ChildEnded>(&event)) {
    return child_ended(mission, *ended);
  }
  if (const auto* asked = std::get_if<engine::MissionSubmitted>(&event)) {
    return submitted(mission, workflow, *asked);
  }
  if (const auto* over = std::get_if<engine::RunEnded>(&event)) {
    return over->slot.leg == engine::Leg::Forward ? family_over(mission, workflow, over->slot.task)
                                                  : std::nullopt;
  }
  if (const auto* planned = std::get_if<engine::ChildrenPlanned>(&event)) {
    return family_over(mission, workflow, planned->task);
  }
  if (std::holds_alternative<engine::MissionAdmitted>(event) && !mission.claims) {
    return check_units(mission.ns, workflow.semaphores, true);
  }
  if (const auto* extended = std::get_if<engine::MissionExtended>(&event)) {
    ++extensions_;
    const auto& permissions = workflow.tasks.at(extended->task).permissions;
    if (extended->task_count <= mission.tasks.size() || permissions.empty()) {
      return concat("mission ", mission.name.view(), " was extended without right or reason");
    }
  }
  return std::nullopt;
}

Problem FamilyChecks::after(
    const model::Mission& mission,
    const workflow::Workflow& workflow,
    const engine::MissionEvent& event
) {
  const View view{.mission = &mission, .workflow = &workflow};
  all_[mission.name.str()] = view;
  if (is_terminal(mission.state)) {
    live_.erase(mission.name.str());
    for (engine::TaskIndex task = 0; task < mission.tasks.size(); ++task) {
      if (Problem problem = family_over(mission, workflow, task)) {
        return problem;
      }
    }
    return std::nullopt;
  }
  live_[mission.name.str()] = view;
  const bool busy = std::any_of(mission.tasks.begin(), mission.tasks.end(), [](const auto& task) {
    return engine::in_progress(task.run) || (task.undo && engine::in_progress(*task.undo));
  });
  if (std::holds_alternative<engine::MissionTransitioned>(event) && mission.admitted && !busy &&
      mission.state == MissionState::Held) {
    return concat("mission ", mission.name.view(), " is HELD and has a place");
  }
  if (std::holds_alternative<engine::MissionCreated>(event)) {
    foreign_ += mission.ns.view() == model::kDefaultNamespace ? 0 : 1;
    return check_key(mission);
  }
  if (const auto* move = std::get_if<engine::MissionTransitioned>(&event)) {
    if (move->reason == model::Reason::Dependency && mission.state == MissionState::Queued) {
      ++successors_;
      return check_order(mission);
    }
  }
  if (std::holds_alternative<engine::MissionAdmitted>(event)) {
    return check_place(mission, workflow);
  }
  waits_ += std::holds_alternative<engine::MissionWaiting>(event) ? 1 : 0;
  if (const auto* launching = std::get_if<engine::RunLaunching>(&event)) {
    if (!launching->inside) {
      return check_units(mission.ns, workflow.tasks.at(launching->slot.task).semaphores, false);
    }
  }
  return std::nullopt;
}

void FamilyChecks::see_pool(const journal::Event& event) {
  const Result<Json> data = parse_json(event.data);
  if (event.type == "pool.deleted" || !data) {
    pools_.erase({event.object.ns, event.object.name});
  } else {
    const Json* units = data->find("units");
    pools_[{event.object.ns, event.object.name}] =
        units == nullptr ? 0 : static_cast<std::uint32_t>(units->as_int());
  }
}

// --- children -----------------------------------------------------------------------------------

Problem FamilyChecks::made_once(const MissionName& child, const model::Parent& parent) {
  const View* view = find(child);
  if (view == nullptr || !view->mission->parent) {
    return concat("mission ", child.view(), " is a child that nobody made");
  }
  const model::Parent& stated = *view->mission->parent;
  if (stated.mission != parent.mission || stated.task != parent.task ||
      stated.item != parent.item) {
    return concat("mission ", child.view(), " belongs to another parent");
  }
  if (!recorded_.insert(child.str()).second) {
    return concat("mission ", child.view(), " was recorded twice by its parent");
  }
  return std::nullopt;
}

Problem FamilyChecks::child_started(
    const model::Mission& mission,
    const workflow::Workflow& workflow,
    const engine::ChildStarted& event
) {
  ++children_;
  const workflow::Task& task = workflow.tasks.at(event.task);
  const auto& children = mission.tasks.at(event.task).children;
  const std::string name = concat(
      "item ", event.item, " of task ", task.name.view(), " of mission ", mission.name.view()
  );
  if (!children || event.item >= children->missions.size()) {
    return concat(name, " does not exist");
  }
  const ChildMission& child = children->missions[event.item];
  if (child.live() || child.ended) {
    return concat(name, " was started twice");
  }
  if (is_decided(task, *children)) {
    return concat(name, " was started although it is not needed");
  }
  const auto live = std::count_if(
      children->missions.begin(),
      children->missions.end(),
      [](const ChildMission& other) { return other.live(); }
  );
  if (task.fan_out && waits_for_children(task) && task.fan_out->parallel > 0 &&
      static_cast<std::uint32_t>(live) >= task.fan_out->parallel) {
    return concat(name, " was started beside ", live, " others");
  }
  if (find(event.mission) == nullptr) {
    return concat(name, " is a mission that does not exist");
  }
  return event.own
             ? made_once(
                   event.mission, {.mission = mission.name, .task = task.name, .item = event.item}
               )
             : std::nullopt;
}

Problem FamilyChecks::child_ended(const model::Mission& mission, const engine::ChildEnded& event)
    const {
  const auto& children = mission.tasks.at(event.task).children;
  const std::string name =
      concat("item ", event.item, " of task ", event.task, " of mission ", mission.name.view());
  if (!children || event.item >= children->missions.size() ||
      children->missions[event.item].ended) {
    return concat(name, " ended twice or never was");
  }
  const ChildMission& child = children->missions[event.item];
  if (child.name.empty()) {
    return event.state == MissionState::Failed && !event.message.empty()
               ? std::nullopt
               : Problem(concat(name, " ended without a mission or a reason"));
  }
  const View* view = find(child.name);
  if (view == nullptr || view->mission->state != event.state) {
    return concat(name, " is recorded as ", to_string(event.state), ", which it is not");
  }
  return std::nullopt;
}

Problem FamilyChecks::submitted(
    const model::Mission& mission,
    const workflow::Workflow& workflow,
    const engine::MissionSubmitted& event
) {
  const workflow::Task& task = workflow.tasks.at(event.task);
  if (!mission.tasks.at(event.task).submitted.empty()) {
    return concat(
        "task ", task.name.view(), " of mission ", mission.name.view(), " asked for a mission twice"
    );
  }
  return !event.mission.empty() && event.own
             ? made_once(event.mission, {.mission = mission.name, .task = task.name, .item = 0})
             : std::nullopt;
}

/// A task, or its mission, comes to an end: nothing that it waits for is left.
Problem FamilyChecks::family_over(
    const model::Mission& mission, const workflow::Workflow& workflow, engine::TaskIndex task
) const {
  const auto& children = mission.tasks.at(task).children;
  if (!children || !waits_for_children(workflow.tasks.at(task))) {
    return std::nullopt;
  }
  for (const ChildMission& child : children->missions) {
    if (child.own && child.live()) {
      return concat(
          "task ",
          workflow.tasks[task].name.view(),
          " of mission ",
          mission.name.view(),
          " ended and its mission ",
          child.name.view(),
          " did not"
      );
    }
  }
  return std::nullopt;
}

Problem FamilyChecks::check_key(const model::Mission& mission) const {
  for (const auto& [name, view] : live_) {
    if (!mission.user_key.empty() && view.mission != &mission && view.mission->ns == mission.ns &&
        view.mission->user_key == mission.user_key) {
      return concat(
          "missions ", name, " and ", mission.name.view(), " have the key ", mission.user_key
      );
    }
  }
  return std::nullopt;
}

// --- places and units ---------------------------------------------------------------------------

std::size_t FamilyChecks::active(const Namespace& ns, const std::string& workflow) const {
  return static_cast<std::size_t>(std::count_if(live_.begin(), live_.end(), [&](const auto& entry) {
    const View& view = entry.second;
    return view.mission->admitted && view.mission->ns == ns && !view.workflow->part &&
           view.workflow->name == workflow;
  }));
}

std::uint32_t FamilyChecks::capacity(const Namespace& ns, const std::string& pool) const {
  const auto found = pools_.find({ns, pool});
  if (found != pools_.end()) {
    return found->second;
  }
  // A pool that nobody declared is as large as the largest request for it.
  std::uint32_t largest = 1;
  for (const auto& [name, view] : live_) {
    if (view.mission->ns != ns) {
      continue;
    }
    largest = std::max(largest, units_in(view.workflow->semaphores, pool));
    for (const workflow::Task& task : view.workflow->tasks) {
      largest = std::max(largest, units_in(task.semaphores, pool));
    }
  }
  return largest;
}

/// Units in use; `held_only`: by missions that wait for a person.
std::uint32_t FamilyChecks::used(const Namespace& ns, const std::string& pool, bool held_only)
    const {
  std::uint32_t units = 0;
  for (const auto& [name, view] : live_) {
    if (view.mission->ns != ns) {
      continue;
    }
    if (held_only && view.mission->state != MissionState::Held && !waits_for_units(*view.mission)) {
      continue;
    }
    units += view.mission->claims ? units_in(view.workflow->semaphores, pool) : 0;
    for (std::size_t i = 0; i < view.mission->tasks.size(); ++i) {
      const model::TaskStatus& task = view.mission->tasks[i];
      const std::uint32_t each = units_in(view.workflow->tasks[i].semaphores, pool);
      units += engine::on_host(task.run) ? each : 0;
      units += task.undo && engine::on_host(*task.undo) ? each : 0;
    }
  }
  return units;
}

/// `next`: they are about to be taken and not counted yet.
Problem FamilyChecks::check_units(
    const Namespace& ns, const std::vector<workflow::Semaphore>& taken, bool next
) const {
  for (const workflow::Semaphore& semaphore : taken) {
    const std::uint32_t in_use =
        used(ns, semaphore.pool, false) + (next ? units_in(taken, semaphore.pool) : 0);
    if (in_use > capacity(ns, semaphore.pool)) {
      return concat(
          in_use,
          " units of pool ",
          semaphore.pool,
          " are in use, which has ",
          capacity(ns, semaphore.pool)
      );
    }
  }
  return std::nullopt;
}

Problem FamilyChecks::check_place(const model::Mission& mission, const workflow::Workflow& workflow)
    const {
  const std::size_t now = active(mission.ns, workflow.name);
  if (workflow.max_concurrency > 0 && !workflow.part && now > workflow.max_concurrency) {
    return concat(
        now,
        " missions of ",
        workflow.name,
        " run, ",
        workflow.max_concurrency,
        " may; the last is ",
        mission.name.view()
    );
  }
  return std::nullopt;
}

// --- at rest ------------------------------------------------------------------------------------

/// Nobody but a person starts a mission before those that it comes after.
Problem FamilyChecks::check_order(const model::Mission& mission) const {
  for (const MissionName& name : mission.after) {
    const View* before = find(name);
    if (before == nullptr || before->mission->state != MissionState::Complete) {
      return concat(
          "mission ", mission.name.view(), " starts before mission ", name.view(), " is COMPLETE"
      );
    }
  }
  return std::nullopt;
}

/// What a decided fan-out does not need has been told to stop.
Problem FamilyChecks::check_stopped(const View& view) const {
  for (std::size_t i = 0; i < view.mission->tasks.size(); ++i) {
    const auto& children = view.mission->tasks[i].children;
    const workflow::Task& task = view.workflow->tasks[i];
    if (!children || !engine::is_inside(view.mission->tasks[i].run) ||
        !is_decided(task, *children)) {
      continue;
    }
    for (const ChildMission& child : children->missions) {
      const View* other = child.live() && child.own ? find(child.name) : nullptr;
      if (other != nullptr && !is_terminal(other->mission->state) && !other->mission->aborting) {
        return concat("mission ", child.name.view(), " goes on although another item has decided");
      }
    }
  }
  return std::nullopt;
}

Problem FamilyChecks::settled() const {
  for (const auto& [name, view] : live_) {
    if (view.mission->state == MissionState::Queued && !view.mission->admitted &&
        view.mission->waiting.empty() && !view.mission->aborting && !view.mission->timed_out &&
        !view.mission->draining) {
      return concat("mission ", name, " is QUEUED and does not say why");
    }
    if (Problem problem = check_stopped(view)) {
      return problem;
    }
    for (const model::Hold& hold : view.mission->holds) {
      const View* before = hold.kind == model::HoldKind::Dependency
                               ? find(model::qualify(view.mission->ns, hold.subject))
                               : nullptr;
      if (before != nullptr && is_terminal(before->mission->state) && !view.mission->aborting) {
        return concat("mission ", name, " waits for mission ", hold.subject, ", which is over");
      }
    }
    for (const model::TaskStatus& task : view.mission->tasks) {
      for (const MissionName& asked : task.submitted) {
        if (!asked.empty() && find(asked) == nullptr) {
          return concat("mission ", asked.view(), " was asked for and does not exist");
        }
      }
    }
  }
  for (const auto& [name, view] : all_) {
    if (view.mission->parent && !recorded_.contains(name)) {
      return concat("mission ", name, " has a parent that does not know it");
    }
  }
  return std::nullopt;
}

/// A mission that still waits for its place: some pool is too small, or people hold what it needs.
Problem FamilyChecks::check_explained(const View& view) const {
  const Namespace& ns = view.mission->ns;
  const auto too_many = [&](const workflow::Semaphore& semaphore) {
    return used(ns, semaphore.pool, true) + semaphore.units > capacity(ns, semaphore.pool);
  };
  if (view.mission->admitted) {
    for (std::size_t i = 0; i < view.mission->tasks.size(); ++i) {
      const auto& wanted = view.workflow->tasks[i].semaphores;
      if (engine::in_progress(view.mission->tasks[i].run) &&
          std::none_of(wanted.begin(), wanted.end(), too_many)) {
        return concat("a run of mission ", view.mission->name.view(), " waits for nothing");
      }
    }
    return std::nullopt;
  }
  const std::string& workflow = view.workflow->name;
  if (view.workflow->max_concurrency > 0 &&
      active(ns, workflow) >= view.workflow->max_concurrency) {
    return std::nullopt;  // those who have the places are explained themselves
  }
  for (const auto& [name, other] : live_) {
    if (other.mission->ns != ns || other.workflow->name != workflow || other.workflow->part ||
        !waits_for_admission(*other.mission) || other.mission->claims) {
      continue;
    }
    const auto& wanted = other.workflow->semaphores;
    if (std::any_of(wanted.begin(), wanted.end(), too_many)) {
      return std::nullopt;
    }
  }
  return concat(
      "mission ", view.mission->name.view(), " waits for nothing: ", view.mission->waiting
  );
}

Problem FamilyChecks::at_end() const {
  for (const auto& [name, view] : live_) {
    if (view.mission->state == MissionState::Queued) {
      if (Problem problem = check_explained(view)) {
        return problem;
      }
    }
  }
  return settled();
}

}  // namespace reeve::sim
