#include "sim/simulation.h"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "replay_line.h"

namespace reeve::sim {
namespace {

constexpr std::uint64_t kSeedsByDefault = 2000;
constexpr std::uint64_t kShards = 8;
/// One seed in so many is played twice.
constexpr std::uint64_t kTwiceEvery = 25;

std::uint64_t number_from(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

/// Plays a seed; prints one line that replays it if anything is wrong.
Outcome play(std::uint64_t seed) {
  set_current_seed(seed);
  Outcome outcome = simulate(seed);
  set_current_seed(0);
  if (outcome.violation) {
    print_replay_line(seed);
    ADD_FAILURE() << "seed " << seed << ": " << *outcome.violation;
  }
  return outcome;
}

class Simulation : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Simulation, KeepsEveryPromiseUnderFaultsAndFinishesWhenTheyStop) {
  const std::uint64_t seeds = number_from("REEVE_SEEDS", kSeedsByDefault);
  for (std::uint64_t seed = 1 + GetParam(); seed <= seeds && !HasFailure(); seed += kShards) {
    const Outcome first = play(seed);
    if (seed / kShards % kTwiceEvery == 0) {
      const Outcome second = play(seed);
      EXPECT_EQ(first.trace, second.trace) << "seed " << seed << " took two different ways";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Simulation, testing::Range<std::uint64_t>(0, kShards));

TEST(Replay, TheSeedOfTheEnvironment) {
  const std::uint64_t seed = number_from("REEVE_SEED", 0);
  if (seed == 0) {
    GTEST_SKIP() << "set REEVE_SEED";
  }
  const Outcome first = play(seed);
  EXPECT_EQ(first.trace, play(seed).trace);
}

TEST(Replay, EverySeedThatOnceFailed) {
  std::ifstream file(REEVE_KEPT_SEEDS);
  ASSERT_TRUE(file.good()) << REEVE_KEPT_SEEDS;
  std::string line;
  while (std::getline(file, line)) {
    if (!line.empty() && line.front() != '#') {
      play(std::strtoull(line.c_str(), nullptr, 10));
    }
  }
}

TEST(Replay, DifferentSeedsTakeDifferentWays) {
  EXPECT_NE(simulate(1).trace, simulate(2).trace);
}

}  // namespace
}  // namespace reeve::sim
