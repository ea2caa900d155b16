#include "workflow/cron/posix_tz.h"

#include <cstdint>
#include <utility>

#include "base/assert.h"
#include "base/strings.h"

namespace reeve::cron {

namespace {

constexpr int kHoursOfOffsetMax = 24;
constexpr int kHoursOfRuleMax = 167;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Reads the text from the left; each step says whether it fitted.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

  bool take(char c) {
    if (peek() != c || rest_.empty()) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  /// `CET` or `<+03>`.
  bool name() {
    const bool quoted = take('<');
    std::size_t length = 0;
    while (length < rest_.size() && (is_letter(rest_[length]) || (quoted && rest_[length] != '>'))
    ) {
      ++length;
    }
    rest_.remove_prefix(length);
    return length >= 3 && (!quoted || take('>'));
  }

  bool number(int max, int& value) {
    value = 0;
    std::size_t length = 0;
    while (length < rest_.size() && is_digit(rest_[length]) && length < 3) {
      value = value * 10 + (rest_[length] - '0');
      ++length;
    }
    rest_.remove_prefix(length);
    return length > 0 && value <= max;
  }

  /// `[+-]h[:m[:s]]`
  bool time(int hours_max, seconds& value) {
    const bool negative = peek() == '-';
    if (negative || peek() == '+') {
      rest_.remove_prefix(1);
    }
    int hours = 0;
    int minutes = 0;
    int rest = 0;
    if (!number(hours_max, hours) || (take(':') && !number(59, minutes)) ||
        (take(':') && !number(59, rest))) {
      return false;
    }
    value = seconds(hours * 3600 + minutes * 60 + rest);
    value = negative ? -value : value;
    return true;
  }

  /// `,M3.5.0/2`
  bool rule(YearlyRule& rule) {
    int month = 1;
    int week = 1;
    int day = 0;
    if (!take(',')) {
      return false;
    }
    if (take('M')) {
      rule.kind = YearlyRule::Kind::Weekday;
      if (!number(12, month) || !take('.') || !number(5, week) || !take('.') || !number(6, day) ||
          month < 1 || week < 1) {
        return false;
      }
    } else if (take('J')) {
      rule.kind = YearlyRule::Kind::DayWithoutLeap;
      if (!number(365, day) || day < 1) {
        return false;
      }
    } else {
      rule.kind = YearlyRule::Kind::DayWithLeap;
      if (!number(365, day)) {
        return false;
      }
    }
    rule.month = static_cast<unsigned>(month);
    rule.week = static_cast<unsigned>(week);
    rule.day = static_cast<unsigned>(day);
    return !take('/') || time(kHoursOfRuleMax, rule.time);
  }

 private:
  std::string_view rest_;
};

/// Offsets are written as what to add to get UTC; west is positive.
bool read_zone(Reader& reader, PosixTz& zone) {
  seconds west{0};
  if (!reader.name() || !reader.time(kHoursOfOffsetMax, west)) {
    return false;
  }
  zone.offset = -west;
  if (reader.at_end()) {
    return true;
  }
  PosixTz::Summer summer{.offset = zone.offset + std::chrono::hours(1), .start = {}, .end = {}};
  if (!reader.name()) {
    return false;
  }
  if (reader.peek() != ',') {
    if (!reader.time(kHoursOfOffsetMax, west)) {
      return false;
    }
    summer.offset = -west;
  }
  zone.summer = summer;
  return reader.rule(zone.summer->start) && reader.rule(zone.summer->end) && reader.at_end();
}

}  // namespace

LocalSeconds YearlyRule::in_year(int year) const {
  using std::chrono::days;
  using std::chrono::local_days;
  const std::chrono::year of(year);
  const local_days new_year(of / 1 / 1);
  switch (kind) {
    case Kind::Weekday: {
      const std::chrono::weekday weekday(day);
      const auto date = week == 5
                            ? local_days(of / static_cast<int>(month) / weekday[std::chrono::last])
                            : local_days(of / static_cast<int>(month) / weekday[week]);
      return LocalSeconds(date) + time;
    }
    case Kind::DayWithoutLeap: {
      const bool after_leap_day = of.is_leap() && day >= 60;
      return LocalSeconds(new_year + days(day - (after_leap_day ? 0U : 1U))) + time;
    }
    case Kind::DayWithLeap:
      return LocalSeconds(new_year + days(day)) + time;
  }
  return LocalSeconds(new_year);
}

Result<PosixTz> PosixTz::parse(std::string_view text) {
  Reader reader(text);
  PosixTz zone;
  if (!read_zone(reader, zone)) {
    return make_error(
        ErrorCode::Invalid, concat("\"", text, "\" does not say how clocks change (POSIX TZ)")
    );
  }
  return zone;
}

std::array<Zone::Change, 2> PosixTz::changes_in(int year) const {
  REEVE_ASSERT(summer.has_value());
  const sys_seconds start(summer->start.in_year(year).time_since_epoch() - offset);
  const sys_seconds end(summer->end.in_year(year).time_since_epoch() - summer->offset);
  return {Zone::Change{start, summer->offset}, Zone::Change{end, offset}};
}

}  // namespace reeve::cron
