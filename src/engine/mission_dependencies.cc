#include <algorithm>

#include "base/strings.h"
#include "engine/mission_turn.h"

/// Missions that start after other missions have completed.
///
/// There is no way to make a circle of them: a mission names those it waits for when it is made,
/// all of them exist by then, and the list never changes. So each waits for older ones only.
namespace reeve::engine {

using model::HoldKind;
using model::Mission;
using model::MissionState;
using model::Reason;

namespace {

const model::Hold* dependency_on(const Mission& mission, std::string_view name) {
  const auto hold = std::find_if(mission.holds.begin(), mission.holds.end(), [&](const auto& h) {
    return h.kind == HoldKind::Dependency && h.subject == name;
  });
  return hold == mission.holds.end() ? nullptr : &*hold;
}

}  // namespace

/// The missions to wait for, each once. An error if one does not exist in the namespace or will not
/// complete.
Result<std::vector<MissionName>> Engine::checked_after(
    const Namespace& ns, const std::vector<MissionName>& names
) const {
  std::vector<MissionName> after;
  for (const MissionName& name : names) {
    const Mission* mission = find(name);
    if (mission == nullptr || mission->deleted || mission->ns != ns) {
      Error error = make_error(
          ErrorCode::NotFound,
          concat("there is no mission \"", model::plain(name), "\" to wait for"),
          "after"
      );
      error.hint = "reeve status lists them";
      return error;
    }
    if (is_terminal(mission->state) && mission->state != MissionState::Complete) {
      Error error = make_error(
          ErrorCode::IllegalTransition,
          concat("mission \"", model::plain(name), "\" has ended ", to_string(mission->state)),
          "after"
      );
      error.hint = "a mission after it would never start; name one that completes";
      return error;
    }
    if (std::find(after.begin(), after.end(), name) == after.end()) {
      after.push_back(name);
    }
  }
  return after;
}

/// Holds a new mission for each mission before it that is not over.
void MissionTurn::wait_for_missions() {
  for (const MissionName& name : m_.after) {
    const Mission* before = engine_.find(name);
    if (before == nullptr || is_terminal(before->state)) {
      continue;
    }
    model::Hold hold;
    hold.kind = HoldKind::Dependency;
    hold.subject = model::plain(name);
    hold.since = scope_.now;
    hold.message = concat("starts when mission ", hold.subject, " is COMPLETE");
    emit(HoldRaised{.hold = std::move(hold)});
    engine_.successors_[name].insert(m_.created);
  }
  if (!m_.holds.empty()) {
    transition(MissionState::Held, Reason::Dependency);
  }
}

/// A mission before this one has ended. Nothing happens if somebody has released the hold.
void MissionTurn::on_dependency_over(const Mission& before) {
  const model::Hold* found = dependency_on(m_, model::plain(before.name));
  if (found == nullptr) {
    return;
  }
  if (before.state != MissionState::Complete) {
    request_abort(concat(
        "mission ",
        model::plain(before.name),
        ", which had to complete first, has ended ",
        to_string(before.state)
    ));
    return;
  }
  release(model::Hold(*found), false);
  if (m_.holds.empty()) {
    transition(MissionState::Queued, Reason::Dependency);
    reconcile();
  }
}

/// Of a mission that was loaded: what it is held for.
void Engine::index_dependencies(const Mission& mission) {
  for (const model::Hold& hold : mission.holds) {
    if (hold.kind == HoldKind::Dependency) {
      successors_[model::qualify(mission.ns, hold.subject)].insert(mission.created);
    }
  }
}

void Engine::tell_successors(const Mission& ended, Scope& scope) {
  const auto found = successors_.find(ended.name);
  if (found == successors_.end()) {
    return;
  }
  const std::set<Revision> waiting = std::move(found->second);
  successors_.erase(found);
  for (const Revision created : waiting) {
    const auto entry = missions_.find(created);
    if (entry != missions_.end() && !is_terminal(entry->second.mission->state)) {
      MissionTurn(*this, scope, *entry->second.mission, *entry->second.plan)
          .on_dependency_over(ended);
    }
  }
}

}  // namespace reeve::engine
