#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/mission_codec.h"
#include "walk.h"
#include "workflow/load/load.h"

/// What a task still tells of the runs that it had before.
namespace reeve::engine {
namespace {

using model::PastRun;
using model::RunState;

const std::vector<PastRun>& past(const Walk& w, std::string_view task = "a") {
  static const std::vector<PastRun> kNone;
  const auto& kept = w.task(task).past;
  return kept ? *kept : kNone;
}

void fail(Walk& w, int code, std::string_view task = "a") {
  w.started(task);
  w.finished(task, code);
}

TEST(PastRuns, AreNoneAfterOneRun) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  fail(w, 0);
  EXPECT_EQ(w.state(), "COMPLETE");
  EXPECT_FALSE(w.task("a").past.has_value());
}

TEST(PastRuns, KeepEachAttemptWhenTheNextOneBegins) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 2}}"});
  const Timestamp began = w.now();
  w.started("a");
  w.advance(std::chrono::seconds(5));
  w.finished("a", 3);
  w.started("a");
  w.lost("a");
  w.started("a");
  w.finished("a", 0);
  ASSERT_EQ(past(w).size(), 2U);
  const PastRun& first = past(w)[0];
  EXPECT_EQ(first.epoch, 1U);
  EXPECT_EQ(first.attempt, 1U);
  EXPECT_EQ(first.state, RunState::Failed);
  EXPECT_EQ(first.exit_code, "3");
  EXPECT_EQ(first.started_at, began);
  EXPECT_EQ(first.ended_at, began + std::chrono::seconds(5));
  EXPECT_FALSE(first.undo);
  EXPECT_EQ(past(w)[1].attempt, 2U);
  EXPECT_EQ(past(w)[1].state, RunState::Lost);
  EXPECT_LT(first.fence, past(w)[1].fence);
  EXPECT_LT(past(w)[1].fence, w.task("a").run.fence);
}

TEST(PastRuns, AndSlotsKnowTheirLastEvent) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 1}}", "{name: b, script: x}"});
  const auto last_about = [&](std::string_view task) {
    Revision last;
    for (const journal::Event& event : w.events()) {
      const Result<Json> data = parse_json(event.data);
      if (event.type.starts_with("run.") && data->get_string("task") == task) {
        last = event.revision;
      }
    }
    return last;
  };
  w.started("a");
  EXPECT_EQ(w.task("a").run.changed, last_about("a"));
  const Revision before = w.task("b").run.changed;
  w.finished("a", 1);
  const Revision ended = past(w).at(0).changed;
  EXPECT_EQ(w.task("b").run.changed, before) << "what happens to others does not count";
  w.started("a");
  EXPECT_EQ(past(w).at(0).changed, ended) << "it is over";
  EXPECT_EQ(w.task("a").run.changed, last_about("a"));
}

TEST(PastRuns, OfEarlierEpochsAreThere) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: b, script: x, needs: [a]}"}, "retry: {max: 1}");
  fail(w, 0);
  fail(w, 1, "b");
  EXPECT_EQ(w.mission().epoch, 2U);
  ASSERT_EQ(past(w, "a").size(), 1U) << "its slot is empty, its result counts";
  EXPECT_EQ(past(w, "a")[0].state, RunState::Complete);
  fail(w, 0, "b");
  EXPECT_EQ(w.state(), "COMPLETE");
  ASSERT_EQ(past(w, "b").size(), 1U);
  EXPECT_EQ(past(w, "b")[0].epoch, 1U);
  EXPECT_EQ(past(w, "b")[0].attempt, 1U);
  EXPECT_EQ(past(w, "b")[0].exit_code, "1");
  EXPECT_EQ(w.launch_of("b").run.view(), "m.2.b.1");
}

