#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reeve::gateway {

/// Reads lines piece by piece, as a program says them, without their ends. Empty ones are passed
/// over. One thread.
class LineReader {
 public:
  /// False: nothing more is to be told.
  using OnLine = std::function<bool(std::string_view line)>;

  explicit LineReader(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  /// Calls back for each line that is complete now. LimitExceeded: one is longer than is taken.
  Result<void> feed(std::string_view piece, const OnLine& on_line);

 private:
  std::size_t line_bytes_max_;
  std::string line_;
};

}  // namespace reeve::gateway
