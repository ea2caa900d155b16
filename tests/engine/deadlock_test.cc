#include <gtest/gtest.h>

#include "base/strings.h"
#include "walk.h"
#include "workflow/load/load.h"

/// Missions that wait for each other in a circle are told so, at once.
namespace reeve::engine {
namespace {

using namespace std::chrono_literals;

void deploy(
    Walk& w,
    const std::string& name,
    const std::vector<std::string>& tasks,
    std::string_view head = ""
) {
  Json body = Json::object();
  std::string text = native_text(tasks, head);
  text.replace(text.find("name: w"), 7, concat("name: ", name));
  body.set("source", text);
  const Result<Reply> reply = w.command(ObjectCommand{
      .object = {.kind = journal::Kind::Workflow, .ns = Namespace("default"), .name = name},
      .verb = "apply",
      .body = std::move(body)});
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
}

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(Deadlock, PoolsTakenInDifferentOrder) {
  Walk w;
  const std::vector<std::string> wants_b = {"{name: a, script: x, semaphores: [{pool: pb}]}"};
  const std::vector<std::string> wants_a = {"{name: a, script: x, semaphores: [{pool: pa}]}"};
  const std::vector<std::string> first = {
      "{name: s, script: x}", "{name: a, script: x, needs: [s], semaphores: [{pool: pb}]}"};
  const std::vector<std::string> second = {
      "{name: s, script: x}", "{name: a, script: x, needs: [s], semaphores: [{pool: pa}]}"};
  w.submit(first, "semaphores: [{pool: pa}]", "m1");
  w.submit(second, "semaphores: [{pool: pb}]", "m2");
  w.started("s", "m1");
  w.finished("s", 0, {}, "m1");
  EXPECT_EQ(w.task("a", "m1").message, "waits for 1 unit of pool pb, which has 1");
  w.started("s", "m2");
  w.finished("s", 0, {}, "m2");
  const std::string circle = "; deadlock: m2 waits for m1 (pool pa), m1 waits for m2 (pool pb)";
  EXPECT_EQ(w.task("a", "m2").message, concat("waits for 1 unit of pool pa, which has 1", circle));
  EXPECT_TRUE(says(w.task("a", "m1").message, "; deadlock: ")) << w.task("a", "m1").message;
  w.restart();
  EXPECT_EQ(w.task("a", "m2").message, concat("waits for 1 unit of pool pa, which has 1", circle));
  w.abort("m1");
  EXPECT_EQ(w.state("m1"), "ABORTED");
  EXPECT_EQ(w.task("a", "m2").state, model::TaskState::Launching);
}

TEST(Deadlock, IsNotToldAnyMoreOnceItIsBroken) {
  Walk w;
  const auto tasks = [](const char* pool) {
    return std::vector<std::string>{
        "{name: s, script: x}",
        concat("{name: a, script: x, needs: [s], semaphores: [{pool: ", pool, "}]}")};
  };
  w.submit(tasks("pb"), "semaphores: [{pool: pa}]", "m1");
  w.submit(tasks("pa"), "semaphores: [{pool: pb}]", "m2");
  for (const char* mission : {"m1", "m2"}) {
    w.started("s", mission);
    w.finished("s", 0, {}, mission);
  }
  ASSERT_TRUE(says(w.task("a", "m1").message, "deadlock"));
  w.restart();
  Json body = Json::object();
  body.set("units", std::int64_t{2});
  ASSERT_TRUE(
      w
          .command(ObjectCommand{
              .object = {.kind = journal::Kind::Pool, .ns = Namespace("default"), .name = "pa"},
              .verb = "set",
              .body = std::move(body)})
          .ok()
  );
  EXPECT_EQ(w.task("a", "m2").state, model::TaskState::Launching);
  EXPECT_EQ(w.task("a", "m1").message, "waits for 1 unit of pool pb, which has 1");
}

TEST(Deadlock, AChildOfTheSameWorkflowWithoutAPlaceForIt) {
  Walk w;
  deploy(w, "again", {"{name: more, mission: {workflow: again}}"}, "maxConcurrency: 1");
  w.submit({"{name: go, mission: {workflow: again}}"}, {}, "m1");
  const std::string& child = w.task("go", "m1").children->missions[0].name.str();
  const std::string& grandchild = w.task("more", child).children->missions[0].name.str();
  const std::string waiting = w.mission(grandchild).waiting;
  EXPECT_TRUE(says(waiting, "may run at the same time; deadlock: ")) << waiting;
  EXPECT_TRUE(
      says(waiting, concat(grandchild, " waits for ", child, " (a place of workflow again)"))
  ) << waiting;
  EXPECT_TRUE(says(waiting, concat(child, " waits for ", grandchild, " (its task more)")))
      << waiting;
}

TEST(Deadlock, AParentThatHasWhatItsChildNeeds) {
  Walk w;
  deploy(w, "deploy", {"{name: a, script: x}"}, "semaphores: [{pool: site}]");
  w.submit({"{name: go, mission: {workflow: deploy}}"}, "semaphores: [{pool: site}]", "m1");
  const std::string& child = w.task("go", "m1").children->missions[0].name.str();
  EXPECT_TRUE(says(w.mission(child).waiting, "; deadlock: ")) << w.mission(child).waiting;
}

TEST(Deadlock, ARunThatWantsWhatItsOwnMissionHas) {
  Walk w;
  w.submit(
      {"{name: a, script: x, semaphores: [{pool: site}]}"}, "semaphores: [{pool: site}]", "m1"
  );
  EXPECT_EQ(
      w.task("a", "m1").message,
      "waits for 1 unit of pool site, which has 1; deadlock: m1 waits for m1 (pool site)"
  );
}

TEST(Deadlock, IsSeenWhenTheLastTaskThatStillWorkedHasEnded) {
  Walk w;
  deploy(w, "deploy", {"{name: a, script: x}"}, "semaphores: [{pool: site}]");
  w.submit(
      {"{name: go, mission: {workflow: deploy}}", "{name: other, script: x}"},
      "semaphores: [{pool: site}]",
      "m1"
  );
  const std::string& child = w.task("go", "m1").children->missions[0].name.str();
  EXPECT_EQ(w.mission(child).waiting, "waits for 1 unit of pool site, which has 1");
  w.started("other", "m1");
  w.finished("other", 0, {}, "m1");
  EXPECT_TRUE(says(w.mission(child).waiting, "; deadlock: ")) << w.mission(child).waiting;
}

TEST(Deadlock, SomebodyWhoWorksOrWaitsForAPersonIsNone) {
  Walk w;
  const std::vector<std::string> pausing = {
      "{name: a, script: x, onExitCode: {'4': PAUSE_JOB}, timeout: 1h}"};
  w.submit(pausing, "semaphores: [{pool: db}]", "m1");
  w.submit({"{name: a, script: x}"}, "semaphores: [{pool: db}]", "m2");
  EXPECT_EQ(w.mission("m2").waiting, "waits for 1 unit of pool db, which has 1");
  w.started("a", "m1");
  w.finished("a", 4, {}, "m1");
  EXPECT_EQ(w.state("m1"), "HELD");
  EXPECT_EQ(w.mission("m2").waiting, "waits for 1 unit of pool db, which has 1");
}

TEST(Deadlock, MissionsThatWouldWaitForEachOtherByTheirKeysAreRefused) {
  Walk w;
  deploy(w, "wa", {"{name: b, mission: {workflow: wb, userKey: kb}}"});
  deploy(
      w,
      "wb",
      {"{name: s, script: x}", "{name: a, needs: [s], mission: {workflow: wa, userKey: ka}}"}
  );
  SubmitMission submit;
  submit.name = MissionName("ma");
  submit.ns = Namespace("default");
  submit.deployed = "wa";
  submit.user_key = "ka";
  submit.workflow = *w.engine().workflow_to_submit(Namespace("default"), "wa", {});
  ASSERT_TRUE(w.command(submit).ok());
  const std::string child = w.task("b", "ma").children->missions[0].name.str();
  w.started("s", child);
  w.finished("s", 0, {}, child);
  EXPECT_EQ(w.state(child), "FAILED");
  EXPECT_TRUE(
      says(w.mission(child).message, "cannot wait for itself") ||
      says(w.mission(child).message, "both would wait for ever")
  ) << w.mission(child).message;
  EXPECT_EQ(w.state("ma"), "FAILED");
}

}  // namespace
}  // namespace reeve::engine
