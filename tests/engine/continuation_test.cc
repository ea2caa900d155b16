#include <gtest/gtest.h>

#include "walk.h"

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

}  // namespace
}  // namespace reeve::engine
