#pragma once

#include <atomic>
#include <cstdint>

#include "base/time.h"
#include "platform/ports.h"

/// Stand-ins for the machine, for tests.
namespace reeve::telemetry {

/// Stands still until it is set. Any thread.
class FakeClock final : public platform::Clock {
 public:
  /// 2026-11-21T09:30:00.123Z
  static constexpr std::int64_t kStartMillis = 1'795'253'400'123;

  Timestamp now() override { return from_unix_millis(millis_.load()); }

  void advance(Duration by) { millis_ += by.count(); }

 private:
  std::atomic<std::int64_t> millis_ = kStartMillis;
};

/// 1, 2, 3, … Any thread.
class FakeRandom final : public platform::Random {
 public:
  std::uint64_t next() override { return ++last_; }

 private:
  std::atomic<std::uint64_t> last_ = 0;
};

}  // namespace reeve::telemetry
