#include <set>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/strings.h"
#include "gates.h"
#include "kernel_fixture.h"

namespace reeve::kernel {
namespace {

using namespace std::chrono_literals;

TEST(Core, AnswersAndLaunchesOnlyWithTheBatch) {
  Bench b;
  const std::size_t number = b.post(submit_command("m"));
  EXPECT_FALSE(b.answered(number));
  EXPECT_TRUE(b.take_launches().empty());
  EXPECT_EQ(b.stored_state("m"), "absent");
  b.commit();
  ASSERT_TRUE(b.answered(number));
  EXPECT_TRUE(b.answer(number).ok());
  EXPECT_EQ(b.stored_state("m"), "LAUNCHING");
  EXPECT_EQ(b.take_launch().run.view(), "m.1.a.1");
}

TEST(Core, WritesARowOncePerBatchWithItsLastVersion) {
  Bench b;
  b.call(submit_command("m")).value();
  const model::LaunchRun launch = b.take_launch();
  b.post(started(launch));
  b.post(engine::AbortMission{.mission = MissionName("m"), .message = "enough"});
  b.post(finished(launch, 143));
  const store::Commit commit = b.commit();
  std::set<journal::ObjectKey> keys;
  for (const store::Row& row : commit.rows) {
    EXPECT_TRUE(keys.insert(row.key).second) << row.key.name;
  }
  EXPECT_TRUE(keys.contains(mission_key("m")));
  EXPECT_GT(commit.events.size(), 3U);
  EXPECT_EQ(b.stored_state("m"), "ABORTED");
}

TEST(Core, LaterTurnsOfABatchSeeEarlierOnes) {
  Bench b;
  b.post(submit_command("m"));
  const std::size_t second = b.post(submit_command("m"));
  b.commit();
  ASSERT_FALSE(b.answer(second).ok());
  EXPECT_EQ(b.answer(second).error().code, ErrorCode::AlreadyExists);
}

TEST(Core, RefusedCommandsAreAnsweredAndLeaveNothing) {
  Bench b;
  b.commit();
  const std::size_t number =
      b.post(engine::AbortMission{.mission = MissionName("m"), .message = {}});
  EXPECT_TRUE(b.core().staged());
  const store::Commit commit = b.commit();
  EXPECT_TRUE(commit.events.empty() && commit.rows.empty() && commit.inputs.empty());
  EXPECT_EQ(b.answer(number).error().code, ErrorCode::NotFound);
}

TEST(Core, TakesInputsWithoutAnAnswer) {
  Bench b;
  b.call(submit_command("m")).value();
  Input input;
  input.command = finished(b.take_launch(), 0);
  b.core().handle(std::move(input), b.now());
  b.commit();
  EXPECT_EQ(b.stored_state("m"), "COMPLETE");
}

TEST(Core, KeepsNoResultsThatTheJournalWouldRefuse) {
  Bench b;
  b.call(submit_command("m")).value();
  model::Report report = finished(b.take_launch(), 0);
  model::RunResult& result = std::get<model::RunFinished>(report).result;
  // Within the limits of a result, but six times as long as JSON text.
  for (std::size_t i = 0; i < 4; ++i) {
    result.outputs.emplace_back(concat("v", i), std::string(model::kOutputValueBytesMax, '\1'));
  }
  result.artifacts.emplace_back().path = "kept";
  result.artifacts.back().digest = sha256("kept");
  b.post(std::move(report));
  std::string ended;
  for (const journal::Event& event : b.commit().events) {
    ended += event.type == "run.ended" ? event.data : std::string();
  }
  EXPECT_EQ(b.stored_state("m"), "COMPLETE");
  EXPECT_NE(ended.find("the outputs were ignored"), std::string::npos);
  EXPECT_NE(ended.find("\"kept\""), std::string::npos) << "what has room is kept";
}

TEST(Core, TimeNeverGoesBack) {
  Bench b;
  b.call(submit_command("one")).value();
  Input input;
  input.command = submit_command("two");
  b.core().handle(std::move(input), b.now() - 1h);
  const store::Commit commit = b.commit();
  for (const journal::Event& event : commit.events) {
    EXPECT_GE(event.at, kStart) << event.type;
  }
}

// --- repeated inputs ----------------------------------------------------------------------------

TEST(RepeatedInput, OfTheSameBatchHasNoSecondEffect) {
  Bench b;
  const std::size_t first = b.post(submit_command(""), "id-1");
  const std::size_t second = b.post(submit_command(""), "id-1");
  const store::Commit commit = b.commit();
  EXPECT_EQ(commit.inputs.size(), 1U);
  ASSERT_TRUE(b.answer(first).ok() && b.answer(second).ok());
  EXPECT_EQ(b.answer(first)->mission, b.answer(second)->mission);
  EXPECT_EQ(b.take_launches().size(), 1U);
}

TEST(RepeatedInput, AfterTheCommitGetsTheFirstAnswer) {
  Bench b;
  const Result<engine::Reply> first = b.call(submit_command(""), "id-1");
  const Result<engine::Reply> second = b.call(submit_command(""), "id-1");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->mission, second->mission);
  EXPECT_EQ(first->uid, second->uid);
  EXPECT_EQ(b.take_launches().size(), 1U);
}

TEST(RepeatedInput, WithAnotherContentIsRefused) {
  Bench b;
  ASSERT_TRUE(b.call_as(submit_command(""), "id-1", "content-1").ok());
  const Result<engine::Reply> same = b.call_as(submit_command(""), "id-1", "content-1");
  ASSERT_TRUE(same.ok());
  EXPECT_TRUE(same->repeated);
  const Result<engine::Reply> other = b.call_as(submit_command(""), "id-1", "content-2");
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, ErrorCode::Invalid);
  EXPECT_EQ(b.take_launches().size(), 1U);
  b.restart();
  EXPECT_TRUE(b.call_as(submit_command(""), "id-1", "content-1").ok());
  EXPECT_FALSE(b.call_as(submit_command(""), "id-1", "content-2").ok());
  EXPECT_EQ(b.core().engine().live_missions().size(), 1U);
}

