#include <gtest/gtest.h>

#include "base/hash.h"
#include "walk.h"

namespace reeve::engine {
namespace {

TEST(Graph, StartsAllTasksWithoutNeedsAtOnce) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: b, script: x}", "{name: c, needs: [a, b], script: x}"});
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1");
  w.finished("a");
  EXPECT_EQ(w.task_state("c"), "WAITING");
  w.finished("b");
  EXPECT_EQ(w.task_state("c"), "LAUNCHING");
  w.finished("c");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Graph, JoinsADiamondOnce) {
  Walk w;
  w.submit(
      {"{name: a, script: x}",
       "{name: b, needs: [a], script: x}",
       "{name: c, needs: [a], script: x}",
       "{name: d, needs: [b, c], script: x}"}
  );
  w.finished("a");
  w.finished("c");
  w.finished("b");
  w.finished("d");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.1.c.1 m.1.d.1");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Graph, StartsATaskOnceWhenTwoBranchesRouteToIt) {
  Walk w;
  w.submit(
      {"{name: a, script: x, onCompleted: c}",
       "{name: b, script: x, onCompleted: c}",
       "{name: c, script: x}"}
  );
  w.finished("a");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.1.c.1");
  w.started("c");
  w.finished("b");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.1.c.1") << "it is under way already";
  EXPECT_EQ(w.task_state("c"), "ACTIVE");
  w.finished("c");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Graph, RunsATaskAgainWhenAnotherBranchLeadsToItLater) {
  Walk w;
  w.submit(
      {"{name: a, script: x, onCompleted: c}",
       "{name: b, script: x, onCompleted: c}",
       "{name: c, script: x}"}
  );
  w.finished("a");
  w.finished("c");
  w.finished("b");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.1.c.1 m.1.c.2");
  w.finished("c");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Graph, WaitsForNeedsAndForTheRoute) {
  Walk w;
  w.submit(
      {"{name: a, script: x, onCompleted: c}",
       "{name: b, script: x}",
       "{name: c, needs: [b], script: x}"}
  );
  w.finished("a");
  EXPECT_EQ(w.task_state("c"), "WAITING") << "b is missing";
  w.finished("b");
  EXPECT_EQ(w.task_state("c"), "LAUNCHING");
}

TEST(Graph, DoesNotStartARoutedTaskBecauseItsNeedsAreMet) {
  Walk w;
  w.submit(
      {"{name: a, script: x, onFailed: c}",
       "{name: b, script: x}",
       "{name: c, needs: [b], script: x}"}
  );
  w.finished("a");
  w.finished("b");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.tasks(), "a=COMPLETE b=COMPLETE c=SKIPPED");
}

TEST(Graph, SkipsWhatNothingLedTo) {
  Walk w;
  w.submit(
      {"{name: a, script: x, onCompleted: b, onFailed: c}",
       "{name: b, script: x}",
       "{name: c, script: x}"}
  );
  w.finished("a");
  w.finished("b");
  EXPECT_EQ(w.tasks(), "a=COMPLETE b=COMPLETE c=SKIPPED");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

// CHK-BO: what depends on a failed task never starts; what does not, goes on.
TEST(Graph, SkipsWhatDependsOnAFailureAndCarriesOutTheRest) {
  Walk w;
  w.submit(
      {"{name: a, script: x}",
       "{name: b, script: x}",
       "{name: after-a, needs: [a], script: x}",
       "{name: after-both, needs: [after-a, b], script: x}",
       "{name: after-b, needs: [b], script: x}"}
  );
  w.finished("a", 3);
  EXPECT_EQ(w.state(), "ACTIVE");
  EXPECT_EQ(w.cancels(), "");
  w.finished("b");
  EXPECT_EQ(w.task_state("after-b"), "LAUNCHING");
  w.finished("after-b");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
  EXPECT_EQ(w.tasks(), "a=FAILED b=COMPLETE after-a=SKIPPED after-both=SKIPPED after-b=COMPLETE");
  EXPECT_EQ(w.mission().message, "task a failed with exit code 3");
}

TEST(Graph, StopsStartingAfterAFatalFailureButLetsRunningTasksEnd) {
  Walk w;
  w.submit(
      {"{name: a, script: x, onExitCode: {'3': FATAL}}",
       "{name: b, script: x}",
       "{name: c, needs: [b], script: x}"}
  );
  w.finished("a", 3);
  EXPECT_EQ(w.state(), "ACTIVE");
  EXPECT_EQ(w.cancels(), "");
  w.finished("b");
  EXPECT_EQ(w.verdict(), "FAILED ERR_FATAL");
  EXPECT_EQ(w.tasks(), "a=FAILED b=COMPLETE c=SKIPPED");
  EXPECT_EQ(w.mission().message, "task a failed with exit code 3");
}

TEST(Graph, ExplainsTheFailureThatCameFirst) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: b, script: x}"});
  w.finished("b", 7);
  w.finished("a", 3);
  EXPECT_EQ(w.mission().message, "task b failed with exit code 7");
}

