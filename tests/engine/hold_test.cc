#include <gtest/gtest.h>

#include "walk.h"

namespace reeve::engine {
namespace {

using namespace std::chrono_literals;

const std::string kPausing = "{name: a, script: x, onExitCode: {'4': PAUSE_JOB}}";

TEST(Pause, HoldsTheMissionUntilItsTime) {
  Walk w;
  w.submit({kPausing}, "pauseTime: 45s");
  w.finished("a", 4);
  EXPECT_EQ(w.state(), "HELD");
  ASSERT_EQ(w.mission().holds.size(), 1U);
  const model::Hold& hold = w.mission().holds[0];
  EXPECT_EQ(hold.kind, model::HoldKind::Backoff);
  EXPECT_EQ(hold.subject, "a");
  EXPECT_EQ(hold.deadline, w.now() + 45s);
  EXPECT_EQ(w.engine().runs_on_hosts(), 0U) << "a held mission takes no slot";
  w.advance(45s - 1ms);
  EXPECT_EQ(w.state(), "HELD");
  w.advance(1ms);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.a.2");
  w.finished("a");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(
      w.moves(),
      "QUEUED/user_request LAUNCHING/scheduler ACTIVE/agent_ready HELD/user_request "
      "QUEUED/hold_released LAUNCHING/scheduler ACTIVE/agent_ready COMPLETE/completion"
  );
}

TEST(Pause, TakesTheDelayOfTheTaskIfItHasOne) {
  Walk w;
  const Result<Reply> reply = w.submit_text(R"(job_type: io
tasks:
- task_type: a
  method: SHELL
  script: [x]
  delay: 5s
  on_exit_code: {4: PAUSE_JOB}
)");
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
  w.finished("a", 4);
  ASSERT_EQ(w.mission().holds.size(), 1U);
  EXPECT_EQ(w.mission().holds.at(0).deadline, w.now() + 5s);
}

TEST(Pause, EndsEarlierWhenSomeoneResumes) {
  Walk w;
  w.submit({kPausing});
  w.finished("a", 4);
  w.resume();
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.a.2");
  EXPECT_FALSE(w.timer("hold:backoff:a").has_value());
}

TEST(Pause, LetsRunningTasksEndButStartsNothing) {
  Walk w;
  w.submit({kPausing, "{name: b, script: x}", "{name: c, needs: [b], script: x}"});
  w.finished("a", 4);
  EXPECT_EQ(w.state(), "HELD");
  w.finished("b");
  EXPECT_EQ(w.state(), "HELD");
  EXPECT_EQ(w.task_state("c"), "WAITING");
  w.advance(30s);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.1.a.2 m.1.c.1");
}

TEST(Pause, OfTwoTasksWaitsForBothHolds) {
  Walk w;
  w.submit({kPausing, "{name: b, script: x, onExitCode: {'4': PAUSE_JOB}}"}, "pauseTime: 30s");
  w.finished("a", 4);
  w.advance(10s);
  w.finished("b", 4);
  EXPECT_EQ(w.mission().holds.size(), 2U);
  w.advance(20s);
  EXPECT_EQ(w.state(), "HELD") << "the hold of b is not due yet";
  EXPECT_EQ(w.mission().holds.size(), 1U);
  w.advance(10s);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.1.a.2 m.1.b.2");
}

TEST(Pause, FromLaunchingGoesThroughActive) {
  Walk w;
  w.submit({kPausing, "{name: b, script: x}"});
  w.started("a");
  w.started("b");
  w.lost("b");
  EXPECT_EQ(w.state(), "LAUNCHING");
  w.finished("a", 4);
  EXPECT_EQ(w.state(), "HELD");
  w.finished("b");
  w.advance(30s);
  w.finished("a");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Pause, OnAFailedLaunchGoesThroughActive) {
  Walk w;
  w.submit({"{name: a, script: x, onFailed: PAUSE_JOB}"});
  w.ended("a", model::RunEnd::LaunchFailed);
  EXPECT_EQ(w.state(), "HELD");
  w.advance(30s);
  w.finished("a");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Pause, OnATaskThatCannotBeRenderedIsReleasedAgain) {
  Walk w;
  w.submit({"{name: a, script: 'echo {{ .nothing }}', onFailed: PAUSE_JOB}"}, "timeout: 2m");
  EXPECT_EQ(w.state(), "HELD");
  w.advance(2min);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_TIMED_OUT");
}

TEST(Pause, KeepsARetryWaitingUntilItIsOver) {
  Walk w;
  w.submit({kPausing, "{name: b, script: x, retry: {max: 2, delay: 1s}}"});
  w.finished("a", 4);
  w.finished("b", 1);
  w.advance(2s);
  EXPECT_EQ(w.task_state("b"), "PENDING") << "its time has come but the mission is held";
  w.advance(28s);
  EXPECT_EQ(w.task_state("b"), "LAUNCHING");
}

TEST(Pause, IsNoPauseWhenTheMissionStops) {
  Walk w;
  w.submit({kPausing, "{name: b, script: x, onFailed: FATAL}"});
  w.finished("b", 1);
  w.finished("a", 4);
  EXPECT_EQ(w.verdict(), "FAILED ERR_FATAL");
}

TEST(Deadline, EndsAHeldMission) {
  Walk w;
  w.submit({kPausing}, "pauseTime: 1h\ntimeout: 1m");
  w.finished("a", 4);
  w.advance(1min);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_TIMED_OUT");
  EXPECT_EQ(w.timers(), 0U);
}

TEST(Deadline, CancelsWhatRuns) {
  Walk w;
  w.submit(
      {"{name: a, script: x, retry: {max: 5}}", "{name: b, needs: [a], script: x}"}, "timeout: 1m"
  );
  w.started("a");
  w.advance(1min);
  EXPECT_EQ(w.cancels(), "m.1.a.1");
  EXPECT_EQ(w.state(), "ACTIVE") << "until the host has confirmed the end";
  w.ended("a", model::RunEnd::Cancelled);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_TIMED_OUT");
  EXPECT_EQ(w.mission().reason, model::Reason::Timeout);
  EXPECT_EQ(w.mission().message, "not done within 1m");
  EXPECT_EQ(w.tasks(), "a=ABORTED b=SKIPPED");
}

TEST(Deadline, CountsFromTheFirstLaunch) {
  Walk w(Limits{.run_slots = 1});
  w.submit({"{name: a, script: x}"}, "timeout: 1m", "one");
  w.submit({"{name: a, script: x}"}, "timeout: 1m", "two");
  w.started("a", "one");
  w.advance(50s);
  EXPECT_EQ(w.state("two"), "QUEUED");
  EXPECT_FALSE(w.timer("deadline", "two").has_value());
  w.finished("a", 0, {}, "one");
  EXPECT_EQ(w.timer("deadline", "two"), w.now() + 1min);
}

TEST(Deadline, EndsAMissionThatWaitsForARetry) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 5, delay: 1h}}"}, "timeout: 1m");
  w.finished("a", 1);
  w.advance(1min);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_TIMED_OUT");
  EXPECT_EQ(w.task_state("a"), "ABORTED");
}

TEST(Deadline, IsNotRetriedAsAWhole) {
  Walk w;
  w.submit({"{name: a, script: x}"}, "timeout: 1m\nretry: {max: 3}");
  w.started("a");
  w.advance(1min);
  w.ended("a", model::RunEnd::Cancelled);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_TIMED_OUT");
  EXPECT_EQ(w.mission().epoch, 1U);
}

}  // namespace
}  // namespace reeve::engine
