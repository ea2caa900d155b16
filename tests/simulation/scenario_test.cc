// Checks of single promises on virtual time: CHK-H1c/d, H5a/b/c/e, F1b/c/d.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "installation.h"
#include "kernel/audit.h"

namespace reeve::sim {
namespace {

using model::MissionState;
using model::TaskState;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kLaunchTimeout{30'000};
constexpr Duration kTick{1000};

std::string one_task(std::string_view script, std::string_view more = {}) {
  return workflow_of(
      "one", concat("  - name: work\n    script: \"", script, "\"\n    timeout: 10m\n", more)
  );
}

std::string two_steps() {
  return workflow_of(
      "two",
      "  - name: first\n    script: \"exit 0; slow 3s\"\n    timeout: 1m\n"
      "  - name: second\n    script: \"exit 0; slow 3s\"\n    timeout: 1m\n    needs: [first]\n"
  );
}

std::vector<Timestamp> starts(Installation& site) {
  std::vector<Timestamp> times;
  for (const auto& [fence, record] : site.host().runs()) {
    times.push_back(record.result.started_at);
  }
  return times;
}

// --- H1: missions -------------------------------------------------------------------------------

TEST(Crash, LeavesTheOldOrTheNewStateAtAThousandPoints) {
  const std::vector<std::string> expected = [] {
    Installation site;
    site.submit(two_steps(), "build");
    site.expect_sound();
    return site.transitions("build");
  }();
  ASSERT_EQ(expected.back(), "ACTIVE>COMPLETE completion");
  std::uint64_t points = 0;
  for (std::uint64_t seed = 1; points < 1000; ++seed) {
    Installation site(seed);
    site.controller().crash_at(1 + seed % 24);
    site.submit(two_steps(), "build");
    while (site.controller().crashes() == 0 && !site.at_rest() && !site.violation()) {
      site.world().step();
    }
    if (site.controller().crashes() == 1) {
      ++points;
      // What the disk has now is one of the states in between: rows and events agree.
      const auto audited = kernel::audit(site.disk(), site.shelf().loader());
      ASSERT_TRUE(audited.ok()) << audited.error().describe();
    }
    site.expect_sound();
    ASSERT_EQ(site.transitions("build"), expected) << "seed " << seed;
    ASSERT_EQ(site.completions("build", "first"), 1U);
    ASSERT_EQ(site.completions("build", "second"), 1U);
    ASSERT_EQ(site.task("build", 0).attempts, 1U);
    ASSERT_EQ(site.task("build", 1).attempts, 1U);
  }
}

TEST(Launch, IsTriedAgainWhenTheHostDoesNotConfirmInTime) {
  Installation site;
  site.host().stop_confirming(true);
  site.submit(one_task("exit 0"), "build");
  site.advance(seconds(1));
  ASSERT_EQ(site.state("build"), MissionState::Launching);
  site.advance(kLaunchTimeout + kTick);
  EXPECT_EQ(site.task("build", 0).run.attempt, 2U);
  const std::vector<std::string> moves = site.transitions("build");
  EXPECT_NE(std::find(moves.begin(), moves.end(), "LAUNCHING>QUEUED timeout"), moves.end());
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Complete);
}

TEST(Launch, FailsTheMissionWhenNoAttemptIsLeft) {
  Installation site;
  site.host().stop_confirming(true);
  site.submit(one_task("exit 0", "    retry: {max: 1}\n"), "build");
  site.advance(2 * (kLaunchTimeout + kTick));
  EXPECT_EQ(site.state("build"), MissionState::Failed);
  EXPECT_EQ(site.task("build", 0).attempts, 2U);
  EXPECT_EQ(site.task("build", 0).error_code, "ERR_WORKER_LOST");
  site.expect_sound();
}

TEST(Launch, IsNotCarriedOutTwiceWhenTheConfirmationIsLost) {
  Installation site;
  site.faults().report_lost = kAlways;
  site.submit(one_task("exit 0; slow 5s"), "build");
  site.advance(seconds(20));
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Complete);
  for (const auto& [fence, record] : site.host().runs()) {
    EXPECT_EQ(record.executions, 1U);
  }
}

// --- H5: hosts ----------------------------------------------------------------------------------

TEST(Host, DeathQueuesTheMissionAndItRunsAgain) {
  Installation site;
  site.submit(one_task("exit 0; slow 60s"), "build");
  site.advance(seconds(10));
  ASSERT_EQ(site.state("build"), MissionState::Active);
  site.host().die(seconds(2));
  site.advance(seconds(5));
  const std::vector<std::string> moves = site.transitions("build");
  EXPECT_NE(std::find(moves.begin(), moves.end(), "ACTIVE>QUEUED worker_lost"), moves.end());
  EXPECT_EQ(site.state("build"), MissionState::Active);
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Complete);
  EXPECT_EQ(site.task("build", 0).attempts, 2U);
}

