#include "base/time.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <optional>

#include "base/strings.h"

namespace reeve {

namespace {

constexpr double kDurationMillisMax = 100.0 * 366 * 24 * 3600 * 1000;

struct Unit {
  std::string_view name;
  double millis;
};

// Longest names first, so that "ms" is not read as "m".
constexpr std::array kUnits = {
    Unit{"ns", 1e-6},
    Unit{"us", 1e-3},
    Unit{"\xC2\xB5s", 1e-3},
    Unit{"ms", 1.0},
    Unit{"s", 1e3},
    Unit{"m", 6e4},
    Unit{"h", 3.6e6},
    Unit{"d", 8.64e7},
};

Error bad_duration(std::string_view text) {
  Error error = make_error(ErrorCode::Invalid, concat("\"", text, "\" is not a duration"));
  error.hint = "write a number and a unit, such as 500ms, 90s, 10m, 1h30m";
  return error;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Reads the digits of `text` at [from, from+count) as a number; -1 if one is no digit.
int digits(std::string_view text, std::size_t from, std::size_t count) {
  int number = 0;
  for (std::size_t i = from; i < from + count; ++i) {
    if (i >= text.size() || !is_digit(text[i])) {
      return -1;
    }
    number = number * 10 + (text[i] - '0');
  }
  return number;
}

}  // namespace

std::string format_timestamp(Timestamp at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(at - day);
  std::array<char, 64> text{};
  const int length = std::snprintf(
      text.data(),
      text.size(),
      "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
      static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()),
      static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()),
      static_cast<int>(clock.subseconds().count())
  );
  return std::string(text.data(), static_cast<std::size_t>(length));
}

Result<Timestamp> parse_timestamp(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00.000Z";
  bool fits = text.size() == kShape.size();
  for (std::size_t i = 0; fits && i < kShape.size(); ++i) {
    fits = kShape[i] == '0' ? is_digit(text[i]) : text[i] == kShape[i];
  }
  if (!fits) {
    return make_error(ErrorCode::Invalid, concat("\"", text, "\" is not a UTC timestamp"));
  }
  const std::chrono::year_month_day date(
      std::chrono::year(digits(text, 0, 4)),
      std::chrono::month(static_cast<unsigned>(digits(text, 5, 2))),
      std::chrono::day(static_cast<unsigned>(digits(text, 8, 2)))
  );
  const int hour = digits(text, 11, 2);
  const int minute = digits(text, 14, 2);
  const int second = digits(text, 17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) {
    return make_error(ErrorCode::Invalid, concat("\"", text, "\" is not a date and time"));
  }
  return Timestamp(
      std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
      std::chrono::minutes(minute) + std::chrono::seconds(second) + Duration(digits(text, 20, 3))
  );
}

namespace {

/// "Z", "+01:00", "-05:30".
std::optional<Duration> offset_of(std::string_view text) {
  if (text == "Z" || text == "z") {
    return Duration(0);
  }
  constexpr std::string_view kShape = "+00:00";
  if (text.size() != kShape.size() || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
      !is_digit(text[1]) || !is_digit(text[2]) || !is_digit(text[4]) || !is_digit(text[5])) {
    return std::nullopt;
  }
  const Duration size =
      std::chrono::hours(digits(text, 1, 2)) + std::chrono::minutes(digits(text, 4, 2));
  if (size >= std::chrono::hours(24)) {
    return std::nullopt;
  }
  return text[0] == '-' ? -size : size;
}

}  // namespace

Result<Timestamp> parse_date_time(std::string_view text) {
  constexpr std::size_t kSeconds = std::string_view("0000-00-00T00:00:00").size();
  constexpr std::size_t kMillis = 3;
  std::string utc(text.substr(0, kSeconds));
  if (utc.size() == kSeconds && utc[10] == 't') {
    utc[10] = 'T';
  }
  std::string_view rest = text.substr(utc.size());
  std::string fraction;
  if (rest.starts_with('.')) {
    std::size_t end = 1;
    while (end < rest.size() && is_digit(rest[end])) {
      ++end;
    }
    fraction = rest.substr(1, end - 1);
    rest.remove_prefix(fraction.empty() ? 0 : end);
  }
  fraction.resize(kMillis, '0');
  const std::optional<Duration> offset = offset_of(rest);
  const Result<Timestamp> local = parse_timestamp(concat(utc, ".", fraction, "Z"));
  if (!offset || !local) {
    Error error =
        make_error(ErrorCode::Invalid, concat("\"", text, "\" is no date and time of RFC 3339"));
    error.hint = "write it like 2026-12-24T18:00:00Z";
    return error;
  }
  return *local - *offset;
}

std::string format_duration(Duration duration) {
  auto millis = duration.count();
  if (millis == 0) {
    return "0s";
  }
  std::string text;
  if (millis < 0) {
    text = "-";
    millis = -millis;
  }
  if (millis < 1000) {
    return concat(text, millis, "ms");
  }
  const auto hours = millis / 3'600'000;
  const auto minutes = millis / 60'000 % 60;
  const auto rest = millis % 60'000;
  if (hours > 0) {
    text += concat(hours, "h");
  }
  if (minutes > 0) {
    text += concat(minutes, "m");
  }
  if (rest > 0) {
    text += std::to_string(rest / 1000);
    if (rest % 1000 != 0) {
      std::string fraction = std::to_string(1000 + rest % 1000).substr(1);
      while (fraction.back() == '0') {
        fraction.pop_back();
      }
      text += concat(".", fraction);
    }
    text += 's';
  }
  return text;
}

Result<Duration> parse_duration(std::string_view text) {
  std::string_view rest = text;
  if (rest == "0") {
    return Duration(0);
  }
  if (rest.empty()) {
    return bad_duration(text);
  }
  double millis = 0;
  while (!rest.empty()) {
    double number = 0;
    double scale = 1;
    bool fraction = false;
    std::size_t used = 0;
    std::size_t digit_count = 0;
    for (; used < rest.size() && (is_digit(rest[used]) || (rest[used] == '.' && !fraction));
         ++used) {
      if (rest[used] == '.') {
        fraction = true;
        continue;
      }
      ++digit_count;
      number = number * 10 + (rest[used] - '0');
      scale = fraction ? scale * 10 : scale;
    }
    rest.remove_prefix(used);
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (unit == nullptr && rest.starts_with(candidate.name)) {
        unit = &candidate;
      }
    }
    if (digit_count == 0 || unit == nullptr) {
      return bad_duration(text);
    }
    rest.remove_prefix(unit->name.size());
    millis += number / scale * unit->millis;
    if (millis > kDurationMillisMax) {
      return make_error(ErrorCode::Invalid, concat("\"", text, "\" is longer than 100 years"));
    }
  }
  // A hair below a whole number is rounding of the fraction, not a part of a millisecond.
  return Duration(static_cast<std::int64_t>(std::ceil(millis - 1e-7)));
}

}  // namespace reeve
