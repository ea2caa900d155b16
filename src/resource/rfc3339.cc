#include "resource/rfc3339.h"

#include <cstdint>

#include "base/strings.h"

namespace reeve::resource {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kTimeBytesMax = 64;

/// Reads fixed-width numbers and single characters off the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool number(int digits, int min, int max, int& out) {
    if (text_.size() < static_cast<std::size_t>(digits)) {
      return false;
    }
    out = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = text_[static_cast<std::size_t>(i)];
      if (c < '0' || c > '9') {
        return false;
      }
      out = out * 10 + (c - '0');
    }
    text_.remove_prefix(static_cast<std::size_t>(digits));
    return out >= min && out <= max;
  }

  bool any_of(std::string_view characters, char& out) {
    if (text_.empty() || characters.find(text_.front()) == std::string_view::npos) {
      return false;
    }
    out = text_.front();
    text_.remove_prefix(1);
    return true;
  }

  bool skip(char c) {
    char found = 0;
    return any_of(std::string_view(&c, 1), found);
  }

  /// Digits of a fraction of a second, at least one; what is beyond milliseconds is cut off.
  bool fraction(int& millis) {
    int scale = 100;
    bool any = false;
    millis = 0;
    while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9') {
      millis += (text_.front() - '0') * scale;
      scale /= 10;
      any = true;
      text_.remove_prefix(1);
    }
    return any;
  }

  bool done() const { return text_.empty(); }

 private:
  std::string_view text_;
};

bool read_offset(Reader& reader, minutes& offset) {
  char sign = 0;
  if (!reader.any_of("Zz+-", sign)) {
    return false;
  }
  if (sign == 'Z' || sign == 'z') {
    return true;
  }
  int hour = 0;
  int minute = 0;
  if (!reader.number(2, 0, 23, hour) || !reader.skip(':') || !reader.number(2, 0, 59, minute)) {
    return false;
  }
  offset = hours(hour) + minutes(minute);
  if (sign == '-') {
    offset = -offset;
  }
  return true;
}

std::string two_parts(std::int64_t major, char major_unit, std::int64_t minor, char minor_unit) {
  return minor == 0 ? concat(major, major_unit) : concat(major, major_unit, minor, minor_unit);
}

}  // namespace

std::string format_time(Timestamp at) {
  // The longer form is cut: 2026-11-21T09:30:00.123Z.
  std::string text = format_timestamp(at);
  const std::size_t dot = text.rfind('.');
  return dot == std::string::npos ? text : concat(std::string_view(text).substr(0, dot), 'Z');
}

Result<Timestamp> parse_time(std::string_view text) {
  const auto bad = [&] {
    return make_error(ErrorCode::Invalid, "not an RFC 3339 time, like 2026-11-21T09:30:00Z");
  };
  if (text.size() > kTimeBytesMax) {
    return bad();
  }
  Reader reader(text);
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  char separator = 0;
  const bool date = reader.number(4, 0, 9999, year) && reader.skip('-') &&
                    reader.number(2, 1, 12, month) && reader.skip('-') &&
                    reader.number(2, 1, 31, day) && reader.any_of("Tt", separator);
  // A leap second is taken for the one after it.
  const bool clock = date && reader.number(2, 0, 23, hour) && reader.skip(':') &&
                     reader.number(2, 0, 59, minute) && reader.skip(':') &&
                     reader.number(2, 0, 60, second);
  int millis = 0;
  if (!clock || (reader.skip('.') && !reader.fraction(millis))) {
    return bad();
  }
  minutes offset{0};
  if (!read_offset(reader, offset) || !reader.done()) {
    return bad();
  }
  const std::chrono::year_month_day ymd{
      std::chrono::year(year),
      std::chrono::month(static_cast<unsigned>(month)),
      std::chrono::day(static_cast<unsigned>(day))};
  if (!ymd.ok()) {
    return bad();
  }
  const std::chrono::sys_days midnight(ymd);
  return Timestamp(
      std::chrono::time_point_cast<Duration>(midnight) + hours(hour) + minutes(minute) +
      seconds(second) + Duration(millis) - offset
  );
}

std::string human_duration(Duration duration) {
  const std::int64_t second = std::chrono::duration_cast<seconds>(duration).count();
  if (second < -1) {
    return "<invalid>";
  }
  if (second < 0) {
    return "0s";
  }
  if (second < 120) {
    return concat(second, 's');
  }
  const std::int64_t minute = second / 60;
  if (minute < 10) {
    return two_parts(minute, 'm', second % 60, 's');
  }
  if (minute < 180) {
    return concat(minute, 'm');
  }
  const std::int64_t hour = minute / 60;
  if (hour < 8) {
    return two_parts(hour, 'h', minute % 60, 'm');
  }
  if (hour < 48) {
    return concat(hour, 'h');
  }
  const std::int64_t day = hour / 24;
  if (day < 8) {
    return two_parts(day, 'd', hour % 24, 'h');
  }
  if (day < 2 * 365) {
    return concat(day, 'd');
  }
  if (day < 8 * 365) {
    return two_parts(day / 365, 'y', day % 365, 'd');
  }
  return concat(day / 365, 'y');
}

}  // namespace reeve::resource
