#include "workflow/cron/schedule.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::cron {
namespace {

/// Tuesday.
constexpr std::string_view kBase = "2026-07-07T10:17:23.000Z";

Timestamp utc(std::string_view text) {
  const auto parsed = parse_timestamp(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : Timestamp{};
}

/// "2026-07-08 00:00:00", or "never".
std::string shown(std::optional<Timestamp> at) {
  if (!at) {
    return "never";
  }
  std::string text = format_timestamp(*at).substr(0, 19);
  text[10] = ' ';
  return text;
}

std::vector<std::string> next_three(
    std::string_view expression, std::string_view from = kBase, const Zone& zone = {}
) {
  const auto schedule = Schedule::parse(expression);
  if (!schedule.ok()) {
    return {schedule.error().describe()};
  }
  std::vector<std::string> times;
  std::optional<Timestamp> at = utc(from);
  for (int i = 0; i < 3 && at; ++i) {
    at = schedule->next(*at, zone);
    times.push_back(shown(at));
  }
  return times;
}

struct Vector {
  const char* expression;
  std::vector<std::string> times;
};

TEST(Schedule, FiresWhenTheReferenceParserSays) {
  const std::vector<std::string> minutes = {
      "2026-07-07 10:18:00", "2026-07-07 10:19:00", "2026-07-07 10:20:00"};
  const std::vector<std::string> midnights = {
      "2026-07-08 00:00:00", "2026-07-09 00:00:00", "2026-07-10 00:00:00"};
  const std::vector<std::string> sundays = {
      "2026-07-12 00:00:00", "2026-07-19 00:00:00", "2026-07-26 00:00:00"};
  const std::vector<std::string> month_ends = {
      "2026-07-31 00:00:00", "2026-08-31 00:00:00", "2026-09-30 00:00:00"};
  const Vector vectors[] = {
      {"0 * * * * * *", minutes},
      {"* * * * *", minutes},
      {"*/5 * * * *", {"2026-07-07 10:20:00", "2026-07-07 10:25:00", "2026-07-07 10:30:00"}},
      {"0 0 */4 * * * *", {"2026-07-07 12:00:00", "2026-07-07 16:00:00", "2026-07-07 20:00:00"}},
      {"0 0 * * * *", midnights},
      {"0 0 0 * * * *", midnights},
      {"0 30 9 * * MON-FRI *",
       {"2026-07-08 09:30:00", "2026-07-09 09:30:00", "2026-07-10 09:30:00"}},
      {"0 0 12 1,15 * MON *",
       {"2026-07-13 12:00:00", "2026-07-15 12:00:00", "2026-07-20 12:00:00"}},
      {"0 0 0 L * * *", month_ends},
      {"0 0 0 15W * * *", {"2026-07-15 00:00:00", "2026-08-14 00:00:00", "2026-09-15 00:00:00"}},
      {"0 0 0 LW * * *", month_ends},
      {"0 0 8 * * 5#3 *", {"2026-07-17 08:00:00", "2026-08-21 08:00:00", "2026-09-18 08:00:00"}},
      {"0 0 8 * * 5L *", {"2026-07-31 08:00:00", "2026-08-28 08:00:00", "2026-09-25 08:00:00"}},
      {"0 5/20 * * * * *", {"2026-07-07 10:25:00", "2026-07-07 10:45:00", "2026-07-07 11:05:00"}},
      {"0 0 0 ? * 0 *", sundays},
      {"0 0 0 * * 7 *", sundays},
      {"@hourly", {"2026-07-07 11:00:00", "2026-07-07 12:00:00", "2026-07-07 13:00:00"}},
      {"@daily", midnights},
      {"@weekly", sundays},
      {"@monthly", {"2026-08-01 00:00:00", "2026-09-01 00:00:00", "2026-10-01 00:00:00"}},
      {"@yearly", {"2027-01-01 00:00:00", "2028-01-01 00:00:00", "2029-01-01 00:00:00"}},
      {"@annually", {"2027-01-01 00:00:00", "2028-01-01 00:00:00", "2029-01-01 00:00:00"}},
      {"0 0 0 29 2 * *", {"2028-02-29 00:00:00", "2032-02-29 00:00:00", "2036-02-29 00:00:00"}},
      {"0 0 0 1 1 * 2030", {"2030-01-01 00:00:00", "never"}},
      {"30 10 * * * 2027", {"2027-01-01 10:30:00", "2027-01-02 10:30:00", "2027-01-03 10:30:00"}},
      {"0 0 0 * JAN,JUL sun *", sundays},
      {"*/15 * * * * * *", {"2026-07-07 10:17:30", "2026-07-07 10:17:45", "2026-07-07 10:18:00"}},
      {"0 * * * * * * extra", minutes},
      {"0 0 0 1-10/3 * * *", {"2026-07-10 00:00:00", "2026-08-01 00:00:00", "2026-08-04 00:00:00"}},
      {"0 0 0 1 1 * 2020", {"never"}},
  };
  for (const Vector& vector : vectors) {
    EXPECT_EQ(next_three(vector.expression), vector.times) << vector.expression;
  }
}

TEST(Schedule, KnowsLongNamesAndAnyCase) {
  EXPECT_EQ(next_three("0 0 0 1 January * *")[0], "2027-01-01 00:00:00");
  EXPECT_EQ(next_three("0 0 0 * * wednesday *")[0], "2026-07-08 00:00:00");
  EXPECT_EQ(next_three("@Daily")[0], "2026-07-08 00:00:00");
  EXPECT_EQ(next_three("0 0 0 l * * *")[0], "2026-07-31 00:00:00");
  EXPECT_EQ(next_three(" \t0 0\n0   lw * * * ")[0], "2026-07-31 00:00:00");
  EXPECT_EQ(next_three("0 0 8 * * fri#3 *")[0], "2026-07-17 08:00:00");
  EXPECT_EQ(next_three("0 0 8 * * friL *")[0], "2026-07-31 08:00:00");
}

TEST(Schedule, LetsARangeOfDaysEndWithSunday) {
  const std::vector<std::string> weekend = {
      "2026-07-10 00:00:00", "2026-07-11 00:00:00", "2026-07-12 00:00:00"};
  EXPECT_EQ(next_three("0 0 * * 5-7"), weekend);
  EXPECT_EQ(next_three("0 0 * * FRI-SUN"), weekend);
  EXPECT_EQ(next_three("0 0 * * 5-0"), weekend);
  EXPECT_EQ(next_three("0 0 * * 7-1")[0], "2026-07-12 00:00:00");
}

TEST(Schedule, KeepsWorkdaysInsideTheirMonth) {
  // 1 August 2026 is a Saturday, 31 May 2026 a Sunday.
  EXPECT_EQ(next_three("0 0 1W 8 *")[0], "2026-08-03 00:00:00");
  EXPECT_EQ(next_three("0 0 31W 5 *", "2026-05-01T00:00:00.000Z")[0], "2026-05-29 00:00:00");
  EXPECT_EQ(next_three("0 0 LW 5 *", "2026-05-01T00:00:00.000Z")[0], "2026-05-29 00:00:00");
  EXPECT_EQ(next_three("0 0 31W 6 1", "2026-06-01T00:00:00.000Z")[2], "2026-06-22 00:00:00");
}

TEST(Schedule, FiresOnlyInMonthsWithAFifthFriday) {
  EXPECT_EQ(
      next_three("0 0 * * 5#5"),
      (std::vector<std::string>{"2026-07-31 00:00:00", "2026-10-30 00:00:00", "2027-01-29 00:00:00"}
      )
  );
}

TEST(Schedule, TakesAStarAmongDaysAsNoRestriction) {
  EXPECT_EQ(next_three("0 0 *,15 * MON")[0], "2026-07-13 00:00:00");
  // `*/1` names every day and so matches beside the Mondays.
  EXPECT_EQ(next_three("0 0 */1 * MON")[0], "2026-07-08 00:00:00");
}

TEST(Schedule, FiresStrictlyAfterAndOnWholeSeconds) {
  EXPECT_EQ(next_three("* * * * * * *", "2026-07-07T10:17:23.500Z")[0], "2026-07-07 10:17:24");
  EXPECT_EQ(next_three("18 10 * * *", "2026-07-07T10:17:59.999Z")[0], "2026-07-07 10:18:00");
  EXPECT_EQ(next_three("18 10 * * *", "2026-07-07T10:18:00.000Z")[0], "2026-07-08 10:18:00");
  EXPECT_EQ(next_three("59 59 23 31 12 * *")[0], "2026-12-31 23:59:59");
  EXPECT_EQ(next_three("* * * * * * *", "2099-12-31T23:59:59.000Z")[0], "never");
  EXPECT_EQ(next_three("* * * * *", "1960-01-01T00:00:00.000Z")[0], "1970-01-01 00:00:00");
}

TEST(Schedule, SkipsNothingInBetween) {
  // Expressions whose units carry over: asking from in between gives the same answer.
  for (const char* expression :
       {"7,59 13-15 0,23 * * * *", "0 0,59 */7 28-31 * * *", "30 */29 5 * 2,3 MON#1,4L *"}) {
    const auto schedule = Schedule::parse(expression);
    ASSERT_TRUE(schedule.ok());
    Timestamp at = utc("2026-02-27T22:00:00.000Z");
    for (int i = 0; i < 40; ++i) {
      const auto next = schedule->next(at);
      ASSERT_TRUE(next.has_value());
      ASSERT_GT(*next, at);
      // Nothing in between: asking just before gives the same.
      EXPECT_EQ(schedule->next(*next - std::chrono::seconds(1)), next) << expression;
      EXPECT_EQ(schedule->next(at + (*next - at) / 2 - std::chrono::seconds(1)), next);
      at = *next;
    }
  }
}

struct BadVector {
  const char* expression;
  const char* message;
};

TEST(ScheduleParse, NamesTheFieldAndTheWayOut) {
  const BadVector vectors[] = {
      {"", "cron expression: missing field(s): 0 of at least 5 are there"},
      {"* * * *", "cron expression: missing field(s): 4 of at least 5 are there"},
      {"abc", "cron expression: missing field(s): 1 of at least 5 are there"},
      {"61 * * * *", "minute field: \"61\" is out of range (write 0 to 59)"},
      {"60 * * * * * *", "second field: \"60\" is out of range (write 0 to 59)"},
      {"0 0 0 0 * * *", "day of month field: \"0\" is out of range (write 1 to 31)"},
      {"0 0 0 32W * * *", "day of month field: \"32\" is out of range"},
      {"0 0 25 * * * *", "hour field: \"25\" is out of range (write 0 to 23)"},
      {"0 0 1 13 *", "month field: \"13\" is out of range (write 1 to 12 or JAN to DEC)"},
      {"0 0 1 foo *", "month field: \"foo\" is not understood"},
      {"0 0 * * 8", "day of week field: \"8\" is out of range (write 0 to 7"},
      {"0 0 * * 5#6", "day of week field: \"5#6\" names no week of a month"},
      {"0 0 * * L", "day of week field: \"l\" is not understood"},
      {"0 0 L-3 * *", "day of month field: \"l\" is not understood"},
      {"0 0 * * * 1969", "year field: \"1969\" is out of range (write 1970 to 2099)"},
      {"0 0 * * * 2100", "year field: \"2100\" is out of range"},
      {"*/0 * * * *", "minute field: \"/0\" is no step (write a whole number from 1 to 59"},
      {"*/60 * * * *", "minute field: \"/60\" is no step"},
      {"?/5 * * * *", "minute field: \"?\" is not understood"},
      {"1/2/3 * * * *", "minute field: \"/2/3\" is no step"},
      {"20-10 * * * *", "minute field: \"20-10\" runs backwards (write two ranges"},
      {"0 0 * * SAT-MON", "day of week field: \"sat-mon\" runs backwards (write two ranges"},
      {"1,,2 * * * *", "minute field: a list has an empty entry (remove the comma too many)"},
      {"001 * * * *", "minute field: \"001\" is out of range"},
      {"-1 * * * *", "minute field: \"\" is not understood"},
      {"@midnight", "cron expression: unknown macro \"@midnight\" (use one of @yearly"},
      {"@dayly", "cron expression: unknown macro \"@dayly\" (did you mean @daily?)"},
      {"@daily 2030", "cron expression: \"2030\" follows a macro (write @daily alone)"},
      {"0 0 0 31 4 * *", "cron expression: \"0 0 0 31 4 * *\" never fires (there is no such day"},
      {"0 0 30 2 *", "cron expression: \"0 0 30 2 *\" never fires"},
      {"0 0 29 2 * 2100", "year field: \"2100\" is out of range"},
      {"0 0 29 2 * 2027", "cron expression: \"0 0 29 2 * 2027\" never fires"},
  };
  for (const BadVector& vector : vectors) {
    const auto schedule = Schedule::parse(vector.expression);
    ASSERT_FALSE(schedule.ok()) << vector.expression;
    EXPECT_TRUE(schedule.error().describe().starts_with(vector.message))
        << vector.expression << "\n"
        << schedule.error().describe();
    EXPECT_FALSE(schedule.error().hint.empty()) << vector.expression;
  }
}

TEST(ScheduleParse, RefusesEndlessText) {
  const auto schedule = Schedule::parse(std::string(kExpressionBytesMax + 1, '*'));
  ASSERT_FALSE(schedule.ok());
  EXPECT_EQ(schedule.error().code, ErrorCode::LimitExceeded);
}

TEST(CheckFires, RefusesWhatIsOver) {
  const auto past = Schedule::parse("0 0 0 1 1 * 2020");
  ASSERT_TRUE(past.ok());
  const auto checked = check_fires(*past, utc(kBase));
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(
      checked.error().describe(),
      "cron expression: \"0 0 0 1 1 * 2020\" does not fire after 2026-07-07T10:17:23.000Z "
      "(its year has passed; write a later one or *)"
  );
  EXPECT_TRUE(check_fires(*past, utc("2019-12-31T23:59:59.000Z")).ok());
}

TEST(Schedule, TellsHowManyFieldsWereWritten) {
  const std::pair<const char*, std::size_t> vectors[] = {
      {"0 0 * * *", 5},
      {"0 0 * * * *", 6},
      {"0 0 0 * * * *", 7},
      {"0 * * * * * * extra", 8},
      {"@daily", 0}};
  for (const auto& [expression, fields] : vectors) {
    const auto schedule = Schedule::parse(expression);
    ASSERT_TRUE(schedule.ok()) << expression;
    EXPECT_EQ(schedule->fields_written(), fields) << expression;
  }
}

}  // namespace
}  // namespace reeve::cron
