#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>

#include "artifact/retention.h"
#include "base/result.h"
#include "base/time.h"

namespace reeve::cli {

/// Between two sweeps of one owner.
inline constexpr Duration kSweepPeriod = std::chrono::hours(1);

/// Removes from time to time what has expired: once at the start, then every period. One sweep at
/// a time, on a thread that gives way to all others. What went wrong is told, and tried again at
/// the next time.
///
/// Threading: one thread of its own; create, `stop` and destroy on one thread. `sweep` and `tell`
/// are called on the sweeper's thread.
class Sweeper {
 public:
  using Sweep = std::function<Result<artifact::Expired>()>;
  using Tell = std::function<void(std::string_view)>;

  Sweeper(Sweep sweep, Tell tell, Duration period = kSweepPeriod);
  ~Sweeper();
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

  /// Waits for a sweep under way, then ends. Idempotent.
  void stop();

 private:
  void run();
  void sweep_once();

  Sweep sweep_;
  Tell tell_;
  Duration period_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace reeve::cli
