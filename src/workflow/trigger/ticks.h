#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "workflow/cron/schedule.h"
#include "workflow/workflow.h"

namespace reeve::trigger {

/// A tick that is not older than this was not missed: its timer was a little late.
inline constexpr Duration kTickGrace{60'000};

/// What is to be done about the ticks of a cron trigger.
struct TickDecision {
  /// The tick that a mission is made for.
  std::optional<Timestamp> fire;
  /// When to look again; none: it never fires again.
  std::optional<Timestamp> next;
  /// Ticks passed that no mission is made for.
  bool skipped = false;
};

/// `due` is the tick that was waited for, `now` is at or after it. If more ticks have passed, at
/// most one mission is made, for the latest of them: it is on time, or missed ticks are made good
/// (RunOnce).
///
/// Deciding again with the same arguments gives the same answer, and the tick names its mission, so
/// that a crash between deciding and making makes neither two missions nor none.
TickDecision decide_tick(
    const cron::Schedule& schedule,
    const cron::Zone& zone,
    workflow::MissedTicks missed,
    Timestamp due,
    Timestamp now
);

}  // namespace reeve::trigger
