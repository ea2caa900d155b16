#include <algorithm>
#include <deque>
#include <map>

#include "base/strings.h"
#include "engine/engine.h"
#include "engine/mission_turn.h"

/// Missions that wait for each other in a circle. Whoever may be helped by one of several others is
/// stuck only if all of those are; as long as one of them goes on, nothing is reported.
namespace reeve::engine {

using model::ChildMission;
using model::HoldKind;
using model::Mission;
using model::MissionState;
using model::RunState;
using model::TaskStatus;

namespace {

/// Missions that are looked at to find a circle. In a larger one nobody is told.
constexpr std::size_t kLookedAtMax = 1000;
/// Missions of a circle that are named.
constexpr std::size_t kNamedMax = 8;
constexpr std::string_view kDeadlock = "; deadlock: ";

/// Hands over the names of the missions that a task waits for, by the records of the tasks that
/// have made them, until `look` has had enough.
template <class Look>
void look_at_awaited(
    const workflow::Task& def, TaskIndex index, const Mission& m, const Look& look
) {
  const std::vector<TaskIndex> own = {index};
  for (const TaskIndex maker : def.method == workflow::Method::Await ? def.await->tasks : own) {
    if (!m.tasks[maker].children) {
      continue;
    }
    for (const ChildMission& child : m.tasks[maker].children->missions) {
      if (child.live() && !look(child.name)) {
        return;
      }
    }
  }
}

bool is_told(std::string_view text) {
  return text.find(kDeadlock) != std::string_view::npos;
}

}  // namespace

void Engine::wait_on(Waits& waits, const Mission* mission, const std::string& why) const {
  // With a run on a host it goes on, and so will those who wait for it.
  const auto run = mission == nullptr
                       ? on_hosts_.end()
                       : on_hosts_.lower_bound({.created = mission->created, .slot = {}});
  if (mission == nullptr || is_terminal(mission->state) ||
      (run != on_hosts_.end() && run->created == mission->created)) {
    waits.moves = true;
  } else {
    waits.on.push_back({.mission = mission->created, .why = why});
  }
}

/// A pool of which others have what is wanted.
void Engine::wait_on_pool(Waits& waits, const std::string& pool, std::uint32_t units) const {
  const bool lacks = pools_.used(pool) + units > pools_.capacity(pool);
  if (units > pools_.capacity(pool) || !lacks) {
    waits.moves = true;  // nobody can help, or its turn comes
    return;
  }
  for (const auto& [created, held] : pools_.holders(pool)) {
    wait_on(waits, missions_.at(created).mission.get(), concat("pool ", model::plain(pool)));
    if (waits.moves) {
      return;
    }
  }
}

/// What a QUEUED mission waits for.
void Engine::wait_on_admission(Waits& waits, const Entry& entry) const {
  const workflow::Workflow& workflow = *entry.plan->workflow;
  if (is_full(*entry.plan)) {
    for (const Revision created : active_.at(entry.plan->key)) {
      wait_on(
          waits, missions_.at(created).mission.get(), concat("a place of workflow ", workflow.name)
      );
      if (waits.moves) {
        return;
      }
    }
    return;
  }
  if (!entry.mission->claims) {
    for (const workflow::Semaphore& wanted : entry.plan->semaphores) {
      if (pools_.refusal({wanted})) {
        wait_on_pool(waits, wanted.pool, wanted.units);
        return;
      }
    }
  }
  const Revision first = queue_.first(entry.plan->key);
  if (first == entry.mission->created) {
    waits.moves = true;
  } else {
    wait_on(waits, missions_.at(first).mission.get(), "it is first in line");
  }
}

/// What a task that is under way waits for.
void Engine::wait_on_task(Waits& waits, const Entry& entry, TaskIndex index) const {
  const TaskStatus& task = entry.mission->tasks[index];
  if (task.waits_for_people() || (task.undo && in_progress(*task.undo))) {
    waits.moves = true;
  }
  if (!in_progress(task.run)) {
    return;
  }
  if (is_inside(task.run)) {
    const workflow::Task& def = entry.plan->workflow->tasks[index];
    const std::string why = concat("its task ", def.name.view());
    look_at_awaited(def, index, *entry.mission, [&](const MissionName& name) {
      wait_on(waits, find(name), why);
      return !waits.moves;
    });
    return;
  }
  const RunRef run{.created = entry.mission->created, .slot = {.task = index}};
  const RunQueue::Wait* wait = runs_.wait_of(run);
  if (task.run.state != RunState::Pending || wait == nullptr || wait->pool == kNoHost) {
    waits.moves = true;
  } else {
    wait_on_pool(waits, wait->pool, wait->units);
  }
}

Engine::Waits Engine::waits_of(const Entry& entry) const {
  const Mission& mission = *entry.mission;
  Waits waits;
  if (mission.state == MissionState::Held) {
    for (const model::Hold& hold : mission.holds) {
      if (hold.kind == HoldKind::Dependency) {
        wait_on(waits, find(model::qualify(mission.ns, hold.subject)), "it comes first");
      } else {
        waits.moves = true;
      }
    }
  } else if (queued_.contains(mission.created)) {
    wait_on_admission(waits, entry);
  } else {
    for (TaskIndex i = 0; i < mission.tasks.size() && !waits.moves; ++i) {
      wait_on_task(waits, entry, i);
    }
  }
  // Nothing under way: it is about to go on, or to end.
  waits.moves = waits.moves || waits.on.empty() || is_terminal(mission.state);
  return waits;
}

/// The circle that a mission is in, or that those are in for whom it waits; empty: somebody will
/// go on.
std::vector<Engine::Wait> Engine::circle_of(const Mission& mission) const {
  std::map<Revision, Wait> first_wait;
  std::deque<Revision> to_look = {mission.created};
  while (!to_look.empty()) {
    const Revision created = to_look.front();
    to_look.pop_front();
    if (first_wait.contains(created)) {
      continue;
    }
    const Waits waits = waits_of(missions_.at(created));
    if (waits.moves || first_wait.size() >= kLookedAtMax) {
      return {};
    }
    first_wait.emplace(created, waits.on.front());
    for (const Wait& wait : waits.on) {
      to_look.push_back(wait.mission);
    }
  }
  // Whoever is met twice on the way along the first waits stands in a circle.
  std::set<Revision> met;
  Revision here = mission.created;
  while (met.insert(here).second) {
    here = first_wait.at(here).mission;
  }
  std::vector<Wait> circle;
  do {
    circle.push_back({.mission = here, .why = first_wait.at(here).why});
    here = first_wait.at(here).mission;
  } while (here != circle.front().mission);
  return circle;
}

std::string Engine::describe(const std::vector<Wait>& circle) const {
  std::string text;
  for (std::size_t i = 0; i < circle.size() && i < kNamedMax; ++i) {
    const Wait& next = circle[(i + 1) % circle.size()];
    text += concat(
        i == 0 ? "" : ", ",
        model::plain(missions_.at(circle[i].mission).mission->name),
        " waits for ",
        model::plain(missions_.at(next.mission).mission->name),
        " (",
        circle[i].why,
        ")"
    );
  }
  return circle.size() > kNamedMax ? concat(text, ", and so on") : text;
}

/// What somebody waits for, with the circle if there is one.
std::string Engine::explained(std::string_view reason, const std::vector<Wait>& circle) const {
  std::string text(reason.substr(0, reason.find(kDeadlock)));
  return circle.empty() ? text : concat(text, kDeadlock, describe(circle));
}

/// The same for a mission that has begun to wait; the others in the circle are told later.
std::string Engine::explain(std::string_view reason, const Mission& mission) {
  const std::vector<Wait> circle = circle_of(mission);
  if (!circle.empty()) {
    suspects_.insert(mission.created);
  }
  return explained(reason, circle);
}

void Engine::suspect(const Mission& mission) {
  if (!waits_of(missions_.at(mission.created)).moves) {
    suspects_.insert(mission.created);
  }
}

/// Writes down what a mission and its runs wait for now.
void Engine::tell(Revision created, Scope& scope) {
  const Entry& entry = missions_.at(created);
  const Mission& mission = *entry.mission;
  const std::vector<Wait> circle = circle_of(mission);
  if (!circle.empty()) {
    told_.insert(created);
  }
  MissionTurn turn(*this, scope, *entry.mission, *entry.plan);
  if (queued_.contains(created)) {
    turn.note_waiting(explained(mission.waiting, circle));
    return;
  }
  for (TaskIndex i = 0; i < mission.tasks.size(); ++i) {
    if (runs_.wait_of({.created = created, .slot = {.task = i}}) != nullptr) {
      turn.note_waiting({.task = i}, explained(mission.tasks[i].message, circle));
    }
  }
}

/// Tells those who stand in a circle with a mission that has nothing to do any more.
void Engine::report_deadlocks(Scope& scope) {
  const std::set<Revision> suspects = std::exchange(suspects_, {});
  for (const Revision created : suspects) {
    const auto suspected = missions_.find(created);
    if (suspected != missions_.end()) {
      for (const Wait& wait : circle_of(*suspected->second.mission)) {
        tell(wait.mission, scope);
      }
    }
  }
}

/// Tells those who stood in a circle how they stand now. One that goes on has no such text.
void Engine::tell_again(Scope& scope) {
  const std::set<Revision> told = std::exchange(told_, {});
  for (const Revision created : told) {
    const auto found = missions_.find(created);
    if (found != missions_.end() && !is_terminal(found->second.mission->state)) {
      tell(created, scope);
    }
  }
}

/// Of a mission that was loaded: whether it says that it is in a circle.
void Engine::index_deadlock(const Mission& mission) {
  const bool told = is_told(mission.waiting) ||
                    std::any_of(mission.tasks.begin(), mission.tasks.end(), [](const auto& task) {
                      return is_told(task.message);
                    });
  if (told) {
    told_.insert(mission.created);
  }
}

/// Whether a mission cannot end before `other` has: it waits for it, or for somebody who does.
bool Engine::waits_for(const Mission& mission, const Mission& other) const {
  // Those who are making `other` right now have not recorded it yet.
  std::set<Revision> sought;
  for (const Mission* above = &other; above != nullptr; above = waiting_parent(*above)) {
    sought.insert(above->created);
  }
  std::set<Revision> met;
  std::deque<const Mission*> to_look = {&mission};
  while (!to_look.empty() && met.size() < kLookedAtMax) {
    const Mission& here = *to_look.front();
    to_look.pop_front();
    if (sought.contains(here.created)) {
      return true;
    }
    if (is_terminal(here.state) || !met.insert(here.created).second) {
      continue;
    }
    const workflow::Workflow& workflow = *missions_.at(here.created).plan->workflow;
    for (TaskIndex i = 0; i < here.tasks.size(); ++i) {
      if (is_inside(here.tasks[i].run)) {
        look_at_awaited(workflow.tasks[i], i, here, [&](const MissionName& name) {
          if (const Mission* next = find(name)) {
            to_look.push_back(next);
          }
          return true;
        });
      }
    }
    for (const model::Hold& hold : here.holds) {
      const Mission* next =
          hold.kind == HoldKind::Dependency ? find(model::qualify(here.ns, hold.subject)) : nullptr;
      if (next != nullptr) {
        to_look.push_back(next);
      }
    }
  }
  return false;
}

}  // namespace reeve::engine
