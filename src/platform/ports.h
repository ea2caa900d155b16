#pragma once

#include <cstdint>

#include "base/time.h"

/// Ports to the machine. Everything that decides takes them as arguments; platform/posix is the
/// only place that asks the operating system.
namespace reeve::platform {

/// The civil clock. It may jump; durations are never measured with it. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() = 0;
};

/// Unpredictable bits, for names and tokens. Any thread.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
};

}  // namespace reeve::platform
