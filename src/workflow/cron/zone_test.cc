#include "workflow/cron/zone.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/cron/posix_tz.h"
#include "workflow/cron/schedule.h"
#include "workflow/cron/tzif.h"

namespace reeve::cron {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr std::string_view kBerlin = "CET-1CEST,M3.5.0,M10.5.0/3";
constexpr std::string_view kNewYork = "EST5EDT,M3.2.0,M11.1.0";
constexpr std::string_view kLordHowe = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0";

Timestamp utc(std::string_view text) {
  const auto parsed = parse_timestamp(concat(text, ":00.000Z"));
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : Timestamp{};
}

sys_seconds at(std::string_view text) {
  return std::chrono::floor<seconds>(utc(text));
}

LocalSeconds local(std::string_view text) {
  return LocalSeconds(at(text).time_since_epoch());
}

void append_number(std::string& out, std::uint64_t value, unsigned bytes) {
  for (unsigned i = bytes; i > 0; --i) {
    out.push_back(static_cast<char>((value >> ((i - 1) * 8U)) & 0xFFU));
  }
}

/// The bytes of a TZif file.
struct TzFile {
  char version = '2';
  std::vector<std::pair<std::int64_t, std::uint8_t>> times = {};
  std::vector<std::int32_t> offsets = {0};
  std::uint32_t leaps = 0;
  std::string footer = {};

  void append_block(std::string& out, unsigned time_bytes) const {
    out += "TZif";
    out.push_back(version);
    out.append(15, '\0');
    append_number(out, 0, 4);
    append_number(out, 0, 4);
    append_number(out, leaps, 4);
    append_number(out, times.size(), 4);
    append_number(out, offsets.size(), 4);
    append_number(out, 4, 4);
    for (const auto& [time, type] : times) {
      append_number(out, static_cast<std::uint64_t>(time), time_bytes);
    }
    for (const auto& [time, type] : times) {
      out.push_back(static_cast<char>(type));
    }
    for (const std::int32_t offset : offsets) {
      append_number(out, static_cast<std::uint32_t>(offset), 4);
      out.append(2, '\0');
    }
    out.append("LMT\0", 4);
    out.append(leaps * (time_bytes + 4), '\0');
  }

