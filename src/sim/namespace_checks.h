#pragma once

#include <optional>
#include <string>

#include "model/effect.h"
#include "model/mission.h"

/// That nothing crosses from one namespace into another. The journal has plain names, so that what
/// crosses shows in memory and in what leaves it. Each function returns what is wrong, or nothing.
namespace reeve::sim {

/// A mission in the engine's memory: everybody whom it names is of its namespace.
std::optional<std::string> crossing_of(const model::Mission& mission);

/// A request for a host: run, credentials and environment are those of the mission's namespace.
std::optional<std::string> crossing_of(const model::Effect& effect);

}  // namespace reeve::sim
