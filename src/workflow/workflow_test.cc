#include "workflow/workflow.h"

#include <gtest/gtest.h>

namespace reeve::workflow {
namespace {

std::vector<std::int64_t> delays(const RetryPolicy& policy, std::uint32_t count) {
  std::vector<std::int64_t> millis;
  for (std::uint32_t retry = 0; retry < count; ++retry) {
    millis.push_back(retry_delay(policy, retry, 7).count());
  }
  return millis;
}

RetryPolicy with_backoff(Backoff backoff) {
  return RetryPolicy{.retries = 10, .delay = Duration(123), .backoff = backoff};
}

TEST(RetryDelay, IsTheFixedDelayWithoutBackoff) {
  const RetryPolicy policy{.retries = 3, .delay = Duration(1500), .backoff = std::nullopt};
  EXPECT_EQ(delays(policy, 3), (std::vector<std::int64_t>{1500, 1500, 1500}));
}

TEST(RetryDelay, IsTheFixedDelayWhenTheBackoffHasNoMinimum) {
  EXPECT_EQ(delays(with_backoff(Backoff{}), 2), (std::vector<std::int64_t>{123, 123}));
}

TEST(RetryDelay, DoublesUpToTheMaximum) {
  const Backoff backoff{Duration(1000), Duration(30'000), 2, false};
  EXPECT_EQ(
      delays(with_backoff(backoff), 8),
      (std::vector<std::int64_t>{1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000})
  );
}

TEST(RetryDelay, GrowsByBrokenFactorsAndRoundsUpToMilliseconds) {
  const Backoff backoff{Duration(500), Duration(5000), 1.5, false};
  EXPECT_EQ(
      delays(with_backoff(backoff), 8),
      (std::vector<std::int64_t>{500, 750, 1125, 1688, 2532, 3797, 5000, 5000})
  );
}

TEST(RetryDelay, HasDefaultFactorTwoAndMaximumTenSeconds) {
  Backoff backoff;
  backoff.min = Duration(2000);
  EXPECT_EQ(
      delays(with_backoff(backoff), 6),
      (std::vector<std::int64_t>{2000, 4000, 8000, 10000, 10000, 10000})
  );
}

TEST(RetryDelay, SurvivesHugeRetryNumbersAndFactors) {
  const Backoff backoff{Duration(1), Duration(60'000), 1e300, false};
  EXPECT_EQ(retry_delay(with_backoff(backoff), 4'000'000'000U, 1), Duration(60'000));
  const Backoff still{Duration(5), Duration(60'000), 1, false};
  EXPECT_EQ(retry_delay(with_backoff(still), 4'000'000'000U, 1), Duration(5));
}

TEST(RetryDelay, NeverExceedsAMaximumBelowTheMinimum) {
  const Backoff backoff{Duration(5000), Duration(1000), 2, true};
  EXPECT_EQ(retry_delay(with_backoff(backoff), 3, 9), Duration(1000));
}

TEST(RetryDelay, JitterStaysBetweenMinimumAndDelayAndRepeatsForTheSameSeed) {
  const RetryPolicy policy = with_backoff(Backoff{Duration(100), Duration(30'000), 2, true});
  bool differs = false;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const Duration delay = retry_delay(policy, 5, seed);
    EXPECT_GE(delay, Duration(100));
    EXPECT_LE(delay, Duration(3200));
    EXPECT_EQ(delay, retry_delay(policy, 5, seed));
    differs = differs || delay != retry_delay(policy, 5, seed + 1);
  }
  EXPECT_TRUE(differs);
}

TEST(RetryDelay, JitterCoversTheWholeRange) {
  const RetryPolicy policy = with_backoff(Backoff{Duration(10), Duration(13), 2, true});
  std::vector<int> seen(4);
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    ++seen[static_cast<std::size_t>(retry_delay(policy, 1, seed).count() - 10)];
  }
  for (const int count : seen) {
    EXPECT_GT(count, 150);
  }
}

TEST(Workflow, FindsTasksByTheirExactName) {
  Workflow workflow;
  workflow.tasks.resize(2);
  workflow.tasks[0].name = TaskName("build");
  workflow.tasks[1].name = TaskName("build-image");
  EXPECT_EQ(workflow.find("build-image"), 1U);
  EXPECT_EQ(workflow.find("build"), 0U);
  EXPECT_FALSE(workflow.find("Build").has_value());
  EXPECT_FALSE(workflow.find("").has_value());
}

TEST(Workflow, NamesMethodsAndFormats) {
  EXPECT_EQ(to_string(Method::Shell), "SHELL");
  EXPECT_EQ(to_string(Method::Noop), "NOOP");
  EXPECT_EQ(to_string(Method::Docker), "DOCKER");
  EXPECT_EQ(to_string(Method::Kubernetes), "KUBERNETES");
  EXPECT_TRUE(is_container(Method::Docker));
  EXPECT_FALSE(is_container(Method::Shell));
  EXPECT_EQ(to_string(Format::Native), "native");
  EXPECT_EQ(to_string(Format::Formicary), "formicary");
}

}  // namespace
}  // namespace reeve::workflow
