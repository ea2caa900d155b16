#include "platform/posix/system.h"

#include <cerrno>
#include <charconv>
#include <ctime>
#include <unistd.h>

#include <sys/random.h>

#include "base/assert.h"
#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::platform {

namespace {

constexpr std::uint64_t kProcFileBytesMax = 4096;
// Fields of /proc/PID/stat, counted from the state (field 3), the first one after the name.
constexpr std::size_t kStartTimeAfterName = 22 - 3;
constexpr std::size_t kThreadsAfterName = 20 - 3;

std::int64_t millis_of(clockid_t clock) {
  timespec now{};
  const int failed = clock_gettime(clock, &now);
  REEVE_ASSERT(failed == 0);
  constexpr std::int64_t kMillisPerSecond = 1000;
  constexpr std::int64_t kNanosPerMilli = 1'000'000;
  return std::int64_t{now.tv_sec} * kMillisPerSecond + std::int64_t{now.tv_nsec} / kNanosPerMilli;
}

std::string read_boot_id() {
  const auto text = read_file("/proc/sys/kernel/random/boot_id", kProcFileBytesMax);
  return text.ok() ? std::string(trim(*text)) : std::string("unknown");
}

}  // namespace

Timestamp SystemClock::now() {
  return from_unix_millis(millis_of(CLOCK_REALTIME));
}

std::uint64_t SystemRandom::next() {
  std::uint64_t bits = 0;
  ssize_t count = 0;
  do {
    count = getrandom(&bits, sizeof(bits), 0);
  } while (count < 0 && errno == EINTR);
  REEVE_ASSERT(count == static_cast<ssize_t>(sizeof(bits)));
  return bits;
}

Duration monotonic_now() {
  return Duration(millis_of(CLOCK_BOOTTIME));
}

std::string boot_id() {
  static const std::string kId = read_boot_id();
  return kId;
}

std::string host_name() {
  constexpr std::size_t kHostNameBytesMax = 256;
  char name[kHostNameBytesMax] = {};
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') {
    return "localhost";
  }
  return name;
}

std::uint64_t process_start_time(int pid) {
  if (pid <= 0) {
    return 0;
  }
  const auto text = read_file(concat("/proc/", pid, "/stat"), kProcFileBytesMax);
  if (!text.ok()) {
    return 0;
  }
  // The name may contain spaces and parentheses, so fields are counted from the last ')'.
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos || name_end + 2 > text->size()) {
    return 0;
  }
  const auto fields = split(std::string_view(*text).substr(name_end + 2), ' ');
  if (fields.size() <= kStartTimeAfterName) {
    return 0;
  }
  const std::string_view state = fields[0];
  // A first thread that ended looks like a zombie while the others go on.
  const bool others = fields[kThreadsAfterName] != "0" && fields[kThreadsAfterName] != "1";
  if (state == "X" || state == "x" || (state == "Z" && !others)) {
    return 0;
  }
  const std::string_view field = fields[kStartTimeAfterName];
  std::uint64_t ticks = 0;
  const auto parsed = std::from_chars(field.data(), field.data() + field.size(), ticks);
  return parsed.ec == std::errc{} ? ticks : 0;
}

}  // namespace reeve::platform
