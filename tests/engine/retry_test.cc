#include <gtest/gtest.h>

#include "walk.h"

namespace reeve::engine {
namespace {

using namespace std::chrono_literals;

TEST(TaskRetry, RunsThreeTimesWhenItFailsTwice) {
  Walk w;
  w.submit({"{name: a, script: 'echo $REEVE_ATTEMPT', retry: {max: 3}}"});
  w.finished("a", 1);
  w.finished("a", 1);
  w.finished("a", 0);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.a.2 m.1.a.3");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.count_events("run.ended"), 3U);
}

TEST(TaskRetry, GivesUpAfterOneMoreRunThanRetries) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 3}}"});
  for (int run = 0; run < 4; ++run) {
    EXPECT_EQ(w.state(), run == 0 ? "LAUNCHING" : "ACTIVE");
    w.finished("a", 1);
  }
  EXPECT_EQ(w.task("a").attempts, 4U);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
}

TEST(TaskRetry, IsSpacedByTheBackoff) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 3, backoff: {min: 1s, max: 3s, factor: 2}}}"});
  for (const Duration delay : {1000ms, 2000ms, 3000ms}) {
    w.finished("a", 1);
    EXPECT_EQ(w.task_state("a"), "PENDING");
    EXPECT_EQ(w.timer("retry:a"), w.now() + delay);
    EXPECT_EQ(w.engine().runs_on_hosts(), 0U) << "waiting takes no slot";
    w.advance(delay - 1ms);
    EXPECT_EQ(w.task_state("a"), "PENDING");
    w.advance(1ms);
    EXPECT_EQ(w.task_state("a"), "LAUNCHING");
  }
}

TEST(TaskRetry, StartsAnewWhenTheTaskIsReachedAgain) {
  Walk w;
  w.submit(
      {"{name: go, method: NOOP, onCompleted: a}",
       "{name: a, script: x, retry: {max: 1}, onFailed: fix}",
       "{name: fix, script: x, onCompleted: a}"}
  );
  w.finished("a", 1);
  w.finished("a", 1);
  w.finished("fix");
  w.finished("a", 1);
  EXPECT_EQ(w.task_state("a"), "LAUNCHING") << "a retry is left again";
  w.finished("a");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(TaskRetry, MergesOutputsOverAttempts) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 1}}"});
  w.finished("a", 1, {{"one", "1"}, {"both", "first"}});
  w.finished("a", 0, {{"two", "2"}, {"both", "second"}});
  const std::vector<model::NamedValue> expected = {{"one", "1"}, {"both", "second"}, {"two", "2"}};
  EXPECT_EQ(w.task("a").outputs, expected);
}

TEST(MissionRetry, RunsTheFailedTaskAgainAndKeepsWhatIsComplete) {
  Walk w;
  w.submit(
      {"{name: a, script: x}", "{name: b, needs: [a], script: 'echo {{ .v }}'}"}, "retry: {max: 1}"
  );
  w.finished("a", 0, {{"v", "kept"}});
  w.finished("b", 1);
  EXPECT_EQ(w.mission().epoch, 2U);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.2.b.1");
  EXPECT_EQ(w.task_state("a"), "COMPLETE") << "its result is reused";
  EXPECT_EQ(w.launch_of("b").spec.steps.at(0).script, "echo kept");
  w.finished("b");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.task("a").attempts, 1U);
  EXPECT_EQ(w.task("b").attempts, 2U);
}

TEST(MissionRetry, FailsWhenItsRetriesAreUsedUp) {
  Walk w;
  w.submit({"{name: a, script: x}"}, "retry: {max: 2}");
  w.finished("a", 1);
  w.finished("a", 1);
  w.finished("a", 1);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.2.a.1 m.3.a.1");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
}

TEST(MissionRetry, WaitsItsDelayInAHold) {
  Walk w;
  w.submit({"{name: a, script: x}"}, "retry: {max: 1, delay: 10s}");
  w.finished("a", 1);
  EXPECT_EQ(w.state(), "HELD");
  ASSERT_EQ(w.mission().holds.size(), 1U);
  EXPECT_EQ(w.mission().holds[0].kind, model::HoldKind::Backoff);
  EXPECT_EQ(w.mission().holds[0].deadline, w.now() + 10s);
  EXPECT_FALSE(w.mission().holds[0].message.empty());
  w.advance(10s - 1ms);
  EXPECT_EQ(w.state(), "HELD");
  w.advance(1ms);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.2.a.1");
  EXPECT_TRUE(w.mission().holds.empty());
  w.finished("a");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.mission().error_code, "");
}