TEST(RepeatedInput, AfterARestartGetsTheFirstAnswer) {
  Bench b;
  const Result<engine::Reply> first = b.call(submit_command(""), "id-1");
  ASSERT_TRUE(first.ok());
  b.take_launches();
  b.restart();
  const Result<engine::Reply> second = b.call(submit_command(""), "id-1");
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->mission, first->mission);
  EXPECT_EQ(second->uid, first->uid);
  EXPECT_EQ(b.core().engine().live_missions().size(), 1U);
}

TEST(RepeatedInput, AfterTheMissionHasEndedStillSaysWhichItWas) {
  Bench b;
  const Result<engine::Reply> first = b.call(submit_command("m"), "id-1");
  ASSERT_TRUE(first.ok());
  b.call(finished(b.take_launch(), 0)).value();
  EXPECT_EQ(b.core().engine().find(MissionName("m")), nullptr) << "only the store has it";
  for (int restarts = 0; restarts < 2; ++restarts) {
    const Result<engine::Reply> again = b.call(submit_command("m"), "id-1");
    ASSERT_TRUE(again.ok()) << again.error().describe();
    EXPECT_EQ(again->uid, first->uid);
    EXPECT_EQ(again->state, model::MissionState::Complete);
    EXPECT_EQ(b.core().engine().find(MissionName("m")), nullptr);
    b.restart();
  }
}

TEST(RepeatedInput, WhoseBatchWasNeverStoredIsHandledAnew) {
  Bench b;
  b.post(submit_command("m"), "id-1");
  b.restart();
  EXPECT_TRUE(b.call(submit_command("m"), "id-1").ok());
  EXPECT_EQ(b.take_launches().size(), 1U);
}

TEST(RepeatedInput, ThatWasRefusedIsTriedAgain) {
  Bench b;
  const engine::AbortMission abort{.mission = MissionName("m"), .message = {}};
  EXPECT_FALSE(b.call(abort, "id-1").ok());
  b.call(submit_command("m")).value();
  EXPECT_TRUE(b.call(abort, "id-1").ok());
}

