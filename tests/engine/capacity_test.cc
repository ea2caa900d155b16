#include <gtest/gtest.h>

#include "base/strings.h"
#include "walk.h"
#include "workflow/load/load.h"

/// Who may start, in which order, and what the others are told.
namespace reeve::engine {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> kOne = {"{name: a, script: x}"};

Result<Reply> set_pool(Walk& w, std::string pool, std::int64_t units) {
  Json body = Json::object();
  body.set("units", units);
  return w.command(ObjectCommand{
      .object = {.kind = journal::Kind::Pool, .ns = Namespace("default"), .name = std::move(pool)},
      .verb = "set",
      .body = std::move(body)});
}

SubmitMission submission(std::string name, std::string_view head, std::int32_t priority = 0) {
  return {
      .name = MissionName(std::move(name)),
      .ns = Namespace("default"),
      .workflow = *workflow::load_source(native_text(kOne, head)),
      .params = {},
      .local = false,
      .priority = priority};
}

void finish(Walk& w, std::string_view mission) {
  w.started("a", mission);
  w.finished("a", 0, {}, mission);
}

TEST(Concurrency, LetsAsManyMissionsOfAWorkflowRunAsItSays) {
  Walk w;
  for (const char* name : {"m1", "m2", "m3"}) {
    w.submit(kOne, "maxConcurrency: 1", name);
  }
  EXPECT_EQ(w.state("m1"), "LAUNCHING");
  EXPECT_EQ(w.state("m2"), "QUEUED");
  EXPECT_EQ(w.state("m3"), "QUEUED");
  finish(w, "m1");
  EXPECT_EQ(w.state("m2"), "LAUNCHING");
  EXPECT_EQ(w.state("m3"), "QUEUED");
  w.abort("m2");
  w.started("a", "m2");
  w.ended("a", model::RunEnd::Cancelled, "m2");
  EXPECT_EQ(w.state("m3"), "LAUNCHING");
}

TEST(Concurrency, TellsEveryQueuedMissionWhatItWaitsFor) {
  Walk w;
  for (const char* name : {"m1", "m2", "m3"}) {
    w.submit(kOne, "maxConcurrency: 1", name);
  }
  EXPECT_EQ(
      w.mission("m2").waiting, "waits for its turn: at most 1 mission of w may run at the same time"
  );
  EXPECT_FALSE(w.mission("m3").waiting.empty());
  finish(w, "m1");
  EXPECT_EQ(w.mission("m2").waiting, "");
}

TEST(Concurrency, AQueuedMissionCanBeAborted) {
  Walk w;
  for (const char* name : {"m1", "m2", "m3"}) {
    w.submit(kOne, "maxConcurrency: 1", name);
  }
  w.abort("m2");
  EXPECT_EQ(w.state("m2"), "ABORTED");
  finish(w, "m1");
  EXPECT_EQ(w.state("m3"), "LAUNCHING");
}

TEST(Concurrency, AHeldMissionGivesItsPlaceToOthersAndQueuesAgain) {
  Walk w;
  const std::vector<std::string> pausing = {
      "{name: a, script: x, onExitCode: {'4': PAUSE_JOB}, timeout: 1h}"};
  w.submit(pausing, "maxConcurrency: 1\npauseTime: 10s", "m1");
  w.submit(pausing, "maxConcurrency: 1\npauseTime: 10s", "m2");
  w.started("a", "m1");
  w.finished("a", 4, {}, "m1");
  EXPECT_EQ(w.state("m1"), "HELD");
  EXPECT_EQ(w.state("m2"), "LAUNCHING");
  w.advance(10s);
  EXPECT_EQ(w.state("m1"), "QUEUED");
  finish(w, "m2");
  EXPECT_EQ(w.state("m1"), "LAUNCHING");
}

TEST(Concurrency, AMissionThatHasUnitsDoesNotWaitBehindThoseWhoWaitForThem) {
  Walk w;
  const std::vector<std::string> pausing = {
      "{name: a, script: x, onExitCode: {'4': PAUSE_JOB}, timeout: 1h}"};
  const std::string head = "pauseTime: 10s\nsemaphores: [{pool: db}]";
  SubmitMission first = submission("m1", head);
  first.workflow = *workflow::load_source(native_text(pausing, head));
  SubmitMission urgent = first;
  urgent.name = MissionName("urgent");
  urgent.priority = 9;
  ASSERT_TRUE(w.command(first).ok());
  ASSERT_TRUE(w.command(urgent).ok());
  w.started("a", "m1");
  w.finished("a", 4, {}, "m1");
  EXPECT_EQ(w.state("m1"), "HELD");
  EXPECT_EQ(w.state("urgent"), "QUEUED");
  w.advance(10s);
  EXPECT_EQ(w.state("m1"), "LAUNCHING");
  finish(w, "m1");
  EXPECT_EQ(w.state("urgent"), "LAUNCHING");
}

TEST(Concurrency, ItemsOfAFanOutDoNotWaitBehindMissionsOfTheWorkflow) {
  Walk w;
  const std::vector<std::string> fan_out = {"{name: a, script: x, fanOut: {over: 1..2}}"};
  w.submit(fan_out, "maxConcurrency: 1", "m0");
  w.submit(fan_out, "maxConcurrency: 1", "m1");
  const auto& items = w.mission("m0").tasks.at(0).children->missions;
  for (const model::ChildMission& item : items) {
    EXPECT_EQ(w.state(item.name.str()), "LAUNCHING");
  }
  w.submit(fan_out, "maxConcurrency: 1", "m2");
  w.abort("m0");
  for (const std::string& name : {items[0].name.str(), items[1].name.str()}) {
    w.started("a", name);
    w.ended("a", model::RunEnd::Cancelled, name);
  }
  EXPECT_EQ(w.state("m1"), "ACTIVE");
  for (const model::ChildMission& item : w.mission("m1").tasks.at(0).children->missions) {
    EXPECT_EQ(w.state(item.name.str()), "LAUNCHING") << w.mission(item.name.str()).waiting;
  }
}

TEST(Concurrency, SurvivesARestart) {
  Walk w;
  for (const char* name : {"m1", "m2"}) {
    w.submit(kOne, "maxConcurrency: 1", name);
  }
  w.restart();
  EXPECT_EQ(w.state("m2"), "QUEUED");
  finish(w, "m1");
  EXPECT_EQ(w.state("m2"), "LAUNCHING");
}

TEST(Priority, TheHigherGoesFirst) {
  Walk w;
  ASSERT_TRUE(w.command(submission("m1", "maxConcurrency: 1")).ok());
  ASSERT_TRUE(w.command(submission("low", "maxConcurrency: 1")).ok());
  ASSERT_TRUE(w.command(submission("high", "maxConcurrency: 1", 5)).ok());
  finish(w, "m1");
  EXPECT_EQ(w.state("high"), "LAUNCHING");
  EXPECT_EQ(w.state("low"), "QUEUED");
}

TEST(Priority, WaitingIsWorthAsMuch) {
  Walk w;
  ASSERT_TRUE(w.command(submission("m1", "maxConcurrency: 1")).ok());
  w.started("a", "m1");
  ASSERT_TRUE(w.command(submission("old", "maxConcurrency: 1")).ok());
  w.advance(6min);
  ASSERT_TRUE(w.command(submission("high", "maxConcurrency: 1", 5)).ok());
  w.finished("a", 0, {}, "m1");
  EXPECT_EQ(w.state("old"), "LAUNCHING");
}

TEST(Priority, OrdersRunsThatWaitForASlot) {
  Walk w(Limits{.run_slots = 1});
  ASSERT_TRUE(w.command(submission("m1", "")).ok());
  ASSERT_TRUE(w.command(submission("low", "")).ok());
  ASSERT_TRUE(w.command(submission("high", "", 5)).ok());
  finish(w, "m1");
  EXPECT_EQ(w.state("high"), "LAUNCHING");
  EXPECT_EQ(w.state("low"), "QUEUED");
}

TEST(Pools, OneThatNobodyDeclaredIsAMutex) {
  Walk w;
  w.submit(kOne, "semaphores: [{pool: db}]", "m1");
  w.submit(kOne, "semaphores: [{pool: db}]", "m2");
  EXPECT_EQ(w.state("m2"), "QUEUED");
  EXPECT_EQ(w.mission("m2").waiting, "waits for 1 unit of pool db, which has 1");
  finish(w, "m1");
  EXPECT_EQ(w.state("m2"), "LAUNCHING");
}

TEST(Pools, GiveAsManyUnitsAsTheyHave) {
  Walk w;
  ASSERT_TRUE(set_pool(w, "gpu", 3).ok());
  w.submit(kOne, "semaphores: [{pool: gpu, units: 2}]", "m1");
  w.submit(kOne, "semaphores: [{pool: gpu, units: 2}]", "m2");
  EXPECT_EQ(w.state("m2"), "QUEUED");
  ASSERT_TRUE(set_pool(w, "gpu", 4).ok());
  EXPECT_EQ(w.state("m2"), "LAUNCHING");
}

TEST(Pools, MissionsKeepTheirUnitsWhileTheyAreHeld) {
  Walk w;
  const std::vector<std::string> pausing = {
      "{name: a, script: x, onExitCode: {'4': PAUSE_JOB}, timeout: 1h}"};
  w.submit(pausing, "semaphores: [{pool: db}]", "m1");
  w.submit(kOne, "semaphores: [{pool: db}]", "m2");
  w.started("a", "m1");
  w.finished("a", 4, {}, "m1");
  EXPECT_EQ(w.state("m1"), "HELD");
  EXPECT_EQ(w.state("m2"), "QUEUED");
}

TEST(Pools, AreTakenByRunsWhileTheyAreOnAHost) {
  Walk w;
  w.submit(
      {"{name: a, script: x, semaphores: [{pool: db}]}",
       "{name: b, script: x, semaphores: [{pool: db}]}",
       "{name: c, script: x}"}
  );
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.c.1");
  EXPECT_EQ(w.task("b").message, "waits for 1 unit of pool db, which has 1");
  w.started("a");
  w.finished("a");
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.c.1 m.1.b.1");
}

TEST(Pools, AreTakenAgainAfterARestart) {
  Walk w;
  ASSERT_TRUE(set_pool(w, "db", 2).ok());
  const std::vector<std::string> tasks = {"{name: a, script: x, semaphores: [{pool: db}]}"};
  for (const char* name : {"m1", "m2", "m3"}) {
    w.submit(tasks, {}, name);
  }
  w.restart();
  EXPECT_EQ(w.task("a", "m3").state, model::TaskState::Pending);
  EXPECT_EQ(w.engine().pools().used("db"), 2U);
  finish(w, "m1");
  EXPECT_EQ(w.state("m3"), "LAUNCHING");
}

TEST(Pools, OneThatNobodyDeclaredIsAsLargeAsTheLargestRequest) {
  Walk w;
  const std::string five = "semaphores: [{pool: gpu, units: 5}]";
  w.submit(kOne, five, "m1");
  w.submit(kOne, five, "m2");
  w.submit(kOne, "semaphores: [{pool: gpu, units: 2}]", "m3");
  EXPECT_EQ(w.state("m1"), "LAUNCHING");
  EXPECT_EQ(w.mission("m2").waiting, "waits for 5 units of pool gpu, which has 5");
  w.restart();
  EXPECT_EQ(w.engine().pools().capacity("gpu"), 5U);
  finish(w, "m1");
  EXPECT_EQ(w.state("m2"), "LAUNCHING");
  EXPECT_EQ(w.state("m3"), "QUEUED");
  finish(w, "m2");
  EXPECT_EQ(w.state("m3"), "LAUNCHING");
  EXPECT_EQ(w.engine().pools().capacity("gpu"), 2U);
}

TEST(Pools, ALargerRequestMakesRoomForTheSmallOnesBeforeIt) {
  Walk w;
  for (const char* name : {"m1", "m2"}) {
    w.submit({"{name: a, script: x, semaphores: [{pool: gpu}]}"}, {}, name);
  }
  EXPECT_EQ(w.task("a", "m2").message, "waits for 1 unit of pool gpu, which has 1");
  w.submit({"{name: a, script: x, semaphores: [{pool: gpu, units: 2}]}"}, {}, "m3");
  EXPECT_EQ(w.state("m2"), "LAUNCHING");
  EXPECT_EQ(w.task("a", "m3").message, "waits for 2 units of pool gpu, which has 2");
}

TEST(Pools, ADeclaredOneIsExact) {
  Walk w;
  ASSERT_TRUE(set_pool(w, "gpu", 1).ok());
  w.submit(kOne, "semaphores: [{pool: gpu, units: 3}]", "m1");
  EXPECT_EQ(w.mission("m1").waiting, "needs 3 units of pool gpu, which has 1");
}

std::vector<std::string> wants(int units) {
  return {concat("{name: a, script: x, semaphores: [{pool: gpu, units: ", units, "}]}")};
}

TEST(Pools, ThoseWhoWantLittleDoNotStarveOneWhoWantsMuch) {
  Walk w;
  ASSERT_TRUE(set_pool(w, "gpu", 2).ok());
  w.submit(wants(1), {}, "m1");
  w.submit(wants(2), {}, "m2");
  w.submit(wants(1), {}, "m3");
  w.submit(kOne, "semaphores: [{pool: gpu}]", "m4");
  EXPECT_EQ(w.task("a", "m2").message, "waits for 2 units of pool gpu, which has 2");
  EXPECT_EQ(w.task("a", "m3").message, "waits behind others for units of pool gpu");
  EXPECT_EQ(w.mission("m4").waiting, "waits behind others for units of pool gpu");
  w.restart();
  EXPECT_EQ(w.state("m3"), "QUEUED");
  finish(w, "m1");
  EXPECT_EQ(w.state("m2"), "LAUNCHING");
  EXPECT_EQ(w.state("m3"), "QUEUED");
  finish(w, "m2");
  EXPECT_EQ(w.state("m3"), "LAUNCHING");
  EXPECT_EQ(w.state("m4"), "LAUNCHING");
}

TEST(Pools, AMissionDoesNotOvertakeARunThatIsAboutToBeServed) {
  Walk w;
  ASSERT_TRUE(set_pool(w, "gpu", 3).ok());
  w.submit(wants(3), {}, "x");
  w.submit(wants(3), {}, "first");
  w.submit(kOne, "semaphores: [{pool: gpu}]", "mission");
  w.submit(wants(2), {}, "last");
  finish(w, "x");
  EXPECT_EQ(w.state("first"), "LAUNCHING");
  EXPECT_EQ(w.state("mission"), "QUEUED");
  finish(w, "first");
  EXPECT_EQ(w.state("mission"), "LAUNCHING");
  EXPECT_EQ(w.state("last"), "LAUNCHING");
}

TEST(Pools, ARunThatWasDroppedIsInNobodysWay) {
  Walk w;
  ASSERT_TRUE(set_pool(w, "gpu", 5).ok());
  w.submit(wants(1), {}, "x");
  w.submit(
      {"{name: a, script: x, semaphores: [{pool: gpu, units: 5}]}",
       "{name: b, script: x, onExitCode: {'9': FATAL}}",
       "{name: c, script: x}"},
      {},
      "m2"
  );
  w.submit(wants(1), {}, "m3");
  EXPECT_EQ(w.state("m3"), "QUEUED");
  w.started("c", "m2");
  w.started("b", "m2");
  w.finished("b", 9, {}, "m2");
  EXPECT_EQ(w.state("m2"), "ACTIVE");
  EXPECT_EQ(w.state("m3"), "LAUNCHING");
}

TEST(Pools, WhoMustBeServedFirstAndGoesAwayHoldsNobodyUp) {
  Walk w;
  ASSERT_TRUE(set_pool(w, "gpu", 2).ok());
  w.submit(wants(1), {}, "m1");
  w.submit(wants(2), {}, "m2");
  w.submit(wants(1), {}, "m3");
  w.abort("m2");
  EXPECT_EQ(w.state("m3"), "LAUNCHING");
}

/// The mission that has units may be the one that the small request has to help.
TEST(Pools, OneWhoWaitsForAWholeMissionIsOvertaken) {
  Walk w;
  ASSERT_TRUE(set_pool(w, "gpu", 2).ok());
  w.submit(kOne, "semaphores: [{pool: gpu}]", "m1");
  w.submit(wants(2), {}, "m2");
  w.submit(wants(1), {}, "m3");
  EXPECT_EQ(w.state("m2"), "QUEUED");
  EXPECT_EQ(w.state("m3"), "LAUNCHING");
}

TEST(Pools, WhatARunThatWasDroppedWouldHaveHadIsForTheNextOne) {
  Walk w;
  ASSERT_TRUE(set_pool(w, "gpu", 1).ok());
  w.submit(wants(1), {}, "m1");
  w.submit(
      {"{name: a, script: x, semaphores: [{pool: gpu}]}",
       "{name: b, script: x, onExitCode: {'9': FATAL}}",
       "{name: c, script: x}"},
      {},
      "m2"
  );
  w.submit(wants(1), {}, "m3");
  w.started("c", "m2");
  w.started("b", "m2");
  w.finished("b", 9, {}, "m2");
  EXPECT_EQ(w.state("m2"), "ACTIVE");
  EXPECT_EQ(w.state("m3"), "QUEUED");
  finish(w, "m1");
  EXPECT_EQ(w.state("m3"), "LAUNCHING");
}

TEST(Pools, ThoseWhoWaitAreToldThatTheirPoolHasChanged) {
  Walk w;
  ASSERT_TRUE(set_pool(w, "gpu", 3).ok());
  w.submit(wants(2), {}, "m1");
  w.submit(wants(2), {}, "m2");
  EXPECT_EQ(w.task("a", "m2").message, "waits for 2 units of pool gpu, which has 3");
  ASSERT_TRUE(set_pool(w, "gpu", 1).ok());
  EXPECT_EQ(w.task("a", "m2").message, "needs 2 units of pool gpu, which has 1");
}

TEST(Labels, ATaskWaitsForAHostThatHasThem) {
  Walk w;
  w.submit({"{name: a, script: x, tags: [gpu]}"});
  EXPECT_EQ(w.launches(), "");
  EXPECT_EQ(
      w.task("a").message,
      "waits for a host with the label gpu; start reeve with --labels gpu, or the mission with "
      "--local"
  );
  Walk with(Limits{.labels = {"gpu"}});
  with.submit({"{name: a, script: x, tags: [gpu]}"});
  EXPECT_EQ(with.launches(), "m.1.a.1");
}

TEST(Priority, HasLimits) {
  Walk w;
  for (const std::int32_t priority : {1001, -1001, 2'000'000'000}) {
    const Result<Reply> reply = w.command(submission("m", "", priority));
    ASSERT_FALSE(reply.ok());
    EXPECT_EQ(reply.error().code, ErrorCode::Invalid);
  }
  EXPECT_TRUE(w.command(submission("m", "", -1000)).ok());
}

TEST(ScheduledAt, AMissionWaitsForItsTime) {
  Walk w;
  SubmitMission submit = submission("m1", "");
  submit.not_before = w.now() + 1h;
  ASSERT_TRUE(w.command(submit).ok());
  EXPECT_EQ(w.state("m1"), "QUEUED");
  EXPECT_TRUE(w.mission("m1").waiting.starts_with("waits until ")) << w.mission("m1").waiting;
  w.advance(59min);
  EXPECT_EQ(w.state("m1"), "QUEUED");
  w.advance(1min);
  EXPECT_EQ(w.state("m1"), "LAUNCHING");
}

TEST(ScheduledAt, TheConditionIsAskedWhenTheTimeHasCome) {
  Walk w;
  SubmitMission submit = submission("m1", "skipIf: '{{ lt .JobElapsedSecs 3600 }}'");
  submit.not_before = w.now() + 2h;
  ASSERT_TRUE(w.command(submit).ok());
  EXPECT_EQ(w.state("m1"), "QUEUED");
  w.advance(2h);
  EXPECT_EQ(w.state("m1"), "LAUNCHING");
}

// Defect 15 of upstream: what a schedule skips leaves nothing behind if the job says so.
TEST(Skipping, OfATriggersMissionLeavesNothingIfTheWorkflowSaysSo) {
  Walk w;
  const auto document = [](const char* variables) {
    return concat(
        "job_type: pick\nskip_if: 'true'\njob_variables:\n  ",
        variables,
        "\ntasks:\n- task_type: a\n  method: SHELL\n  script: [x]\n"
    );
  };
  SubmitMission submit = submission("m1", "");
  submit.trigger = "cron";
  submit.workflow = *workflow::load_source(document("DeleteFilteredCronJobs: true"));
  const Result<Reply> reply = w.command(submit);
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::Cancelled);
  submit.workflow = *workflow::load_source(document("Other: true"));
  ASSERT_TRUE(w.command(submit).ok());
  EXPECT_EQ(w.verdict("m1"), "ABORTED ERR_FILTERED_JOB");
}

/// A workflow of one task that wants units of pools.
SubmitMission wanting(std::string name, std::string_view semaphores) {
  SubmitMission command = submission(std::move(name), "");
  command.workflow = *workflow::load_source(
      native_text({concat("{name: a, script: x, semaphores: [", semaphores, "]}")})
  );
  return command;
}

TEST(Units, ThatARunCannotUseGoToTheNextOne) {
  Walk w;
  ASSERT_TRUE(set_pool(w, "q", 0).ok());
  ASSERT_TRUE(w.command(wanting("m1", "{pool: p}")).ok());
  ASSERT_TRUE(w.command(wanting("both", "{pool: p}, {pool: q}")).ok());
  ASSERT_TRUE(w.command(wanting("next", "{pool: p}")).ok());
  finish(w, "m1");
  EXPECT_EQ(w.state("both"), "QUEUED");
  EXPECT_EQ(w.state("next"), "LAUNCHING");
}

TEST(Units, ARunThatWantsMoreThanThereEverAreIsInNobodysWay) {
  Walk w;
  ASSERT_TRUE(set_pool(w, "p", 1).ok());
  ASSERT_TRUE(w.command(wanting("m1", "{pool: p}")).ok());
  ASSERT_TRUE(w.command(wanting("big", "{pool: p, units: 2}")).ok());
  ASSERT_TRUE(w.command(wanting("next", "{pool: p}")).ok());
  finish(w, "m1");
  EXPECT_EQ(w.state("big"), "QUEUED");
  EXPECT_EQ(w.state("next"), "LAUNCHING");
}

}  // namespace
}  // namespace reeve::engine
