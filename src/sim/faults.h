#pragma once

#include <string>

#include "base/time.h"
#include "sim/random.h"

namespace reeve::sim {

/// How often each thing goes wrong. All zero: nothing ever does.
struct FaultRates {
  // The controller. A boundary lies before and after each commit and before each answer and each
  // effect that is handed out.
  PerMillion crash_at_boundary = 0;
  // The store, for each operation.
  PerMillion commit_fails = 0;
  PerMillion commit_ambiguous = 0;
  PerMillion disk_fills = 0;
  PerMillion read_fails = 0;
  // What the controller asks of the host, for each request.
  PerMillion effect_lost = 0;
  PerMillion effect_doubled = 0;
  PerMillion effect_late = 0;
  // What the host answers, for each report.
  PerMillion report_lost = 0;
  PerMillion report_doubled = 0;
  PerMillion report_late = 0;
  // Commands of clients and the answers to them.
  PerMillion command_doubled = 0;
  PerMillion reply_lost = 0;
  // Each minute.
  PerMillion host_dies = 0;
  PerMillion clock_jumps = 0;
  /// Of the runs of a dying host: goes on unseen and reports when it is done.
  PerMillion zombie = 0;
  /// Each time the controller waits for a timer.
  PerMillion timer_late = 0;

  bool none() const;

  /// Some faults are off, the others rare, usual or frequent; one world in eight has none.
  static FaultRates draw(Random& random);
};

/// The longest time that a message or a timer is late: beyond every timeout of the engine.
inline constexpr Duration kLatenessMax{120'000};

}  // namespace reeve::sim
