#include <gtest/gtest.h>

#include "base/hash.h"
#include "walk.h"
#include "workflow/load/load.h"

namespace reeve::engine {
namespace {

Result<Reply> retry(Walk& w, std::string_view parent, std::string_view name) {
  return w.command(RetryMission{
      .parent = MissionName(std::string(parent)), .name = MissionName(std::string(name))});
}

TEST(Continuation, ReusesTheCompletedTasksOfItsParent) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: b, needs: [a], script: 'echo {{ .v }}'}"});
  w.finished("a", 0, {{"v", "kept"}});
  w.finished("b", 1);
  ASSERT_EQ(w.state(), "FAILED");
  const Result<Reply> reply = retry(w, "m", "again");
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 again.1.b.1");
  EXPECT_EQ(w.launch_of("b", "again").spec.steps.at(0).script, "echo kept");
  EXPECT_EQ(w.mission("again").continues, MissionName("m"));
  EXPECT_NE(w.mission("again").uid, w.mission("m").uid);
  w.finished("b", 0, {}, "again");
  EXPECT_EQ(w.verdict("again"), "COMPLETE");
  EXPECT_EQ(w.task("a", "again").attempts, 0U);
  EXPECT_EQ(w.verdict("m"), "FAILED ERR_TASK_EXECUTE") << "the parent stays as it was";
}

TEST(Continuation, FollowsTheRouteOfAReusedTask) {
  Walk w;
  w.submit({"{name: a, script: x, onCompleted: b}", "{name: b, script: x}"});
  w.finished("a");
  w.finished("b", 1);
  ASSERT_TRUE(retry(w, "m", "again").ok());
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 again.1.b.1");
}

TEST(Continuation, RunsUndoneTasksAgain) {
  Walk w;
  w.submit({"{name: a, script: x, compensate: {script: u}}", "{name: b, needs: [a], script: x}"});
  w.finished("a");
  w.finished("b", 1);
  w.finished("a~compensate");
  ASSERT_TRUE(retry(w, "m", "again").ok());
  EXPECT_EQ(w.launch_of("a", "again").run.view(), "again.1.a.1");
}

TEST(Continuation, RunsTidyingTasksAgain) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: tidy, alwaysRun: true, script: x}"});
  w.finished("a", 1);
  w.finished("tidy");
  ASSERT_TRUE(retry(w, "m", "again").ok());
  w.finished("a", 0, {}, "again");
  w.finished("tidy", 0, {}, "again");
  EXPECT_EQ(w.verdict("again"), "COMPLETE");
}

TEST(Continuation, MayContinueAnAbortedMission) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: b, needs: [a], script: x}"});
  w.finished("a");
  w.abort();
  w.ended("b", model::RunEnd::Cancelled);
  ASSERT_EQ(w.state(), "ABORTED");
  ASSERT_TRUE(retry(w, "m", "again").ok());
  EXPECT_EQ(w.task_state("a", "again"), "COMPLETE");
  EXPECT_EQ(w.task_state("b", "again"), "LAUNCHING");
}

TEST(Continuation, CanItselfBeContinued) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: b, needs: [a], script: x}"});
  w.finished("a");
  w.finished("b", 1);
  ASSERT_TRUE(retry(w, "m", "two").ok());
  w.finished("b", 1, {}, "two");
  ASSERT_TRUE(retry(w, "two", "three").ok());
  w.finished("b", 0, {}, "three");
  EXPECT_EQ(w.verdict("three"), "COMPLETE");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 two.1.b.1 three.1.b.1");
}

TEST(Continuation, KeepsTheParamsOfItsParent) {
  Walk w;
  const std::string text = native_text({"{name: a, script: 'echo {{ .v }}'}"}, "params: {v: none}");
  ASSERT_TRUE(w.submit_text(text, "m", {{"v", "given"}}).ok());
  w.finished("a", 1);
  ASSERT_TRUE(retry(w, "m", "again").ok());
  EXPECT_EQ(w.launch_of("a", "again").spec.steps.at(0).script, "echo given");
}

TEST(Continuation, GetsANameWithoutOne) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.finished("a", 1);
  const Result<Reply> reply = retry(w, "m", "");
  ASSERT_TRUE(reply.ok());
  EXPECT_TRUE(reply->mission.view().starts_with("w-")) << reply->mission.view();
}

