#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "artifact/retention.h"
#include "base/result.h"
#include "base/time.h"

namespace reeve::cli {

/// Between two sweeps of one owner.
inline constexpr Duration kSweepPeriod = std::chrono::hours(1);

/// What was removed, for people; empty if there was nothing.
std::string describe(const artifact::Expired& expired);

/// Removes from time to time what has expired: once at the start, then every period. One sweep at
/// a time, on a thread that gives way to all others. What went wrong is told, and tried again at
/// the next time; it does not keep the other sweeps from their turn.
///
/// Threading: one thread of its own; create, `stop` and destroy on one thread. Sweeps and `tell`
/// are called on the sweeper's thread.
class Sweeper {
 public:
  /// Says what it removed; nothing if there was nothing.
  using Sweep = std::function<Result<std::string>()>;
  using Tell = std::function<void(std::string_view)>;

  Sweeper(std::vector<Sweep> sweeps, Tell tell, Duration period = kSweepPeriod);
  ~Sweeper();
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

  /// Waits for a sweep under way, then ends. Idempotent.
  void stop();

 private:
  void run();
  void sweep_once();

  std::vector<Sweep> sweeps_;
  Tell tell_;
  Duration period_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace reeve::cli
