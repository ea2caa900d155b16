#pragma once

#include <string>

#include "platform/ports.h"

namespace reeve::platform {

/// CLOCK_REALTIME.
class SystemClock final : public Clock {
 public:
  Timestamp now() override;
};

/// getrandom(2).
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
};

/// Milliseconds on a clock that only moves forward and includes suspend (CLOCK_BOOTTIME).
Duration monotonic_now();

/// Identifies this boot of this machine (/proc/sys/kernel/random/boot_id).
std::string boot_id();

/// The machine's host name.
std::string host_name();

/// Start time of a process in clock ticks since boot (/proc/PID/stat field 22), 0 if there is no
/// such process or it is a zombie. Together with the boot id it names a process for ever.
std::uint64_t process_start_time(int pid);

}  // namespace reeve::platform
