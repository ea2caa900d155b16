#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reeve::gateway {

/// Reads server-sent events piece by piece, as an upstream sends them: `data:` with or without a
/// space, lines that end in LF, CR LF or CR, split anywhere. One thread.
class EventStream {
 public:
  using OnEvent = std::function<void(std::string_view data)>;

  /// `bytes_max`: of all that comes.
  explicit EventStream(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Calls back for each event that is complete now. LimitExceeded: it is too much.
  Result<void> feed(std::string_view piece, const OnEvent& on_event);

 private:
  void line(const OnEvent& on_event);

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  bool after_return_ = false;
  bool has_data_ = false;
  std::string line_;
  std::string data_;
};

}  // namespace reeve::gateway
