#include "workflow/cron/schedule_parser.h"

#include <array>
#include <utility>
#include <vector>

#include "base/strings.h"

namespace reeve::cron {

namespace {

constexpr FieldRange kSecond{.name = "second", .min = 0, .max = 59};
constexpr FieldRange kMinute{.name = "minute", .min = 0, .max = 59};
constexpr FieldRange kHour{.name = "hour", .min = 0, .max = 23};
constexpr FieldRange kDayOfMonth{.name = "day of month", .min = 1, .max = 31};
constexpr FieldRange kMonth{.name = "month", .min = 1, .max = 12};
// 7 is Sunday too, but a step or `*` ends with Saturday.
constexpr FieldRange kDayOfWeek{.name = "day of week", .min = 0, .max = 6};
constexpr FieldRange kYear{.name = "year", .min = kYearMin, .max = kYearMax, .digits_max = 4};

struct Named {
  std::string_view name;
  std::string_view text;
};

constexpr std::array kMacros = {
    Named{"@yearly", "0 0 0 1 1 * *"},
    Named{"@annually", "0 0 0 1 1 * *"},
    Named{"@monthly", "0 0 0 1 * * *"},
    Named{"@weekly", "0 0 0 * * 0 *"},
    Named{"@daily", "0 0 0 * * * *"},
    Named{"@hourly", "0 0 * * * * *"},
};

constexpr std::array<std::string_view, 12> kMonthNames = {
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december"};
constexpr std::array<std::string_view, 7> kDayNames = {
    "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};

Error bad_field(const FieldRange& range, std::string message, std::string hint) {
  Error error = make_error(ErrorCode::Invalid, std::move(message), concat(range.name, " field"));
  error.hint = std::move(hint);
  return error;
}

std::string allowed(const FieldRange& range) {
  std::string text = concat("write ", range.min, " to ", range.max);
  if (range.name == kMonth.name) {
    text += " or JAN to DEC";
  } else if (range.name == kDayOfWeek.name) {
    text = "write 0 to 7 (0 and 7 are Sunday) or SUN to SAT";
  }
  return text;
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The number that `text` is, or -1.
int number(std::string_view text, std::size_t digits_max) {
  if (!is_digits(text) || text.size() > digits_max) {
    return -1;
  }
  int value = 0;
  for (const char c : text) {
    value = value * 10 + (c - '0');
  }
  return value;
}

/// The index of a name or of its first three letters, or -1.
template <std::size_t N>
int name_index(const std::array<std::string_view, N>& names, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i) {
    if (text == names[i] || text == names[i].substr(0, 3)) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> found;
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  while (true) {
    text = trim(text);
    if (text.empty()) {
      return found;
    }
    const std::size_t end = text.find_first_of(kSpace);
    found.push_back(to_lower(text.substr(0, end)));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end);
  }
}

Error missing_fields(std::size_t count) {
  Error error = make_error(
      ErrorCode::Invalid,
      concat("missing field(s): ", count, " of at least 5 are there"),
      "cron expression"
  );
  error.hint = "write \"minute hour day-of-month month day-of-week\", such as \"30 9 * * MON-FRI\"";
  return error;
}

Error unknown_macro(const std::string& macro) {
  std::vector<std::string> names;
  for (const Named& known : kMacros) {
    names.emplace_back(known.name);
  }
  Error error =
      make_error(ErrorCode::Invalid, concat("unknown macro \"", macro, "\""), "cron expression");
  const std::string like = nearest(macro, names);
  error.hint =
      like.empty() ? concat("use one of ", join(names, ", ")) : concat("did you mean ", like, "?");
  return error;
}

/// "5-3" where 5 is beyond 3.
Error backwards(const FieldRange& range, std::string_view text) {
  return bad_field(
      range,
      concat("\"", text, "\" runs backwards"),
      concat(
          "write two ranges, such as ", range.name == kDayOfWeek.name ? "FRI-SAT,SUN" : "20-23,0-4"
      )
  );
}

}  // namespace

Result<Schedule> ScheduleParser::parse() {
  if (text_.size() > kExpressionBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("longer than ", kExpressionBytesMax, " bytes"),
        "cron expression"
    );
  }
  schedule_.text_ = std::string(trim(text_));
  std::vector<std::string> fields = words(text_);
  schedule_.fields_written_ = fields.size();
  if (!fields.empty() && fields[0].starts_with('@')) {
    std::string_view meaning;
    for (const Named& macro : kMacros) {
      meaning = macro.name == fields[0] ? macro.text : meaning;
    }
    if (meaning.empty()) {
      return unknown_macro(fields[0]);
    }
    if (fields.size() > 1) {
      Error error = make_error(
          ErrorCode::Invalid, concat("\"", fields[1], "\" follows a macro"), "cron expression"
      );
      error.hint = concat("write ", fields[0], " alone");
      return error;
    }
    fields = words(meaning);
    schedule_.fields_written_ = 0;
  }
  if (fields.size() < 5) {
    return missing_fields(fields.size());
  }
  REEVE_CHECK(read_fields(fields));
  if (!schedule_.next_local(LocalSeconds(seconds(-1)))) {
    Error error = make_error(
        ErrorCode::Invalid, concat("\"", schedule_.text_, "\" never fires"), "cron expression"
    );
    error.hint = concat(
        "there is no such day from ", kYearMin, " to ", kYearMax, "; check day of month and month"
    );
    return error;
  }
  return std::move(schedule_);
}

Result<void> ScheduleParser::read_fields(const std::vector<std::string>& fields) {
  std::size_t at = 0;
  if (fields.size() >= 7) {
    REEVE_CHECK(read_list(kSecond, fields[at++], schedule_.seconds_));
  } else {
    schedule_.seconds_.set(0);
  }
  REEVE_CHECK(read_list(kMinute, fields[at++], schedule_.minutes_));
  REEVE_CHECK(read_list(kHour, fields[at++], schedule_.hours_));
  REEVE_CHECK(read_days_of_month(fields[at++]));
  REEVE_CHECK(read_list(kMonth, fields[at++], schedule_.months_));
  REEVE_CHECK(read_days_of_week(fields[at++]));
  if (fields.size() < 6) {
    schedule_.years_.set();
    return {};
  }
  std::bitset<kYearMax + 1> years;
  REEVE_CHECK(read_list(kYear, fields[at], years));
  for (int year = kYearMin; year <= kYearMax; ++year) {
    schedule_.years_.set(
        static_cast<std::size_t>(year - kYearMin), years.test(static_cast<std::size_t>(year))
    );
  }
  return {};
}

template <std::size_t N>
Result<void> ScheduleParser::read_list(
    const FieldRange& range, const std::string& field, std::bitset<N>& values
) {
  for (const std::string_view text : split(field, ',')) {
    REEVE_TRY(const Entry entry, read_entry(range, text));
    for (int value = entry.first; value <= entry.last; value += entry.step) {
      values.set(static_cast<std::size_t>(value));
    }
  }
  return {};
}

Result<void> ScheduleParser::read_days_of_month(const std::string& field) {
  schedule_.day_of_month_restricted_ = true;
  for (const std::string_view text : split(field, ',')) {
    if (text == "l") {
      schedule_.last_day_of_month_ = true;
    } else if (text == "lw") {
      schedule_.last_workday_of_month_ = true;
    } else if (text.size() > 1 && text.ends_with('w')) {
      REEVE_TRY(const int day, read_value(kDayOfMonth, text.substr(0, text.size() - 1)));
      schedule_.workdays_of_month_.set(static_cast<std::size_t>(day));
    } else {
      REEVE_TRY(const Entry entry, read_entry(kDayOfMonth, text));
      for (int day = entry.first; day <= entry.last; day += entry.step) {
        schedule_.days_of_month_.set(static_cast<std::size_t>(day));
      }
      // `*/1` names every day and still restricts, as upstream.
      schedule_.day_of_month_restricted_ = schedule_.day_of_month_restricted_ && !entry.any;
    }
  }
  return {};
}

Result<void> ScheduleParser::read_days_of_week(const std::string& field) {
  schedule_.day_of_week_restricted_ = true;
  for (const std::string_view text : split(field, ',')) {
    const std::size_t hash = text.find('#');
    if (hash != std::string_view::npos) {
      REEVE_TRY(const int day, read_value(kDayOfWeek, text.substr(0, hash)));
      const int week = number(text.substr(hash + 1), 1);
      if (week < 1 || week > 5) {
        return bad_field(
            kDayOfWeek,
            concat("\"", text, "\" names no week of a month"),
            "write 1 to 5 after #, such as FRI#3 for the third Friday"
        );
      }
      schedule_.nth_days_of_week_.set(static_cast<std::size_t>((week - 1) * 7 + day % 7));
    } else if (text.size() > 1 && text.ends_with('l')) {
      REEVE_TRY(const int day, read_value(kDayOfWeek, text.substr(0, text.size() - 1)));
      schedule_.last_days_of_week_.set(static_cast<std::size_t>(day % 7));
    } else {
      REEVE_TRY(const Entry entry, read_entry(kDayOfWeek, text));
      for (int day = entry.first; day <= entry.last; day += entry.step) {
        schedule_.days_of_week_.set(static_cast<std::size_t>(day % 7));
      }
      schedule_.day_of_week_restricted_ = schedule_.day_of_week_restricted_ && !entry.any;
    }
  }
  return {};
}

Result<ScheduleParser::Entry> ScheduleParser::read_entry(
    const FieldRange& range, std::string_view text
) const {
  if (text.empty()) {
    return bad_field(range, "a list has an empty entry", "remove the comma too many");
  }
  if (text == "*" || text == "?") {
    return Entry{.any = true, .first = range.min, .last = range.max};
  }
  const std::size_t slash = text.find('/');
  const std::string_view base = text.substr(0, slash);
  Entry entry{.any = false, .first = range.min, .last = range.max};
  if (slash != std::string_view::npos) {
    REEVE_TRY(entry.step, read_step(range, text.substr(slash + 1)));
  }
  if (base == "*") {
    return entry;
  }
  const std::size_t dash = base.find('-');
  REEVE_TRY(entry.first, read_value(range, base.substr(0, dash)));
  if (dash != std::string_view::npos) {
    REEVE_TRY(entry.last, read_value(range, base.substr(dash + 1)));
    // A range of days of the week may end with Sunday, whichever way it is written.
    if (range.name == kDayOfWeek.name && entry.last == 0 && entry.first > 0) {
      entry.last = 7;
    }
    if (range.name == kDayOfWeek.name && entry.first == 7 && entry.last < 7) {
      entry.first = 0;
    }
    if (entry.first > entry.last) {
      return backwards(range, text);
    }
  } else if (slash == std::string_view::npos) {
    entry.last = entry.first;
  } else if (range.name == kDayOfWeek.name && entry.first == 7) {
    entry.first = 0;
  }
  return entry;
}

Result<int> ScheduleParser::read_value(const FieldRange& range, std::string_view text) const {
  int value = number(text, range.digits_max);
  const int max = range.name == kDayOfWeek.name ? 7 : range.max;
  if (value < 0 && range.name == kMonth.name) {
    value = name_index(kMonthNames, text) + 1;
  } else if (value < 0 && range.name == kDayOfWeek.name) {
    value = name_index(kDayNames, text);
  }
  if (value < range.min || value > max) {
    const std::string_view problem = is_digits(text) ? " is out of range" : " is not understood";
    return bad_field(range, concat("\"", text, "\"", problem), allowed(range));
  }
  return value;
}

Result<int> ScheduleParser::read_step(const FieldRange& range, std::string_view text) const {
  const int step = number(text, 4);
  if (step < 1 || step > range.max) {
    return bad_field(
        range,
        concat("\"/", text, "\" is no step"),
        concat("write a whole number from 1 to ", range.max, " after the slash")
    );
  }
  return step;
}

Result<Schedule> Schedule::parse(std::string_view text) {
  return ScheduleParser(text).parse();
}

}  // namespace reeve::cron