// What was forked belongs to the fork: there is nothing to wait for without it.
TEST(Continuation, ForksAgainWhatHasToBeWaitedForAgain) {
  Walk w;
  Json body = Json::object();
  std::string part = native_text({"{name: a, script: x}"});
  part.replace(part.find("name: w"), 7, "name: part");
  body.set("source", part);
  ASSERT_TRUE(
      w
          .command(ObjectCommand{
              .object =
                  {.kind = journal::Kind::Workflow, .ns = Namespace("default"), .name = "part"},
              .verb = "apply",
              .body = std::move(body)})
          .ok()
  );
  w.submit(
      {"{name: begin, mission: {workflow: part, wait: false}}",
       "{name: wait, needs: [begin], await: {tasks: [begin]}}"}
  );
  const std::string child = w.task("begin").children->missions[0].name.str();
  w.finished("a", 1, {}, child);
  ASSERT_EQ(w.state(), "FAILED");
  ASSERT_TRUE(retry(w, "m", "again").ok());
  EXPECT_EQ(w.state("again"), "ACTIVE");
  const std::string second = w.task("begin", "again").children->missions[0].name.str();
  EXPECT_NE(second, child);
  w.finished("a", 0, {}, second);
  EXPECT_EQ(w.state("again"), "COMPLETE");
}

TEST(Continuation, KeepsPriorityAndTheFilesOfItems) {
  Walk w;
  SubmitMission submit;
  submit.name = MissionName("m");
  submit.ns = Namespace("default");
  submit.workflow = *workflow::load_source(native_text(
      {"{name: each, script: x, fanOut: {over: 1..2}}",
       "{name: sum, needs: [each], dependencies: [each], script: x}"}
  ));
  submit.priority = 7;
  ASSERT_TRUE(w.command(submit).ok());
  for (const std::size_t item : {0U, 1U}) {
    const std::string child = w.task("each").children->missions[item].name.str();
    const model::LaunchRun& launch = w.launch_of("each", child);
    model::RunFinished report;
    report.mission = launch.mission;
    report.run = launch.run;
    report.fence = launch.fence;
    model::ArtifactRef& artifact = report.result.artifacts.emplace_back();
    artifact.path = "report.txt";
    artifact.digest = sha256("report");
    ASSERT_TRUE(w.report(report).ok());
  }
  w.finished("sum", 1);
  ASSERT_EQ(w.state(), "FAILED");
  ASSERT_TRUE(retry(w, "m", "again").ok());
  EXPECT_EQ(w.mission("again").priority, 7);
  const auto& inputs = w.launch_of("sum", "again").spec.inputs;
  ASSERT_EQ(inputs.size(), 2U);
  EXPECT_EQ(inputs[0].path, "0/report.txt");
  EXPECT_EQ(inputs[1].path, "1/report.txt");
}

TEST(Continuation, IsRefusedForAMissionThatIsNotAFailure) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  Result<Reply> reply = retry(w, "m", "again");
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::IllegalTransition);
  w.finished("a");
  reply = retry(w, "m", "again");
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::IllegalTransition);
}

TEST(Continuation, IsRefusedUnderATakenName) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.finished("a", 1);
  const Result<Reply> reply = retry(w, "m", "m");
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::AlreadyExists);
}

TEST(Continuation, IsRefusedWhenTheReusedResultsDoNotFitIntoAnEvent) {
  Walk w;
  std::vector<std::string> tasks;
  for (int i = 0; i < 5; ++i) {
    tasks.push_back("{name: t" + std::to_string(i) + ", script: x}");
  }
  tasks.emplace_back("{name: last, needs: [t0, t1, t2, t3, t4], script: x}");
  w.submit(tasks);
  for (int i = 0; i < 5; ++i) {
    std::vector<model::NamedValue> outputs;
    for (int part = 0; part < 4; ++part) {
      outputs.emplace_back(
          "big" + std::to_string(i) + std::to_string(part), std::string(64'000, 'x')
      );
    }
    w.finished("t" + std::to_string(i), 0, outputs);
  }
  w.finished("last", 1);
  const Result<Reply> reply = retry(w, "m", "again");
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::LimitExceeded);
}

/// A context bundle whose next action is `action`.
Json bundle_with(std::string_view action) {
  Json next = Json::array();
  next.push(Json(Json::Object{{"action", action}}));
  return Json(Json::Object{{"next_actions", std::move(next)}});
}

void leave_bundle(
    Walk& w, std::string_view task, int exit_code, std::string_view action, std::string_view mission
) {
  const model::LaunchRun& launch = w.launch_of(task, mission);
  model::RunFinished finished{
      .mission = launch.mission, .run = launch.run, .fence = launch.fence, .result = {}};
  finished.result.exit_code = exit_code;
  finished.result.bundle = bundle_with(action);
  ASSERT_TRUE(w.report(finished).ok());
}

TEST(Bundle, IsHandedToEveryLaterRunOfTheMission) {
  Walk w;
  w.submit(
      {"{name: a, script: x}",
       "{name: b, needs: [a], script: x}",
       "{name: c, needs: [b], script: x}"}
  );
  EXPECT_TRUE(w.launch_of("a").spec.bundle.is_null());
  leave_bundle(w, "a", 0, "go on", "m");
  EXPECT_EQ(w.launch_of("b").spec.bundle, bundle_with("go on"));
  w.finished("b");
  EXPECT_EQ(w.launch_of("c").spec.bundle, bundle_with("go on")) << "b left none, so a's stays";
  EXPECT_EQ(w.count_events("bundle.kept"), 1U);
}

