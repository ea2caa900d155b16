#include <gtest/gtest.h>

#include "base/hash.h"
#include "walk.h"

namespace reeve::engine {
namespace {

using namespace std::chrono_literals;

TEST(Loss, QueuesTheMissionAndRunsTheTaskAgain) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.started("a");
  w.lost("a");
  EXPECT_EQ(
      w.moves(),
      "QUEUED/user_request LAUNCHING/scheduler ACTIVE/agent_ready QUEUED/worker_lost "
      "LAUNCHING/scheduler"
  );
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.a.2");
  w.started("a");
  EXPECT_EQ(w.state(), "ACTIVE");
  w.finished("a");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Loss, DoesNotUseUpRetries) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 2}}"});
  w.lost("a");
  w.lost("a");
  w.finished("a", 1);
  w.finished("a", 1);
  w.finished("a", 0);
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.task("a").attempts, 5U);
}

TEST(Loss, KeepsTheFilesOfTheAttemptBeforeIt) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 1}, dependencies: [a], artifacts: {paths: [work]}}"}
  );
  const model::LaunchRun launch = w.launch_of("a");
  model::RunFinished failed{
      .mission = launch.mission, .run = launch.run, .fence = launch.fence, .result = {}};
  failed.result.exit_code = 1;
  failed.result.artifacts.push_back(
      {.path = "work", .digest = sha256("work"), .size_bytes = 4, .expires_at = std::nullopt}
  );
  ASSERT_TRUE(w.report(failed).ok());
  w.lost("a");
  ASSERT_EQ(w.launch_of("a").spec.inputs.size(), 1U) << "an attempt goes on from the one before it";
  EXPECT_EQ(w.launch_of("a").spec.inputs[0].path, "work");
}

TEST(Loss, IsCappedAtTheRetriesWhereThereAreSome) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 2}}"});
  w.lost("a");
  w.lost("a");
  w.lost("a");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.a.2 m.1.a.3") << "maxRetries + 1 runs, not more";
  EXPECT_EQ(w.verdict(), "FAILED ERR_WORKER_LOST");
  EXPECT_EQ(w.mission().reason, model::Reason::WorkerLost);
}

TEST(Loss, IsCappedWithoutRetriesToo) {
  Walk w(Limits{.lost_max = 3});
  w.submit({"{name: a, script: x}"}, "", "poison");
  w.submit({"{name: a, script: x}"}, "", "other");
  for (int run = 0; run < 4; ++run) {
    w.lost("a", "poison");
  }
  EXPECT_EQ(w.verdict("poison"), "FAILED ERR_WORKER_LOST");
  EXPECT_EQ(w.task("a", "poison").attempts, 4U);
  w.finished("a", 0, {}, "other");
  EXPECT_EQ(w.verdict("other"), "COMPLETE");
}

TEST(Loss, BeyondTheCapIsRoutedLikeAFailure) {
  Walk w(Limits{.lost_max = 0});
  w.submit({"{name: a, script: x, onFailed: b}", "{name: b, script: x}"});
  w.lost("a");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1");
  w.finished("b");
  EXPECT_EQ(w.verdict(), "FAILED ERR_WORKER_LOST");
}

TEST(Loss, BeyondTheCapObeysActionsOfTheFailedRoute) {
  Walk restart(Limits{.epochs_max = 2, .lost_max = 0});
  restart.submit({"{name: a, script: x, onFailed: RESTART_JOB}"});
  restart.lost("a");
  EXPECT_EQ(restart.launches(), "m.1.a.1 m.2.a.1");
  Walk pause(Limits{.lost_max = 0});
  pause.submit({"{name: a, script: x, onFailed: PAUSE_JOB}"});
  pause.started("a");
  pause.lost("a");
  EXPECT_EQ(pause.state(), "HELD");
  pause.advance(30s);
  pause.finished("a");
  EXPECT_EQ(pause.verdict(), "COMPLETE");
}

TEST(Loss, BeyondTheCapMayBeAllowed) {
  Walk w(Limits{.lost_max = 0});
  w.submit({"{name: a, script: x, allowFailure: true}", "{name: b, needs: [a], script: x}"});
  w.lost("a");
  w.finished("b");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Loss, OfOneOfTwoRunsLeavesTheOtherAlone) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: b, script: x}"});
  w.started("a");
  w.started("b");
  w.lost("a");
  EXPECT_EQ(w.task_state("b"), "ACTIVE");
  w.finished("b");
  w.finished("a");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Loss, AfterAFatalFailureIsNotRepeated) {
  Walk w;
  w.submit({"{name: a, script: x, onFailed: FATAL}", "{name: b, script: x}"});
  w.started("b");
  w.finished("a", 1);
  w.lost("b");
  EXPECT_EQ(w.tasks(), "a=FAILED b=ABORTED");
  EXPECT_EQ(w.verdict(), "FAILED ERR_FATAL");
}

TEST(Loss, WhileHeldWaitsForTheRelease) {
  Walk w;
  w.submit({"{name: a, script: x, onExitCode: {'4': PAUSE_JOB}}", "{name: b, script: x}"});
  w.started("b");
  w.finished("a", 4);
  w.lost("b");
  EXPECT_EQ(w.state(), "HELD");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1");
  w.advance(30s);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.1.b.2 m.1.a.2");
}

