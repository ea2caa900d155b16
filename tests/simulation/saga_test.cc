// CHK-C12: steps that have happened are undone in reverse order, each exactly once.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "installation.h"

namespace reeve::sim {
namespace {

using model::MissionState;

constexpr std::string_view kTimes = "; slow 2s\"\n    timeout: 10s\n";

/// Steps s1 to s5, one after the other; `third` and `fourth` say what those two do.
std::string saga(
    std::string_view third, std::string_view fourth, std::string_view undo_second = "exit 0"
) {
  const std::vector<std::string> scripts = {
      "exit 0", "exit 0", std::string(third), std::string(fourth), "exit 0"};
  std::string tasks;
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    tasks += concat("  - name: s", i + 1, "\n    script: \"", scripts[i], kTimes);
    if (i > 0) {
      tasks += concat("    needs: [s", i, "]\n");
    }
    tasks += concat("    compensate:\n      script: \"", i == 1 ? undo_second : "exit 0", "\"\n");
    tasks += "      timeout: 10s\n      retry: {max: 2, delay: 1s}\n";
  }
  return workflow_of("saga", tasks);
}

const std::vector<std::string> kThreeTwoOne = {"s3", "s2", "s1"};

void expect_undone_once(const Installation& site, const std::string& mission) {
  for (const char* step : {"s1", "s2", "s3"}) {
    EXPECT_EQ(site.completions(mission, step), 1U) << step;
    EXPECT_EQ(site.completions(mission, concat(step, "~compensate")), 1U) << step;
    EXPECT_EQ(site.executions(mission, concat(step, "~compensate")), 1U) << step;
  }
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(site.task(mission, i).attempts, 1U) << "step " << i + 1;
  }
  EXPECT_EQ(site.executions(mission, "s4"), 1U);
  EXPECT_EQ(site.executions(mission, "s4~compensate"), 0U);
  EXPECT_EQ(site.executions(mission, "s5"), 0U);
}

TEST(Saga, UndoesWhatHappenedInReverseOrderWhenAStepFails) {
  Installation site;
  site.submit(saga("exit 0", "exit 1"), "order");
  site.expect_sound();
  EXPECT_EQ(site.state("order"), MissionState::Failed);
  EXPECT_EQ(site.checkers().compensation_order(MissionName("order")), kThreeTwoOne);
  expect_undone_once(site, "order");
  EXPECT_EQ(site.transitions("order").at(3), "ACTIVE>COMPENSATING compensation");
}

TEST(Saga, ComesToTheSameEndWhereverTheControllerIsKilled) {
  std::uint64_t points = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    bool killed = true;
    for (std::uint64_t boundary = 1; killed; ++boundary) {
      Installation site(seed);
      site.controller().crash_at(boundary);
      site.submit(saga("exit 0", "exit 1"), "order");
      site.expect_sound();
      EXPECT_EQ(site.state("order"), MissionState::Failed);
      EXPECT_EQ(site.checkers().compensation_order(MissionName("order")), kThreeTwoOne);
      expect_undone_once(site, "order");
      ASSERT_FALSE(HasFailure()) << "seed " << seed << ", killed at boundary " << boundary;
      // Not killed: it was over before it came to that boundary.
      killed = site.controller().crashes() > 0;
      points += killed ? 1 : 0;
    }
  }
  EXPECT_GE(points, 50U);
}

TEST(Saga, UndoesAStepWhoseOutcomeIsUnknown) {
  Installation site;
  site.submit(saga("hang", "exit 0"), "order");
  site.expect_sound();
  EXPECT_EQ(site.state("order"), MissionState::Failed);
  EXPECT_EQ(site.executions("order", "s3"), 1U);
  EXPECT_EQ(site.checkers().compensation_order(MissionName("order")), kThreeTwoOne);
  EXPECT_EQ(site.completions("order", "s3~compensate"), 1U);
}

TEST(Saga, UndoesAStepThatTimedOutThoughItsWorkWasDone) {
  Installation site;
  site.submit(saga("done-hang", "exit 0"), "order");
  site.expect_sound();
  EXPECT_EQ(site.state("order"), MissionState::Failed);
  EXPECT_EQ(site.task("order", 2).error_code, "ERR_TASK_TIMED_OUT");
  EXPECT_EQ(site.completions("order", "s3"), 1U);
  EXPECT_EQ(site.checkers().compensation_order(MissionName("order")), kThreeTwoOne);
  for (const char* step : {"s1", "s2", "s3"}) {
    EXPECT_EQ(site.completions("order", concat(step, "~compensate")), 1U) << step;
  }
  EXPECT_EQ(site.executions("order", "s4"), 0U);
}

TEST(Saga, IsHeldAndVisibleWhenAnUndoFailsAndGoesOnWhenResumed) {
  Installation site;
  site.submit(saga("exit 0", "exit 1", "exit 1,1,1,0"), "order");
  site.run_until_idle();
  ASSERT_EQ(site.state("order"), MissionState::Held);
  ASSERT_EQ(site.mission("order").holds.size(), 1U);
  const model::Hold& hold = site.mission("order").holds.front();
  EXPECT_EQ(hold.kind, model::HoldKind::CompensationFailed);
  EXPECT_EQ(hold.subject, "s2");
  EXPECT_NE(hold.message.find("reeve release"), std::string::npos);
  EXPECT_EQ(site.executions("order", "s2~compensate"), 3U);
  EXPECT_EQ(site.executions("order", "s1~compensate"), 0U);

  site.client().resume(MissionName("order"));
  site.expect_sound();
  EXPECT_EQ(site.state("order"), MissionState::Failed);
  EXPECT_EQ(site.completions("order", "s2~compensate"), 1U);
  EXPECT_EQ(site.completions("order", "s1~compensate"), 1U);
}

TEST(Saga, GivesUpTheFailedUndoAndDoesTheOthersWhenAbortedWhileHeld) {
  Installation site;
  site.submit(saga("exit 0", "exit 1", "exit 1"), "order");
  site.run_until_idle();
  ASSERT_EQ(site.state("order"), MissionState::Held);
  site.client().abort(MissionName("order"));
  site.expect_sound();
  EXPECT_EQ(site.state("order"), MissionState::Aborted);
  EXPECT_EQ(site.completions("order", "s2~compensate"), 0U);
  EXPECT_EQ(site.completions("order", "s1~compensate"), 1U);
}

TEST(Saga, KeepsTwoHundredInParallelApart) {
  engine::Limits limits;
  limits.run_slots = 16;
  Installation site(3, limits);
  for (int i = 0; i < 200; ++i) {
    site.submit(saga("exit 0", i % 2 == 0 ? "exit 1" : "exit 0"), concat("order-", i));
  }
  site.expect_sound();
  for (int i = 0; i < 200; ++i) {
    const std::string name = concat("order-", i);
    if (i % 2 == 0) {
      EXPECT_EQ(site.state(name), MissionState::Failed) << name;
      expect_undone_once(site, name);
    } else {
      EXPECT_EQ(site.state(name), MissionState::Complete) << name;
      EXPECT_EQ(site.executions(name, "s1~compensate"), 0U) << name;
    }
  }
}

}  // namespace
}  // namespace reeve::sim
