#include "cli/run_identities.h"

#include <gtest/gtest.h>

#include "platform/posix/system.h"

namespace reeve::cli {
namespace {

TEST(RunIdentities, TokensOutlastTheTimeoutOfTheirRun) {
  platform::SystemClock clock;
  const std::string key(32, 'k');
  const identity::RunTokens tokens = identity::RunTokens::from_key(Secret(key)).value();
  RunIdentities identities(
      identity::RunTokens::from_key(Secret(key)).value(), clock, [](std::string_view) {}
  );
  identities.opened("https://127.0.0.1:1", "", nullptr);
  for (const Duration timeout : {Duration(0), Duration(1), Duration(60'000)}) {
    const auto access = identities.access(
        {.ns = Namespace("default"),
         .mission = MissionName("m"),
         .run = RunName("m.1.a.1"),
         .fence = Fence(1),
         .timeout = timeout}
    );
    ASSERT_TRUE(access.ok() && access->has_value()) << access.error().describe();
    // It may have been held for a budget of a month, at any time of its life.
    const Timestamp later = clock.now() + std::chrono::hours(24 * 60);
    EXPECT_TRUE(tokens.verify((*access)->token.view(), later).ok());
  }
}

}  // namespace
}  // namespace reeve::cli
