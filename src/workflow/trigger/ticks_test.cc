#include "workflow/trigger/ticks.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/trigger/fixture.h"

namespace reeve::trigger {
namespace {

using workflow::MissedTicks;

std::string text(std::optional<Timestamp> at) {
  return at ? format_timestamp(*at).substr(0, 19) : "none";
}

/// "fire … next …", with "skipped" if some were.
std::string decide(
    std::string_view expression, MissedTicks missed, std::string_view due, std::string_view now
) {
  const auto schedule = cron::Schedule::parse(expression);
  EXPECT_TRUE(schedule.ok());
  const TickDecision decision = decide_tick(*schedule, {}, missed, utc(due), utc(now));
  return concat(
      "fire ",
      text(decision.fire),
      " next ",
      text(decision.next),
      decision.skipped ? " skipped" : ""
  );
}

TEST(DecideTick, FiresATickOnTime) {
  for (const MissedTicks missed : {MissedTicks::Skip, MissedTicks::RunOnce}) {
    EXPECT_EQ(
        decide("0 9 * * *", missed, "2026-07-07T09:00:00.000Z", "2026-07-07T09:00:00.020Z"),
        "fire 2026-07-07T09:00:00 next 2026-07-08T09:00:00"
    );
  }
}

TEST(DecideTick, SkipsMissedTicksOrMakesUpForThemOnce) {
  constexpr std::string_view kDue = "2026-07-04T09:00:00.000Z";
  constexpr std::string_view kBack = "2026-07-07T10:00:00.000Z";
  EXPECT_EQ(
      decide("0 9 * * *", MissedTicks::Skip, kDue, kBack),
      "fire none next 2026-07-08T09:00:00 skipped"
  );
  EXPECT_EQ(
      decide("0 9 * * *", MissedTicks::RunOnce, kDue, kBack),
      "fire 2026-07-07T09:00:00 next 2026-07-08T09:00:00 skipped"
  );
}

TEST(DecideTick, FiresTheLatestTickIfItIsOnTimeAfterAll) {
  EXPECT_EQ(
      decide(
          "0 9 * * *", MissedTicks::Skip, "2026-07-04T09:00:00.000Z", "2026-07-07T09:00:30.000Z"
      ),
      "fire 2026-07-07T09:00:00 next 2026-07-08T09:00:00 skipped"
  );
}

TEST(DecideTick, FindsTheLatestTickAfterALongSilence) {
  EXPECT_EQ(
      decide(
          "* * * * * * *",
          MissedTicks::RunOnce,
          "2020-01-01T00:00:00.000Z",
          "2026-07-07T10:17:23.500Z"
      ),
      "fire 2026-07-07T10:17:23 next 2026-07-07T10:17:24 skipped"
  );
  EXPECT_EQ(
      decide(
          "0 0 29 2 *", MissedTicks::RunOnce, "2020-02-29T00:00:00.000Z", "2027-07-07T00:00:00.000Z"
      ),
      "fire 2024-02-29T00:00:00 next 2028-02-29T00:00:00 skipped"
  );
}

TEST(DecideTick, EndsWithTheLastTick) {
  EXPECT_EQ(
      decide(
          "0 0 1 1 * 2026",
          MissedTicks::Skip,
          "2026-01-01T00:00:00.000Z",
          "2026-01-01T00:00:00.000Z"
      ),
      "fire 2026-01-01T00:00:00 next none"
  );
}

TEST(DecideTick, DecidesTheSameAgain) {
  // A crash between deciding and arming the next: the same tick, so the same mission.
  const std::string first = decide(
      "*/5 * * * *", MissedTicks::RunOnce, "2026-07-07T10:00:00.000Z", "2026-07-07T10:12:00.000Z"
  );
  EXPECT_EQ(
      decide(
          "*/5 * * * *",
          MissedTicks::RunOnce,
          "2026-07-07T10:00:00.000Z",
          "2026-07-07T10:14:00.000Z"
      ),
      first
  );
}

}  // namespace
}  // namespace reeve::trigger
