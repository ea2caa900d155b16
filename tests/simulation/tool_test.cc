// Calls of tools under crashes: none is carried out twice, or without the approval it needs, and
// none is left behind.

#include "installation.h"
#include "sim/tool_sim.h"

namespace reeve::sim {
namespace {

using namespace std::chrono_literals;

TEST(ToolCalls, ACrashAtAnyBoundaryDoesNothingTwice) {
  std::uint64_t boundaries = 1;
  for (std::uint64_t crash = 0; crash <= boundaries; crash += 2) {
    SCOPED_TRACE(crash);
    Installation sim(1);
    ToolSim tools(sim.world(), sim.checkers(), sim.client(), sim.disk());
    tools.use(15, 60s, 11);
    sim.controller().crash_at(crash);
    ASSERT_TRUE(sim.advance(300s)) << *sim.violation();
    boundaries = crash == 0 ? sim.controller().boundaries() : boundaries;
    sim.heal();
    sim.run_until_idle();
    ASSERT_TRUE(sim.advance(2h)) << *sim.violation();
    tools.check_end();
    sim.finish(false);
    ASSERT_FALSE(sim.violation().has_value()) << *sim.violation();
    EXPECT_GE(tools.executions(), crash == 0 ? 5U : 1U);
  }
  EXPECT_GT(boundaries, 20U);
}

TEST(ToolCalls, ManyCrashesDoNothingTwice) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Installation sim(seed);
    sim.faults().crash_at_boundary = 20'000;
    ToolSim tools(sim.world(), sim.checkers(), sim.client(), sim.disk());
    tools.use(30, 120s, seed);
    ASSERT_TRUE(sim.advance(600s)) << *sim.violation();
    sim.heal();
    sim.run_until_idle();
    ASSERT_TRUE(sim.advance(2h)) << *sim.violation();
    tools.check_end();
    sim.finish(false);
    ASSERT_FALSE(sim.violation().has_value()) << *sim.violation();
  }
}

}  // namespace
}  // namespace reeve::sim
