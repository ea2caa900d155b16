#pragma once

#include "engine/engine.h"
#include "journal/event.h"
#include "model/mission.h"

namespace reeve::engine {

/// The key of a mission's row and events.
inline journal::ObjectKey key_of(const model::Mission& mission) {
  return mission_key(mission.name);
}

/// The mission that a key is about.
inline MissionName mission_name_of(const journal::ObjectKey& key) {
  return mission_of(key);
}

}  // namespace reeve::engine
