#include "platform/posix/zone_files.h"

#include <fstream>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/cron/schedule.h"

namespace reeve::platform {
namespace {

namespace fs = std::filesystem;

/// A database with one zone, two hours east, and what should not be reached from it.
class ZoneFilesTest : public ::testing::Test {
 protected:
  ZoneFilesTest() {
    std::string made = (fs::temp_directory_path() / "reeve-zones-XXXXXX").string();
    EXPECT_NE(::mkdtemp(made.data()), nullptr);
    root_ = made;
    fs::create_directories(zones() / "Europe");
    write(zones() / "Europe/Atlantis", zone_bytes());
    write(root_ / "outside", zone_bytes());
    fs::create_symlink(root_ / "outside", zones() / "Link");
    fs::create_symlink("Europe/Atlantis", zones() / "Alias");
    write(zones() / "Europe/Broken", "TZif");
  }

  ~ZoneFilesTest() override { fs::remove_all(root_); }

  fs::path zones() const { return root_ / "zoneinfo"; }

  static void write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  static std::string zone_bytes() {
    std::string header = "TZif";
    header += '2';
    header.append(15, '\0');
    header.append(19, '\0');
    header += '\1';
    header.append(3, '\0');
    header += '\1';
    const std::string block = header + std::string("\0\0\x1c\x20\0\0\0", 7);
    return block + block + "\n<+02>-2\n";
  }

  fs::path root_;
};

TEST_F(ZoneFilesTest, FindsZonesAndTheirAliases) {
  ZoneFiles files(zones());
  for (const char* name : {"Europe/Atlantis", "Alias"}) {
    const auto zone = files.find(name);
    ASSERT_TRUE(zone.ok()) << zone.error().describe();
    EXPECT_EQ(zone->name(), name);
    EXPECT_EQ(zone->offset_at({}), std::chrono::hours(2));
  }
}

TEST_F(ZoneFilesTest, KnowsUtcWithoutADatabase) {
  ZoneFiles files(root_ / "nothing");
  EXPECT_EQ(files.find("")->name(), "UTC");
  EXPECT_EQ(files.find("UTC")->name(), "UTC");
  const auto zone = files.find("Europe/Atlantis");
  ASSERT_FALSE(zone.ok());
  EXPECT_EQ(zone.error().code, ErrorCode::Unavailable);
  EXPECT_EQ(zone.error().hint, "install the package tzdata, or use UTC");
}

TEST_F(ZoneFilesTest, RefusesNamesThatLeaveTheDirectory) {
  ZoneFiles files(zones());
  for (const char* name :
       {"../outside",
        "Europe/../../outside",
        "/etc/passwd",
        "Europe//Atlantis",
        "Europe/",
        "./Alias",
        "Europe Atlantis",
        "Link"}) {
    const auto zone = files.find(name);
    ASSERT_FALSE(zone.ok()) << name;
    EXPECT_EQ(zone.error().code, ErrorCode::Invalid) << name;
  }
  EXPECT_EQ(files.find(std::string(65, 'a')).error().code, ErrorCode::Invalid);
}

TEST_F(ZoneFilesTest, SaysWhatANameMightHaveBeen) {
  ZoneFiles files(zones());
  const auto zone = files.find("Europe/Atlantsi");
  ASSERT_FALSE(zone.ok());
  EXPECT_EQ(
      zone.error().describe(),
      "time zone Europe/Atlantsi: this time zone is not known here (did you mean Europe/Atlantis?)"
  );
  EXPECT_EQ(files.find("Europe").error().code, ErrorCode::NotFound);
}

TEST_F(ZoneFilesTest, ReportsABrokenFile) {
  ZoneFiles files(zones());
  EXPECT_EQ(files.find("Europe/Broken").error().code, ErrorCode::Corrupt);
}

TEST(ZoneFilesOfThisMachine, KnowWhenClocksChange) {
  ZoneFiles files;
  if (!fs::exists("/usr/share/zoneinfo/Europe/Berlin")) {
    GTEST_SKIP() << "the package tzdata is not installed";
  }

  struct Vector {
    const char* zone;
    const char* expression;
    const char* from;
    const char* next;
  };

  const Vector vectors[] = {
      {"Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", "2026-03-29T01:00"},
      {"Europe/Berlin", "30 2 * * *", "2026-10-25T00:00", "2026-10-25T00:30"},
      {"Europe/Berlin", "30 2 * * *", "2026-10-25T00:30", "2026-10-26T01:30"},
      {"America/New_York", "30 2 * * *", "2026-03-08T00:00", "2026-03-08T07:00"},
      {"America/New_York", "30 1 * * *", "2026-11-01T05:30", "2026-11-02T06:30"},
      {"Australia/Lord_Howe", "10 2 * * *", "2026-10-03T12:00", "2026-10-03T15:30"},
      {"Australia/Lord_Howe", "45 1 * * *", "2026-04-04T14:45", "2026-04-05T15:15"},
      {"Europe/Berlin", "0 9 1 7 *", "2080-01-01T00:00", "2080-07-01T07:00"}};
  for (const Vector& vector : vectors) {
    const auto zone = files.find(vector.zone);
    ASSERT_TRUE(zone.ok()) << zone.error().describe();
    const auto schedule = cron::Schedule::parse(vector.expression);
    const auto from = parse_timestamp(concat(vector.from, ":00.000Z"));
    ASSERT_TRUE(schedule.ok() && from.ok());
    const auto next = schedule->next(*from, *zone);
    ASSERT_TRUE(next.has_value());
    EXPECT_EQ(format_timestamp(*next), concat(vector.next, ":00.000Z")) << vector.zone;
  }
}

}  // namespace
}  // namespace reeve::platform
