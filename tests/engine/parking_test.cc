#include <string>

#include "base/canonical.h"
#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "model/run.h"
#include "objects_fixture.h"

namespace reeve::kernel {
namespace {

using engine::Reply;
using journal::Kind;
using journal::ObjectKey;
using namespace std::chrono_literals;

/// A run of mission "m" that has called a tool about which people decide, and stops for that.
class ParkingTest : public ObjectsTest {
 protected:
  void submit(const std::string& tasks = "") {
    const std::string text = concat(
        "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n  tasks:\n"
        "    - {name: a, script: work, retry: {max: 1}}\n",
        tasks
    );
    ASSERT_TRUE(bench_.call(submit_command("m", text)).ok());
    for (const model::LaunchRun& each : bench_.take_launches()) {
      (each.task.view() == "a" ? launch_ : other_) = each;
      ASSERT_TRUE(bench_.call(started(each)).ok());
    }
  }

  void call_tool(const std::string& name = "tc-1", const std::string& run = "m.1.a.1") {
    const Json arguments = *parse_json(R"({"path":"a.txt"})");
    Json spec = Json::object();
    spec.set("server", "files").set("tool", "write").set("arguments", arguments);
    spec.set("argumentsHash", canonical_digest(arguments).str()).set("caller", "run:" + run);
    spec.set("mission", "m").set("run", run).set("requiresApproval", true);
    Json body = Json::object();
    body.set("spec", std::move(spec)).set("begin", true);
    ASSERT_TRUE(send(name, "record", std::move(body), engine::kToolsActor).ok());
  }

  Result<Reply> send(
      const std::string& name, std::string verb, Json body, std::string_view who = "user:bob"
  ) {
    return bench_.call(
        engine::ObjectCommand{
            .object = key(Kind::ToolCall, name), .verb = std::move(verb), .body = std::move(body)},
        {},
        who
    );
  }

  /// The run says that it stops for people.
  void park() {
    model::Report report = finished(launch_, 1);
    std::get<model::RunFinished>(report).result.exit_text = model::kWaitsForDecision;
    ASSERT_TRUE(bench_.call(report).ok());
  }

  void approve(const std::string& name = "tc-1") {
    const auto reply = send(name, "approve", Json::object());
    ASSERT_TRUE(reply.ok()) << reply.error().describe();
  }

  Json row() {
    const auto found = bench_.store().get(mission_key("m"));
    return found.ok() && *found ? *parse_json((*found)->body) : Json();
  }

  Json task() { return row().get_object("status").get_array("tasks").at(0); }

  std::string hold() {
    const Json::Array holds = row().get_object("status").get_array("holds");
    return holds.empty() ? "" : holds.front().get_string("message");
  }