/// CHK-H6b. The answer is what came of the decision then, wherever the gate stands by now.
TEST(RepeatedInput, ThatDecidedAboutAGateGetsTheFirstAnswer) {
  Bench b;
  workflow::Gate gate;
  gate.approvals = 2;
  engine::SubmitMission submit = submit_command("m");
  submit.workflow = engine::gated_text(
      "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n"
      "  tasks: [{name: review, method: NOOP}]\n",
      {{"review", gate}}
  );
  b.call(submit).value();
  engine::DecideGate decision;
  decision.mission = MissionName("m");
  const auto decide = [&](std::string_view who, std::string_view id) {
    return b.call(decision, id, who);
  };
  const Result<engine::Reply> first = decide("user:alice", "id-1");
  ASSERT_TRUE(first.ok()) << first.error().describe();
  EXPECT_EQ(first->detail.get_string("state"), "pending");
  const Result<engine::Reply> second = decide("user:bob", "id-2");
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->detail.get_string("state"), "granted");
  EXPECT_EQ(second->state, model::MissionState::Complete);
  EXPECT_EQ(decide("user:alice", "id-1")->detail.dump(), first->detail.dump());
  EXPECT_EQ(decide("user:bob", "id-2")->detail.dump(), second->detail.dump());
  const Result<engine::Reply> other = decide("user:carol", "id-3");
  ASSERT_FALSE(other.ok()) << "the gate is closed";
  EXPECT_EQ(other.error().code, ErrorCode::IllegalTransition);
  EXPECT_NE(other.error().message.find("approved by user:alice and user:bob"), std::string::npos)
      << other.error().message;
}

TEST(RepeatedInput, WithoutAnIdIsNoRepeat) {
  Bench b;
  ASSERT_TRUE(b.call(submit_command("")).ok());
  ASSERT_TRUE(b.call(submit_command("")).ok());
  EXPECT_EQ(b.core().engine().live_missions().size(), 2U);
}

// --- names --------------------------------------------------------------------------------------

TEST(Names, OfEndedMissionsStayTaken) {
  Bench b;
  b.call(submit_command("m")).value();
  b.call(finished(b.take_launch(), 0)).value();
  const Result<engine::Reply> again = b.call(submit_command("m"));
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::AlreadyExists);
}

/// Ends mission "m" as FAILED.
void fail(Bench& b) {
  b.call(submit_command(
             "m",
             "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n"
             "  tasks: [{name: a, script: x}]\n"
         ))
      .value();
  b.call(finished(b.take_launch(), 1)).value();
  ASSERT_EQ(b.stored_state("m"), "FAILED");
}

TEST(Names, ThatAreMadeAvoidThoseThatPeopleHaveChosen) {
  Bench b;
  const Result<engine::Reply> first = b.call(submit_command(""));
  ASSERT_TRUE(first.ok());
  const std::string made = first->mission.str();
  const std::size_t dash = made.rfind('-');
  const std::string prefix = made.substr(0, dash + 1);
  const std::uint64_t number = std::stoull(made.substr(dash + 1));
  for (std::uint64_t ahead = 1; ahead <= 200; ++ahead) {
    const Result<engine::Reply> chosen =
        b.call(submit_command(concat(prefix, number + 2000 + ahead)));
    ASSERT_TRUE(chosen.ok());
    ASSERT_TRUE(b.call(engine::AbortMission{.mission = chosen->mission, .message = {}}).ok());
  }
  b.restart();
  bool avoided = false;
  for (int i = 0; i < 1000 && !avoided; ++i) {
    const Result<engine::Reply> reply = b.call(submit_command(""));
    ASSERT_TRUE(reply.ok()) << reply.error().describe();
    avoided = reply->mission.view().ends_with(".2");
  }
  EXPECT_TRUE(avoided) << "no name was in the way";
}

TEST(Names, OfEndedMissionsStayTakenForContinuationsToo) {
  Bench b;
  fail(b);
  const Result<engine::Reply> again =
      b.call(engine::RetryMission{.parent = MissionName("m"), .name = MissionName("m")});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::AlreadyExists);
  b.call(engine::RetryMission{.parent = MissionName("m"), .name = MissionName("two")}).value();
  b.call(finished(b.take_launch(), 0)).value();
  const Result<engine::Reply> third =
      b.call(engine::RetryMission{.parent = MissionName("m"), .name = MissionName("two")});
  ASSERT_FALSE(third.ok());
  EXPECT_EQ(third.error().code, ErrorCode::AlreadyExists);
}

TEST(Names, AreMadeForContinuationsAfterARestart) {
  Bench b;
  fail(b);
  b.restart();
  const Result<engine::Reply> again =
      b.call(engine::RetryMission{.parent = MissionName("m"), .name = {}});
  ASSERT_TRUE(again.ok()) << again.error().describe();
  EXPECT_TRUE(again->mission.view().starts_with("w-")) << again->mission.view();
  EXPECT_EQ(b.core().engine().find(MissionName("m")), nullptr) << "the parent is let go again";
}