TEST(PastRuns, OfACompensationAreThere) {
  Walk w;
  w.submit(
      {"{name: a, script: x, compensate: {script: undo, retry: {max: 1}}}",
       "{name: b, script: x, needs: [a]}"}
  );
  fail(w, 0);
  fail(w, 1, "b");
  const Timestamp began = w.now();
  fail(w, 7, "a~compensate");
  ASSERT_EQ(past(w).size(), 1U);
  EXPECT_TRUE(past(w)[0].undo);
  EXPECT_EQ(past(w)[0].exit_code, "7");
  EXPECT_EQ(past(w)[0].started_at, began);
  w.advance(std::chrono::seconds(1));
  fail(w, 0, "a~compensate");
  EXPECT_EQ(w.state(), "FAILED");
  EXPECT_EQ(w.task("a").undo->exit_code, "0");
  EXPECT_EQ(w.task("a").exit_code, "0") << "that of the forward run";
  EXPECT_EQ(w.task("a").undo->ended_at, w.now());
}

TEST(PastRuns, AreNoneOfWhatTheEngineCarriesOut) {
  Walk w;
  w.submit({"{name: a, method: NOOP}", "{name: b, script: x, needs: [a]}"}, "retry: {max: 1}");
  fail(w, 1, "b");
  EXPECT_EQ(w.mission().epoch, 2U);
  EXPECT_FALSE(w.task("a").past.has_value());
}

TEST(PastRuns, AreTheLatestOnesOnly) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 60}}"});
  for (int i = 0; i < 60; ++i) {
    fail(w, 1);
  }
  ASSERT_EQ(past(w).size(), model::kPastRunsMax);
  EXPECT_EQ(past(w).front().attempt, 11U);
  EXPECT_EQ(past(w).back().attempt, 60U);
}

TEST(PastRuns, AGateKnowsItsLastEvent) {
  Walk w;
  w.submit({"{name: a, gate: {prompt: go, approvals: 2}}", "{name: b, script: x}"});
  const Revision opened = w.task("a").gate->changed;
  EXPECT_GT(opened, Revision());
  w.started("b");
  EXPECT_EQ(w.task("a").gate->changed, opened);
  ASSERT_TRUE(w.decide("alice", model::Decision::Approve).ok());
  const Revision voted = w.task("a").gate->changed;
  EXPECT_GT(voted, opened);
  ASSERT_TRUE(w.decide("bob", model::Decision::Approve).ok());
  EXPECT_GT(w.task("a").gate->changed, voted);
}

/// The row of a mission as earlier versions wrote it, taken up again.
TEST(PastRuns, ComeBackFromTheEventsOfAMissionOfAnEarlierVersion) {
  Walk w;
  w.submit(
      {"{name: a, script: x, retry: {max: 2}}", "{name: g, gate: {prompt: go}}"}, "retry: {max: 1}"
  );
  fail(w, 1);
  w.started("a");
  const workflow::Workflow& workflow = *w.engine().workflow_of(w.mission());
  std::string whole;
  std::string earlier;
  encode_mission(w.mission(), workflow, whole);
  encode_mission(w.mission(), workflow, earlier, RowForm::WithoutPast);
  EXPECT_NE(whole, earlier);
  EXPECT_EQ(earlier.find("history"), std::string::npos);
  const journal::ObjectKey key = mission_key(MissionName("m"));
  Engine engine({}, "test", workflow::load_source);
  for (const journal::Event& event : w.events()) {
    if (event.type == "workflow.registered") {
      ASSERT_TRUE(engine.load_row(event.object, event.data).ok());
    }
  }
  const Result<void> loaded = engine.load_row(key, earlier);
  ASSERT_TRUE(loaded.ok()) << loaded.error().describe();
  ASSERT_EQ(engine.to_refold(), std::vector{key});
  ASSERT_TRUE(engine
                  .refold(
                      key,
                      [&](Revision after) -> Result<std::vector<journal::Event>> {
                        for (const journal::Event& event : w.events()) {
                          if (event.revision > after && event.object == key) {
                            return std::vector{event};
                          }
                        }
                        return std::vector<journal::Event>();
                      }
                  )
                  .ok());
  std::string again;
  EXPECT_TRUE(engine.encode_row(key, again));
  EXPECT_EQ(again, whole);
  EXPECT_TRUE(engine.to_refold().empty());
}

}  // namespace
}  // namespace reeve::engine