TEST(LaunchTimeout, QueuesTheMissionAndTriesAgain) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.advance(30s - 1ms);
  EXPECT_EQ(w.state(), "LAUNCHING");
  w.advance(1ms);
  EXPECT_EQ(
      w.moves(), "QUEUED/user_request LAUNCHING/scheduler QUEUED/timeout LAUNCHING/scheduler"
  );
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.a.2");
  EXPECT_EQ(w.cancels(), "m.1.a.1") << "the host may have it after all";
}

TEST(LaunchTimeout, FailsWhenItsAttemptsAreExhausted) {
  Walk w(Limits{.lost_max = 2});
  w.submit({"{name: a, script: x}"});
  w.advance(90s);
  EXPECT_EQ(w.verdict(), "FAILED ERR_WORKER_LOST");
  EXPECT_EQ(w.task("a").attempts, 3U);
}

TEST(LaunchTimeout, IsOverOnceTheHostConfirms) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.started("a");
  EXPECT_FALSE(w.timer("launch:a").has_value());
  w.advance(10min);
  EXPECT_EQ(w.launches(), "m.1.a.1");
}

/// Every report about `launch`.
std::vector<model::Report> reports_about(const model::LaunchRun& launch, Fence fence) {
  return {
      model::RunStarted{.mission = launch.mission, .run = launch.run, .fence = fence},
      model::RunFinished{
          .mission = launch.mission, .run = launch.run, .fence = fence, .result = {}},
      model::RunLost{
          .mission = launch.mission, .run = launch.run, .fence = fence, .detail = "late"}};
}

void expect_stale(Walk& w, const model::LaunchRun& launch, Fence fence) {
  const std::size_t before = w.events().size();
  for (const model::Report& report : reports_about(launch, fence)) {
    const Result<Reply> reply = w.report(report);
    ASSERT_FALSE(reply.ok()) << report.index();
    EXPECT_EQ(reply.error().code, ErrorCode::StaleFence) << report.index();
  }
  EXPECT_EQ(w.events().size(), before);
}

TEST(StaleReport, OfALostRunChangesNothing) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  const model::LaunchRun old = w.launch_of("a");
  w.lost("a");
  expect_stale(w, old, old.fence);
  EXPECT_EQ(w.state(), "LAUNCHING");
}

TEST(StaleReport, WithAnotherFenceChangesNothing) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  const model::LaunchRun launch = w.launch_of("a");
  expect_stale(w, launch, Fence(launch.fence.value() - 1));
  expect_stale(w, launch, Fence(launch.fence.value() + 1));
}

TEST(StaleReport, OfAFinishedRunChangesNothing) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: b, needs: [a], script: x}"});
  const model::LaunchRun launch = w.launch_of("a");
  w.finished("a");
  expect_stale(w, launch, launch.fence);
}

TEST(StaleReport, OfAnEndedMissionChangesNothing) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  const model::LaunchRun launch = w.launch_of("a");
  w.finished("a");
  expect_stale(w, launch, launch.fence);
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(StaleReport, OfAnEarlierEpochChangesNothing) {
  Walk w;
  w.submit({"{name: a, script: x}"}, "retry: {max: 1}");
  const model::LaunchRun launch = w.launch_of("a");
  w.finished("a", 1);
  expect_stale(w, launch, launch.fence);
  expect_stale(w, launch, w.launch_of("a").fence);
}

TEST(StaleReport, OfARunThatNeverWasChangesNothing) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  model::LaunchRun launch = w.launch_of("a");
  for (const std::string name : {"m.1.b.1", "m.1.a.2", "m.1.a.0", "m.1.a~compensate.1", "x", ""}) {
    launch.run = RunName(name);
    expect_stale(w, launch, launch.fence);
  }
}

TEST(StaleReport, ARepeatedStartIsFineAndDoesNothing) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.started("a");
  const std::size_t before = w.events().size();
  w.started("a");
  EXPECT_EQ(w.events().size(), before);
}

TEST(StaleReport, OfAnUndoThatIsOverChangesNothing) {
  Walk w;
  w.submit(
      {"{name: a, script: x, compensate: {script: u}}",
       "{name: b, needs: [a], script: x, compensate: {script: u}}",
       "{name: c, needs: [b], script: x}"}
  );
  w.finished("a");
  w.finished("b");
  w.finished("c", 1);
  const model::LaunchRun launch = w.launch_of("b~compensate");
  w.finished("b~compensate");
  expect_stale(w, launch, launch.fence);
}

TEST(Fence, IsTheRevisionOfTheLaunchAndGrows) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  const Fence first = w.launch_of("a").fence;
  EXPECT_EQ(w.events().at(first.value() - 1).type, "run.launching");
  w.lost("a");
  const Fence second = w.launch_of("a").fence;
  EXPECT_GT(second, first);
  EXPECT_EQ(w.events().at(second.value() - 1).type, "run.launching");
}

TEST(Timers, ThatCameTooLateChangeNothing) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 2, delay: 1s}}"});
  w.started("a");
  const std::size_t before = w.events().size();
  for (const std::string key : {"launch:a", "retry:a", "hold:backoff:a", "launch:zz", "", "x"}) {
    const Result<Reply> reply =
        w.command(TimerFired{.owner = mission_key(MissionName("m")), .key = key});
    EXPECT_TRUE(reply.ok()) << key;
  }
  EXPECT_EQ(w.events().size(), before);
  w.finished("a");
  EXPECT_TRUE(w.command(TimerFired{.owner = mission_key(MissionName("m")), .key = "deadline"}).ok()
  );
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

}  // namespace
}  // namespace reeve::engine
