#include <gtest/gtest.h>

#include "kernel/audit.h"
#include "kernel_fixture.h"
#include "store/faulty/faulty_store.h"

namespace reeve::kernel {
namespace {

using namespace std::chrono_literals;

TEST(CoreRecovery, OfAnEmptyStoreMakesTheDefaultNamespaceOnce) {
  Bench b;
  const store::Commit first = b.commit();
  ASSERT_EQ(first.rows.size(), 1U);
  EXPECT_EQ(first.rows.front().key.kind, journal::Kind::Namespace);
  EXPECT_EQ(first.rows.front().key.name, "default");
  EXPECT_FALSE(b.core().next_timer().has_value());
  b.restart();
  EXPECT_FALSE(b.core().staged());
  EXPECT_FALSE(b.core().next_timer().has_value());
}

TEST(CoreRecovery, AsksHostsAgainForWhatShouldBeGoingOn) {
  Bench b;
  b.call(submit_command("m")).value();
  const model::LaunchRun first = b.take_launch();
  b.restart();
  EXPECT_TRUE(b.core().staged());
  b.commit();
  const model::LaunchRun again = b.take_launch();
  EXPECT_EQ(again.run, first.run);
  EXPECT_EQ(again.fence, first.fence);
  b.call(finished(again, 0)).value();
  EXPECT_EQ(b.stored_state("m"), "COMPLETE");
}

// The version of the workflow is younger than the mission.
TEST(CoreRecovery, GoesOnWithAMissionThatWasExtended) {
  Bench b;
  const std::string document =
      "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n"
      "  tasks: [{name: a, script: x, permissions: [mission.extend]}]\n";
  b.call(submit_command("m", document)).value();
  const model::LaunchRun launch = b.take_launch();
  model::RunFinished report{
      .mission = launch.mission, .run = launch.run, .fence = launch.fence, .result = {}};
  report.result.extension = R"([{"name": "b", "script": "x"}])";
  b.call(model::Report(report)).value();
  b.restart();
  b.commit();
  EXPECT_EQ(b.take_launches().back().task.view(), "b");
  EXPECT_TRUE(audit(b.store(), core_options().loader).ok());
}

TEST(CoreRecovery, DoesNotRepeatAnUncommittedTurn) {
  Bench b;
  b.call(submit_command("m")).value();
  const model::LaunchRun launch = b.take_launch();
  b.post(finished(launch, 0));
  b.restart();
  b.commit();
  EXPECT_EQ(b.stored_state("m"), "LAUNCHING");
  b.call(finished(b.take_launch(), 0)).value();
  EXPECT_EQ(b.stored_state("m"), "COMPLETE");
}

TEST(CoreRecovery, KeepsTimersThatAreStillToCome) {
  Bench b;
  b.call(submit_command("m")).value();
  b.call(finished(b.take_launch(), 1)).value();
  b.restart(30min);
  EXPECT_EQ(b.core().next_timer(), kStart + 1h);
  b.advance(30min);
  EXPECT_EQ(b.take_launch().run.view(), "m.1.a.2");
}

TEST(CoreRecovery, FiresTimersThatCameDueMeanwhile) {
  Bench b;
  b.call(submit_command("m")).value();
  b.call(finished(b.take_launch(), 1)).value();
  b.restart(90min);
  b.advance(0ms);
  EXPECT_EQ(b.take_launch().run.view(), "m.1.a.2");
}

TEST(CoreRecovery, GivesAMissionItsWholeTimeAgainWhenItsDeadlinePassedMeanwhile) {
  Bench b;
  b.call(submit_command("m")).value();
  b.call(started(b.take_launch())).value();
  b.restart(48h);
  b.commit();
  b.advance(0ms);
  EXPECT_EQ(b.stored_state("m"), "ACTIVE");
  b.advance(2h);
  const model::Mission* mission = b.core().engine().find(MissionName("m"));
  ASSERT_NE(mission, nullptr);
  EXPECT_TRUE(mission->timed_out);
}

TEST(CoreRecovery, DoesNotLetTimeGoBackWhenTheClockWasSet) {
  Bench b;
  b.call(submit_command("one")).value();
  b.restart(-24h);
  const store::Commit commit = [&] {
    b.post(submit_command("two"));
    return b.commit();
  }();
  for (const journal::Event& event : commit.events) {
    EXPECT_GE(event.at, kStart) << event.type;
  }
  EXPECT_EQ(b.core().last_now(), kStart);
}

TEST(CoreRecovery, ContinuesTheRevisions) {
  Bench b;
  b.call(submit_command("one")).value();
  const Revision last = b.store().head()->revision;
  b.restart();
  b.post(submit_command("two"));
  const store::Commit commit = b.commit();
  ASSERT_FALSE(commit.events.empty());
  EXPECT_EQ(commit.events.front().revision, last.next());
}

TEST(CoreRecovery, LoadsLiveMissionsOnly) {
  Bench b;
  b.call(submit_command("done")).value();
  b.call(finished(b.take_launch(), 0)).value();
  b.call(submit_command("live")).value();
  b.restart();
  const std::vector<MissionName> live = b.core().engine().live_missions();
  ASSERT_EQ(live.size(), 1U);
  EXPECT_EQ(live[0].view(), "live");
}

TEST(CoreRecovery, TellsWhichReadFailed) {
  Bench b;
  b.call(submit_command("m")).value();
  for (const store::FaultPoint point :
       {store::FaultPoint::Head,
        store::FaultPoint::Events,
        store::FaultPoint::EachLiveRow,
        store::FaultPoint::EachTimer}) {
    store::FaultyStore faulty(b.store(), [point](store::FaultPoint at) {
      return at == point ? store::Fault::FailIo : store::Fault::None;
    });
    const Result<std::unique_ptr<Core>> core = Core::recover(faulty, core_options(), b.now());
    ASSERT_FALSE(core.ok()) << static_cast<int>(point);
    EXPECT_EQ(core.error().code, ErrorCode::Io) << static_cast<int>(point);
  }
}

TEST(CoreRecovery, AReadThatFailsIsTheAnswerOfTheInput) {
  Bench b;
  store::FaultyStore faulty(b.store(), [](store::FaultPoint at) {
    return at == store::FaultPoint::Get || at == store::FaultPoint::FindInput ? store::Fault::FailIo
                                                                              : store::Fault::None;
  });
  Result<std::unique_ptr<Core>> core = Core::recover(faulty, core_options(), b.now());
  ASSERT_TRUE(core.ok());
  for (const std::string id : {"", "id-1"}) {
    Input input;
    input.id = InputId(id);
    input.command = submit_command("m");
    input.done = [](const Result<engine::Reply>&) {
    };
    (*core)->handle(std::move(input), b.now());
  }
  Batch batch = (*core)->seal();
  for (const journal::Event& event : batch.commit.events) {
    EXPECT_EQ(event.object.kind, journal::Kind::Namespace);
  }
  ASSERT_EQ(batch.completions.size(), 2U);
  for (const Completion& completion : batch.completions) {
    ASSERT_FALSE(completion.outcome.ok());
    EXPECT_EQ(completion.outcome.error().code, ErrorCode::Io);
  }
}

}  // namespace
}  // namespace reeve::kernel
