#include <gtest/gtest.h>

#include "walk.h"
#include "workflow/load/load.h"

/// Missions that start after other missions have completed.
namespace reeve::engine {
namespace {

Result<Reply> submit_after(Walk& w, std::string_view name, const std::vector<std::string>& after) {
  SubmitMission command;
  command.name = MissionName(std::string(name));
  command.workflow = workflow::load(native_text({"{name: a, script: x}"})).workflow;
  for (const std::string& before : after) {
    command.after.emplace_back(before);
  }
  return w.command(command);
}

TEST(Dependency, HoldsAMissionUntilTheOneBeforeItIsComplete) {
  Walk w;
  w.submit({"{name: a, script: x}"}, {}, "first");
  ASSERT_TRUE(submit_after(w, "m", {"first"}).ok());
  EXPECT_EQ(w.state(), "HELD");
  ASSERT_EQ(w.mission().holds.size(), 1U);
  EXPECT_EQ(w.mission().holds[0].kind, model::HoldKind::Dependency);
  EXPECT_EQ(w.mission().holds[0].message, "starts when mission first is COMPLETE");
  EXPECT_EQ(w.launches(), "first.1.a.1");
  w.finished("a", 0, {}, "first");
  EXPECT_EQ(w.launches(), "first.1.a.1 m.1.a.1");
  EXPECT_EQ(w.moves(), "QUEUED/user_request HELD/dependency QUEUED/dependency LAUNCHING/scheduler");
}

TEST(Dependency, WaitsForAllMissionsBeforeIt) {
  Walk w;
  w.submit({"{name: a, script: x}"}, {}, "one");
  w.submit({"{name: a, script: x}"}, {}, "two");
  ASSERT_TRUE(submit_after(w, "m", {"one", "two", "one"}).ok());
  EXPECT_EQ(w.mission().holds.size(), 2U);
  w.finished("a", 0, {}, "two");
  EXPECT_EQ(w.state(), "HELD");
  w.finished("a", 0, {}, "one");
  EXPECT_EQ(w.state(), "LAUNCHING");
}

TEST(Dependency, ThatFailsAbortsTheWholeChainWithTheReason) {
  Walk w;
  w.submit({"{name: a, script: x}"}, {}, "first");
  ASSERT_TRUE(submit_after(w, "m", {"first"}).ok());
  ASSERT_TRUE(submit_after(w, "last", {"m"}).ok());
  w.finished("a", 1, {}, "first");
  EXPECT_EQ(w.state(), "ABORTED");
  EXPECT_NE(
      w.mission().message.find("mission first, which had to complete first"), std::string::npos
  ) << w.mission().message;
  EXPECT_EQ(w.state("last"), "ABORTED");
  EXPECT_EQ(w.launches(), "first.1.a.1");
}

TEST(Dependency, SurvivesARestart) {
  Walk w;
  w.submit({"{name: a, script: x}"}, {}, "first");
  ASSERT_TRUE(submit_after(w, "m", {"first"}).ok());
  w.restart();
  EXPECT_EQ(w.state(), "HELD");
  w.finished("a", 0, {}, "first");
  EXPECT_EQ(w.state(), "LAUNCHING");
  EXPECT_EQ(w.mission().after, std::vector<MissionName>{MissionName("first")});
}

TEST(Dependency, OnACompleteMissionDoesNotHold) {
  Walk w;
  w.submit({"{name: a, script: x}"}, {}, "first");
  w.finished("a", 0, {}, "first");
  ASSERT_TRUE(submit_after(w, "m", {"first"}).ok());
  EXPECT_EQ(w.state(), "LAUNCHING");
}

TEST(Dependency, OnAMissionThatDoesNotExistOrFailedIsRefused) {
  Walk w;
  EXPECT_EQ(submit_after(w, "m", {"nobody"}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(submit_after(w, "m", {"m"}).error().code, ErrorCode::NotFound);
  w.submit({"{name: a, script: x}"}, {}, "first");
  w.finished("a", 1, {}, "first");
  EXPECT_EQ(submit_after(w, "m", {"first"}).error().code, ErrorCode::IllegalTransition);
}

TEST(Dependency, OnTooManyMissionsIsRefused) {
  Walk w;
  std::vector<std::string> names;
  for (std::size_t i = 0; i <= kAfterMax; ++i) {
    names.push_back("b" + std::to_string(i));
    w.submit({"{name: a, script: x}"}, {}, names.back());
  }
  EXPECT_EQ(submit_after(w, "m", names).error().code, ErrorCode::LimitExceeded);
}

TEST(Dependency, ReleasedByAPersonIsNotWaitedForAnyMore) {
  Walk w;
  w.submit({"{name: a, script: x}"}, {}, "first");
  ASSERT_TRUE(submit_after(w, "m", {"first"}).ok());
  w.resume();
  EXPECT_EQ(w.state(), "LAUNCHING");
  w.finished("a", 1, {}, "first");
  EXPECT_EQ(w.state(), "LAUNCHING");
}

TEST(Dependency, DoesNotKeepAMissionFromBeingAborted) {
  Walk w;
  w.submit({"{name: a, script: x}"}, {}, "first");
  ASSERT_TRUE(submit_after(w, "m", {"first"}).ok());
  w.abort();
  EXPECT_EQ(w.state(), "ABORTED");
  w.finished("a", 0, {}, "first");
  EXPECT_EQ(w.state(), "ABORTED");
}

}  // namespace
}  // namespace reeve::engine
