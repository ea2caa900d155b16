#include "cli/time_argument.h"

#include <string>

namespace reeve::cli {

namespace {

/// The text with its seconds and milliseconds.
std::string with_milliseconds(std::string_view text) {
  constexpr std::size_t kMinutes = std::string_view("0000-00-00T00:00").size();
  constexpr std::size_t kSeconds = std::string_view("0000-00-00T00:00:00").size();
  constexpr std::size_t kMillis = std::string_view("0000-00-00T00:00:00.000").size();
  if (!text.ends_with('Z')) {
    return std::string(text);
  }
  std::string full(text.substr(0, text.size() - 1));
  if (full.size() == kMinutes) {
    full += ":00";
  }
  if (full.size() == kSeconds) {
    full += '.';
  }
  if (full.size() > kSeconds && full.size() < kMillis) {
    full.append(kMillis - full.size(), '0');
  }
  return full + "Z";
}

}  // namespace

Result<Timestamp> parse_time_argument(std::string_view text) {
  Result<Timestamp> time = parse_timestamp(with_milliseconds(text));
  if (time) {
    return time;
  }
  Error error =
      make_error(ErrorCode::Invalid, "\"" + std::string(text) + "\" is not a UTC timestamp");
  error.hint = "write it like 2026-12-24T18:00:00Z";
  return error;
}

}  // namespace reeve::cli
