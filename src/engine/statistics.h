#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "model/mission.h"

namespace reeve::engine {

/// Channels that are told of one by one; the others are told of together.
inline constexpr std::size_t kChannelsTold = 200;

/// How much there is in a channel. Without a name: in all that are not told of one by one.
struct ChannelStatistics {
  Namespace ns;
  std::string name;
  /// Kept messages, and those that were put aside.
  std::uint64_t messages = 0;
  std::uint64_t dead = 0;
  std::uint64_t bytes = 0;
  /// When the oldest kept message was sent; without messages zero.
  Timestamp oldest_sent_at;
};

/// How much there is of what comes and goes. It follows from the engine's state, so that it is the
/// same after a restart.
struct Statistics {
  /// Live missions by state.
  std::array<std::uint64_t, model::kMissionStates> missions{};
  std::size_t runs_on_hosts = 0;
  /// Runs that could start but for slots, units or others before them.
  std::size_t runs_waiting = 0;
  std::size_t run_slots = 0;
  /// In the order of their names; at most kChannelsTold and one without a name.
  std::vector<ChannelStatistics> channels;
};

}  // namespace reeve::engine
