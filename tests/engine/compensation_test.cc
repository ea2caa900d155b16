#include <gtest/gtest.h>

#include "walk.h"

namespace reeve::engine {
namespace {

using namespace std::chrono_literals;

std::string step(const std::string& name, const std::string& more = {}) {
  return "{name: " + name + ", script: do, compensate: {script: undo " + name + "}" + more + "}";
}

/// Five steps in a row, each with an undo.
std::vector<std::string> saga() {
  return {
      step("s1"),
      step("s2", ", needs: [s1]"),
      step("s3", ", needs: [s2]"),
      step("s4", ", needs: [s3]"),
      step("s5", ", needs: [s4]")};
}

/// A saga whose fourth step fails.
void fail_at_four(Walk& w) {
  w.submit(saga());
  w.finished("s1");
  w.finished("s2");
  w.finished("s3");
  w.finished("s4", 1);
}

TEST(Compensation, UndoesTheCompletedStepsInReverseOrderOnceEach) {
  Walk w;
  fail_at_four(w);
  EXPECT_EQ(w.state(), "COMPENSATING");
  EXPECT_EQ(w.launch_of("s3~compensate").spec.steps.at(0).script, "undo s3");
  w.finished("s3~compensate");
  w.finished("s2~compensate");
  w.finished("s1~compensate");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
  EXPECT_EQ(
      w.launches(),
      "m.1.s1.1 m.1.s2.1 m.1.s3.1 m.1.s4.1 m.1.s3~compensate.1 m.1.s2~compensate.1 "
      "m.1.s1~compensate.1"
  );
  EXPECT_EQ(
      w.moves(),
      "QUEUED/user_request LAUNCHING/scheduler ACTIVE/agent_ready COMPENSATING/compensation "
      "FAILED/failure"
  );
  EXPECT_EQ(w.mission().message, "task s4 failed with exit code 1");
}

TEST(Compensation, RunsOneAtATime) {
  Walk w;
  fail_at_four(w);
  w.started("s3~compensate");
  EXPECT_EQ(w.engine().runs_on_hosts(), 1U);
  EXPECT_EQ(w.engine().runs_waiting_for_slot(), 0U);
}

TEST(Compensation, IncludesAStepWhoseOutcomeIsUnknown) {
  Walk w;
  w.submit({step("s1"), step("s2", ", needs: [s1]")});
  w.finished("s1");
  w.ended("s2", model::RunEnd::TimedOut);
  EXPECT_EQ(w.state(), "COMPENSATING");
  w.finished("s2~compensate");
  w.finished("s1~compensate");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_TIMED_OUT");
}

TEST(Compensation, IncludesAStepThatWasLost) {
  Walk w(Limits{.lost_max = 0});
  w.submit({step("s1")});
  w.started("s1");
  w.lost("s1");
  EXPECT_EQ(w.state(), "COMPENSATING");
  w.finished("s1~compensate");
  EXPECT_EQ(w.verdict(), "FAILED ERR_WORKER_LOST");
}

TEST(Compensation, LeavesAStepAloneThatFailedByItself) {
  Walk w;
  w.submit({step("s1")});
  w.finished("s1", 1);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
  EXPECT_EQ(w.launches(), "m.1.s1.1");
}

TEST(Compensation, OfAStepThatWasLostOnceAndThenFailed) {
  Walk w;
  w.submit({step("s1")});
  w.started("s1");
  w.lost("s1");
  w.finished("s1", 1);
  EXPECT_EQ(w.state(), "COMPENSATING") << "the lost run may have had an effect";
}

TEST(Compensation, IsNotNeededAfterSuccess) {
  Walk w;
  w.submit({step("s1")});
  w.finished("s1");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.launches(), "m.1.s1.1");
}

TEST(Compensation, WaitsForTheRetriesOfTheWhole) {
  Walk w;
  w.submit({step("s1"), "{name: s2, needs: [s1], script: x}"}, "retry: {max: 1}");
  w.finished("s1");
  w.finished("s2", 1);
  EXPECT_EQ(w.launches(), "m.1.s1.1 m.1.s2.1 m.2.s2.1");
  w.finished("s2", 1);
  EXPECT_EQ(w.state(), "COMPENSATING");
  EXPECT_EQ(w.launch_of("s1~compensate").run.view(), "m.2.s1~compensate.1");
}

TEST(Compensation, IsTriedAgainWithItsDelay) {
  Walk w;
  w.submit(
      {"{name: s1, script: x, compensate: {script: u, retry: {max: 2, delay: 5s}}}",
       "{name: s2, needs: [s1], script: x}"}
  );
  w.finished("s1");
  w.finished("s2", 1);
  w.finished("s1~compensate", 1);
  EXPECT_EQ(w.state(), "COMPENSATING");
  EXPECT_EQ(w.timer("retry:s1~compensate"), w.now() + 5s);
  w.advance(5s);
  w.finished("s1~compensate", 0);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
}

/// A mission that is held because an undo failed for good.
void fail_undo(Walk& w) {
  w.submit(
      {step("s1"),
       "{name: s2, needs: [s1], script: x, compensate: {script: u, retry: {max: 2}}}",
       "{name: s3, needs: [s2], script: x}"}
  );
  w.finished("s1");
  w.finished("s2");
  w.finished("s3", 1);
  for (int run = 0; run < 3; ++run) {
    w.finished("s2~compensate", 1);
    w.advance(1s);
  }
}

TEST(FailedCompensation, HoldsTheMissionForAPerson) {
  Walk w;
  fail_undo(w);
  EXPECT_EQ(w.state(), "HELD");
  ASSERT_EQ(w.mission().holds.size(), 1U);
  EXPECT_EQ(w.mission().holds[0].kind, model::HoldKind::CompensationFailed);
  EXPECT_EQ(w.mission().holds[0].subject, "s2");
  EXPECT_NE(w.mission().holds[0].message.find("failed 3 times"), std::string::npos);
  w.advance(30min);
  EXPECT_EQ(w.state(), "HELD") << "nothing happens by itself";
}

TEST(FailedCompensation, IsNotReleasedByTheDeadlineOfTheMission) {
  Walk w;
  fail_undo(w);
  w.advance(24h);
  EXPECT_EQ(w.state(), "HELD");
  EXPECT_EQ(w.verdict(), "HELD ERR_TASK_EXECUTE");
}

TEST(FailedCompensation, GoesOnWhenResumed) {
  Walk w;
  fail_undo(w);
  w.resume();
  EXPECT_EQ(w.state(), "COMPENSATING");
  EXPECT_EQ(w.launch_of("s2~compensate").run.view(), "m.1.s2~compensate.4");
  w.finished("s2~compensate");
  w.finished("s1~compensate");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
}

TEST(FailedCompensation, IsHeldAgainWhenItFailsAgain) {
  Walk w;
  fail_undo(w);
  w.resume();
  w.finished("s2~compensate", 1);
  EXPECT_EQ(w.state(), "HELD");
  w.resume();
  w.finished("s2~compensate");
  w.finished("s1~compensate");
  EXPECT_EQ(w.state(), "FAILED");
}

TEST(FailedCompensation, IsGivenUpByAnAbortButTheOthersAreUndone) {
  Walk w;
  fail_undo(w);
  w.abort();
  EXPECT_EQ(w.state(), "COMPENSATING");
  w.finished("s1~compensate");
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
}

TEST(FailedCompensation, AfterAnAbortCanBeGivenUpByASecondOne) {
  Walk w;
  w.submit(
      {"{name: s1, script: x, compensate: {script: u, retry: {max: 0}}}",
       "{name: s2, needs: [s1], script: x}"}
  );
  w.finished("s1");
  w.started("s2");
  w.abort();
  w.ended("s2", model::RunEnd::Cancelled);
  w.finished("s1~compensate", 1);
  EXPECT_EQ(w.state(), "HELD");
  w.abort();
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
}

TEST(FailedCompensation, OfAScriptThatCannotBeRenderedHoldsToo) {
  Walk w;
  w.submit(
      {"{name: s1, script: x, compensate: {script: 'echo {{ .nothing }}', retry: {max: 0}}}",
       "{name: s2, needs: [s1], script: x}"}
  );
  w.finished("s1");
  w.finished("s2", 1);
  EXPECT_EQ(w.state(), "HELD");
  EXPECT_EQ(w.mission().holds.at(0).kind, model::HoldKind::CompensationFailed);
}

TEST(Compensation, ThatIsLostRunsAgainAndStaysCompensating) {
  Walk w;
  fail_at_four(w);
  w.started("s3~compensate");
  w.lost("s3~compensate");
  EXPECT_EQ(w.state(), "COMPENSATING");
  EXPECT_EQ(w.launch_of("s3~compensate").run.view(), "m.1.s3~compensate.2");
  w.finished("s3~compensate");
  EXPECT_EQ(w.launch_of("s2~compensate").run.view(), "m.1.s2~compensate.1");
}

TEST(Compensation, ThatIsNeverConfirmedRunsAgain) {
  Walk w;
  fail_at_four(w);
  w.advance(30s);
  EXPECT_EQ(w.state(), "COMPENSATING");
  EXPECT_EQ(w.launch_of("s3~compensate").run.view(), "m.1.s3~compensate.2");
}

TEST(Compensation, ComesBeforeTidyingUp) {
  Walk w;
  w.submit(
      {step("s1"), "{name: s2, needs: [s1], script: x}", "{name: tidy, alwaysRun: true, script: x}"}
  );
  w.finished("s1");
  w.finished("s2", 1);
  w.finished("s1~compensate");
  EXPECT_EQ(w.state(), "COMPENSATING");
  w.finished("tidy");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
  EXPECT_EQ(w.launches(), "m.1.s1.1 m.1.s2.1 m.1.s1~compensate.1 m.1.tidy.1");
}

TEST(Compensation, IgnoresTheDeadlineOfTheMission) {
  Walk w;
  w.submit({step("s1"), "{name: s2, needs: [s1], script: x}"}, "timeout: 1m");
  w.finished("s1");
  w.finished("s2", 1);
  w.started("s1~compensate");
  w.advance(10min);
  EXPECT_EQ(w.state(), "COMPENSATING");
  EXPECT_EQ(w.cancels(), "");
  w.finished("s1~compensate");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
}

TEST(Compensation, OfATaskThatRanInALoopHappensOnce) {
  Walk w;
  w.submit(
      {"{name: go, method: NOOP, onCompleted: a}",
       "{name: a, script: x, onCompleted: b, compensate: {script: u}}",
       "{name: b, script: x, onExitCode: {'1': a}}"}
  );
  w.finished("a");
  w.finished("b", 1);
  w.finished("a");
  w.finished("b", 2);
  EXPECT_EQ(w.state(), "COMPENSATING");
  w.finished("a~compensate");
  EXPECT_EQ(w.state(), "FAILED");
}

TEST(Compensation, OfManySagasDoesNotMix) {
  Walk w(Limits{.run_slots = 4});
  for (int i = 0; i < 20; ++i) {
    w.submit({step("s1"), "{name: s2, needs: [s1], script: x}"}, "", "saga-" + std::to_string(i));
  }
  // Whatever a host has, it finishes; the second step of every odd saga fails.
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 20; ++i) {
      const std::string name = "saga-" + std::to_string(i);
      for (const std::string task : {"s1", "s2"}) {
        if (w.task_state(task, name) == "LAUNCHING") {
          w.finished(task, task == "s2" ? i % 2 : 0, {}, name);
        }
      }
      const auto& undo = w.task("s1", name).undo;
      if (undo && undo->state == model::RunState::Launching) {
        w.finished("s1~compensate", 0, {}, name);
      }
    }
  }
  for (int i = 0; i < 20; ++i) {
    const std::string name = "saga-" + std::to_string(i);
    EXPECT_EQ(w.state(name), i % 2 == 0 ? "COMPLETE" : "FAILED") << name;
    EXPECT_EQ(w.task("s1", name).undo.has_value(), i % 2 == 1) << name;
  }
}

}  // namespace
}  // namespace reeve::engine
