#pragma once

#include <cstdint>

#include "engine/events.h"
#include "model/mission.h"

/// The runs that a task had before the ones in its slots. Pure.
namespace reeve::engine {

/// Keeps the run in a slot of the task, which something else is going to take, if a host has had
/// it: what the engine carries out itself is no run. `epoch` is the one that it belongs to. Called
/// again for the same run it changes nothing.
void keep_past(model::TaskStatus& task, Leg leg, std::uint32_t epoch);

}  // namespace reeve::engine
