// Cron triggers under crashes: one mission for each tick, whoever owns the data directory when.

#include <set>

#include "installation.h"

namespace reeve::sim {
namespace {

using namespace std::chrono_literals;

const std::string kEveryMinute =
    "job_type: pulse\ncron_trigger: \"* * * * *\"\ntasks:\n- task_type: a\n  method: SHELL\n"
    "  script: [\"exit 0; slow 2s\"]\n";

/// The ticks that missions were made for, in order.
std::vector<std::string> fired_ticks(Simulation& sim) {
  std::vector<std::string> ticks;
  store::EventQuery query;
  query.limit = 100'000;
  const auto events = sim.disk().events(query);
  for (const journal::Event& event : *events) {
    if (event.type == "trigger.fired") {
      ticks.push_back(parse_json(event.data)->get_string("tick"));
    }
  }
  return ticks;
}

std::size_t missions_of_ticks(Simulation& sim) {
  std::set<std::string> keys;
  for (const model::Mission* mission : sim.checkers().missions()) {
    keys.insert(mission->user_key);
  }
  return keys.size();
}

/// Virtual time starts at midnight, so that the first tick is after a minute.
TEST(Cron, ACrashAtAnyBoundaryCostsNoTickAndMakesNoSecondMission) {
  std::uint64_t boundaries = 1;
  for (std::uint64_t crash = 0; crash <= boundaries; ++crash) {
    SCOPED_TRACE(crash);
    Installation sim(crash + 1);
    sim.deploy(kEveryMinute);
    sim.controller().crash_at(crash);
    ASSERT_TRUE(sim.advance(5min + 40s)) << *sim.violation();
    boundaries = crash == 0 ? sim.controller().boundaries() : boundaries;
    sim.heal();
    sim.run_until_idle();
    sim.finish(false);
    ASSERT_FALSE(sim.violation().has_value()) << *sim.violation();
    EXPECT_GE(fired_ticks(sim).size(), 5U);
    EXPECT_EQ(fired_ticks(sim).size(), sim.checkers().missions().size());
    EXPECT_EQ(missions_of_ticks(sim), sim.checkers().missions().size());
    EXPECT_EQ(sim.controller().crashes(), crash == 0 ? 0U : 1U);
  }
  EXPECT_GT(boundaries, 20U);
}

TEST(Cron, OwnersThatTakeTurnsAcrossTheMinuteMakeOneMissionForEach) {
  Installation sim;
  sim.deploy(kEveryMinute);
  sim.advance(30s);
  // Each owner lives for less than a minute, and the next one is there a few seconds later.
  for (int owner = 0; owner < 20; ++owner) {
    ASSERT_TRUE(sim.advance(41s)) << *sim.violation();
    sim.controller().crash(7s);
    ASSERT_TRUE(sim.advance(8s)) << *sim.violation();
  }
  sim.heal();
  sim.run_until_idle();
  sim.finish(false);
  ASSERT_FALSE(sim.violation().has_value()) << *sim.violation();
  const std::vector<std::string> ticks = fired_ticks(sim);
  EXPECT_EQ(ticks.size(), 16U);
  EXPECT_EQ(std::set<std::string>(ticks.begin(), ticks.end()).size(), ticks.size());
  EXPECT_EQ(missions_of_ticks(sim), ticks.size());
}

TEST(Cron, TicksOfALongAbsenceAreCountedAndTheNextOneFires) {
  Installation sim;
  sim.deploy(kEveryMinute);
  sim.advance(30s);
  sim.controller().crash(std::chrono::hours(2) + 10s);
  ASSERT_TRUE(sim.advance(std::chrono::hours(2) + 20s)) << *sim.violation();
  // The tick that is less than a minute old is not missed.
  EXPECT_EQ(fired_ticks(sim).size(), 1U);
  sim.advance(1min);
  EXPECT_EQ(fired_ticks(sim).size(), 2U);
  sim.heal();
  sim.run_until_idle();
  sim.finish(false);
  EXPECT_FALSE(sim.violation().has_value()) << *sim.violation();
}

TEST(Cron, AClockThatJumpsLosesAndRepeatsNoTick) {
  for (const Duration by : {Duration(3'600'000), -Duration(3'600'000), Duration(59'000)}) {
    Installation sim;
    sim.deploy(kEveryMinute);
    sim.advance(2min + 30s);
    sim.world().jump(by);
    ASSERT_TRUE(sim.advance(3min)) << *sim.violation();
    sim.heal();
    sim.run_until_idle();
    sim.finish(false);
    ASSERT_FALSE(sim.violation().has_value()) << *sim.violation();
    const std::vector<std::string> ticks = fired_ticks(sim);
    EXPECT_EQ(std::set<std::string>(ticks.begin(), ticks.end()).size(), ticks.size());
  }
}

}  // namespace
}  // namespace reeve::sim
