#include "workflow/trigger/rate_window.h"

#include <chrono>

#include <gtest/gtest.h>

#include "workflow/trigger/fixture.h"

namespace reeve::trigger {
namespace {

using namespace std::chrono_literals;

constexpr workflow::RateLimit kTwoPerMinute{.max = 2, .window = 60s};

TEST(RateWindow, AdmitsSoManyAndOpensAgainAfterItsTime) {
  RateWindow window = *admit({}, kTwoPerMinute, kNow);
  window = *admit(window, kTwoPerMinute, kNow + 1s);
  EXPECT_EQ(window, (RateWindow{.started_at = kNow, .used = 2}));
  EXPECT_FALSE(admit(window, kTwoPerMinute, kNow + 1s).has_value());
  EXPECT_FALSE(admit(window, kTwoPerMinute, kNow + 60s - 1ms).has_value());
  EXPECT_EQ(
      admit(window, kTwoPerMinute, kNow + 60s), (RateWindow{.started_at = kNow + 60s, .used = 1})
  );
}

TEST(RateWindow, StaysClosedWhenTheClockIsSetBack) {
  const RateWindow full{.started_at = kNow, .used = 2};
  EXPECT_FALSE(admit(full, kTwoPerMinute, kNow - 1h).has_value());
}

TEST(RateWindow, AdmitsNothingWithALimitOfNothing) {
  EXPECT_FALSE(admit({}, {.max = 0, .window = 60s}, kNow).has_value());
}

TEST(RateWindow, SurvivesARoundTrip) {
  const RateWindow window{.started_at = kNow, .used = 4'000'000'000U};
  EXPECT_EQ(*rate_window_from_json(to_json(window)), window);
  for (const char* text :
       {"{}",
        "[]",
        R"({"startedAt":"2026-07-07T10:17:23.000Z"})",
        R"({"startedAt":"2026-07-07T10:17:23.000Z","used":-1})",
        R"({"startedAt":"2026-07-07T10:17:23.000Z","used":4294967296})",
        R"({"startedAt":"soon","used":1})"}) {
    EXPECT_FALSE(rate_window_from_json(*parse_json(text)).ok()) << text;
  }
}

}  // namespace
}  // namespace reeve::trigger
