#include "sim/host_sim.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/checkers.h"
#include "sim/workload.h"
#include "sim/world.h"

namespace reeve::sim {
namespace {

class Host : public testing::Test {
 protected:
  model::LaunchRun request(const std::string& script, std::uint64_t fence = 5) {
    model::LaunchRun launch;
    launch.mission = MissionName("m");
    launch.task = TaskName("t");
    launch.run = RunName("m.1.t.1");
    launch.fence = Fence(fence);
    launch.spec.steps = {{.phase = model::Phase::Main, .script = script}};
    launch.spec.timeout = Duration(60'000);
    return launch;
  }

  model::CancelRun cancellation() {
    return {
        .mission = MissionName("m"),
        .run = RunName("m.1.t.1"),
        .fence = Fence(5),
        .reason = "enough"};
  }

  /// Until nothing is due any more.
  void run() {
    while (world_.step()) {
    }
  }

  void run_until_started() {
    while (started() == 0 && world_.step()) {
    }
  }

  std::size_t started() const {
    std::size_t count = 0;
    for (const model::Report& report : reports_) {
      count += std::holds_alternative<model::RunStarted>(report) ? 1 : 0;
    }
    return count;
  }

  std::size_t lost() const {
    std::size_t count = 0;
    for (const model::Report& report : reports_) {
      count += std::holds_alternative<model::RunLost>(report) ? 1 : 0;
    }
    return count;
  }

  /// Of the last report that a run has finished.
  const model::RunResult* result() const {
    const model::RunResult* found = nullptr;
    for (const model::Report& report : reports_) {
      if (const auto* finished = std::get_if<model::RunFinished>(&report)) {
        found = &finished->result;
      }
    }
    return found;
  }

  World world_{1};
  FaultRates faults_;
  store::MemoryStore disk_;
  WorkflowShelf shelf_;
  Checkers checkers_{disk_, shelf_.loader()};
  std::vector<model::Report> reports_;
  HostSim host_{world_, faults_, checkers_, [this](const model::Report& report) {
                  reports_.push_back(report);
                }};
};

TEST_F(Host, RunsAScriptAndReportsItsEnd) {
  host_.handle(request("exit 3; slow 7s"));
  run();
  EXPECT_EQ(started(), 1U);
  ASSERT_NE(result(), nullptr);
  EXPECT_EQ(result()->exit_code, 3);
  EXPECT_EQ(result()->ended_at - result()->started_at, Duration(7000));
  EXPECT_EQ(host_.completions(MissionName("m"), TaskName("t")), 0U);
}

TEST_F(Host, ExecutesARepeatedRequestOnce) {
  host_.handle(request("exit 0"));
  host_.handle(request("exit 0"));
  run();
  host_.handle(request("exit 0"));
  run();
  EXPECT_EQ(host_.executions(MissionName("m"), TaskName("t")), 1U);
  EXPECT_EQ(host_.completions(MissionName("m"), TaskName("t")), 1U);
  EXPECT_FALSE(checkers_.violation().has_value());
}

TEST_F(Host, DoesNotStartAgainWhatIsKnownToHaveStarted) {
  model::LaunchRun launch = request("exit 0");
  launch.started = true;
  host_.handle(launch);
  run();
  EXPECT_EQ(lost(), 1U);
  EXPECT_EQ(host_.executions(MissionName("m"), TaskName("t")), 0U);
}

TEST_F(Host, ComplainsAboutOneRunWithTwoFences) {
  host_.handle(request("exit 0", 5));
  host_.handle(request("exit 0", 6));
  EXPECT_TRUE(checkers_.violation().has_value());
}

TEST_F(Host, EndsACancelledRunWithinItsGrace) {
  host_.handle(request("exit 0; slow 50s"));
  run_until_started();
  const Timestamp asked = world_.time();
  host_.handle(cancellation());
  run();
  ASSERT_NE(result(), nullptr);
  EXPECT_EQ(result()->end, model::RunEnd::Cancelled);
  EXPECT_LE(result()->ended_at - asked, Duration(5000));
}

TEST_F(Host, AnswersTheCancellationOfAnUnknownRunWithLost) {
  host_.handle(cancellation());
  run();
  EXPECT_EQ(lost(), 1U);
}

TEST_F(Host, LosesItsRunsWhenItDies) {
  host_.handle(request("exit 0; slow 50s"));
  run_until_started();
  host_.die(Duration(1000));
  host_.handle(request("exit 0; slow 50s"));
  run();
  EXPECT_EQ(lost(), 1U);
  EXPECT_EQ(result(), nullptr);
  EXPECT_EQ(host_.busy(), 0U);
}

TEST_F(Host, HasZombiesThatReportLateAfterItsDeath) {
  faults_.zombie = kAlways;
  host_.handle(request("exit 0; slow 50s"));
  run_until_started();
  host_.die(Duration(1000));
  run();
  EXPECT_EQ(lost(), 1U);
  ASSERT_NE(result(), nullptr);
  EXPECT_EQ(host_.completions(MissionName("m"), TaskName("t")), 1U);
}

TEST_F(Host, KillsAtTheDeadline) {
  host_.handle(request("hang"));
  run();
  ASSERT_NE(result(), nullptr);
  EXPECT_EQ(result()->end, model::RunEnd::TimedOut);
  EXPECT_EQ(result()->ended_at - result()->started_at, Duration(60'000));
}

}  // namespace
}  // namespace reeve::sim
