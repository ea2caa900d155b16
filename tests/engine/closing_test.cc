#include <gtest/gtest.h>

#include "walk.h"

namespace reeve::engine {
namespace {

using namespace std::chrono_literals;

const std::string kWork = "{name: a, script: x}";
const std::string kTidy = "{name: tidy, alwaysRun: true, script: x}";

TEST(AlwaysRun, RunsOnceAfterSuccess) {
  Walk w;
  w.submit({kWork, kTidy});
  EXPECT_EQ(w.launches(), "m.1.a.1");
  w.finished("a");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.tidy.1");
  w.finished("tidy");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.task("tidy").attempts, 1U);
}

TEST(AlwaysRun, RunsOnceAfterFailure) {
  Walk w;
  w.submit({kWork, kTidy});
  w.finished("a", 1);
  w.finished("tidy");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.tidy.1");
}

TEST(AlwaysRun, RunsOnceAfterAbort) {
  Walk w;
  w.submit({kWork, kTidy});
  w.started("a");
  w.abort();
  w.ended("a", model::RunEnd::Cancelled);
  EXPECT_EQ(w.state(), "ACTIVE");
  w.finished("tidy");
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.tidy.1");
}

TEST(AlwaysRun, RunsOnceAfterTheDeadline) {
  Walk w;
  w.submit({kWork, kTidy}, "timeout: 1m");
  w.started("a");
  w.advance(1min);
  w.ended("a", model::RunEnd::Cancelled);
  w.finished("tidy");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_TIMED_OUT");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.tidy.1");
}

TEST(AlwaysRun, RunsOneAfterTheOther) {
  Walk w;
  w.submit({kWork, kTidy, "{name: tell, alwaysRun: true, script: x}"});
  w.finished("a");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.tidy.1");
  w.finished("tidy", 1);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.tidy.1 m.1.tell.1") << "also after one that failed";
  w.finished("tell");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
}

TEST(AlwaysRun, FailureSpoilsOnlyAGreenVerdict) {
  Walk green;
  green.submit({kWork, kTidy});
  green.finished("a");
  green.finished("tidy", 5);
  EXPECT_EQ(green.state(), "FAILED");
  EXPECT_EQ(green.mission().message, "task tidy failed with exit code 5");
  Walk red;
  red.submit({kWork, kTidy});
  red.finished("a", 3);
  red.finished("tidy", 5);
  EXPECT_EQ(red.mission().message, "task a failed with exit code 3");
}

TEST(AlwaysRun, DoesNotRunAgainWhenARouteLedToIt) {
  Walk w;
  w.submit({"{name: a, script: x, onCompleted: tidy}", kTidy});
  w.finished("a");
  w.finished("tidy");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.tidy.1");
}

TEST(AlwaysRun, ItsRoutesAreNotFollowedAtTheEnd) {
  Walk w;
  w.submit(
      {kWork, "{name: tidy, alwaysRun: true, script: x, onCompleted: b}", "{name: b, script: x}"}
  );
  w.finished("a");
  w.finished("tidy");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.task_state("b"), "SKIPPED");
}

TEST(AlwaysRun, IsRetriedWhileTheMissionCloses) {
  Walk w;
  w.submit({kWork, "{name: tidy, alwaysRun: true, script: x, retry: {max: 1, delay: 1s}}"});
  w.finished("a", 1);
  w.finished("tidy", 1);
  w.advance(1s);
  w.finished("tidy");
  EXPECT_EQ(w.task_state("tidy"), "COMPLETE");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
}

TEST(AlwaysRun, IsNotCancelledByAnAbortThatComesLater) {
  Walk w;
  w.submit({kWork, kTidy});
  w.finished("a");
  w.started("tidy");
  w.abort();
  EXPECT_EQ(w.cancels(), "");
  w.finished("tidy");
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
}

TEST(AlwaysRun, IsLostAndRunsAgain) {
  Walk w;
  w.submit({kWork, kTidy});
  w.finished("a", 1);
  w.lost("tidy");
  w.finished("tidy");
  EXPECT_EQ(w.task_state("tidy"), "COMPLETE");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.tidy.1 m.1.tidy.2");
}

TEST(AlwaysRun, RunsOnceAtTheEndOfTheLastEpochOnly) {
  Walk w;
  w.submit({kWork, kTidy}, "retry: {max: 1}");
  w.finished("a", 1);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.2.a.1");
  w.finished("a", 1);
  w.finished("tidy");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.2.a.1 m.2.tidy.1");
  EXPECT_EQ(w.state(), "FAILED");
}

TEST(AlwaysRun, DoesNotRunWhenNothingEverStarted) {
  Walk w(Limits{.run_slots = 1});
  w.submit({kWork}, "", "other");
  w.submit({kWork, kTidy});
  EXPECT_EQ(w.state(), "QUEUED");
  w.abort();
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
  EXPECT_EQ(w.tasks(), "a=ABORTED tidy=SKIPPED");
}

TEST(AlwaysRun, MayBeANoop) {
  Walk w;
  w.submit({kWork, "{name: tidy, alwaysRun: true, method: NOOP}"});
  w.finished("a", 1);
  EXPECT_EQ(w.tasks(), "a=FAILED tidy=COMPLETE");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
}

TEST(AlwaysRun, CanBeSkippedByItsCondition) {
  Walk w;
  w.submit({kWork, "{name: tidy, alwaysRun: true, skipIf: 'true', script: x}"});
  w.finished("a");
  EXPECT_EQ(w.launches(), "m.1.a.1");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.task("tidy").exit_code, "SKIPPED");
}

TEST(AlwaysRun, ThatCannotBeRenderedFails) {
  Walk w;
  w.submit({kWork, "{name: tidy, alwaysRun: true, script: 'echo {{ .nothing }}'}"});
  w.finished("a");
  EXPECT_EQ(w.verdict(), "FAILED ERR_VALIDATION");
  EXPECT_EQ(w.tasks(), "a=COMPLETE tidy=FAILED");
}

}  // namespace
}  // namespace reeve::engine