TEST(Host, DeathIsNoticedAlsoWhenItsReportIsLost) {
  Installation site;
  site.submit(one_task("exit 0; slow 60s"), "build");
  site.advance(seconds(10));
  site.faults().report_lost = kAlways;
  site.host().die(seconds(2));
  site.advance(seconds(5));
  site.faults().report_lost = 0;
  ASSERT_EQ(site.state("build"), MissionState::Active);
  site.advance(seconds(31));
  EXPECT_EQ(site.task("build", 0).attempts, 2U);
  site.expect_sound();
}

TEST(Host, ZombieWithAnOldFenceChangesNothing) {
  Installation site;
  site.submit(one_task("exit 0,7; slow 60s"), "build");
  site.advance(seconds(10));
  site.faults().zombie = kAlways;
  site.host().die(seconds(1));
  site.advance(seconds(10));
  ASSERT_EQ(site.task("build", 0).attempts, 2U);
  // The zombie completes with 0 while the second run still works; that one ends with 7.
  site.advance(seconds(45));
  EXPECT_EQ(site.completions("build", "work"), 1U);
  EXPECT_EQ(site.state("build"), MissionState::Active);
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Failed);
  EXPECT_EQ(site.task("build", 0).exit_code, "7");
}

TEST(Task, ThatAlwaysKillsItsSupervisorRunsOnceMoreThanItsRetriesAndHarmsNobody) {
  Installation site;
  site.submit(one_task("kill-supervisor", "    retry: {max: 2}\n"), "killer");
  site.submit(one_task("exit 0; slow 5s"), "bystander");
  site.expect_sound();
  EXPECT_EQ(site.state("killer"), MissionState::Failed);
  EXPECT_EQ(site.executions("killer", "work"), 3U);
  EXPECT_EQ(site.state("bystander"), MissionState::Complete);
  EXPECT_EQ(site.executions("bystander", "work"), 1U);
}

TEST(Host, AndControllerDieTogetherAndTheMissionStillFinishes) {
  Installation site;
  site.submit(one_task("exit 0; slow 60s"), "build");
  site.advance(seconds(10));
  ASSERT_EQ(site.state("build"), MissionState::Active);
  site.host().die(seconds(1));
  site.controller().crash(seconds(3));
  site.advance(seconds(4) + kTick);
  EXPECT_EQ(site.task("build", 0).attempts, 2U);
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Complete);
  EXPECT_EQ(site.completions("build", "work"), 1U);
}

TEST(Controller, DeathDoesNotTouchARunThatGoesOn) {
  Installation site;
  site.submit(one_task("exit 0; slow 60s"), "build");
  site.advance(seconds(10));
  site.controller().crash(seconds(120));
  site.advance(seconds(100));
  EXPECT_EQ(site.completions("build", "work"), 1U);
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Complete);
  EXPECT_EQ(site.task("build", 0).attempts, 1U);
}

// --- aborting -----------------------------------------------------------------------------------

TEST(Abort, EndsTheRunsWithinTheirGrace) {
  Installation site;
  site.submit(one_task("exit 0; slow 5m"), "build");
  site.advance(seconds(10));
  site.client().abort(MissionName("build"));
  site.advance(seconds(6));
  EXPECT_EQ(site.state("build"), MissionState::Aborted);
  EXPECT_EQ(site.completions("build", "work"), 0U);
  site.expect_sound();
}

