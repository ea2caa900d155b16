#include <gtest/gtest.h>

#include "walk.h"

namespace reeve::engine {
namespace {

/// The task of the compatibility table: every kind of target, completed to B, failed to C.
std::vector<std::string> table(const std::string& more = {}) {
  return {
      "{name: t, script: x, onExitCode: {'1': FATAL, '2': a, '3': COMPLETED, '4': PAUSE_JOB, "
      "'5': EXECUTING, '6': ERR_X, '7': FAILED, '8': RESTART_TASK, '9': RESTART_JOB}, "
      "onCompleted: b, onFailed: c" +
          more + "}",
      "{name: a, script: x}",
      "{name: b, script: x}",
      "{name: c, script: x}"};
}

/// Submits the table, ends t with `exit_code` and completes whatever follows.
std::string walk_of(int exit_code, const std::string& more = {}) {
  Walk w;
  w.submit(table(more));
  w.finished("t", exit_code);
  for (const std::string next : {"a", "b", "c"}) {
    if (w.task_state(next) == "LAUNCHING") {
      w.finished(next);
    }
  }
  return w.tasks() + ": " + w.verdict();
}

TEST(Routes, ZeroGoesToTheCompletedRoute) {
  EXPECT_EQ(walk_of(0), "t=COMPLETE a=SKIPPED b=COMPLETE c=SKIPPED: COMPLETE");
}

TEST(Routes, FatalFailsTheMissionWithoutRetryOfTheWhole) {
  Walk w;
  w.submit(table(), "retry: {max: 3}");
  w.finished("t", 1);
  w.finished("c");
  EXPECT_EQ(w.tasks(), "t=FAILED a=SKIPPED b=SKIPPED c=COMPLETE");
  EXPECT_EQ(w.verdict(), "FAILED ERR_FATAL");
  EXPECT_EQ(w.mission().epoch, 1U);
}

TEST(Routes, ATaskAsTargetRecoversTheFlowButNotTheVerdict) {
  EXPECT_EQ(walk_of(2), "t=FAILED a=COMPLETE b=SKIPPED c=SKIPPED: FAILED ERR_TASK_EXECUTE");
}

TEST(Routes, CompletedTurnsAnExitCodeIntoSuccess) {
  EXPECT_EQ(walk_of(3), "t=COMPLETE a=SKIPPED b=COMPLETE c=SKIPPED: COMPLETE");
}

TEST(Routes, PauseHoldsTheMissionAndRunsTheTaskAgain) {
  Walk w;
  w.submit(table());
  w.finished("t", 4);
  EXPECT_EQ(w.state(), "HELD");
  w.advance(Duration(30'000));
  EXPECT_EQ(w.launch_of("t").run.view(), "m.1.t.2");
  w.finished("t");
  w.finished("b");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Routes, ExecutingRunsTheTaskAgainAfterItsDelay) {
  Walk w;
  w.submit(table(", retry: {delay: 7s}"));
  w.finished("t", 5);
  EXPECT_EQ(w.state(), "ACTIVE");
  EXPECT_EQ(w.task_state("t"), "PENDING");
  w.advance(Duration(6999));
  EXPECT_EQ(w.launches(), "m.1.t.1");
  w.advance(Duration(1));
  EXPECT_EQ(w.launches(), "m.1.t.1 m.1.t.2");
  w.finished("t");
  w.finished("b");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Routes, AnErrorCodeFailsTheMissionWithIt) {
  EXPECT_EQ(walk_of(6), "t=FAILED a=SKIPPED b=SKIPPED c=COMPLETE: FAILED ERR_X");
}

TEST(Routes, FailedGoesToTheFailedRoute) {
  EXPECT_EQ(walk_of(7), "t=FAILED a=SKIPPED b=SKIPPED c=COMPLETE: FAILED ERR_TASK_EXECUTE");
}

TEST(Routes, RestartTaskIsARetryWhileOneIsLeft) {
  Walk w;
  w.submit(table(", retry: {max: 1}"));
  w.finished("t", 8);
  EXPECT_EQ(w.launches(), "m.1.t.1 m.1.t.2");
  w.finished("t", 8);
  EXPECT_EQ(w.launches(), "m.1.t.1 m.1.t.2 m.1.c.1");
  w.finished("c");
  EXPECT_EQ(w.verdict(), "FAILED ERR_RESTART_TASK");
}

TEST(Routes, RestartTaskThatSucceedsInTheEndIsGreen) {
  Walk w;
  w.submit(table(", retry: {max: 1}"));
  w.finished("t", 8);
  w.finished("t");
  w.finished("b");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Routes, RestartJobRunsTheWholeAgainAfterItsFailedRoute) {
  Walk w;
  w.submit(table());
  w.finished("t", 9);
  EXPECT_EQ(w.launches(), "m.1.t.1 m.1.c.1");
  w.finished("c");
  EXPECT_EQ(w.mission().epoch, 2U);
  EXPECT_EQ(w.launches(), "m.1.t.1 m.1.c.1 m.2.t.1");
  w.finished("t");
  w.finished("b");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Routes, AnyOtherExitCodeGoesToTheFailedRoute) {
  EXPECT_EQ(walk_of(42), "t=FAILED a=SKIPPED b=SKIPPED c=COMPLETE: FAILED ERR_TASK_EXECUTE");
}

TEST(Routes, AnAllowedFailureIsNotCounted) {
  EXPECT_EQ(
      walk_of(42, ", allowFailure: true"), "t=FAILED a=SKIPPED b=SKIPPED c=COMPLETE: COMPLETE"
  );
  EXPECT_EQ(
      walk_of(2, ", allowFailure: true"), "t=FAILED a=COMPLETE b=SKIPPED c=SKIPPED: COMPLETE"
  );
}

TEST(Routes, ASkippedTaskGoesToTheCompletedRoute) {
  Walk w;
  w.submit(table(", skipIf: 'true'"));
  w.finished("b");
  EXPECT_EQ(w.tasks(), "t=SKIPPED a=SKIPPED b=COMPLETE c=SKIPPED");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Routes, ASkippedTaskHasARouteOfItsOwn) {
  Walk w;
  w.submit(
      {"{name: t, script: x, skipIf: 'true', onExitCode: {SKIPPED: a}, onCompleted: b}",
       "{name: a, script: x}",
       "{name: b, script: x}"}
  );
  EXPECT_EQ(w.launches(), "m.1.a.1");
}

TEST(Routes, ATimeoutIsRoutedLikeAFailure) {
  Walk w;
  w.submit(table());
  w.ended("t", model::RunEnd::TimedOut);
  w.finished("c");
  EXPECT_EQ(w.tasks(), "t=FAILED a=SKIPPED b=SKIPPED c=COMPLETE");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_TIMED_OUT");
}

TEST(Routes, ALeafThatCompletesIsSuccessWhateverRoutesItHas) {
  Walk w;
  w.submit({"{name: t, script: x, onExitCode: {'2': a}}", "{name: a, script: x}"});
  w.finished("t");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Routes, FormicaryDocumentsWalkOneTaskAtATime) {
  Walk w;
  const Result<Reply> reply = w.submit_text(R"(job_type: io
tasks:
- task_type: t
  method: SHELL
  script: [x]
  on_exit_code: {3: COMPLETED, 2: a}
  on_completed: b
  on_failed: b
- task_type: a
  method: SHELL
  script: [x]
- task_type: b
  method: SHELL
  script: [x]
)");
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
  EXPECT_EQ(w.launches(), "m.1.t.1");
  w.finished("t", 3);
  w.finished("b");
  EXPECT_EQ(w.tasks(), "t=COMPLETE a=SKIPPED b=COMPLETE");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

/// The end of a tool that reports `text` as its exit code.
model::RunFinished told(const Walk& w, int exit_code, const std::string& text) {
  const model::LaunchRun& launch = w.launch_of("t");
  model::RunFinished report{
      .mission = launch.mission, .run = launch.run, .fence = launch.fence, .result = {}};
  report.result.exit_code = exit_code;
  report.result.exit_text = text;
  return report;
}

TEST(Routes, AnExitTextIsRoutedLikeACode) {
  const std::vector<std::string> tasks = {
      "{name: t, script: x, onExitCode: {'204': a, '200': b}, onCompleted: c, onFailed: c}",
      "{name: a, script: x}",
      "{name: b, script: x}",
      "{name: c, script: x}"};
  const auto next = [&](int exit_code, const std::string& text) {
    Walk w;
    w.submit(tasks);
    EXPECT_TRUE(w.report(told(w, exit_code, text)).ok());
    return w.launches();
  };
  EXPECT_EQ(next(1, "204"), "m.1.t.1 m.1.a.1");
  EXPECT_EQ(next(0, "200"), "m.1.t.1 m.1.b.1");
  EXPECT_EQ(next(1, "500"), "m.1.t.1 m.1.c.1");
  EXPECT_EQ(next(0, "201"), "m.1.t.1 m.1.c.1");
}

TEST(Outputs, NameTheFirstFileOfEachPathOfArtifacts) {
  Walk w;
  w.submit(
      {"{name: t, script: x, onCompleted: u}",
       "{name: u, script: 'get {{ .t_ArtifactURL_2 }} {{ .t_ArtifactURL_1 }}'}"}
  );
  model::RunFinished report = told(w, 0, "");
  const auto artifact = [](const char* path, std::uint32_t number) {
    model::ArtifactRef ref;
    ref.path = path;
    ref.digest = Digest(std::string(64, 'a'));
    ref.path_number = number;
    return ref;
  };
  report.result.artifacts = {
      artifact("a/first", 2), artifact("b/other", 2), artifact("c/one", 1), artifact("old", 0)};
  ASSERT_TRUE(w.report(report).ok());
  EXPECT_EQ(w.launch_of("u").spec.steps.at(0).script, "get reeve://m/t/a/first reeve://m/t/c/one");
}

}  // namespace
}  // namespace reeve::engine