  std::string bytes() const {
    std::string out;
    append_block(out, 4);
    if (version >= '2') {
      append_block(out, 8);
      out += concat("\n", footer, "\n");
    }
    return out;
  }
};

/// A zone of which only the footer says something.
Zone zone_of(std::string_view footer) {
  const auto zone = parse_tzif("test", TzFile{.footer = std::string(footer)}.bytes());
  EXPECT_TRUE(zone.ok()) << (zone.ok() ? "" : zone.error().describe());
  return zone.ok() ? *zone : Zone();
}

/// Every time at which `expression` fires in (from, to], in UTC without seconds.
std::vector<std::string> fires(
    std::string_view expression, const Zone& zone, std::string_view from, std::string_view to
) {
  const auto schedule = Schedule::parse(expression);
  EXPECT_TRUE(schedule.ok()) << expression;
  std::vector<std::string> times;
  for (auto next = schedule->next(utc(from), zone); next && *next <= utc(to);
       next = schedule->next(*next, zone)) {
    times.push_back(format_timestamp(*next).substr(5, 11));
  }
  return times;
}

using Times = std::vector<std::string>;

TEST(Zone, IsUtcUnlessSaidOtherwise) {
  const Zone zone;
  EXPECT_EQ(zone.name(), "UTC");
  EXPECT_EQ(zone.offset_at(at("2026-07-01T00:00")), seconds(0));
  EXPECT_EQ(zone.to_utc(local("2026-07-01T00:00")), at("2026-07-01T00:00"));
  EXPECT_FALSE(zone.next_change(at("2026-07-01T00:00")).has_value());
}

TEST(Zone, HasTheSameOffsetForEverIfFixed) {
  const Zone zone("+05:30", minutes(330));
  EXPECT_EQ(zone.to_local(at("2026-07-01T00:00")), local("2026-07-01T05:30"));
  EXPECT_EQ(zone.to_utc(local("2026-07-01T05:30")), at("2026-07-01T00:00"));
  EXPECT_EQ(
      fires("0 9 * * *", zone, "2026-07-01T00:00", "2026-07-03T00:00"),
      (Times{"07-01T03:30", "07-02T03:30"})
  );
}

TEST(Zone, LeavesOutChangesThatChangeNothing) {
  const Zone zone(
      "test",
      hours(1),
      {{at("2000-01-01T00:00"), hours(1)},
       {at("2001-01-01T00:00"), hours(2)},
       {at("2002-01-01T00:00"), hours(2)}}
  );
  EXPECT_EQ(zone.next_change(at("1990-01-01T00:00"))->at, at("2001-01-01T00:00"));
  EXPECT_FALSE(zone.next_change(at("2001-01-01T00:00")).has_value());
}

TEST(Zone, MapsSkippedTimesToTheChangeAndRepeatedOnesToTheFirst) {
  const Zone berlin = zone_of(kBerlin);
  EXPECT_EQ(berlin.to_utc(local("2026-03-29T01:59")), at("2026-03-29T00:59"));
  EXPECT_EQ(berlin.to_utc(local("2026-03-29T02:00")), at("2026-03-29T01:00"));
  EXPECT_EQ(berlin.to_utc(local("2026-03-29T02:59")), at("2026-03-29T01:00"));
  EXPECT_EQ(berlin.to_utc(local("2026-03-29T03:00")), at("2026-03-29T01:00"));
  EXPECT_EQ(berlin.to_utc(local("2026-03-29T03:01")), at("2026-03-29T01:01"));
  EXPECT_EQ(berlin.to_utc(local("2026-10-25T02:00")), at("2026-10-25T00:00"));
  EXPECT_EQ(berlin.to_utc(local("2026-10-25T02:59")), at("2026-10-25T00:59"));
  EXPECT_EQ(berlin.to_utc(local("2026-10-25T03:00")), at("2026-10-25T02:00"));
  EXPECT_EQ(berlin.latest_local(at("2026-10-25T00:30")), local("2026-10-25T02:30"));
  EXPECT_EQ(berlin.latest_local(at("2026-10-25T01:30")), local("2026-10-25T03:00") - seconds(1));
  EXPECT_EQ(berlin.latest_local(at("2026-10-25T02:30")), local("2026-10-25T03:30"));
}

TEST(ScheduleInAZone, FiresASkippedTimeOnceAtTheChange) {
  const Zone berlin = zone_of(kBerlin);
  EXPECT_EQ(
      fires("30 2 * * *", berlin, "2026-03-27T12:00", "2026-03-31T00:00"),
      (Times{"03-28T01:30", "03-29T01:00", "03-30T00:30"})
  );
  // Four of them are skipped and 03:00 is one of its own; all fall together.
  EXPECT_EQ(
      fires("*/15 2,3 * * *", berlin, "2026-03-29T00:00", "2026-03-29T01:20"),
      (Times{"03-29T01:00", "03-29T01:15"})
  );
  EXPECT_EQ(
      fires("30 2 * * *", zone_of(kNewYork), "2026-03-07T12:00", "2026-03-10T00:00"),
      (Times{"03-08T07:00", "03-09T06:30"})
  );
  // Half an hour is skipped, 02:00 to 02:30.
  EXPECT_EQ(
      fires("10 2 * * *", zone_of(kLordHowe), "2026-10-02T18:00", "2026-10-05T00:00"),
      (Times{"10-03T15:30", "10-04T15:10"})
  );
}

TEST(ScheduleInAZone, FiresARepeatedTimeOnce) {
  const Zone berlin = zone_of(kBerlin);
  EXPECT_EQ(
      fires("30 2 * * *", berlin, "2026-10-24T12:00", "2026-10-27T00:00"),
      (Times{"10-25T00:30", "10-26T01:30"})
  );
  EXPECT_EQ(
      fires("*/20 2,3 * * *", berlin, "2026-10-25T00:00", "2026-10-25T02:20"),
      (Times{"10-25T00:20", "10-25T00:40", "10-25T02:00", "10-25T02:20"})
  );
  EXPECT_EQ(
      fires("30 1 * * *", zone_of(kNewYork), "2026-10-31T12:00", "2026-11-03T00:00"),
      (Times{"11-01T05:30", "11-02T06:30"})
  );
  // 01:30 to 02:00 is shown twice; asked in between, too.
  EXPECT_EQ(
      fires("45 1 * * *", zone_of(kLordHowe), "2026-04-04T10:00", "2026-04-06T00:00"),
      (Times{"04-04T14:45", "04-05T15:15"})
  );
  EXPECT_EQ(
      fires("45 1 * * *", zone_of(kLordHowe), "2026-04-04T15:05", "2026-04-06T00:00"),
      (Times{"04-05T15:15"})
  );
}

TEST(ScheduleInAZone, GoesByTheClockIfEveryHourIsNamed) {
  const Zone berlin = zone_of(kBerlin);
  EXPECT_EQ(
      fires("*/30 * * * *", berlin, "2026-10-25T00:00", "2026-10-25T02:30"),
      (Times{"10-25T00:30", "10-25T01:00", "10-25T01:30", "10-25T02:00", "10-25T02:30"})
  );
  EXPECT_EQ(
      fires("15 * * * *", berlin, "2026-03-29T00:00", "2026-03-29T02:30"),
      (Times{"03-29T00:15", "03-29T01:15", "03-29T02:15"})
  );
  // The clocks show a quarter to two twice within half an hour.
  EXPECT_EQ(
      fires("45 * * * *", zone_of(kLordHowe), "2026-04-04T14:00", "2026-04-04T16:30"),
      (Times{"04-04T14:45", "04-04T15:15", "04-04T16:15"})
  );
}

TEST(ScheduleInAZone, FiresOnceADayThroughManyYears) {
  for (const std::string_view footer : {kBerlin, kNewYork, kLordHowe}) {
    const Zone zone = zone_of(footer);
    for (const char* time : {"0 0", "30 1", "45 1", "0 2", "15 2", "30 2", "0 3"}) {
      const auto schedule = Schedule::parse(concat(time, " * * *"));
      ASSERT_TRUE(schedule.ok());
      Timestamp previous = *schedule->next(utc("2020-01-01T00:00"), zone);
      for (int day = 0; day < 366 * 10; ++day) {
        const auto next = schedule->next(previous, zone);
        ASSERT_TRUE(next.has_value());
        ASSERT_GE(*next - previous, hours(23)) << format_timestamp(*next);
        ASSERT_LE(*next - previous, hours(25)) << format_timestamp(*next);
        previous = *next;
      }
    }
  }
}

TEST(ScheduleInAZone, PassesADayThatAPlaceLeftOut) {
  // Samoa went from one side of the date line to the other and had no 30 December 2011.
  const Zone samoa("Pacific/Apia", hours(-10), {{at("2011-12-30T10:00"), hours(14)}});
  EXPECT_EQ(
      fires("0 12 * * *", samoa, "2011-12-29T00:00", "2012-01-01T00:00"),
      (Times{"12-29T22:00", "12-30T10:00", "12-30T22:00", "12-31T22:00"})
  );
}

TEST(PosixTz, ReadsWhatFooterLinesSay) {
  const auto berlin = PosixTz::parse(kBerlin);
  ASSERT_TRUE(berlin.ok());
  EXPECT_EQ(berlin->offset, hours(1));
  EXPECT_EQ(berlin->summer->offset, hours(2));
  EXPECT_EQ(berlin->changes_in(2026)[0].at, at("2026-03-29T01:00"));
  EXPECT_EQ(berlin->changes_in(2026)[1].at, at("2026-10-25T01:00"));
  EXPECT_EQ(PosixTz::parse("<+0530>-5:30")->offset, minutes(330));
  EXPECT_FALSE(PosixTz::parse("UTC0")->summer.has_value());
  // Greenland: the day before, and midnight.
  const auto nuuk = PosixTz::parse("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
  ASSERT_TRUE(nuuk.ok());
  EXPECT_EQ(nuuk->changes_in(2026)[0].at, at("2026-03-29T01:00"));
  EXPECT_EQ(nuuk->changes_in(2026)[1].at, at("2026-10-25T01:00"));
}

TEST(PosixTz, CountsDaysWithAndWithoutTheLeapDay) {
  const auto without = PosixTz::parse("AAA0BBB,J60/0,J365/0");
  ASSERT_TRUE(without.ok());
  EXPECT_EQ(without->changes_in(2027)[0].at, at("2027-03-01T00:00"));
  EXPECT_EQ(without->changes_in(2028)[0].at, at("2028-03-01T00:00"));
  const auto with = PosixTz::parse("AAA0BBB,59/0,364/0");
  ASSERT_TRUE(with.ok());
  EXPECT_EQ(with->changes_in(2027)[0].at, at("2027-03-01T00:00"));
  EXPECT_EQ(with->changes_in(2028)[0].at, at("2028-02-29T00:00"));
}

TEST(PosixTz, RefusesEverythingElse) {
  for (const char* text :
       {"",
        "CE-1",
        "CET",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M0.5.0,M10.5.0",
        "CET-1CEST,J0,J1",
        "CET-1CEST,J366,J1",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-25",
        "CET-1:60",
        "<CET-1",
        "CET-1 ",
        "CET-1CEST,M3.5.0,M10.5.0/3x"}) {
    EXPECT_FALSE(PosixTz::parse(text).ok()) << text;
  }
}

TEST(ParseTzif, TakesTheTableAndThenTheFooter) {
  const TzFile file{
      .times =
          {{at("1950-01-01T00:00").time_since_epoch().count(), 1},
           {at("2030-01-01T00:00").time_since_epoch().count(), 2}},
      .offsets = {3000, 7200, 3600},
      .footer = std::string(kBerlin)};
  const auto zone = parse_tzif("test", file.bytes());
  ASSERT_TRUE(zone.ok()) << zone.error().describe();
  EXPECT_EQ(zone->name(), "test");
  EXPECT_EQ(zone->offset_at(at("1940-01-01T00:00")), seconds(3000));
  EXPECT_EQ(zone->offset_at(at("1950-01-01T00:00")), hours(2));
  EXPECT_EQ(zone->offset_at(at("2029-12-31T23:59")), hours(2));
  EXPECT_EQ(zone->offset_at(at("2030-01-01T00:00")), hours(1));
  EXPECT_EQ(zone->offset_at(at("2030-07-01T00:00")), hours(2));
  EXPECT_EQ(zone->offset_at(at("2099-12-31T00:00")), hours(1));
  EXPECT_EQ(zone->offset_at(at("2099-07-01T00:00")), hours(2));
}

TEST(ParseTzif, ReadsTheOldVersionWithoutFooter) {
  const TzFile file{.version = '\0', .times = {{-1000, 1}, {1000, 0}}, .offsets = {-18000, -14400}};
  const auto zone = parse_tzif("test", file.bytes());
  ASSERT_TRUE(zone.ok()) << zone.error().describe();
  EXPECT_EQ(zone->offset_at(sys_seconds(seconds(-1001))), hours(-5));
  EXPECT_EQ(zone->offset_at(sys_seconds(seconds(-1000))), hours(-4));
  EXPECT_EQ(zone->offset_at(sys_seconds(seconds(1000))), hours(-5));
}

TEST(ParseTzif, KnowsSummerTimeAllYearRound) {
  const Zone zone = zone_of("XXX3EDT4,0/0,J365/23");
  EXPECT_EQ(zone.offset_at(at("2026-01-01T03:00")), hours(-4));
  EXPECT_EQ(zone.offset_at(at("2026-07-01T00:00")), hours(-4));
  EXPECT_EQ(zone.offset_at(at("2026-12-31T23:00")), hours(-4));
  EXPECT_FALSE(zone.next_change(at("2026-07-01T00:00")).has_value());
}

TEST(ParseTzif, RefusesEveryFileThatBreaksOff) {
  const std::string bytes = TzFile{.times = {{0, 0}}, .footer = std::string(kBerlin)}.bytes();
  for (std::size_t size = 0; size + 1 < bytes.size(); ++size) {
    const auto zone = parse_tzif("test", std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(zone.ok()) << size;
    EXPECT_EQ(zone.error().code, ErrorCode::Corrupt);
    EXPECT_FALSE(zone.error().hint.empty());
  }
}

TEST(ParseTzif, RefusesWhatContradictsItself) {
  const TzFile unordered{.times = {{10, 0}, {5, 0}}};
  const TzFile no_such_type{.times = {{10, 7}}};
  const TzFile no_type{.offsets = {}};
  const TzFile far{.times = {{std::int64_t{1} << 62U, 0}}};
  const TzFile wide{.offsets = {200'000}};
  const TzFile rule{.footer = "nonsense"};
  for (const TzFile& file : {unordered, no_such_type, no_type, far, wide, rule}) {
    const auto zone = parse_tzif("test", file.bytes());
    ASSERT_FALSE(zone.ok());
    EXPECT_EQ(zone.error().code, ErrorCode::Corrupt);
  }
  const auto leaps = parse_tzif("right/UTC", TzFile{.leaps = 1}.bytes());
  ASSERT_FALSE(leaps.ok());
  EXPECT_EQ(leaps.error().code, ErrorCode::Unsupported);
  EXPECT_FALSE(parse_tzif("test", std::string(kZoneFileBytesMax + 1, 'T')).ok());
}

TEST(ParseTzif, SurvivesEveryChangedByte) {
  const std::string bytes =
      TzFile{.times = {{0, 0}, {100, 1}}, .offsets = {0, 3600}, .footer = std::string(kLordHowe)}
          .bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const char value : {'\0', '\x7f', '\xff', '9'}) {
      std::string changed = bytes;
      changed[i] = value;
      const auto zone = parse_tzif("test", changed);
      if (zone.ok()) {
        EXPECT_LE(zone->offset_at(at("2026-07-01T00:00")), hours(26));
        (void)zone->to_utc(local("2026-07-01T00:00"));
      }
    }
  }
}

}  // namespace
}  // namespace reeve::cron
