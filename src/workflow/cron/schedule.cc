#include "workflow/cron/schedule.h"

#include <chrono>

#include "base/strings.h"

namespace reeve::cron {

namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::weekday;
using std::chrono::year_month;
using std::chrono::year_month_day;

std::uint32_t bit(unsigned day) {
  return std::uint32_t{1} << day;
}

/// The first set bit at or after `from`, or N.
template <std::size_t N>
std::size_t first_set(const std::bitset<N>& set, std::size_t from) {
  while (from < N && !set.test(from)) {
    ++from;
  }
  return from;
}

seconds time_of_day(std::size_t hour, std::size_t minute, std::size_t second) {
  return seconds((hour * 60 + minute) * 60 + second);
}

/// What one month looks like.
struct MonthShape {
  unsigned length;
  /// Of the first day; 0 is Sunday.
  unsigned first_weekday;

  explicit MonthShape(year_month month)
      : length(static_cast<unsigned>((month / std::chrono::last).day())),
        first_weekday(weekday(local_days(month / 1)).c_encoding()) {}

  unsigned weekday_of(unsigned day) const { return (first_weekday + day - 1) % 7; }

  /// The day from Monday to Friday nearest to `day` in the same month.
  unsigned workday_near(unsigned day) const {
    const unsigned at = weekday_of(day);
    if (at == 6) {
      return day > 1 ? day - 1 : day + 2;
    }
    if (at == 0) {
      return day < length ? day + 1 : day - 2;
    }
    return day;
  }
};

}  // namespace

std::uint32_t Schedule::days_of(year_month month) const {
  const MonthShape shape(month);
  std::uint32_t matching = 0;
  for (unsigned day = 1; day <= shape.length; ++day) {
    if (!day_of_month_restricted_ && !day_of_week_restricted_) {
      matching |= bit(day);
      continue;
    }
    if (day_of_month_restricted_) {
      matching |= days_of_month_.test(day) ? bit(day) : 0;
      matching |= workdays_of_month_.test(day) ? bit(shape.workday_near(day)) : 0;
    }
    const unsigned weekday = shape.weekday_of(day);
    const unsigned week = (day - 1) / 7;
    if (day_of_week_restricted_ &&
        (days_of_week_.test(weekday) || nth_days_of_week_.test(week * 7 + weekday) ||
         (last_days_of_week_.test(weekday) && day + 7 > shape.length))) {
      matching |= bit(day);
    }
  }
  if (day_of_month_restricted_ && last_day_of_month_) {
    matching |= bit(shape.length);
  }
  if (day_of_month_restricted_ && last_workday_of_month_) {
    matching |= bit(shape.workday_near(shape.length));
  }
  return matching;
}

std::optional<seconds> Schedule::next_in_day(seconds from) const {
  const std::chrono::hh_mm_ss clock(from);
  const auto first_hour = static_cast<std::size_t>(clock.hours().count());
  const auto first_minute = static_cast<std::size_t>(clock.minutes().count());
  const auto first_second = static_cast<std::size_t>(clock.seconds().count());
  for (std::size_t hour = first_set(hours_, first_hour); hour < 24;
       hour = first_set(hours_, hour + 1)) {
    const bool first = hour == first_hour;
    std::size_t minute = first_set(minutes_, first ? first_minute : 0);
    if (first && minute == first_minute) {
      const std::size_t second = first_set(seconds_, first_second);
      if (second < 60) {
        return time_of_day(hour, minute, second);
      }
      minute = first_set(minutes_, minute + 1);
    }
    if (minute < 60) {
      return time_of_day(hour, minute, first_set(seconds_, 0));
    }
  }
  return std::nullopt;
}

std::optional<LocalSeconds> Schedule::next_local(LocalSeconds after) const {
  const LocalSeconds from = after + seconds(1);
  const local_days first_day = std::chrono::floor<days>(from);
  const year_month_day first_date(first_day);
  int year = std::max(static_cast<int>(first_date.year()), kYearMin);
  year_month month = first_date.year() / first_date.month();
  if (year != static_cast<int>(first_date.year())) {
    month = std::chrono::year(year) / std::chrono::January;
  }
  for (; static_cast<int>(month.year()) <= kYearMax; month += std::chrono::months(1)) {
    year = static_cast<int>(month.year());
    if (!years_.test(static_cast<std::size_t>(year - kYearMin)) ||
        !months_.test(static_cast<unsigned>(month.month()))) {
      continue;
    }
    const std::uint32_t matching = days_of(month);
    for (unsigned day = 1; day <= 31; ++day) {
      const local_days date(month / static_cast<int>(day));
      if ((matching & bit(day)) == 0 || date < first_day) {
        continue;
      }
      const auto time = next_in_day(date == first_day ? from - first_day : seconds(0));
      if (time) {
        return LocalSeconds(date) + *time;
      }
    }
  }
  return std::nullopt;
}

std::optional<sys_seconds> Schedule::next_by_clock(sys_seconds after, const Zone& zone) const {
  // The clocks run evenly between two changes; what they show at a change counts as well.
  LocalSeconds local = zone.to_local(after);
  while (const auto matching = next_local(local)) {
    const sys_seconds at(matching->time_since_epoch() - zone.offset_at(after));
    const auto change = zone.next_change(after);
    if (!change || at < change->at) {
      return at;
    }
    after = change->at;
    local = zone.to_local(after) - seconds(1);
    if (next_local(local) == zone.to_local(after)) {
      return after;
    }
    local = zone.to_local(after);
  }
  return std::nullopt;
}

std::optional<sys_seconds> Schedule::next_by_day(sys_seconds after, const Zone& zone) const {
  const auto local = next_local(zone.latest_local(after));
  if (!local) {
    return std::nullopt;
  }
  return zone.to_utc(*local);
}

std::optional<Timestamp> Schedule::next(Timestamp after, const Zone& zone) const {
  const auto from = std::chrono::floor<seconds>(after);
  const auto found = every_hour() ? next_by_clock(from, zone) : next_by_day(from, zone);
  if (!found) {
    return std::nullopt;
  }
  return Timestamp(*found);
}

Result<void> check_fires(const Schedule& schedule, Timestamp now, const Zone& zone) {
  if (schedule.next(now, zone)) {
    return {};
  }
  Error error = make_error(
      ErrorCode::Invalid,
      concat("\"", schedule.text(), "\" does not fire after ", format_timestamp(now)),
      "cron expression"
  );
  error.hint = "its year has passed; write a later one or *";
  return error;
}

}  // namespace reeve::cron
