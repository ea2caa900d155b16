#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "cli/sweeper.h"
#include "journal/event.h"
#include "kernel/loop.h"
#include "store/ports.h"

namespace reeve::cli {

/// How much of the past is kept.
struct HistoryLimits {
  /// Missions that have ended; 0: no limit, also below.
  std::int64_t missions_max = 0;
  /// Since their end.
  Duration age{0};

  bool any() const { return missions_max > 0 || age > Duration(0); }
};

/// Missions that one sweep deletes at most.
inline constexpr std::size_t kHistoryDeletesMax = 2'000;
/// Between two sweeps.
inline constexpr Duration kHistoryPeriod = std::chrono::minutes(5);

/// Deletes one mission, as who deletes it through the API does: its events stay, its name is not
/// used again.
using DeleteMission =
    std::function<Result<void>(const journal::ObjectKey& mission, const Uid& uid)>;

/// Deletes missions that have ended and are beyond the limits, the oldest first. One whose parent
/// has not ended is left alone. Reads all missions; for a thread that gives way to others. Returns
/// how many were deleted; the errors of the store, or the first one of `remove`.
Result<std::size_t> trim_history(
    store::Reader& reader, const HistoryLimits& limits, Timestamp now, const DeleteMission& remove
);

/// Keeps the history of an owner within its limits, from time to time.
///
/// Threading: one thread of its own; create, `stop` and destroy on one thread.
class HistorySweeper {
 public:
  /// Kernel and reader outlive this.
  HistorySweeper(
      kernel::Loop& kernel, store::Reader& reader, HistoryLimits limits, Sweeper::Tell tell
  );
  ~HistorySweeper();
  HistorySweeper(const HistorySweeper&) = delete;
  HistorySweeper& operator=(const HistorySweeper&) = delete;

  /// Waits for the deletion under way. Idempotent.
  void stop();

 private:
  Result<std::string> sweep() const;
  Result<void> remove(const journal::ObjectKey& mission, const Uid& uid) const;

  kernel::Loop& kernel_;
  store::Reader& reader_;
  HistoryLimits limits_;
  std::atomic<bool> stopping_ = false;
  /// Last: its thread uses the others.
  std::optional<Sweeper> sweeper_;
};

}  // namespace reeve::cli
