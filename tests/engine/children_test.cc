#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/mission_codec.h"
#include "engine/resource_book.h"
#include "walk.h"
#include "workflow/load/load.h"

/// Tasks that are missions themselves.
namespace reeve::engine {
namespace {

using workflow::FanOut;

/// A workflow whose tasks are given in flow style, with one of them fanning out.
std::shared_ptr<const workflow::Workflow> fanning_out(
    const std::vector<std::string>& tasks, std::string_view name, FanOut fan_out
) {
  workflow::Loaded loaded = workflow::load(native_text(tasks));
  EXPECT_TRUE(loaded.ok()) << loaded.first_error().describe();
  workflow::Workflow copy = *loaded.workflow;
  copy.tasks[*copy.find(name)].fan_out = std::move(fan_out);
  return std::make_shared<const workflow::Workflow>(std::move(copy));
}

FanOut over(std::string text, std::uint32_t parallel = 0) {
  FanOut fan_out;
  fan_out.over = {.text = std::move(text), .position = {1, 1}};
  fan_out.parallel = parallel;
  return fan_out;
}

class FanOutWalk : public Walk {
 public:
  void submit_fan_out(FanOut fan_out, std::vector<std::string> tasks = {"{name: a, script: x}"}) {
    const Result<Reply> reply = command(SubmitMission{
        .name = MissionName(std::string(kMission)),
        .ns = Namespace("default"),
        .workflow = fanning_out(tasks, "a", std::move(fan_out)),
        .params = {},
        .local = false});
    ASSERT_TRUE(reply.ok()) << reply.error().describe();
  }

  /// The mission of an item; empty if it has none yet.
  std::string child(std::size_t item, std::string_view name = "a") const {
    const model::TaskStatus& status = task(name);
    return status.children ? status.children->missions.at(item).name.str() : std::string();
  }

  void finish_child(std::size_t item, int code = 0, std::vector<model::NamedValue> outputs = {}) {
    const std::string name = child(item);
    started("a", name);
    finished("a", code, std::move(outputs), name);
  }

