#include "cli/time_argument.h"

#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

TEST(TimeArgument, MayLeaveOutSecondsAndTheirFraction) {
  for (const auto& [text, full] :
       {std::pair("2026-12-24T18:00Z", "2026-12-24T18:00:00.000Z"),
        std::pair("2026-12-24T18:00:07Z", "2026-12-24T18:00:07.000Z"),
        std::pair("2026-12-24T18:00:07.5Z", "2026-12-24T18:00:07.500Z"),
        std::pair("2026-12-24T18:00:07.125Z", "2026-12-24T18:00:07.125Z")}) {
    const Result<Timestamp> time = parse_time_argument(text);
    ASSERT_TRUE(time.ok()) << text;
    EXPECT_EQ(format_timestamp(*time), full);
  }
}

TEST(TimeArgument, IsACompleteTimeInUtc) {
  for (const char* text :
       {"",
        "Z",
        "2026-12-24",
        "2026-12-24Z",
        "2026-12-24T18Z",
        "2026-12-24T18:00",
        "2026-12-24T18:00:00+01:00",
        "2026-12-24T25:00Z",
        "2026-02-30T18:00Z",
        "2026-12-24T18:00:00.12345Z",
        "tomorrow"}) {
    const Result<Timestamp> time = parse_time_argument(text);
    ASSERT_FALSE(time.ok()) << text;
    EXPECT_EQ(time.error().hint, "write it like 2026-12-24T18:00:00Z");
  }
}

}  // namespace
}  // namespace reeve::cli