TEST(MissionRetry, RunsACompletedTaskAgainAfterOneThatItNeeds) {
  Walk w;
  w.submit(
      {"{name: a, script: x, onFailed: fix, onCompleted: b}",
       "{name: fix, script: x}",
       "{name: b, script: x, onCompleted: c}",
       "{name: c, script: x}"},
      "retry: {max: 1}"
  );
  w.finished("a");
  w.finished("b");
  w.finished("c", 1);
  EXPECT_EQ(w.mission().epoch, 2U);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.1.c.1 m.2.c.1") << "a and b are reused on the way";
}

TEST(MissionRetry, HardResetRunsCompletedTasksAgain) {
  Walk w;
  const Result<Reply> reply = w.submit_text(R"(job_type: io
retry: 3
hard_reset_after_retries: 1
tasks:
- task_type: a
  method: SHELL
  script: [x]
  on_completed: b
- task_type: b
  method: SHELL
  script: [x]
)");
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
  w.finished("a");
  w.finished("b", 1);
  if (w.state() == "HELD") {
    w.resume();
  }
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.2.b.1");
  w.finished("b", 1);
  if (w.state() == "HELD") {
    w.resume();
  }
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.2.b.1 m.3.a.1") << "the second retry is a full one";
}

TEST(MissionRetry, IsNotWantedAfterFatal) {
  Walk w;
  w.submit({"{name: a, script: x, onExitCode: {'1': FATAL}}"}, "retry: {max: 5}");
  w.finished("a", 1);
  EXPECT_EQ(w.verdict(), "FAILED ERR_FATAL");
  EXPECT_EQ(w.mission().epoch, 1U);
}

TEST(MissionRetry, RestartJobNeedsNoRetriesButHasALimit) {
  Walk w(Limits{.epochs_max = 4});
  w.submit({"{name: a, script: x, onExitCode: {'9': RESTART_JOB}}"});
  for (int epoch = 0; epoch < 4; ++epoch) {
    EXPECT_EQ(w.mission().epoch, static_cast<std::uint32_t>(epoch) + 1U);
    w.finished("a", 9);
  }
  EXPECT_EQ(w.verdict(), "FAILED ERR_RESTART_JOB");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.2.a.1 m.3.a.1 m.4.a.1");
}

TEST(MissionRetry, RestartJobIsAMoveToQueuedWithReasonRetry) {
  Walk w;
  w.submit({"{name: a, script: x, onExitCode: {'9': RESTART_JOB}}"});
  w.finished("a", 9);
  EXPECT_EQ(
      w.moves(),
      "QUEUED/user_request LAUNCHING/scheduler ACTIVE/agent_ready QUEUED/retry LAUNCHING/scheduler"
  );
}

TEST(MissionRetry, ShowsNoStatusOfATaskThatHasNotEndedInThisEpoch) {
  Walk w;
  w.submit(
      {"{name: a, script: 'x {{ index . \"b-status\" }}', onFailed: b}", "{name: b, script: x}"},
      "retry: {max: 1}\nvariables: {b-status: none}"
  );
  EXPECT_EQ(w.launch_of("a").spec.steps.at(0).script, "x none");
  w.finished("a", 1);
  w.finished("b");
  ASSERT_EQ(w.mission().epoch, 2U);
  EXPECT_EQ(w.launch_of("a").spec.steps.at(0).script, "x COMPLETED") << "its result is kept";
  Walk failed;
  failed.submit(
      {"{name: a, script: 'x {{ index . \"b-status\" }}', onFailed: b}", "{name: b, script: x}"},
      "retry: {max: 1}\nvariables: {b-status: none}"
  );
  failed.finished("a", 1);
  failed.finished("b", 1, {{"v", "1"}});
  ASSERT_EQ(failed.mission().epoch, 2U);
  EXPECT_EQ(failed.launch_of("a").spec.steps.at(0).script, "x none");
}