TEST(Bundle, OfAFailedRunReachesItsRetryAndSurvivesARestart) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 1, delay: 1s}}"});
  leave_bundle(w, "a", 1, "try the other way", "m");
  w.advance(Duration(1000));
  EXPECT_EQ(w.launch_of("a").run.view(), "m.1.a.2");
  EXPECT_EQ(w.launch_of("a").spec.bundle, bundle_with("try the other way"));
  w.restart();
  EXPECT_EQ(w.mission().bundle, bundle_with("try the other way"));
}

TEST(Bundle, IsInheritedByTheMissionThatContinues) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  leave_bundle(w, "a", 1, "look at the log", "m");
  ASSERT_TRUE(retry(w, "m", "again").ok());
  EXPECT_EQ(w.launch_of("a", "again").spec.bundle, bundle_with("look at the log"));
  leave_bundle(w, "a", 0, "celebrate", "again");
  EXPECT_EQ(w.mission("again").bundle, bundle_with("celebrate"));
  EXPECT_EQ(w.mission("m").bundle, bundle_with("look at the log")) << "the parent stays as it was";
}

Result<Reply> reopen(
    Walk& w, std::string_view parent, std::string_view name, std::string_view from = {}
) {
  return w.command(RetryMission{
      .parent = MissionName(std::string(parent)),
      .name = MissionName(std::string(name)),
      .reopen = true,
      .message = "late data",
      .from = TaskName(std::string(from))});
}

TEST(Reopening, RunsACompleteMissionAgainAndLeavesItAsItIs) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: b, needs: [a], script: x}"});
  w.finished("a");
  w.finished("b");
  ASSERT_EQ(w.state(), "COMPLETE");
  ASSERT_TRUE(reopen(w, "m", "again").ok());
  EXPECT_EQ(w.mission("again").reopened, "late data");
  EXPECT_EQ(w.mission("again").continues, MissionName("m"));
  w.finished("a", 0, {}, "again");
  w.finished("b", 0, {}, "again");
  EXPECT_EQ(w.verdict("again"), "COMPLETE");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 again.1.a.1 again.1.b.1");
  EXPECT_EQ(w.verdict("m"), "COMPLETE");
}

TEST(Reopening, RepeatsATaskAndWhatComesAfterIt) {
  Walk w;
  w.submit(
      {"{name: a, script: x}",
       "{name: b, needs: [a], script: x, onCompleted: c}",
       "{name: c, script: x}",
       "{name: d, needs: [c], script: x}",
       "{name: other, needs: [a], script: x}"}
  );
  for (const std::string_view task : {"a", "b", "other", "c", "d"}) {
    w.finished(task);
  }
  ASSERT_EQ(w.state(), "COMPLETE");
  ASSERT_TRUE(reopen(w, "m", "again", "c").ok());
  w.finished("c", 0, {}, "again");
  w.finished("d", 0, {}, "again");
  EXPECT_EQ(w.verdict("again"), "COMPLETE");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.1.other.1 m.1.c.1 m.1.d.1 again.1.c.1 again.1.d.1");
}

TEST(Reopening, NeedsACompleteMissionAReasonAndATaskThatRan) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: b, needs: [a], script: x, skipIf: 'true'}"});
  EXPECT_EQ(reopen(w, "m", "again").error().code, ErrorCode::IllegalTransition);
  w.finished("a");
  ASSERT_EQ(w.state(), "COMPLETE");
  EXPECT_EQ(reopen(w, "m", "again", "nobody").error().code, ErrorCode::NotFound);
  EXPECT_EQ(reopen(w, "m", "again", "b").error().code, ErrorCode::IllegalTransition);
  RetryMission command{.parent = MissionName("m"), .name = MissionName("again"), .reopen = true};
  EXPECT_EQ(w.command(command).error().subject, "message");
  command.message = std::string(kReopenReasonBytesMax + 1, 'x');
  EXPECT_EQ(w.command(command).error().code, ErrorCode::LimitExceeded);
  EXPECT_NE(retry(w, "m", "again").error().hint.find("--reopen"), std::string::npos);
}

TEST(Reopening, IsRefusedForAMissionThatFailed) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.finished("a", 1);
  EXPECT_EQ(reopen(w, "m", "again").error().hint, "reeve retry m");
  RetryMission command{.parent = MissionName("m"), .name = MissionName("again"), .message = "why"};
  EXPECT_EQ(w.command(command).error().subject, "message");
  command.message.clear();
  command.from = TaskName("a");
  EXPECT_EQ(w.command(command).error().subject, "from");
}

}  // namespace
}  // namespace reeve::engine
