#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "workflow/cron/zone.h"

namespace reeve::cron {

/// A day of every year on which clocks change, and when on that day.
struct YearlyRule {
  enum class Kind : std::uint8_t {
    Weekday,         ///< `Mm.w.d`: the w-th weekday d of month m; w = 5 is the last
    DayWithoutLeap,  ///< `Jn`: day n from 1, 29 February is never counted
    DayWithLeap,     ///< `n`: day n from 0, 29 February is counted
  };

  Kind kind = Kind::Weekday;
  unsigned month = 1;
  unsigned week = 1;
  /// Weekday (0 is Sunday) or number of the day.
  unsigned day = 0;
  /// After midnight of that day, on the clocks as they are before; may be negative or beyond a day.
  seconds time{7200};

  LocalSeconds in_year(int year) const;

  friend bool operator==(const YearlyRule&, const YearlyRule&) = default;
};

/// What the TZ variable of POSIX says, with the extensions of RFC 8536:
/// `CET-1CEST,M3.5.0,M10.5.0/3`.
struct PosixTz {
  struct Summer {
    seconds offset{0};
    YearlyRule start;
    YearlyRule end;
  };

  /// East of Greenwich is positive here.
  seconds offset{0};
  std::optional<Summer> summer;

  /// Invalid: anything else, also names of summer time without rules.
  static Result<PosixTz> parse(std::string_view text);

  /// The beginning and the end of summer time in that year; requires `summer`.
  std::array<Zone::Change, 2> changes_in(int year) const;
};

}  // namespace reeve::cron
