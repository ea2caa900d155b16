#include "workflow/trigger/ticks.h"

#include <algorithm>
#include <array>

namespace reeve::trigger {

namespace {

using namespace std::chrono_literals;

/// The latest tick at or before `now`, which is at least `due`. Looks back in growing steps, so
/// that a schedule of seconds after a year of silence is not walked through tick by tick.
Timestamp latest_tick(
    const cron::Schedule& schedule, const cron::Zone& zone, Timestamp due, Timestamp now
) {
  constexpr std::array<Duration, 6> kSteps = {1s, 1min, 1h, 24h, 24h * 31, 24h * 366};
  Timestamp latest = due;
  for (const Duration step : kSteps) {
    const Timestamp from = std::max(due, now - step);
    auto tick = schedule.next(from, zone);
    if ((tick && *tick <= now) || from == due) {
      for (; tick && *tick <= now; tick = schedule.next(*tick, zone)) {
        latest = *tick;
      }
      return latest;
    }
  }
  for (auto tick = schedule.next(due, zone); tick && *tick <= now;
       tick = schedule.next(*tick, zone)) {
    latest = *tick;
  }
  return latest;
}

}  // namespace

TickDecision decide_tick(
    const cron::Schedule& schedule,
    const cron::Zone& zone,
    workflow::MissedTicks missed,
    Timestamp due,
    Timestamp now
) {
  const Timestamp latest = latest_tick(schedule, zone, due, now);
  TickDecision decision;
  decision.next = schedule.next(std::max(now, due), zone);
  if (now - latest <= kTickGrace || missed == workflow::MissedTicks::RunOnce) {
    decision.fire = latest;
  }
  decision.skipped = latest != due || !decision.fire;
  return decision;
}

}  // namespace reeve::trigger
