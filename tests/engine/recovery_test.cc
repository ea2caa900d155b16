#include <gtest/gtest.h>

#include "walk.h"
#include "workflow/load/load.h"

namespace reeve::engine {
namespace {

using namespace std::chrono_literals;

TEST(Recovery, AsksAgainForWhatIsOnAHost) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: b, script: x}"});
  w.started("a");
  const model::LaunchRun a = w.launch_of("a");
  const model::LaunchRun b = w.launch_of("b");
  w.restart();
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.1.a.1 m.1.b.1");
  EXPECT_EQ(w.launch_of("a").fence, a.fence);
  EXPECT_TRUE(w.launch_of("a").started) << "it must not be started again";
  EXPECT_FALSE(w.launch_of("b").started);
  EXPECT_EQ(w.launch_of("b").fence, b.fence);
  EXPECT_EQ(w.engine().runs_on_hosts(), 2U);
  w.finished("a");
  w.finished("b");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Recovery, GivesALaunchANewDeadline) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.advance(20s);
  w.restart();
  EXPECT_EQ(w.timer("launch:a"), w.now() + 30s);
}

TEST(Recovery, RepeatsACancel) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.started("a");
  w.abort();
  w.restart();
  EXPECT_EQ(w.cancels(), "m.1.a.1 m.1.a.1");
  w.ended("a", model::RunEnd::Cancelled);
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
}

TEST(Recovery, KeepsTheQueueForSlots) {
  Walk w(Limits{.run_slots = 1});
  w.submit({"{name: a, script: x}"}, "", "one");
  w.submit({"{name: a, script: x}"}, "", "two");
  w.submit({"{name: a, script: x}"}, "", "three");
  w.restart();
  EXPECT_EQ(w.launches(), "one.1.a.1 one.1.a.1");
  w.finished("a", 0, {}, "one");
  EXPECT_EQ(w.launches(), "one.1.a.1 one.1.a.1 two.1.a.1");
  EXPECT_EQ(w.state("three"), "QUEUED");
}

TEST(Recovery, LeavesARetryWaitingForItsTime) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 1, delay: 1h}}"});
  w.finished("a", 1);
  w.restart();
  EXPECT_EQ(w.launches(), "m.1.a.1");
  w.advance(1h);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.a.2");
}

TEST(Recovery, LeavesAHeldMissionHeld) {
  Walk w;
  w.submit({"{name: a, script: x, onExitCode: {'4': PAUSE_JOB}}"});
  w.finished("a", 4);
  w.restart();
  EXPECT_EQ(w.state(), "HELD");
  w.advance(30s);
  w.finished("a");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Recovery, GoesOnUndoing) {
  Walk w;
  w.submit({"{name: a, script: x, compensate: {script: u}}", "{name: b, needs: [a], script: x}"});
  w.finished("a");
  w.finished("b", 1);
  w.restart();
  EXPECT_EQ(w.state(), "COMPENSATING");
  w.finished("a~compensate");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
}

// An older mission must not take what a run of a younger one has.
TEST(Recovery, KnowsAllUnitsInUseBeforeAnybodyIsAdmitted) {
  Walk w;
  w.submit({"{name: a, script: x}"}, {}, "first");
  SubmitMission submit;
  submit.name = MissionName("older");
  submit.ns = Namespace("default");
  submit.workflow =
      *workflow::load_source(native_text({"{name: a, script: x}"}, "semaphores: [{pool: db}]"));
  submit.after = {MissionName("first")};
  ASSERT_TRUE(w.command(submit).ok());
  w.submit({"{name: a, script: x, semaphores: [{pool: db}]}"}, {}, "younger");
  w.finished("a", 0, {}, "first");
  EXPECT_EQ(w.state("older"), "QUEUED");
  w.restart();
  EXPECT_EQ(w.state("older"), "QUEUED");
  EXPECT_EQ(w.engine().pools().used("db"), 1U);
  w.finished("a", 0, {}, "younger");
  EXPECT_EQ(w.state("older"), "LAUNCHING");
}

TEST(Recovery, TwiceIsAsGoodAsOnce) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.started("a");
  w.restart();
  const std::size_t before = w.events().size();
  w.restart();
  EXPECT_EQ(w.events().size(), before) << "asking again is no event";
}

/// Every boundary of a saga's way forward and back is a good place to restart.
TEST(Recovery, AtEveryStepOfASagaEndsTheSame) {
  for (int crash_after = 0; crash_after < 12; ++crash_after) {
    Walk w;
    int step = 0;
    const auto maybe_crash = [&] {
      if (step++ == crash_after) {
        w.restart();
      }
    };
    w.submit(
        {"{name: s1, script: x, compensate: {script: u}}",
         "{name: s2, needs: [s1], script: x, compensate: {script: u}}",
         "{name: s3, needs: [s2], script: x}"}
    );
    maybe_crash();
    for (const std::string task : {"s1", "s2", "s3", "s2~compensate", "s1~compensate"}) {
      w.started(task);
      maybe_crash();
      w.finished(task, task == "s3" ? 1 : 0);
      if (task != "s1~compensate") {
        maybe_crash();
      }
    }
    EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE") << crash_after;
    EXPECT_EQ(w.task("s1").attempts, 1U) << crash_after;
    EXPECT_EQ(w.task("s1").undo->attempt, 1U) << crash_after;
    EXPECT_EQ(w.task("s2").undo->attempt, 1U) << crash_after;
  }
}

TEST(Reconcile, ChangesNothingWhereNothingIsMissing) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 1, delay: 1h}}", "{name: b, script: x}"});
  w.finished("a", 1);
  w.started("b");
  const std::size_t before = w.events().size();
  w.reconcile();
  w.reconcile();
  EXPECT_EQ(w.events().size(), before);
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.b.1 m.1.b.1 m.1.b.1") << "asks whether b is still there";
  EXPECT_TRUE(w.launch_of("b").started);
}

TEST(Reconcile, FindsARetryWhoseTimerWasLost) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 1, delay: 1s}}"});
  w.finished("a", 1);
  w.advance(999ms);
  w.reconcile();
  EXPECT_EQ(w.launches(), "m.1.a.1") << "it is not time yet";
  w.drop_timers();
  w.advance(1ms);
  EXPECT_EQ(w.launches(), "m.1.a.1");
  w.reconcile();
  EXPECT_EQ(w.launches(), "m.1.a.1 m.1.a.2");
}

TEST(LoadRow, RefusesRowsThatContradictThemselves) {
  Engine engine({}, "test", workflow::load_source);
  const journal::ObjectKey workflow{
      .kind = journal::Kind::Workflow, .ns = Namespace("default"), .name = "w@1"};
  EXPECT_FALSE(engine.load_row(workflow, "not json").ok());
  EXPECT_EQ(engine.load_row(workflow, "{}").error().code, ErrorCode::Corrupt);
  EXPECT_EQ(
      engine.load_row(workflow, R"({"spec":{"source":"x"}})").error().code, ErrorCode::Corrupt
  );
  const journal::ObjectKey mission{
      .kind = journal::Kind::Mission, .ns = Namespace("default"), .name = "m"};
  EXPECT_EQ(engine.load_row(mission, "{}").error().code, ErrorCode::NotFound)
      << "its workflow is not stored";
}

}  // namespace
}  // namespace reeve::engine