  model::LaunchRun launch_;
  /// Of another task that needs nothing.
  model::LaunchRun other_;
};

TEST_F(ParkingTest, AnActiveRunSaysWhatItWaitsFor) {
  submit();
  call_tool();
  EXPECT_NE(task().get_string("message").find("files/write"), std::string::npos) << task().dump();
  EXPECT_EQ(bench_.stored_state("m"), "ACTIVE");
  approve();
  EXPECT_EQ(task().get_string("message"), "");
}

TEST_F(ParkingTest, AParkedRunGivesUpItsPlaceAndGoesOnOnceItIsDecided) {
  submit();
  call_tool();
  park();
  EXPECT_EQ(bench_.stored_state("m"), "HELD");
  EXPECT_NE(hold().find("reeve toolcalls approve tc-1"), std::string::npos) << hold();
  EXPECT_TRUE(bench_.take_launches().empty());
  bench_.restart(30min);
  EXPECT_EQ(bench_.stored_state("m"), "HELD");
  approve();
  launch_ = bench_.take_launch();
  EXPECT_EQ(launch_.run.view(), "m.1.a.2");
  ASSERT_TRUE(bench_.call(started(launch_)).ok());
  ASSERT_TRUE(bench_.call(finished(launch_, 0)).ok());
  EXPECT_EQ(bench_.stored_state("m"), "COMPLETE");
}

TEST_F(ParkingTest, ARejectionLetsItGoOn) {
  submit();
  call_tool();
  park();
  ASSERT_TRUE(send("tc-1", "reject", Json::object().set("message", "no")).ok());
  EXPECT_EQ(bench_.take_launch().run.view(), "m.1.a.2");
}

TEST_F(ParkingTest, TheEndOfTheTimeToDecideLetsItGoOn) {
  submit();
  call_tool();
  park();
  bench_.advance(engine::kToolApprovalTimeout);
  EXPECT_EQ(bench_.take_launch().run.view(), "m.1.a.2");
}

TEST_F(ParkingTest, ItTakesNoRetryAndNoTimeOfTheMission) {
  submit();
  for (int i = 1; i <= 3; ++i) {
    const std::string name = concat("tc-", i);
    call_tool(name);
    park();
    bench_.advance(50min);
    approve(name);
    launch_ = bench_.take_launch();
    ASSERT_TRUE(bench_.call(started(launch_)).ok());
  }
  ASSERT_TRUE(bench_.call(finished(launch_, 1)).ok());
  EXPECT_EQ(bench_.take_launch().run.view(), "m.1.a.5") << "its one retry";
  const std::int64_t waited = row().get_object("status").get_int("approvalMillis");
  EXPECT_EQ(Duration(waited), 150min);
}

TEST_F(ParkingTest, WhatIsDecidedBeforeItStopsIsNotWaitedFor) {
  submit();
  call_tool();
  approve();
  park();
  EXPECT_EQ(bench_.take_launch().run.view(), "m.1.a.2");
}

TEST_F(ParkingTest, ARunThatWaitsForNothingHasFailed) {
  submit();
  park();
  EXPECT_EQ(bench_.take_launch().run.view(), "m.1.a.2") << "its retry";
  EXPECT_EQ(task().get_string("exitCode"), std::string(model::kWaitsForDecision));
}

TEST_F(ParkingTest, OtherTasksGoOnMeanwhile) {
  submit("    - {name: b, script: other}\n    - {name: c, needs: [b], script: more}\n");
  call_tool();
  park();
  EXPECT_EQ(bench_.stored_state("m"), "ACTIVE");
  ASSERT_TRUE(bench_.call(finished(other_, 0)).ok());
  const model::LaunchRun last = bench_.take_launch();
  ASSERT_TRUE(bench_.call(started(last)).ok());
  ASSERT_TRUE(bench_.call(finished(last, 0)).ok());
  EXPECT_EQ(bench_.stored_state("m"), "HELD") << "nothing else is to be done";
}

TEST_F(ParkingTest, AnAbortedMissionDoesNotWaitForPeople) {
  submit();
  call_tool();
  park();
  ASSERT_TRUE(
      bench_.call(engine::AbortMission{.mission = MissionName("m"), .message = "enough"}).ok()
  );
  EXPECT_EQ(bench_.stored_state("m"), "ABORTED");
  EXPECT_EQ(task().get_string("state"), "ABORTED");
  EXPECT_FALSE(send("tc-1", "approve", Json::object()).ok());
  EXPECT_TRUE(bench_.take_launches().empty());
}

TEST_F(ParkingTest, ADeletedCallIsWaitedForNoLonger) {
  submit();
  call_tool();
  park();
  ASSERT_TRUE(send("tc-1", "delete", Json::object()).ok());
  EXPECT_EQ(bench_.take_launch().run.view(), "m.1.a.2");
}

TEST_F(ParkingTest, TheCleanUpOfAMissionThatFailedLooksAgain) {
  submit(
      "    - {name: b, script: other, onFailed: FATAL}\n"
      "    - {name: c, alwaysRun: true, script: tidy}\n"
  );
  ASSERT_TRUE(bench_.call(finished(launch_, 0)).ok());
  ASSERT_TRUE(bench_.call(finished(other_, 1)).ok());
  launch_ = bench_.take_launch();
  ASSERT_EQ(launch_.run.view(), "m.1.c.1");
  ASSERT_TRUE(bench_.call(started(launch_)).ok());
  call_tool("tc-1", "m.1.c.1");
  park();
  EXPECT_EQ(bench_.stored_state("m"), "ACTIVE");
  bench_.advance(1min);
  EXPECT_EQ(bench_.take_launch().run.view(), "m.1.c.2");
}

TEST_F(ParkingTest, EachDecisionLetsItGoOnAndItStopsAgainForTheOther) {
  submit();
  call_tool("tc-1");
  call_tool("tc-2");
  park();
  EXPECT_NE(hold().find("tc-2"), std::string::npos) << hold();
  approve("tc-1");
  launch_ = bench_.take_launch();
  ASSERT_TRUE(bench_.call(started(launch_)).ok());
  park();
  EXPECT_EQ(bench_.stored_state("m"), "HELD");
  approve("tc-2");
  EXPECT_EQ(bench_.take_launch().run.view(), "m.1.a.3");
}

}  // namespace
}  // namespace reeve::kernel
