#pragma once

#include <cstdint>

namespace reeve::sim {

/// Says which seed is being played, so that a failed assertion, which ends the process, also prints
/// the line that replays it. 0: none.
void set_current_seed(std::uint64_t seed);

/// Prints the line that replays `seed`. May be called from a signal handler.
void print_replay_line(std::uint64_t seed);

}  // namespace reeve::sim
