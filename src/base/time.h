#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reeve {

/// All durations of the product: whole milliseconds.
using Duration = std::chrono::milliseconds;
/// An instant of the civil clock, UTC, whole milliseconds.
using Timestamp = std::chrono::sys_time<Duration>;

/// `2026-11-21T09:30:00.123Z` (RFC 3339, UTC, milliseconds).
std::string format_timestamp(Timestamp at);

/// Reads what `format_timestamp` writes. Invalid: anything else.
Result<Timestamp> parse_timestamp(std::string_view text);

/// A date and time as RFC 3339 has it, with or without a fraction of a second (what is finer than
/// milliseconds is cut off), in UTC or with an offset: "2026-12-24T18:00:00+01:00". Invalid.
Result<Timestamp> parse_date_time(std::string_view text);

/// Milliseconds since 1970-01-01T00:00:00Z.
constexpr std::int64_t to_unix_millis(Timestamp at) {
  return at.time_since_epoch().count();
}

constexpr Timestamp from_unix_millis(std::int64_t millis) {
  return Timestamp(Duration(millis));
}

/// `1h30m`, `90s`, `500ms`, `0s`: what Go prints for a duration, in whole milliseconds.
std::string format_duration(Duration duration);

/// Reads a Go duration (`300ms`, `1.5h`, `2h45m`; units ns us ms s m h) and, as an extension, `d`
/// for days. Parts of a millisecond are rounded up. Invalid: no unit, unknown unit, negative,
/// longer than 100 years.
Result<Duration> parse_duration(std::string_view text);

}  // namespace reeve
