#include "base/time.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

using namespace std::chrono_literals;

Timestamp utc(std::string_view text) {
  const auto parsed = parse_timestamp(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : Timestamp{};
}

TEST(ParseDuration, ReadsWhatGoReads) {
  const std::pair<std::string_view, Duration> vectors[] = {
      {"0", 0ms},
      {"0s", 0ms},
      {"300ms", 300ms},
      {"1.5h", 90min},
      {"2h45m", 165min},
      {"1h30m", 90min},
      {"90s", 90s},
      {"10m", 10min},
      {"24h", 24h},
      {"1h0m0.001s", 3'600'001ms},
      {".5s", 500ms},
      {"5.s", 5s},
      {"1m0.5s", 60'500ms},
      {"500ms", 500ms},
      {"1000000ns", 1ms},
      {"1000us", 1ms},
      {"1000\xC2\xB5s", 1ms},
      {"3h3h", 6h},
      {"1h1ms", 3'600'001ms}};
  for (const auto& [text, expected] : vectors) {
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed.ok()) << text;
    EXPECT_EQ(*parsed, expected) << text;
  }
}

TEST(ParseDuration, KnowsDays) {
  EXPECT_EQ(*parse_duration("7d"), 168h);
  EXPECT_EQ(*parse_duration("1d12h"), 36h);
}

TEST(ParseDuration, RoundsPartsOfAMillisecondUp) {
  EXPECT_EQ(*parse_duration("1ns"), 1ms);
  EXPECT_EQ(*parse_duration("1us"), 1ms);
  EXPECT_EQ(*parse_duration("1.1ms"), 2ms);
  EXPECT_EQ(*parse_duration("1.001s"), 1001ms);
  EXPECT_EQ(*parse_duration("0.1s"), 100ms);
  EXPECT_EQ(*parse_duration("0.7s"), 700ms);
  EXPECT_EQ(*parse_duration("1.1h"), 66min);
}

TEST(ParseDuration, KeepsWholeMillisecondsExactAtAnyLength) {
  for (const std::int64_t seconds : {1, 59, 3601, 86'399, 31'536'000, 2'000'000'000}) {
    for (const std::int64_t millis : {0, 1, 7, 333, 999}) {
      const Duration duration(seconds * 1000 + millis);
      const auto parsed = parse_duration(format_duration(duration));
      ASSERT_TRUE(parsed.ok());
      EXPECT_EQ(*parsed, duration) << format_duration(duration);
    }
  }
}

TEST(ParseDuration, RefusesEverythingElseWithAHint) {
  for (const std::string_view text :
       {"",
        "5",
        "s",
        ".s",
        "1.2.3s",
        "5x",
        "-1s",
        "+1s",
        "1 s",
        " 1s",
        "1s ",
        "1h-5m",
        "1e3s",
        "9223372036854775808h",
        "36601d",
        "soon"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::Invalid);
  }
  EXPECT_FALSE(parse_duration("5").error().hint.empty());
}

TEST(ParseDuration, RefusesAnEndlessNumberOfDigits) {
  EXPECT_FALSE(parse_duration(std::string(10'000, '9') + "s").ok());
  EXPECT_TRUE(parse_duration("0." + std::string(1000, '0') + "s").ok());
}

TEST(FormatDuration, PrintsLikeGo) {
  EXPECT_EQ(format_duration(0ms), "0s");
  EXPECT_EQ(format_duration(1ms), "1ms");
  EXPECT_EQ(format_duration(999ms), "999ms");
  EXPECT_EQ(format_duration(1s), "1s");
  EXPECT_EQ(format_duration(1500ms), "1.5s");
  EXPECT_EQ(format_duration(1010ms), "1.01s");
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(-1500ms), "-1.5s");
  EXPECT_EQ(format_duration(25h), "25h");
  EXPECT_EQ(format_duration(1h + 1ms), "1h0.001s");
}

TEST(Timestamp, FormatsInUtcWithMilliseconds) {
  EXPECT_EQ(format_timestamp(from_unix_millis(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_timestamp(from_unix_millis(1'000'000'000'123)), "2001-09-09T01:46:40.123Z");
  EXPECT_EQ(format_timestamp(from_unix_millis(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Timestamp, SurvivesARoundTrip) {
  for (const std::string_view text :
       {"1970-01-01T00:00:00.000Z",
        "2026-11-21T09:30:00.123Z",
        "2024-02-29T23:59:59.999Z",
        "2000-02-29T00:00:00.000Z",
        "0001-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59.999Z"}) {
    EXPECT_EQ(format_timestamp(utc(text)), text);
  }
  std::int64_t millis = -62'135'596'800'000;
  for (int i = 0; i < 9'990; ++i, millis += 31'556'952'007) {
    EXPECT_EQ(to_unix_millis(utc(format_timestamp(from_unix_millis(millis)))), millis);
  }
}

TEST(Timestamp, RefusesOtherFormsAndImpossibleDates) {
  for (const std::string_view text :
       {"",
        "2026-11-21",
        "2026-11-21T09:30:00Z",
        "2026-11-21 09:30:00.123Z",
        "2026-11-21T09:30:00.123+01:00",
        "2026-11-21t09:30:00.123z",
        "2026-11-21T09:30:00.123Z ",
        "2026-13-21T09:30:00.123Z",
        "2026-00-21T09:30:00.123Z",
        "2026-02-29T09:30:00.123Z",
        "2026-11-31T09:30:00.123Z",
        "2026-11-21T24:00:00.000Z",
        "2026-11-21T09:60:00.000Z",
        "2026-11-21T09:30:60.000Z",
        "-026-11-21T09:30:00.000Z"}) {
    EXPECT_FALSE(parse_timestamp(text).ok()) << text;
  }
}

TEST(DateTime, ReadsWhatRfc3339Allows) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"2026-12-24T18:00:00Z", "2026-12-24T18:00:00.000Z"},
      {"2026-12-24t18:00:00z", "2026-12-24T18:00:00.000Z"},
      {"2026-12-24T18:00:00.5Z", "2026-12-24T18:00:00.500Z"},
      {"2026-12-24T18:00:00.123456789Z", "2026-12-24T18:00:00.123Z"},
      {"2026-12-24T18:00:00+01:00", "2026-12-24T17:00:00.000Z"},
      {"2026-12-31T23:30:00.25-05:30", "2027-01-01T05:00:00.250Z"}};
  for (const auto& [text, utc] : cases) {
    const auto parsed = parse_date_time(text);
    ASSERT_TRUE(parsed.ok()) << text;
    EXPECT_EQ(format_timestamp(*parsed), utc) << text;
  }
}

TEST(DateTime, RefusesEverythingElse) {
  for (const char* text :
       {"",
        "Z",
        "2026-12-24",
        "2026-12-24T18:00Z",
        "2026-12-24T18:00:00",
        "2026-12-24 18:00:00Z",
        "2026-12-24T18:00:00.Z",
        "2026-12-24T18:00:00,5Z",
        "2026-12-24T18:00:00+1:00",
        "2026-12-24T18:00:00+24:00",
        "2026-13-24T18:00:00Z",
        "2026-12-24T25:00:00Z",
        "2026-12-24T18:00:00ZZ",
        "2026-12-24T18:00:00+01:00Z"}) {
    EXPECT_FALSE(parse_date_time(text).ok()) << text;
  }
}

}  // namespace
}  // namespace reeve