  std::string output(std::string_view name, std::string_view of = "a") const {
    for (const auto& [key, value] : task(of).outputs) {
      if (key == name) {
        return value;
      }
    }
    return "<none>";
  }
};

TEST(FanOut, RunsTheTaskOnceForEachItemAndCompletesWithTheLast) {
  FanOutWalk w;
  w.submit_fan_out(over(R"(["x", {"k": 1}, 7])"));
  EXPECT_EQ(w.task_state("a"), "ACTIVE");
  EXPECT_EQ(w.state(), "ACTIVE");
  w.finish_child(0, 0, {{"size", "10"}});
  w.finish_child(2);
  EXPECT_EQ(w.state(), "ACTIVE");
  w.finish_child(1);
  EXPECT_EQ(w.state(), "COMPLETE");
  EXPECT_EQ(w.output("a-completed"), "3");
  EXPECT_EQ(w.output("item_0_size"), "10");
  EXPECT_EQ(w.output("item_1_status"), "COMPLETED");
  EXPECT_NE(
      w.output("a-results").find(R"("item":"{\"k\":1}","status":"COMPLETED")"), std::string::npos
  ) << w.output("a-results");
}

TEST(FanOut, ChildrenBelongToTheRequestOfTheirParentWheneverTheyStart) {
  FanOutWalk w;
  w.correlate(
      "c-9", {.parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", .state = {}}
  );
  w.submit_fan_out(over("1..2", 1));
  w.correlate("", {});
  w.finish_child(0);
  const model::Mission& second = w.mission(w.child(1));
  EXPECT_EQ(second.correlation, CorrelationId("c-9"));
  ASSERT_TRUE(second.trace);
  EXPECT_EQ(
      second.trace->parent,
      "00-0af7651916cd43dd8448eb211c80319c-" + model::task_span(w.mission().uid, 1, TaskName("a")) +
          "-01"
  );
}

TEST(FanOut, HandsTheItemToTheRunAsAValue) {
  FanOutWalk w;
  w.submit_fan_out(over("1..2"));
  const model::LaunchRun& launch = w.launch_of("a", w.child(1));
  std::string item;
  std::string index;
  for (const auto& [name, value] : launch.spec.environment) {
    item = name == "item" ? value : item;
    index = name == "itemIndex" ? value : index;
  }
  EXPECT_EQ(item, "2");
  EXPECT_EQ(index, "1");
}

TEST(FanOut, RunsNoMoreItemsAtATimeThanAllowed) {
  FanOutWalk w;
  w.submit_fan_out(over("1..5", 2));
  EXPECT_FALSE(w.child(1).empty());
  EXPECT_TRUE(w.child(2).empty());
  w.finish_child(0);
  EXPECT_FALSE(w.child(2).empty());
  EXPECT_TRUE(w.child(3).empty());
  for (const std::size_t item : {1U, 2U, 3U, 4U}) {
    w.finish_child(item);
  }
  EXPECT_EQ(w.state(), "COMPLETE");
}

TEST(FanOut, OverNothingCompletesAtOnce) {
  FanOutWalk w;
  w.submit_fan_out(over("[]"));
  EXPECT_EQ(w.state(), "COMPLETE");
  EXPECT_EQ(w.output("FanOutItemCount"), "0");
  EXPECT_EQ(w.output("FanOutMode"), "task");
}

TEST(FanOut, FailsWhenAnItemFailsButCarriesOutTheOthers) {
  FanOutWalk w;
  w.submit_fan_out(over("1..3"));
  w.finish_child(0, 1);
  EXPECT_EQ(w.state(), "ACTIVE");
  w.finish_child(1);
  w.finish_child(2);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
  EXPECT_NE(w.mission().message.find("1 of 3 items failed"), std::string::npos)
      << w.mission().message;
}

TEST(FanOut, ToleratesAsManyFailuresAsAllowed) {
  FanOutWalk w;
  FanOut fan_out = over("1..3");
  fan_out.failures_allowed = 1;
  w.submit_fan_out(fan_out);
  w.finish_child(0, 1);
  w.finish_child(1);
  w.finish_child(2);
  EXPECT_EQ(w.state(), "COMPLETE");
  EXPECT_EQ(w.output("a-failed"), "1");
}

TEST(FanOut, FailFastStopsTheOthersAndStartsNoMore) {
  FanOutWalk w;
  FanOut fan_out = over("1..4", 2);
  fan_out.policy = FanOut::Policy::FailFast;
  w.submit_fan_out(fan_out);
  w.started("a", w.child(1));
  w.finish_child(0, 1);
  EXPECT_NE(w.cancels().find(w.child(1)), std::string::npos) << w.cancels();
  EXPECT_TRUE(w.child(2).empty());
  w.ended("a", model::RunEnd::Cancelled, w.child(1));
  EXPECT_EQ(w.state(w.child(1)), "ABORTED");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
}

TEST(FanOut, TheFirstValidAttemptWinsAndTheOthersAreAborted) {
  FanOutWalk w;
  FanOut fan_out = over("1..3");
  fan_out.policy = FanOut::Policy::FirstWins;
  w.submit_fan_out(fan_out);
  w.started("a", w.child(1));
  w.started("a", w.child(2));
  w.finish_child(0, 1);
  EXPECT_EQ(w.state(), "ACTIVE");
  w.finished("a", 0, {}, w.child(1));
  w.ended("a", model::RunEnd::Cancelled, w.child(2));
  EXPECT_EQ(w.state(), "COMPLETE");
  EXPECT_EQ(w.state(w.child(2)), "ABORTED");
}

TEST(FanOut, AnAbortReachesTheChildrenAndWaitsForThem) {
  FanOutWalk w;
  w.submit_fan_out(over("1..2"));
  w.started("a", w.child(0));
  w.started("a", w.child(1));
  w.abort();
  EXPECT_EQ(w.state(), "ACTIVE");
  w.ended("a", model::RunEnd::Cancelled, w.child(0));
  w.ended("a", model::RunEnd::Cancelled, w.child(1));
  EXPECT_EQ(w.state(), "ABORTED");
}

TEST(FanOut, RetriesBelongToTheItems) {
  FanOutWalk w;
  w.submit_fan_out(over("1..2"), {"{name: a, script: x, retry: {max: 1}}"});
  w.finish_child(0);
  w.finish_child(1, 1);
  EXPECT_EQ(w.state(), "ACTIVE");
  w.finish_child(1, 1);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
  EXPECT_EQ(w.task("a", w.child(1)).attempts, 2U);
}

TEST(FanOut, ATimeLimitStopsTheItemsAndIsRouted) {
  FanOutWalk w;
  w.submit_fan_out(
      over("1..2"), {"{name: a, script: x, timeout: 10s, onFailed: b}", "{name: b, script: x}"}
  );
  w.started("a", w.child(0));
  w.finish_child(1);
  w.advance(Duration(10'000));
  w.ended("a", model::RunEnd::Cancelled, w.child(0));
  EXPECT_EQ(w.task("a").error_code, "ERR_TASK_TIMED_OUT");
  EXPECT_EQ(w.task_state("b"), "LAUNCHING");
}

TEST(FanOut, PublishesOnlyAsMuchOfItsItemsAsAnEventHolds) {
  FanOutWalk w;
  w.submit_fan_out(over("1..20"));
  for (std::size_t item = 0; item < 20; ++item) {
    w.finish_child(item, 0, {{"log", std::string(60'000, 'x')}});
  }
  EXPECT_EQ(w.state(), "COMPLETE");
  EXPECT_EQ(w.output("item_0_log").size(), 60'000U);
  EXPECT_EQ(w.output("item_19_log"), "<none>");
  EXPECT_EQ(w.output("a-completed"), "20");
  for (const journal::Event& event : w.events()) {
    ASSERT_LE(event.data.size(), journal::kEventDataBytesMax) << event.type;
  }
}

TEST(FanOut, LeavesResultsWithTheirMissionsWhenTheyAreTooMuchForOneRow) {
  FanOutWalk w;
  w.check_every(25);
  w.submit_fan_out(over("1..50"));
  for (std::size_t item = 0; item < 50; ++item) {
    w.finish_child(
        item,
        0,
        {{"a", std::string(60'000, 'x')},
         {"b", std::string(60'000, 'x')},
         {"c", std::string(60'000, 'x')}}
    );
  }
  EXPECT_EQ(w.state(), "COMPLETE");
  const std::vector<model::ChildMission>& missions = w.task("a").children->missions;
  EXPECT_EQ(missions.front().outputs.size(), 3U);
  EXPECT_TRUE(missions.back().outputs.empty());
  EXPECT_NE(missions.back().message.find("were left with it"), std::string::npos);
}

TEST(FanOut, RefusesToCopyTooMuchIntoMissionsBesideEachOther) {
  const std::vector<std::string> tasks = {
      "{name: before, script: x}", "{name: a, script: x, needs: [before]}"};
  for (const std::uint32_t parallel : {0U, 10U}) {
    FanOutWalk w;
    w.submit_fan_out(over("1..2000", parallel), tasks);
    w.finished("before", 0, {{"large", std::string(60'000, 'x')}});
    EXPECT_EQ(w.state(), parallel == 0 ? "FAILED" : "ACTIVE");
    EXPECT_EQ(w.task("a").message.find("set parallel") != std::string::npos, parallel == 0)
        << w.task("a").message;
  }
}

TEST(FanOut, WhatIsNoListIsRefusedWithItsName) {
  FanOutWalk w;
  w.submit_fan_out(over("nonsense"));
  EXPECT_EQ(w.verdict(), "FAILED ERR_VALIDATION");
  EXPECT_NE(w.mission().message.find("nonsense"), std::string::npos) << w.mission().message;
}

TEST(UserKey, ALiveMissionAnswersForALaterOneWithTheSameKey) {
  Walk w;
  SubmitMission submit{
      .name = MissionName("m"),
      .ns = Namespace("default"),
      .workflow = *workflow::load_source(native_text({"{name: a, script: x}"})),
      .params = {},
      .local = false,
      .user_key = "issue-7"};
  ASSERT_TRUE(w.command(submit).ok());
  submit.name = MissionName("other");
  const Result<Reply> again = w.command(submit);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->existing);
  EXPECT_EQ(again->mission.view(), "m");
  w.started("a");
  w.finished("a");
  const Result<Reply> after = w.command(submit);
  ASSERT_TRUE(after.ok());
  EXPECT_FALSE(after->existing);
  EXPECT_EQ(after->mission.view(), "other");
}

TEST(UserKey, BelongsToItsNamespace) {
  Walk w;
  SubmitMission submit{
      .name = MissionName("m"),
      .ns = Namespace("default"),
      .workflow = *workflow::load_source(native_text({"{name: a, script: x}"})),
      .params = {},
      .local = false,
      .user_key = "issue-7"};
  ASSERT_TRUE(w.command(submit).ok());
  Json body = Json::object();
  body.set("object", *parse_json(R"({"apiVersion":"v1","kind":"Namespace",
      "metadata":{"name":"team"}})"));
  const ObjectCommand team{
      .object = namespace_key(Namespace("team")), .verb = "create", .body = std::move(body)};
  ASSERT_TRUE(w.command(team).ok());
  submit.name = MissionName("other");
  submit.ns = Namespace("team");
  const Result<Reply> reply = w.command(submit);
  ASSERT_TRUE(reply.ok());
  EXPECT_FALSE(reply->existing);
}

}  // namespace
}  // namespace reeve::engine
