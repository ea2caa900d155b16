#include <utility>

#include "base/strings.h"
#include "engine/engine.h"
#include "engine/mission_turn.h"

/// Missions that are held because of something outside of them.
namespace reeve::engine {

using model::MissionState;

bool Engine::hold_mission(const MissionName& name, model::Hold hold, Scope& scope) {
  const Result<Entry*> entry = entry_of(name);
  if (!entry) {
    return false;
  }
  const model::Mission& mission = *(*entry)->mission;
  if (is_terminal(mission.state) || mission.state == MissionState::Prep ||
      mission.state == MissionState::Compensating || mission.aborting) {
    return false;
  }
  for (const model::Hold& open : mission.holds) {
    if (open.kind == hold.kind && open.subject == hold.subject) {
      return false;
    }
  }
  MissionTurn(*this, scope, *(*entry)->mission, *(*entry)->plan).hold(std::move(hold));
  return true;
}

void MissionTurn::hold(model::Hold hold) {
  const bool first = m_.state != MissionState::Held;
  if (m_.state == MissionState::Launching) {
    become_active(model::Reason::Failure);
  }
  const std::string key = concat("hold:", to_string(hold.kind), ":", hold.subject);
  const std::optional<Timestamp> due = hold.deadline;
  emit(HoldRaised{.hold = std::move(hold)});
  if (due) {
    set_timer(key, due);
  }
  if (first) {
    transition(MissionState::Held, model::Reason::Failure);
  }
}

}  // namespace reeve::engine
