#pragma once
#include "pch_core.h"

// Half of the time of a source on top of the engine went into reading these.
#include "engine/engine.h"
#include "kernel/loop.h"
#include "store/ports.h"

namespace reeve::pch {

inline void uses(
    std::vector<engine::Command>& commands, std::vector<engine::MissionEvent>& events
) {
  commands.push_back(std::move(commands.front()));
  events.push_back(std::move(events.front()));
}

}  // namespace reeve::pch
