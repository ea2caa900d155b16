#include "cli/clock_watch.h"

#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

constexpr Timestamp kNoon = from_unix_millis(1'800'000'000'000);
constexpr Duration kBoot{5'000'000};
constexpr Duration kHour{3'600'000};

TEST(ClockWatch, TimeThatPassesIsNoStep) {
  const ClockWatch watch(kNoon, kBoot);
  EXPECT_EQ(watch.step(kNoon + 24 * kHour, kBoot + 24 * kHour), Duration(0));
}

TEST(ClockWatch, NoticesAClockThatIsSetInEitherDirection) {
  const ClockWatch watch(kNoon, kBoot);
  EXPECT_EQ(watch.step(kNoon + 2 * kHour, kBoot + kHour), kHour);
  EXPECT_EQ(watch.step(kNoon, kBoot + kHour), -kHour);
}

TEST(ClockWatch, IgnoresWhatAClockIsCorrectedBy) {
  const ClockWatch watch(kNoon, kBoot);
  EXPECT_EQ(watch.step(kNoon + kHour + Duration(29'999), kBoot + kHour), Duration(0));
  EXPECT_EQ(watch.step(kNoon + kHour - Duration(29'999), kBoot + kHour), Duration(0));
  EXPECT_NE(watch.step(kNoon + kHour + Duration(30'000), kBoot + kHour), Duration(0));
}

}  // namespace
}  // namespace reeve::cli