TEST(Abort, IsPassedOnAgainWhenTheRequestIsLost) {
  Installation site;
  site.submit(one_task("exit 0; slow 5m"), "build");
  site.advance(seconds(10));
  site.faults().effect_lost = kAlways;
  site.client().abort(MissionName("build"));
  site.advance(seconds(6));
  ASSERT_EQ(site.state("build"), MissionState::Active);
  site.faults().effect_lost = 0;
  site.advance(seconds(36));
  EXPECT_EQ(site.state("build"), MissionState::Aborted);
  site.expect_sound();
}

TEST(Abort, SurvivesTheControllerThatWasAskedForIt) {
  Installation site;
  site.submit(one_task("exit 0; slow 5m"), "build");
  site.advance(seconds(10));
  site.faults().effect_lost = kAlways;
  site.client().abort(MissionName("build"));
  site.advance(seconds(1));
  site.controller().crash(seconds(1));
  site.faults().effect_lost = 0;
  site.advance(seconds(7));
  EXPECT_EQ(site.state("build"), MissionState::Aborted);
  EXPECT_EQ(site.completions("build", "work"), 0U);
  site.expect_sound();
}

// --- F1: attempts -------------------------------------------------------------------------------

TEST(Attempts, TwoFailuresAndASuccessAreThreeRuns) {
  Installation site;
  site.submit(one_task("exit 1,1,0; out", "    retry: {max: 3, delay: 1s}\n"), "build");
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Complete);
  std::vector<int> codes;
  for (const auto& [fence, record] : site.host().runs()) {
    codes.push_back(record.result.exit_code);
  }
  EXPECT_EQ(codes, (std::vector<int>{1, 1, 0}));
  EXPECT_EQ(site.task("build", 0).outputs.at(0).second, "3");
}

TEST(Attempts, EndAfterTheLastRetryAndKeepTheBackoff) {
  Installation site;
  site.submit(
      one_task(
          "exit 1; slow 0s", "    retry: {max: 3, backoff: {min: 10s, max: 60s, factor: 2}}\n"
      ),
      "build"
  );
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Failed);
  const std::vector<Timestamp> times = starts(site);
  ASSERT_EQ(times.size(), 4U);
  const std::vector<Duration> delays = {seconds(10), seconds(20), seconds(40)};
  for (std::size_t i = 0; i < delays.size(); ++i) {
    const Duration gap = times[i + 1] - times[i];
    EXPECT_GE(gap, delays[i]);
    EXPECT_LE(gap, delays[i] + delays[i] / 10);
  }
}

TEST(Attempts, KeepTheirNumberWhenTheControllerDiesDuringTheBackoff) {
  Installation site;
  site.submit(one_task("exit 1,0; slow 0s", "    retry: {max: 1, delay: 20s}\n"), "build");
  site.advance(seconds(5));
  site.controller().crash(seconds(3));
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Complete);
  const std::vector<Timestamp> times = starts(site);
  ASSERT_EQ(times.size(), 2U);
  EXPECT_GE(times[1] - times[0], seconds(20));
}

TEST(Timeout, EndsTheRunAtItsDeadline) {
  Installation site;
  site.submit(
      workflow_of("one", "  - name: work\n    script: \"hang\"\n    timeout: 2s\n"), "build"
  );
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Failed);
  EXPECT_EQ(site.task("build", 0).error_code, "ERR_TASK_TIMED_OUT");
  const RunRecord& record = site.host().runs().begin()->second;
  EXPECT_EQ(record.result.ended_at - record.result.started_at, seconds(2));
}

TEST(Timeout, OfATaskWithoutOneIsThatOfTheJob) {
  Installation site;
  site.submit(
      "job_type: long\ntimeout: 24h\ntasks:\n"
      "- {task_type: work, method: DOCKER, container: {image: alpine}, script: [\"exit 0; slow "
      "5h\"]}\n",
      "build"
  );
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Complete);
  const RunRecord& record = site.host().runs().begin()->second;
  EXPECT_EQ(record.result.ended_at - record.result.started_at, std::chrono::hours(5));
}

