// A small budget and many runs under crashes: the provider never gives more than was allowed.

#include <cstdlib>
#include <string>

#include "installation.h"
#include "sim/meter_sim.h"

namespace reeve::sim {
namespace {

using namespace std::chrono_literals;

const std::string kAsking =
    workflow_of("asking", "  - {name: a, script: \"exit 0; slow 180s\", timeout: 30m}\n");

engine::Limits limits_for(std::uint64_t runs) {
  engine::Limits limits;
  limits.run_slots = static_cast<std::uint32_t>(runs);
  return limits;
}

/// Plays a seed to its end.
void play(std::uint64_t seed, const MeterSim::Options& options, FaultRates faults) {
  Installation sim(seed, limits_for(options.missions));
  MeterSim meter(sim.world(), sim.checkers(), sim.client(), sim.disk());
  for (std::uint64_t i = 0; i < options.missions; ++i) {
    sim.submit(kAsking, concat("m", i));
  }
  meter.use(options, seed);
  // What was asked for before there was a quota is not its business.
  ASSERT_TRUE(sim.advance(MeterSim::kFirstCallAfter / 2)) << *sim.violation();
  sim.faults() = faults;
  ASSERT_TRUE(sim.advance(15min)) << *sim.violation();
  EXPECT_GT(meter.refused(), 0U) << "the budget was too large to show anything";
  EXPECT_GT(meter.given(), 0U);
  sim.heal();
  ASSERT_TRUE(sim.advance(3min)) << *sim.violation();
  meter.close();
  ASSERT_TRUE(sim.advance(1min)) << *sim.violation();
  meter.check_end();
  meter.raise();
  sim.run_until_idle();
  meter.check_end();
  sim.finish(false);
  ASSERT_FALSE(sim.violation().has_value()) << *sim.violation();
}

const char* action_of(std::uint64_t seed) {
  constexpr const char* kActions[] = {"terminate", "pause", "queue"};
  return kActions[seed % 3];
}

TEST(Meter, ACrashAtAnyBoundaryGivesNothingAway) {
  MeterSim::Options options;
  options.missions = 4;
  options.calls_of_each = 3;
  options.tokens_max = 700;
  options.within = 30s;
  std::uint64_t boundaries = 1;
  for (std::uint64_t crash = 0; crash <= boundaries; ++crash) {
    SCOPED_TRACE(crash);
    options.action = action_of(crash);
    Installation sim(1, limits_for(options.missions));
    MeterSim meter(sim.world(), sim.checkers(), sim.client(), sim.disk());
    for (std::uint64_t i = 0; i < options.missions; ++i) {
      sim.submit(kAsking, concat("m", i));
    }
    meter.use(options, 7);
    ASSERT_TRUE(sim.advance(MeterSim::kFirstCallAfter / 2)) << *sim.violation();
    const std::uint64_t before = sim.controller().boundaries();
    sim.controller().crash_at(crash == 0 ? 0 : before + crash);
    ASSERT_TRUE(sim.advance(10min)) << *sim.violation();
    boundaries = crash == 0 ? sim.controller().boundaries() - before : boundaries;
    sim.heal();
    meter.raise();
    sim.run_until_idle();
    meter.check_end();
    sim.finish(false);
    ASSERT_FALSE(sim.violation().has_value()) << *sim.violation();
  }
  EXPECT_GT(boundaries, 20U);
}

/// $REEVE_METER_SEEDS and $REEVE_METER_RUNS ask for others; meter_schedules_test.cc has a thousand
/// runs.
TEST(Meter, ManyRunsNeverGetMoreThanTheBudgetWhateverGoesWrong) {
  const auto number = [](const char* name, std::uint64_t fallback) {
    const char* text = std::getenv(name);
    return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
  };
  MeterSim::Options options;
  options.missions = number("REEVE_METER_RUNS", 60);
  options.calls_of_each = 2;
  options.tokens_max = 40 * options.missions;
  for (std::uint64_t seed = 1; seed <= number("REEVE_METER_SEEDS", 30); ++seed) {
    SCOPED_TRACE(seed);
    options.action = action_of(seed);
    FaultRates faults;
    faults.crash_at_boundary = 150 * (1 + seed % 4);
    faults.commit_ambiguous = 2'000;
    faults.command_doubled = 20'000;
    faults.reply_lost = 20'000;
    play(seed, options, faults);
    ASSERT_FALSE(HasFatalFailure());
  }
}

}  // namespace
}  // namespace reeve::sim
