#include <gtest/gtest.h>

#include "base/strings.h"
#include "gates.h"

namespace reeve::engine {
namespace {

using namespace std::chrono_literals;
using enum model::Decision;

// --- CHK-H6c: sending back
// ------------------------------------------------------------------------

workflow::Gate revising_gate() {
  workflow::Gate gate = plain_gate();
  gate.revises = 0;
  gate.revisions_max = 2;
  gate.context = {{"plan", {"{{ .plan }}", {}}}};
  gate.required = {"plan"};
  return gate;
}

TEST(GateRevision, RunsTheSamePhaseAgainWithTheFeedbackAndAsksAgain) {
  Walk w;
  w.submit_workflow(gated(kReviewed, {{"review", revising_gate()}}));
  EXPECT_EQ(environment_of(w.launch_of("build"), "REEVE_FEEDBACK"), "<unset>");
  w.finished("build", 0, {{"plan", "big"}});
  ASSERT_TRUE(w.decide("alice", Revise, "smaller, please").ok());
  EXPECT_EQ(w.state(), "LAUNCHING");
  EXPECT_EQ(w.launches(), "m.1.build.1 m.1.build.2");
  EXPECT_EQ(environment_of(w.launch_of("build"), "REEVE_FEEDBACK"), "smaller, please");
  EXPECT_EQ(output_of(w, "review", "review-outcome"), "REVISE");
  EXPECT_EQ(output_of(w, "review", "review-feedback"), "smaller, please");
  w.restart();
  w.finished("build", 0, {{"plan", "small"}});
  EXPECT_EQ(w.state(), "HELD");
  const model::GateStatus& gate = *w.task("review").gate;
  EXPECT_EQ(gate.revision, 2U);
  ASSERT_EQ(gate.context.size(), 1U);
  EXPECT_EQ(gate.context[0].second, "small");
  ASSERT_EQ(gate.votes.size(), 1U) << "what was decided before is kept";
  EXPECT_EQ(gate.votes[0].revision, 1U);
  std::vector<std::string> contexts;
  for (const journal::Event& event : w.events()) {
    if (event.type == "gate.opened") {
      contexts.push_back(parse_json(event.data)->find("context")->get_string("plan"));
    }
  }
  EXPECT_EQ(contexts, (std::vector<std::string>{"big", "small"})) << "so is what they saw";
  ASSERT_TRUE(w.decide("alice", Approve, "good").ok());
  EXPECT_EQ(environment_of(w.launch_of("deploy"), "REEVE_FEEDBACK"), "<unset>");
  w.finished("deploy");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(output_of(w, "review", "review-revision"), "2");
}

TEST(GateRevision, TellsEveryTryOfThePhase) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: build, script: x, retry: {max: 1}}", "{name: review, method: NOOP, needs: [build]}"},
      {{"review", revising_gate()}}
  ));
  w.finished("build", 0, {{"plan", "big"}});
  ASSERT_TRUE(w.decide("alice", Revise, "smaller").ok());
  w.finished("build", 1);
  EXPECT_EQ(w.launches(), "m.1.build.1 m.1.build.2 m.1.build.3");
  EXPECT_EQ(environment_of(w.launch_of("build"), "REEVE_FEEDBACK"), "smaller");
}

TEST(GateRevision, RunsWhatLiesBetweenAgain) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: plan, script: x}",
       "{name: check, script: x, needs: [plan]}",
       "{name: price, script: x, needs: [check]}",
       "{name: note, script: x, needs: [plan]}",
       "{name: review, method: NOOP, needs: [price, check]}"},
      {{"review", revising_gate()}}
  ));
  w.finished("plan", 0, {{"plan", "big"}});
  w.finished("note");
  w.finished("check");
  w.finished("price");
  ASSERT_TRUE(w.decide("alice", Revise, "smaller").ok());
  EXPECT_EQ(w.task_state("check"), "WAITING");
  w.finished("plan");
  w.finished("check");
  EXPECT_EQ(w.count_events("gate.opened"), 1U) << "not before all of it has run again";
  w.finished("price");
  EXPECT_EQ(w.task("review").gate->revision, 2U);
  EXPECT_EQ(w.task("note").attempts, 1U) << "what does not lead to the gate is left alone";
}

TEST(GateRevision, FollowsRoutes) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: plan, script: x, onCompleted: check}",
       "{name: check, script: x, onCompleted: review}",
       "{name: review, method: NOOP, onCompleted: deploy}",
       "{name: deploy, script: x}"},
      {{"review", revising_gate()}}
  ));
  w.finished("plan", 0, {{"plan", "big"}});
  w.finished("check");
  ASSERT_TRUE(w.decide("alice", Revise, "smaller").ok());
  w.finished("plan");
  w.finished("check");
  EXPECT_EQ(w.task("review").gate->revision, 2U);
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  w.finished("deploy");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(GateRevision, HasALimit) {
  Walk w;
  w.submit_workflow(gated(kReviewed, {{"review", revising_gate()}}));
  w.finished("build", 0, {{"plan", "big"}});
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(w.decide("alice", Revise, "smaller").ok());
    w.finished("build");
  }
  EXPECT_EQ(code_of(w.decide("alice", Revise, "smaller")), ErrorCode::LimitExceeded);
  ASSERT_TRUE(w.decide("alice", Approve).ok());
}

