#pragma once

#include "base/time.h"

namespace reeve::cli {

/// Notices that the civil clock was set while this process ran: it has moved against a clock that
/// only moves forward. What a running clock is corrected by stays far below the threshold. Main
/// thread.
class ClockWatch {
 public:
  static constexpr Duration kStepMin{30'000};

  ClockWatch(Timestamp civil, Duration monotonic) : offset_(civil.time_since_epoch() - monotonic) {}

  /// How far the civil clock has been set since the beginning; zero below the threshold.
  Duration step(Timestamp civil, Duration monotonic) const {
    const Duration moved = civil.time_since_epoch() - monotonic - offset_;
    return moved >= kStepMin || -moved >= kStepMin ? moved : Duration(0);
  }

 private:
  Duration offset_;
};

}  // namespace reeve::cli
