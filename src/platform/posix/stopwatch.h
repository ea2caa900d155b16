#pragma once

#include <ctime>

namespace reeve::platform {

/// Measures what takes less than a millisecond, on the clock that does not jump. A value; any
/// thread.
class Stopwatch {
 public:
  /// Begins now.
  Stopwatch();

  double seconds() const;

 private:
  timespec begin_{};
};

}  // namespace reeve::platform