// --- bugs that the simulation found -------------------------------------------------------------

TEST(Regression, ARepeatedSubmissionIsAnsweredAlsoAfterTheMissionHasEnded) {
  Installation site;
  const auto workflow = site.shelf().load(one_task("exit 0; slow 0s"));
  ASSERT_TRUE(workflow.ok());
  site.faults().reply_lost = kAlways;
  const std::size_t request = site.client().submit(*workflow, "build");
  site.advance(seconds(9));
  ASSERT_EQ(site.state("build"), MissionState::Complete);
  site.faults().reply_lost = 0;
  site.expect_sound();
  ASSERT_NE(site.client().answer(request), nullptr);
  EXPECT_EQ((*site.client().answer(request))->uid, site.mission("build").uid);
  EXPECT_EQ((*site.client().answer(request))->state, MissionState::Complete);
}

TEST(Regression, ALoopOfRoutesThatCannotStartEndsTheMission) {
  engine::Limits limits;
  limits.starts_max = 20;
  Installation site(1, limits);
  site.submit(
      workflow_of(
          "loop",
          "  - name: a\n    script: \"exit 0\"\n    onCompleted: b\n"
          "  - name: b\n    script: \"exit 1\"\n    onFailed: c\n"
          "  - name: c\n    script: \"exit 1\"\n    onFailed: b\n"
      ),
      "build"
  );
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Failed);
  const std::vector<model::TaskStatus>& tasks = site.mission("build").tasks;
  EXPECT_TRUE(std::any_of(tasks.begin(), tasks.end(), [](const model::TaskStatus& task) {
    return task.error_code == "ERR_LOOP_LIMIT";
  }));
}

TEST(Regression, APauseAfterAFailedLaunchHoldsTheMission) {
  Installation site;
  site.submit(one_task("nolaunch,0", "    onFailed: PAUSE_JOB\n"), "build");
  site.advance(seconds(5));
  EXPECT_EQ(site.state("build"), MissionState::Held);
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Complete);
}

TEST(Regression, ALaunchThatFailsMayBeRoutedToCompleted) {
  Installation site;
  site.submit(one_task("nolaunch", "    onFailed: COMPLETED\n"), "build");
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Complete);
}

TEST(Regression, ALostRunIsRoutedAsAnyFailure) {
  Installation site;
  site.submit(one_task("kill-supervisor", "    onFailed: ERR_GONE\n"), "build");
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Failed);
  EXPECT_EQ(site.mission("build").error_code, "ERR_GONE");
}

TEST(Regression, ACleanUpThatAsksToBePolledEndsWithItsTimeout) {
  Installation site;
  site.submit(
      workflow_of(
          "poll",
          "  - name: work\n    script: \"exit 1\"\n"
          "  - name: cleanup\n    alwaysRun: true\n    script: \"exit 1\"\n    timeout: 20s\n"
          "    onFailed: EXECUTING\n"
      ),
      "build"
  );
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Failed);
  EXPECT_EQ(site.task("build", 1).state, TaskState::Failed);
  EXPECT_LT(*site.mission("build").ended_at - site.mission("build").created_at, seconds(60));
}

TEST(Regression, ACleanUpOnTheWalkRunsAgainWhenTheMissionStartsOver) {
  Installation site;
  site.submit(
      "job_type: again\nretry: 1\ndelay_between_retries: 1s\ntasks:\n"
      "- task_type: work\n  method: SHELL\n  script: [\"exit 0\"]\n  on_completed: tidy\n"
      "- task_type: tidy\n  method: SHELL\n  script: [\"exit 0\"]\n  always_run: true\n"
      "  on_completed: last\n"
      "- task_type: last\n  method: SHELL\n  script: [\"exit 1,0\"]\n",
      "build"
  );
  site.expect_sound();
  EXPECT_EQ(site.state("build"), MissionState::Complete);
  EXPECT_EQ(site.executions("build", "work"), 1U);
  EXPECT_EQ(site.executions("build", "tidy"), 2U);
}

}  // namespace
}  // namespace reeve::sim
