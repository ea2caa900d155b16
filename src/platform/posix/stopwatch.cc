#include "platform/posix/stopwatch.h"

namespace reeve::platform {

namespace {

timespec now() {
  timespec at{};
  ::clock_gettime(CLOCK_MONOTONIC, &at);
  return at;
}

}  // namespace

Stopwatch::Stopwatch() : begin_(now()) {}

double Stopwatch::seconds() const {
  constexpr double kNanosPerSecond = 1e9;
  const timespec end = now();
  return static_cast<double>(end.tv_sec - begin_.tv_sec) +
         static_cast<double>(end.tv_nsec - begin_.tv_nsec) / kNanosPerSecond;
}

}  // namespace reeve::platform
