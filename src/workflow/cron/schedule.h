#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "workflow/cron/zone.h"

/// Cron expressions of five, six and seven fields: when they fire.
namespace reeve::cron {

inline constexpr int kYearMin = 1970;
inline constexpr int kYearMax = 2099;
inline constexpr std::size_t kExpressionBytesMax = 1000;

/// The times that a cron expression names. A value; any thread.
///
///     7 fields   second minute hour day-of-month month day-of-week year
///     6 fields          minute hour day-of-month month day-of-week year   (second 0)
///     5 fields          minute hour day-of-month month day-of-week        (second 0, every year)
class Schedule {
 public:
  /// Reads an expression or a macro (`@hourly` …); fields after the seventh are ignored. Invalid:
  /// anything else, with the field as subject; also what names no day that exists (31 April).
  static Result<Schedule> parse(std::string_view text);

  /// The first time after `after` at which it fires where the clocks are those of `zone`; none if
  /// it never fires again before the year 2100.
  ///
  /// When clocks change, a schedule of certain hours stays one of days: a time that is skipped
  /// fires at the moment of the change, and a time that is shown twice fires the first time only. A
  /// schedule of every hour (`*`) goes by what the clocks show, both times.
  std::optional<Timestamp> next(Timestamp after, const Zone& zone = {}) const;

  /// How many fields were written, also those that are ignored; 0 for a macro.
  std::size_t fields_written() const { return fields_written_; }

  /// As it was written, without white space around it.
  const std::string& text() const { return text_; }

 private:
  friend class ScheduleParser;

  /// The first local time after `after` that matches.
  std::optional<LocalSeconds> next_local(LocalSeconds after) const;
  /// Bit d is set if day d of the month matches.
  std::uint32_t days_of(std::chrono::year_month month) const;
  /// The first matching second of a day at or after `from`.
  std::optional<seconds> next_in_day(seconds from) const;

  bool every_hour() const { return hours_.all(); }

  std::optional<sys_seconds> next_by_clock(sys_seconds after, const Zone& zone) const;
  std::optional<sys_seconds> next_by_day(sys_seconds after, const Zone& zone) const;

  std::string text_;
  std::size_t fields_written_ = 0;
  std::bitset<60> seconds_;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_of_month_;
  /// `15W`: the working day nearest to the 15th.
  std::bitset<32> workdays_of_month_;
  bool last_day_of_month_ = false;
  bool last_workday_of_month_ = false;
  bool day_of_month_restricted_ = false;
  std::bitset<13> months_;
  std::bitset<7> days_of_week_;
  /// `5L`: the last of the month.
  std::bitset<7> last_days_of_week_;
  /// `5#3`: bit (3 - 1) * 7 + 5.
  std::bitset<35> nth_days_of_week_;
  bool day_of_week_restricted_ = false;
  std::bitset<kYearMax - kYearMin + 1> years_;
};

/// Whether it fires at all after `now`. Invalid, for people: it does not.
Result<void> check_fires(const Schedule& schedule, Timestamp now, const Zone& zone = {});

}  // namespace reeve::cron
