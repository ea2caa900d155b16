#pragma once

#include <optional>

#include "base/json.h"
#include "journal/event.h"
#include "telemetry/work/mission_head.h"

namespace reeve::telemetry {

/// An event that was committed, read once for all who tell of it.
struct WorkEvent {
  const journal::Event& event;
  /// An empty object if nobody needs it, or if it is longer than kEventDataReadMax.
  Json data;
  /// Of the mission; nothing for other objects.
  std::optional<MissionHead> head;
  /// Whether spans of the mission are recorded.
  bool sampled = false;
};

/// Longer data is not looked at: parameters and outputs may be large, and nothing is told of them.
inline constexpr std::size_t kEventDataReadMax = std::size_t{64} << 10U;

}  // namespace reeve::telemetry