TEST(Names, FitIntoTheirLimitHoweverLongTheWorkflowsNameIs) {
  Bench b;
  const Result<engine::Reply> reply = b.call(submit_command(
      "",
      concat(
          "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: ",
          std::string(100, 'w'),
          "}\nspec:\n  tasks: [{name: a, script: x}]\n"
      )
  ));
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
  b.call(finished(b.take_launch(), 1)).value();
  const Result<engine::Reply> again =
      b.call(engine::RetryMission{.parent = reply->mission, .name = {}});
  ASSERT_TRUE(again.ok()) << again.error().describe();
  EXPECT_LE(again->mission.view().size(), 100U);
}

TEST(EndedMissions, AreToldApartFromUnknownOnes) {
  Bench b;
  fail(b);
  const Result<engine::Reply> ended =
      b.call(engine::AbortMission{.mission = MissionName("m"), .message = {}});
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code, ErrorCode::IllegalTransition);
  const Result<engine::Reply> unknown =
      b.call(engine::ResumeMission{.mission = MissionName("none")});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::NotFound);
}

// --- timers -------------------------------------------------------------------------------------

TEST(Timers, AreStoredWithTheBatchAndRemovedWhenTheyFire) {
  Bench b;
  b.call(submit_command("m")).value();
  EXPECT_EQ(b.stored_timer("m", "launch:a"), kStart + 30s);
  EXPECT_EQ(b.stored_timer("m", "deadline"), kStart + 2h);
  b.call(finished(b.take_launch(), 1)).value();
  EXPECT_FALSE(b.stored_timer("m", "launch:a").has_value());
  EXPECT_EQ(b.stored_timer("m", "retry:a"), kStart + 1h);
  EXPECT_EQ(b.core().next_timer(), kStart + 1h);
  b.advance(1h - 1ms);
  EXPECT_TRUE(b.take_launches().empty());
  b.advance(1ms);
  EXPECT_FALSE(b.stored_timer("m", "retry:a").has_value());
  EXPECT_EQ(b.take_launch().run.view(), "m.1.a.2");
}

TEST(Timers, OfAnEndedMissionAreAllRemoved) {
  Bench b;
  b.call(submit_command("m")).value();
  b.call(finished(b.take_launch(), 0)).value();
  EXPECT_FALSE(b.core().next_timer().has_value());
  int timers = 0;
  ASSERT_TRUE(b.store()
                  .each_timer([&](const store::Timer&) -> Result<void> {
                    ++timers;
                    return {};
                  })
                  .ok());
  EXPECT_EQ(timers, 0);
}

TEST(Timers, FireInBoundedRounds) {
  Bench b(engine::Limits{.run_slots = 100});
  for (int i = 0; i < 10; ++i) {
    b.call(submit_command(concat("m", i))).value();
  }
  EXPECT_EQ(b.core().fire_timers(b.now() + 1h, 3), 3U);
  EXPECT_EQ(b.core().fire_timers(b.now(), 100), 7U) << "the core's time does not go back";
  EXPECT_EQ(b.core().fire_timers(b.now(), 100), 0U);
}

TEST(Timers, ThatComeAndGoWithinABatchAreNotWritten) {
  Bench b;
  b.post(submit_command(
      "m",
      "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n  tasks:\n"
      "    - {name: a, method: NOOP}\n"
  ));
  EXPECT_TRUE(b.commit().timers.empty());
}

TEST(Timers, ThatStayAsTheyAreAreNotWrittenAgain) {
  Bench b;
  engine::SubmitMission command = submit_command("later");
  command.not_before = b.now() + std::chrono::hours(1);
  b.post(command);
  EXPECT_EQ(b.commit().timers.size(), 1U);
  b.post(engine::Reconcile{.mission = MissionName("later")});
  EXPECT_TRUE(b.commit().timers.empty());
}

TEST(Reconciliation, GoesRoundTheLiveMissionsInBoundedSteps) {
  Bench b(engine::Limits{.run_slots = 100});
  for (int i = 0; i < 5; ++i) {
    b.call(submit_command(concat("m", i))).value();
  }
  EXPECT_EQ(b.core().reconcile(b.now(), 3), 3U);
  EXPECT_EQ(b.core().reconcile(b.now(), 3), 0U) << "the round is complete";
  EXPECT_EQ(b.core().reconcile(b.now(), 3), 3U) << "the next round";
}

}  // namespace
}  // namespace reeve::kernel
