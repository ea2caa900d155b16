#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace reeve::cron {

/// What the clocks on the wall show at one place, in whole seconds since the same epoch.
using LocalSeconds = std::chrono::local_seconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

/// Changes of zones are known up to the end of this year; later the last offset stays.
inline constexpr int kZoneYearMax = 2100;

/// How the clocks of one place differ from UTC, now and at any other time. A value; any thread.
class Zone {
 public:
  /// A moment from which on another offset holds.
  struct Change {
    sys_seconds at;
    seconds offset;

    friend bool operator==(const Change&, const Change&) = default;
  };

  /// UTC.
  Zone() = default;

  /// `offset` until the first of `changes`, which are in order of time. Changes that change nothing
  /// are left out.
  Zone(std::string name, seconds offset, const std::vector<Change>& changes = {});

  const std::string& name() const { return name_; }

  /// What to add to UTC at `at` to get the time on the wall.
  seconds offset_at(sys_seconds at) const;

  /// The first change after `at`, if there is one.
  std::optional<Change> next_change(sys_seconds at) const;

  /// What the clocks show at `at`.
  LocalSeconds to_local(sys_seconds at) const;

  /// The latest time that the clocks have shown up to `at`. It is ahead of `to_local(at)` while
  /// they show a time for the second time.
  LocalSeconds latest_local(sys_seconds at) const;

  /// The first instant at which the clocks show `local`. A time that is skipped when clocks go
  /// forward gives the moment of the change; of a time that is shown twice, this is the first.
  sys_seconds to_utc(LocalSeconds local) const;

 private:
  std::string name_ = "UTC";
  seconds first_offset_{0};
  std::vector<Change> changes_;
};

}  // namespace reeve::cron