TEST(Graph, GoesOnAfterAnAllowedFailure) {
  Walk w;
  w.submit({"{name: a, script: x, allowFailure: true}", "{name: b, needs: [a], script: x}"});
  w.finished("a", 3);
  EXPECT_EQ(w.task_state("b"), "LAUNCHING");
  w.finished("b");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.tasks(), "a=FAILED b=COMPLETE");
}

TEST(Graph, FollowsTheCompletedRouteOfAnAllowedFailure) {
  Walk w;
  w.submit({"{name: a, script: x, allowFailure: true, onCompleted: b}", "{name: b, script: x}"});
  w.finished("a", 3);
  w.finished("b");
  EXPECT_EQ(w.tasks(), "a=FAILED b=COMPLETE");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Graph, SkippedTaskCountsAsDone) {
  Walk w;
  w.submit(
      {"{name: a, script: x, skipIf: 'true', onCompleted: b}",
       "{name: b, script: x}",
       "{name: c, script: x, skipIf: 'true'}",
       "{name: d, needs: [c], script: x}"}
  );
  EXPECT_EQ(w.launches(), "m.1.b.1 m.1.d.1");
  w.finished("b");
  w.finished("d");
  EXPECT_EQ(w.tasks(), "a=SKIPPED b=COMPLETE c=SKIPPED d=COMPLETE");
  EXPECT_EQ(w.task("a").exit_code, "SKIPPED");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Graph, CompletesWhenEverythingIsSkipped) {
  Walk w;
  w.submit({"{name: a, script: x, skipIf: 'true'}"});
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(
      w.moves(), "QUEUED/user_request LAUNCHING/scheduler ACTIVE/agent_ready COMPLETE/completion"
  );
}

TEST(Graph, CarriesOutNoopsWithoutAHost) {
  Walk w;
  w.submit({"{name: a, method: NOOP, onCompleted: b}", "{name: b, method: NOOP}"});
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.launches(), "");
  EXPECT_EQ(w.task("a").attempts, 1U);
}

TEST(Graph, HandsOutputsAndStatesToLaterTasks) {
  Walk w;
  w.submit(
      {"{name: a, script: x, allowFailure: true}",
       "{name: b, needs: [a], script: 'echo {{ .colour }} {{ index . \"a-status\" }}'}"}
  );
  w.finished("a", 1, {{"colour", "red"}});
  EXPECT_EQ(w.launch_of("b").spec.steps.at(0).script, "echo red FAILED");
}

TEST(Graph, HandsArtifactsToDependants) {
  Walk w;
  w.submit(
      {"{name: a, script: x, artifacts: {paths: [out]}}",
       "{name: b, needs: [a], dependencies: [a], script: x}",
       "{name: c, needs: [a], script: x}"}
  );
  const model::LaunchRun launch = w.launch_of("a");
  model::RunFinished finished{
      .mission = launch.mission, .run = launch.run, .fence = launch.fence, .result = {}};
  finished.result.artifacts.push_back(
      {.path = "out", .digest = sha256("content"), .size_bytes = 3, .expires_at = std::nullopt}
  );
  ASSERT_TRUE(w.report(finished).ok());
  ASSERT_EQ(w.launch_of("b").spec.inputs.size(), 1U);
  EXPECT_EQ(w.launch_of("b").spec.inputs[0].path, "out");
  EXPECT_TRUE(w.launch_of("c").spec.inputs.empty());
}

TEST(Graph, WarnsWhenADependencyWasLeftOut) {
  Walk w;
  w.submit(
      {"{name: a, script: x}",
       "{name: b, script: x, needs: [a], skipIf: 'true', artifacts: {paths: [f]}}",
       "{name: c, script: x, needs: [b], dependencies: [a, b]}"}
  );
  w.finished("a");
  w.finished("c");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  std::vector<std::string> warned;
  for (const journal::Event& event : w.events()) {
    if (event.data.find("there are no files of b:") != std::string::npos) {
      warned.push_back(event.type);
    }
  }
  EXPECT_EQ(warned, std::vector<std::string>{"run.ended"});
  EXPECT_EQ(w.count_events("run.ended"), 2U);
}

TEST(Graph, FailsATaskThatCannotBeRendered) {
  Walk w;
  w.submit({"{name: a, script: 'echo {{ .nothing }}', onFailed: c}", "{name: c, script: x}"});
  EXPECT_EQ(w.launches(), "m.1.c.1") << "its failure is routed like any other";
  w.finished("c");
  EXPECT_EQ(w.verdict(), "FAILED ERR_VALIDATION");
  EXPECT_EQ(w.tasks(), "a=FAILED c=COMPLETE");
}

TEST(Graph, FailsATaskWhoseConditionCannotBeRendered) {
  Walk w;
  w.submit({"{name: a, skipIf: '{{ index 1 2 }}', script: x}"});
  EXPECT_EQ(w.launches(), "");
  EXPECT_EQ(w.verdict(), "FAILED ERR_VALIDATION");
}

