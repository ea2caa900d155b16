// Channels under crashes: no message is lost, none is handed out after its end, keys keep their
// order.

#include "installation.h"

namespace reeve::sim {
namespace {

using namespace std::chrono_literals;

TEST(Channel, ACrashAtAnyBoundaryLosesNoMessage) {
  std::uint64_t boundaries = 1;
  // Every third boundary: two commands of one consumer lie closer together than that.
  for (std::uint64_t crash = 0; crash <= boundaries; crash += 3) {
    SCOPED_TRACE(crash);
    Installation sim(1);
    sim.channels().use("orders", 6, 20s, 7);
    sim.controller().crash_at(crash);
    ASSERT_TRUE(sim.advance(90s)) << *sim.violation();
    boundaries = crash == 0 ? sim.controller().boundaries() : boundaries;
    sim.heal();
    sim.run_until_idle();
    sim.finish(false);
    ASSERT_FALSE(sim.violation().has_value()) << *sim.violation();
    EXPECT_GE(sim.checkers().deliveries(), 6U);
    EXPECT_EQ(sim.controller().crashes(), crash == 0 ? 0U : 1U);
  }
  EXPECT_GT(boundaries, 20U);
}

}  // namespace
}  // namespace reeve::sim