TEST(GateRevision, OfAGateThatNamesNoPhaseIsRefused) {
  AtReview w;
  const Result<Reply> reply = w.decide("alice", Revise, "smaller");
  EXPECT_EQ(code_of(reply), ErrorCode::Invalid);
  EXPECT_EQ(w.state(), "HELD");
}

TEST(GateRevision, ThatFailsEndsTheMission) {
  Walk w;
  w.submit_workflow(gated(kReviewed, {{"review", revising_gate()}}));
  w.finished("build", 0, {{"plan", "big"}});
  ASSERT_TRUE(w.decide("alice", Revise, "smaller").ok());
  w.finished("build", 1);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
  EXPECT_EQ(w.tasks(), "build=FAILED review=SKIPPED deploy=SKIPPED");
}

// --- CHK-H6d: time
// --------------------------------------------------------------------------------

workflow::Gate escalating_gate() {
  workflow::Gate gate = plain_gate();
  gate.deadline = 24h;
  gate.remind_after = 2h;
  gate.escalations = {
      {.after = 4h, .to = {"primary"}, .message = "please look"},
      {.after = 8h, .to = {"secondary", "deputy"}, .message = "nobody has looked"},
      {.after = 24h, .to = {"manager"}, .message = "it expires"}};
  return gate;
}

std::vector<std::string> told(const Walk& w) {
  std::vector<std::string> lines;
  for (const journal::Event& event : w.events()) {
    if (event.type == "gate.escalated") {
      const Result<Json> data = parse_json(event.data);
      std::string everybody;
      for (const Json& recipient : data->find("recipients")->as_array()) {
        everybody += concat(everybody.empty() ? "" : "+", recipient.as_string());
      }
      lines.push_back(std::move(everybody));
    } else if (event.type == "gate.reminded") {
      lines.emplace_back("reminder");
    }
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(GateTime, TellsOneAfterTheOtherAndExpires) {
  AtReview w(escalating_gate());
  w.advance(2h);
  EXPECT_EQ(told(w), Lines{"reminder"});
  w.advance(2h);
  EXPECT_EQ(told(w), (Lines{"reminder", "primary"}));
  w.restart();
  w.advance(4h);
  EXPECT_EQ(told(w), (Lines{"reminder", "primary", "secondary+deputy"}));
  w.advance(16h - 1ms);
  EXPECT_EQ(w.state(), "HELD");
  w.advance(1ms);
  EXPECT_EQ(told(w), (Lines{"reminder", "primary", "secondary+deputy", "manager"}));
  EXPECT_EQ(w.verdict(), "ABORTED ERR_MANUAL_REJECTION");
  EXPECT_EQ(w.mission().reason, model::Reason::ApprovalExpired);
  EXPECT_EQ(w.mission().message, "gate review: nobody decided within 24h");
  EXPECT_EQ(w.task("review").exit_code, "EXPIRED");
  EXPECT_EQ(w.task_state("deploy"), "SKIPPED") << "nothing proceeds by default";
  EXPECT_EQ(w.timers(), 0U);
}

TEST(GateTime, CatchesUpOnceAfterALongAbsence) {
  AtReview w(escalating_gate());
  w.drop_timers();
  w.advance(30h);
  EXPECT_EQ(w.state(), "HELD");
  w.restart();
  EXPECT_EQ(told(w), (Lines{"reminder", "primary", "secondary+deputy", "manager"}));
  EXPECT_EQ(w.verdict(), "ABORTED ERR_MANUAL_REJECTION");
}

TEST(GateTime, BeginsAnewWithEachOpening) {
  workflow::Gate gate = escalating_gate();
  gate.revises = 0;
  AtReview w(gate, "timeout: 24h");
  w.advance(5h);
  ASSERT_TRUE(w.decide("alice", Revise, "smaller").ok());
  w.started("build");
  w.advance(10h);
  EXPECT_EQ(told(w).size(), 2U) << "nobody is asked now";
  w.finished("build");
  w.advance(4h);
  EXPECT_EQ(told(w), (Lines{"reminder", "primary", "reminder", "primary"}));
  EXPECT_EQ(w.gate().deadline, w.now() + 20h);
}

TEST(GateTime, AfterTheDeadlineNothingCanBeDecided) {
  workflow::Gate gate = plain_gate();
  gate.deadline = 1h;
  AtReview w(gate);
  w.drop_timers();
  w.advance(1h);
  const Result<Reply> late = w.decide("alice", Approve);
  EXPECT_EQ(code_of(late), ErrorCode::IllegalTransition);
  EXPECT_NE(text_of(late).find("expired at"), std::string::npos);
  w.reconcile();
  EXPECT_EQ(w.verdict(), "ABORTED ERR_MANUAL_REJECTION");
}

TEST(GateTime, OfAnExpiryHasARouteOfItsOwnOrThatOfARejection) {
  workflow::Gate gate = plain_gate();
  gate.deadline = 1h;
  for (const char* word : {"EXPIRED", "REJECTED"}) {
    Walk w;
    w.submit_workflow(gated(
        {concat("{name: review, method: NOOP, onExitCode: {", word, ": tell}}"),
         "{name: tell, script: x}"},
        {{"review", gate}}
    ));
    w.advance(1h);
    EXPECT_EQ(w.launches(), "m.1.tell.1") << word;
    w.finished("tell");
    EXPECT_EQ(w.verdict(), "FAILED ERR_MANUAL_REJECTION");
    EXPECT_EQ(w.mission().reason, model::Reason::ApprovalExpired);
  }
}

TEST(GateTime, DoesNotCountAgainstTheMission) {
  AtReview w(plain_gate(), "timeout: 1h");
  EXPECT_FALSE(w.timer("deadline").has_value());
  w.advance(50h);
  EXPECT_EQ(w.state(), "HELD");
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  EXPECT_EQ(w.timer("deadline"), w.now() + 1h);
  w.started("deploy");
  w.advance(1h);
  EXPECT_EQ(w.cancels(), "m.1.deploy.1");
}

TEST(GateTime, IsLeftOutOnlyWhileTheMissionIsHeld) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: review, method: NOOP}", "{name: test, script: x}"},
      {{"review", plain_gate()}},
      "timeout: 1h"
  ));
  w.started("test");
  w.advance(20min);
  w.finished("test");
  w.advance(5h);
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.mission().approval_time, 5h);
}