TEST(Poll, DoesNotUseUpRetries) {
  Walk w;
  w.submit({"{name: a, script: x, onExitCode: {'5': EXECUTING}, retry: {max: 1, delay: 1s}}"});
  for (int poll = 0; poll < 10; ++poll) {
    w.finished("a", 5);
    w.advance(1s);
  }
  EXPECT_EQ(w.task("a").polls, 10U);
  w.finished("a", 1);
  w.advance(1s);
  w.finished("a");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(RestartJob, WaitsForTheDelayOfTheWhole) {
  Walk w;
  w.submit({"{name: a, script: x, onExitCode: {'9': RESTART_JOB}}"}, "retry: {max: 1, delay: 10s}");
  w.finished("a", 9);
  EXPECT_EQ(w.state(), "HELD");
  w.advance(10s - 1ms);
  EXPECT_EQ(w.state(), "HELD");
  EXPECT_EQ(w.launches(), "m.1.a.1");
  w.advance(1ms);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.2.a.1");
  w.finished("a");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Poll, HasADelayOfItsOwnWhenTheTaskSetsNone) {
  Walk w;
  w.submit({"{name: a, script: x, onExitCode: {'5': EXECUTING}}"});
  w.finished("a", 5);
  EXPECT_EQ(w.timer("retry:a"), w.now() + 2s);
}

TEST(Poll, EndsWithTheTimeoutOfTheTask) {
  Walk w;
  w.submit(
      {"{name: a, script: x, timeout: 10s, onExitCode: {'5': EXECUTING}, onFailed: b}",
       "{name: b, script: x}"}
  );
  int polls = 0;
  while (w.task_state("a") != "FAILED" && polls < 20) {
    w.finished("a", 5);
    w.advance(2s);
    ++polls;
  }
  EXPECT_EQ(polls, 6) << "at 0, 2, 4, 6, 8 and 10 seconds";
  EXPECT_EQ(w.task("a").error_code, "ERR_TASK_TIMED_OUT");
  w.finished("b");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_TIMED_OUT");
}

TEST(Poll, EndsWithATimeoutThatIsATemplate) {
  Walk w;
  w.submit(
      {"{name: a, script: x, timeout: '{{ .limit }}', onExitCode: {'5': EXECUTING}}"},
      "params: {limit: 10s}"
  );
  int polls = 0;
  while (w.task_state("a") != "FAILED" && polls < 20) {
    w.finished("a", 5);
    w.advance(2s);
    ++polls;
  }
  EXPECT_EQ(polls, 6);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_TIMED_OUT");
}

TEST(Poll, OfATaskWithoutATimeoutLastsAsLongAsTheMissionMay) {
  Walk w;
  w.submit(
      {"{name: a, script: x, retry: {delay: 1h}, onExitCode: {'5': EXECUTING}}"}, "timeout: 5h"
  );
  for (int poll = 0; poll < 4; ++poll) {
    w.finished("a", 5);
    EXPECT_EQ(w.task_state("a"), "PENDING");
    w.advance(1h);
  }
  w.finished("a");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Poll, StopsWhenTheMissionStops) {
  Walk w;
  w.submit(
      {"{name: a, script: x, onExitCode: {'5': EXECUTING}}",
       "{name: b, script: x, onFailed: FATAL}"}
  );
  w.finished("b", 1);
  w.finished("a", 5);
  EXPECT_EQ(w.verdict(), "FAILED ERR_FATAL");
}

TEST(Poll, GoesOnAfterTheFailureOfAnotherBranch) {
  Walk w;
  w.submit({"{name: a, script: x, onExitCode: {'5': EXECUTING}}", "{name: b, script: x}"});
  w.finished("b", 1);
  w.finished("a", 5);
  w.advance(2s);
  w.finished("a");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
  EXPECT_EQ(w.tasks(), "a=COMPLETE b=FAILED");
}

TEST(TaskTimeout, IsRetriedWhileRetriesAreLeft) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 1}}"});
  w.ended("a", model::RunEnd::TimedOut);
  EXPECT_EQ(w.task_state("a"), "LAUNCHING");
  w.ended("a", model::RunEnd::TimedOut);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_TIMED_OUT");
  EXPECT_EQ(w.mission().reason, model::Reason::Timeout);
}

TEST(TaskEnds, OfEveryOtherKindAreFailures) {
  for (const model::RunEnd end :
       {model::RunEnd::Signalled, model::RunEnd::OutOfMemory, model::RunEnd::LaunchFailed}) {
    Walk w;
    w.submit({"{name: a, script: x}"});
    w.ended("a", end);
    EXPECT_EQ(w.state(), "FAILED") << to_string(end);
    EXPECT_EQ(w.task_state("a"), "FAILED") << to_string(end);
  }
}

TEST(TaskEnds, LaunchFailureHasAnErrorCodeOfItsOwn) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.ended("a", model::RunEnd::LaunchFailed);
  EXPECT_EQ(w.verdict(), "FAILED ERR_ANT_EXECUTION_FAILED");
  EXPECT_EQ(w.moves(), "QUEUED/user_request LAUNCHING/scheduler FAILED/failure");
}

TEST(TaskEnds, ACancelThatNobodyAskedForIsNoSuccess) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.ended("a", model::RunEnd::Cancelled);
  EXPECT_EQ(w.verdict(), "FAILED ERR_JOB_CANCELLED");
}

}  // namespace
}  // namespace reeve::engine