TEST(Graph, DecidesAConditionByWhatEarlierTasksPublished) {
  Walk w;
  w.submit(
      {"{name: a, script: x}",
       "{name: b, needs: [a], script: x, skipIf: '{{ eq .changed \"no\" }}'}",
       "{name: c, needs: [a], script: x, skipIf: '{{ eq .changed \"yes\" }}'}"}
  );
  w.finished("a", 0, {{"changed", "no"}});
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.c.1");
}

TEST(Graph, ALoopTurnsAFailureIntoSuccess) {
  Walk w;
  w.submit(
      {"{name: go, method: NOOP, onCompleted: test}",
       "{name: test, script: x, onFailed: fix}",
       "{name: fix, script: x, onCompleted: test}"}
  );
  for (int round = 0; round < 3; ++round) {
    w.finished("test", 1);
    w.finished("fix");
  }
  w.finished("test");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.task("test").attempts, 4U);
  EXPECT_EQ(w.launch_of("test").run.view(), "m.1.test.4");
}

TEST(Graph, EndsALoopThatNeverEnds) {
  Walk w(Limits{.starts_max = 10});
  w.submit({"{name: go, method: NOOP, onCompleted: a}", "{name: a, script: x, onCompleted: a}"});
  for (int round = 0; round < 20 && w.state() != "FAILED"; ++round) {
    w.finished("a");
  }
  EXPECT_EQ(w.verdict(), "FAILED ERR_LOOP_LIMIT");
}

TEST(Graph, EndsALoopThatIsRoutedToItselfOnFailure) {
  Walk w(Limits{.starts_max = 10});
  w.submit(
      {"{name: go, method: NOOP, onCompleted: a}",
       "{name: a, script: x, onCompleted: a, onFailed: a}"}
  );
  for (int round = 0; round < 20 && w.state() != "FAILED"; ++round) {
    w.finished("a", round % 2);
  }
  EXPECT_EQ(w.verdict(), "FAILED ERR_LOOP_LIMIT");
}

TEST(Graph, DoesNotTryAnEndlessLoopAgain) {
  Walk w(Limits{.starts_max = 10});
  w.submit(
      {"{name: go, method: NOOP, onCompleted: a}", "{name: a, method: NOOP, onCompleted: a}"},
      "retry: {max: 3}"
  );
  EXPECT_EQ(w.verdict(), "FAILED ERR_LOOP_LIMIT");
  EXPECT_EQ(w.mission().epoch, 1U);
}

TEST(Graph, EndsALoopInsideTheEngine) {
  Walk w(Limits{.starts_max = 10});
  w.submit(
      {"{name: go, method: NOOP, onCompleted: a}",
       "{name: a, method: NOOP, allowFailure: true, onCompleted: b}",
       "{name: b, script: x, skipIf: 'true', onCompleted: a}"}
  );
  EXPECT_EQ(w.verdict(), "FAILED ERR_LOOP_LIMIT");
}

TEST(Slots, QueueRunsInTheOrderOfTheirReadiness) {
  Walk w(Limits{.run_slots = 2});
  w.submit(
      {"{name: a, script: x}",
       "{name: b, script: x}",
       "{name: c, script: x}",
       "{name: d, script: x}"},
      "",
      "one"
  );
  w.submit({"{name: e, script: x}"}, "", "two");
  EXPECT_EQ(w.launches(), "one.1.a.1 one.1.b.1");
  EXPECT_EQ(w.engine().runs_on_hosts(), 2U);
  EXPECT_EQ(w.engine().runs_waiting_for_slot(), 3U);
  EXPECT_EQ(w.state("two"), "QUEUED");
  w.finished("b", 0, {}, "one");
  w.finished("a", 0, {}, "one");
  EXPECT_EQ(w.launches(), "one.1.a.1 one.1.b.1 one.1.c.1 one.1.d.1");
  w.finished("c", 0, {}, "one");
  EXPECT_EQ(w.launches(), "one.1.a.1 one.1.b.1 one.1.c.1 one.1.d.1 two.1.e.1");
  w.finished("d", 0, {}, "one");
  w.finished("e", 0, {}, "two");
  EXPECT_EQ(w.verdict("one"), "COMPLETE");
  EXPECT_EQ(w.verdict("two"), "COMPLETE");
  EXPECT_EQ(w.engine().runs_on_hosts(), 0U);
}

TEST(Slots, AreFreedByEveryKindOfEnd) {
  Walk w(Limits{.run_slots = 1});
  w.submit({"{name: a, script: x, allowFailure: true}"}, "", "one");
  w.submit({"{name: a, script: x}"}, "", "two");
  w.submit({"{name: a, script: x}"}, "", "three");
  w.ended("a", model::RunEnd::LaunchFailed, "one");
  EXPECT_EQ(w.launches(), "one.1.a.1 two.1.a.1");
  w.abort("two");
  w.ended("a", model::RunEnd::Cancelled, "two");
  EXPECT_EQ(w.launches(), "one.1.a.1 two.1.a.1 three.1.a.1");
  w.lost("a", "three");
  EXPECT_EQ(w.engine().runs_on_hosts(), 1U) << "the next run of the same task";
}

}  // namespace
}  // namespace reeve::engine