TEST(GateTime, BeforeTheStartIsNobodysTime) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: review, method: NOOP}",
       "{name: deploy, script: x, needs: [review]}",
       "{name: confirm, method: NOOP, needs: [deploy]}"},
      {{"review", plain_gate()}, {"confirm", plain_gate()}},
      "timeout: 1h"
  ));
  w.advance(72h);
  ASSERT_TRUE(w.decide("alice", Approve, {}, "review").ok());
  w.started("deploy");
  w.finished("deploy");
  w.advance(5h);
  ASSERT_TRUE(w.decide("alice", Approve, {}, "confirm").ok());
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.mission().approval_time, 5h);
}

// --- CHK-H6f: what those who decide must be shown
// ---------------------------------------------------

TEST(GateContext, ThatLacksRequiredFieldsDoesNotOpenTheGate) {
  workflow::Gate gate = plain_gate();
  gate.context = {
      {"plan", {"{{ .plan }}", {}}},
      {"risks", {"{{ .risks }}", {}}},
      {"cost", {"none", {}}},
      {"note", {"", {}}}};
  gate.required = {"plan", "risks", "summary", "note"};
  Walk w;
  w.submit_workflow(gated(kReviewed, {{"review", gate}}));
  w.finished("build", 0, {{"plan", "  "}});
  EXPECT_EQ(w.verdict(), "FAILED ERR_VALIDATION");
  EXPECT_EQ(w.count_events("gate.opened"), 0U);
  const std::string& message = w.task("review").message;
  for (const char* field : {"context.plan", "context.risks", "context.summary", "context.note"}) {
    EXPECT_NE(message.find(field), std::string::npos) << field << ": " << message;
  }
  EXPECT_EQ(message.find("cost"), std::string::npos) << message;
}

TEST(GateContext, ShowsWhatEarlierTasksPublished) {
  workflow::Gate gate = revising_gate();
  gate.prompt = {"Go on with {{ .plan }}?", {}};
  Walk w;
  w.submit_workflow(gated(kReviewed, {{"review", gate}}));
  w.finished("build", 0, {{"plan", "three steps"}});
  EXPECT_EQ(w.task("review").gate->prompt, "Go on with three steps?");
  EXPECT_EQ(w.task("review").gate->context.at(0).second, "three steps");
}

TEST(GateContext, MayBeMendedByARoute) {
  workflow::Gate gate = plain_gate();
  gate.required = {"plan"};
  Walk w;
  w.submit_workflow(gated(
      {"{name: review, method: NOOP, onFailed: tell}", "{name: tell, script: x}"},
      {{"review", gate}}
  ));
  EXPECT_EQ(w.launches(), "m.1.tell.1");
}

}  // namespace
}  // namespace reeve::engine
