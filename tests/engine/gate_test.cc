#include <gtest/gtest.h>

#include "gates.h"
#include "workflow/load/load.h"

namespace reeve::engine {
namespace {

using namespace std::chrono_literals;
using enum model::Decision;
using model::ApprovalState;
using model::HoldKind;

TEST(Gate, HoldsAMissionThatHasNothingElseToDo) {
  AtReview w;
  EXPECT_EQ(w.state(), "HELD");
  EXPECT_EQ(w.tasks(), "build=COMPLETE review=WAITING deploy=WAITING");
  EXPECT_EQ(w.engine().runs_on_hosts(), 0U);
  EXPECT_EQ(w.engine().runs_waiting_for_slot(), 0U);
  ASSERT_EQ(w.mission().holds.size(), 1U);
  const model::Hold& hold = w.mission().holds[0];
  EXPECT_EQ(hold.kind, HoldKind::Approval);
  EXPECT_EQ(hold.subject, "review");
  EXPECT_EQ(
      hold.message,
      "gate review waits for approval (0 of 1); anybody but user:test may decide: "
      "reeve approve m/review, reeve reject m/review"
  );
  EXPECT_EQ(w.gate().prompt, "Ship it?");
  EXPECT_EQ(w.gate().revision, 1U);
  EXPECT_EQ(
      w.moves(), "QUEUED/user_request LAUNCHING/scheduler ACTIVE/agent_ready HELD/approval_required"
  );
}

TEST(Gate, GoesOnInTheSameTurnWhenItIsApproved) {
  AtReview w;
  const Result<Reply> reply = w.decide("alice", Approve, "ship on Monday");
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
  EXPECT_EQ(
      reply->detail.dump(),
      R"({"task":"review","revision":1,"decision":"approve","counted":true,"state":"granted",)"
      R"("approvals":1,"approvalsNeeded":1})"
  );
  EXPECT_EQ(w.launches(), "m.1.build.1 m.1.deploy.1");
  EXPECT_EQ(w.task("review").exit_code, "APPROVED");
  EXPECT_EQ(output_of(w, "review", "review-outcome"), "APPROVED");
  EXPECT_EQ(output_of(w, "review", "review-feedback"), "ship on Monday");
  EXPECT_EQ(output_of(w, "review", "review-approvers"), R"(["user:alice"])");
  EXPECT_EQ(output_of(w, "review", "review-revision"), "1");
  w.finished("deploy");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(
      w.moves(),
      "QUEUED/user_request LAUNCHING/scheduler ACTIVE/agent_ready HELD/approval_required "
      "QUEUED/approval_granted LAUNCHING/scheduler ACTIVE/agent_ready COMPLETE/completion"
  );
}

TEST(Gate, SurvivesARestartAndIsThenDecided) {
  AtReview w;
  w.restart();
  EXPECT_EQ(w.state(), "HELD");
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  EXPECT_EQ(w.task_state("deploy"), "LAUNCHING");
}

TEST(Gate, MayBeTheFirstTaskAndTheLast) {
  Walk w;
  w.submit_workflow(gated({"{name: review, method: NOOP}"}, {{"review", plain_gate()}}));
  EXPECT_EQ(w.state(), "HELD");
  EXPECT_FALSE(w.timer("deadline").has_value());
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.timers(), 0U);
}

TEST(Gate, LetsOtherBranchesGoOn) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: review, method: NOOP}",
       "{name: test, script: x}",
       "{name: deploy, script: x, needs: [review]}",
       "{name: report, script: x, needs: [test]}"},
      {{"review", plain_gate()}}
  ));
  EXPECT_EQ(w.state(), "LAUNCHING");
  w.finished("test");
  EXPECT_EQ(w.state(), "ACTIVE") << "report runs";
  ASSERT_TRUE(w.decide("alice", Approve).ok()) << "an open gate needs no hold to be decided";
  EXPECT_EQ(w.count_events("hold.raised"), 0U);
  w.finished("report");
  w.finished("deploy");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Gate, OfEachBranchIsAHoldOfItsOwn) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: left, method: NOOP}",
       "{name: right, method: NOOP}",
       "{name: deploy, script: x, needs: [left]}",
       "{name: report, script: x, needs: [left, right]}"},
      {{"left", plain_gate()}, {"right", plain_gate()}}
  ));
  EXPECT_EQ(w.mission().holds.size(), 2U);
  const Result<Reply> which = w.decide("alice", Approve);
  EXPECT_EQ(code_of(which), ErrorCode::Invalid);
  EXPECT_EQ(which.error().hint, "say which: m/left, m/right");
  ASSERT_TRUE(w.decide("alice", Approve, {}, "left").ok());
  EXPECT_EQ(w.task_state("deploy"), "LAUNCHING") << "its own branch goes on";
  EXPECT_TRUE(w.mission().holds.empty());
  w.finished("deploy");
  EXPECT_EQ(w.state(), "HELD");
  ASSERT_EQ(w.mission().holds.size(), 1U);
  EXPECT_EQ(w.mission().holds[0].subject, "right");
  ASSERT_TRUE(w.decide("alice", Approve).ok()) << "the only open one needs no name";
  w.finished("report");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Gate, AfterAFailedLaunchHoldsTheMission) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: a, script: x, onFailed: review}", "{name: review, method: NOOP}"},
      {{"review", plain_gate()}}
  ));
  w.ended("a", model::RunEnd::LaunchFailed);
  EXPECT_EQ(w.state(), "HELD");
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  EXPECT_EQ(w.verdict(), "FAILED ERR_ANT_EXECUTION_FAILED")
      << "approving does not mend the failure";
}

// --- CHK-H6b: what was decided stays decided -----------------------------------------------------

TEST(GateDecision, IsRefusedWithWhoDecidedWhatAndWhenOnceTheGateIsClosed) {
  AtReview w;
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  const Result<Reply> late = w.decide("bob", Reject, "no");
  EXPECT_EQ(code_of(late), ErrorCode::IllegalTransition);
  EXPECT_EQ(
      late.error().message,
      concat("gate \"review\" is closed: approved by user:alice at ", format_timestamp(w.now()))
  );
  EXPECT_EQ(code_of(w.decide("alice", Approve)), ErrorCode::IllegalTransition);
}

TEST(GateDecision, IsRefusedAfterTheEndOfTheMission) {
  AtReview w;
  ASSERT_TRUE(w.decide("bob", Reject, "too risky").ok());
  EXPECT_EQ(w.verdict(), "ABORTED ERR_MANUAL_REJECTION");
  const Result<Reply> late = w.decide("alice", Approve);
  EXPECT_EQ(code_of(late), ErrorCode::IllegalTransition);
  EXPECT_EQ(
      late.error().message,
      concat(
          "gate \"review\" is closed: rejected by user:bob: too risky at ",
          format_timestamp(w.now()),
          "; the mission is ABORTED"
      )
  );
}

TEST(GateDecision, OfTheSamePersonAgainHasNoEffect) {
  workflow::Gate gate = plain_gate();
  gate.approvals = 2;
  AtReview w(gate);
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  const std::size_t events = w.events().size();
  const Result<Reply> again = w.decide("alice", Reject, "changed my mind");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(w.events().size(), events);
  EXPECT_FALSE(again->detail.get_bool("counted", true));
  EXPECT_EQ(again->detail.get_string("decision"), "approve");
  EXPECT_EQ(again->detail.get_int("approvals"), 1);
  EXPECT_EQ(w.state(), "HELD");
}

TEST(GateDecision, AboutWhatIsNoGateIsRefused) {
  AtReview w;
  EXPECT_EQ(code_of(w.decide("alice", Approve, {}, "build")), ErrorCode::Invalid);
  EXPECT_EQ(code_of(w.decide("alice", Approve, {}, "nowhere")), ErrorCode::NotFound);
  EXPECT_EQ(code_of(w.decide("alice", Approve, {}, {}, {}, "other")), ErrorCode::NotFound);
}

TEST(GateDecision, BeforeTheGateIsOpenIsRefused) {
  Walk w;
  w.submit_workflow(gated(kReviewed, {{"review", plain_gate()}}));
  EXPECT_EQ(
      text_of(w.decide("alice", Approve, {}, "review")), "state: gate \"review\" is not open yet"
  );
  EXPECT_EQ(
      text_of(w.decide("alice", Approve)),
      "state: mission \"m\" has no open gate; it is LAUNCHING (reeve approvals lists what waits "
      "for a decision)"
  );
}

TEST(GateDecision, ToRejectOrReviseNeedsAReason) {
  workflow::Gate gate = plain_gate();
  gate.revises = 0;
  AtReview w(gate);
  for (const model::Decision decision : {Reject, Revise}) {
    for (const char* message : {"", "  \n"}) {
      const Result<Reply> reply = w.decide("alice", decision, message);
      EXPECT_EQ(code_of(reply), ErrorCode::Invalid);
      EXPECT_EQ(reply.error().subject, "message");
      EXPECT_NE(reply.error().hint.find("-m"), std::string::npos);
    }
  }
  EXPECT_EQ(code_of(w.decide("alice", Reject, "\xFF")), ErrorCode::Invalid);
  EXPECT_EQ(
      code_of(w.decide("alice", Reject, std::string(model::kVoteMessageBytesMax + 1, 'x'))),
      ErrorCode::LimitExceeded
  );
  EXPECT_EQ(w.state(), "HELD");
}

// --- CHK-H6e: who may decide
// ----------------------------------------------------------------------

TEST(GateAuthority, RefusesTheAuthor) {
  AtReview w;
  for (const char* author : {"user:test", "run:m.1.build.1", "agent:coder"}) {
    const Result<Reply> reply = w.decide(author, Approve);
    EXPECT_EQ(code_of(reply), ErrorCode::PermissionDenied) << author;
    EXPECT_EQ(reply.error().subject, "self_approval") << author;
    EXPECT_NE(reply.error().hint.find("anybody but user:test"), std::string::npos) << author;
  }
  EXPECT_EQ(w.state(), "HELD");
  EXPECT_TRUE(w.gate().votes.empty());
}

// An agent that submits work, or tries it again, does so for somebody.
TEST(GateAuthority, RefusesThePersonForWhomARunHasAsked) {
  Walk w;
  w.submit({"{name: agent, script: x}"}, {}, "work");
  w.started("agent", "work");
  SubmitMission submit;
  submit.name = MissionName("asked");
  submit.ns = Namespace("default");
  submit.workflow =
      *workflow::load_source(native_text({"{name: review, gate: {prompt: 'Well?'}}"}));
  ASSERT_TRUE(w.command(submit, "run:work.1.agent.1").ok());
  w.restart();
  EXPECT_EQ(w.mission("asked").owner.view(), "run:work.1.agent.1");
  const Result<Reply> own = w.decide("test", Approve, {}, "review", {}, "asked");
  ASSERT_FALSE(own.ok());
  EXPECT_EQ(own.error().code, ErrorCode::PermissionDenied);
  EXPECT_TRUE(w.decide("alice", Approve, {}, "review", {}, "asked").ok());
  EXPECT_EQ(w.verdict("asked"), "COMPLETE");
}

TEST(GateAuthority, LetsTheOwnerDecideWhereTheWorkflowSaysSo) {
  workflow::Gate gate = plain_gate();
  gate.owner_may_approve = true;
  AtReview w(gate);
  EXPECT_EQ(code_of(w.decide("run:m.1.build.1", Approve)), ErrorCode::PermissionDenied);
  ASSERT_TRUE(w.decide("test", Approve).ok());
  EXPECT_EQ(w.task("review").exit_code, "APPROVED");
}

TEST(GateAuthority, NamesThoseWhoMay) {
  workflow::Gate gate = plain_gate();
  gate.users = {"alice", "bob"};
  gate.groups = {"release"};
  AtReview w(gate);
  const Result<Reply> reply = w.decide("mallory", Approve, {}, {}, {"staff"});
  EXPECT_EQ(code_of(reply), ErrorCode::PermissionDenied);
  EXPECT_EQ(reply.error().hint, "ask alice, bob or a member of release");
  EXPECT_EQ(code_of(w.decide("system:timer", Approve)), ErrorCode::PermissionDenied);
  ASSERT_TRUE(w.decide("mallory", Approve, {}, {}, {"staff", "release"}).ok());
  EXPECT_EQ(w.gate().votes.at(0).rule, "group:release");
}

// --- quorum
// ---------------------------------------------------------------------------------------

TEST(GateQuorum, NeedsSoManyDifferentPeople) {
  workflow::Gate gate = plain_gate();
  gate.approvals = 3;
  AtReview w(gate);
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  EXPECT_NE(w.mission().holds.at(0).message.find("(1 of 3)"), std::string::npos);
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  ASSERT_TRUE(w.decide("bob", Approve, "fine").ok());
  EXPECT_EQ(w.state(), "HELD");
  w.restart();
  ASSERT_TRUE(w.decide("carol", Approve, "good").ok());
  EXPECT_EQ(w.task("review").exit_code, "APPROVED");
  EXPECT_EQ(output_of(w, "review", "review-feedback"), "fine\ngood");
  EXPECT_EQ(
      output_of(w, "review", "review-approvers"), R"(["user:alice","user:bob","user:carol"])"
  );
}

TEST(GateQuorum, IsRejectedByOneWhenAnybodyMayDecide) {
  workflow::Gate gate = plain_gate();
  gate.approvals = 3;
  AtReview w(gate);
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  ASSERT_TRUE(w.decide("bob", Reject, "no").ok());
  EXPECT_EQ(w.verdict(), "ABORTED ERR_MANUAL_REJECTION");
}

TEST(GateQuorum, OfNamedPeopleIsRejectedAsSoonAsItIsImpossible) {
  workflow::Gate gate = plain_gate();
  gate.approvals = 2;
  gate.users = {"alice", "bob", "carol"};
  AtReview w(gate);
  ASSERT_TRUE(w.decide("alice", Reject, "no").ok());
  EXPECT_EQ(w.state(), "HELD") << "bob and carol are enough";
  ASSERT_TRUE(w.decide("bob", Reject, "never").ok());
  EXPECT_EQ(w.verdict(), "ABORTED ERR_MANUAL_REJECTION");
  EXPECT_EQ(w.mission().message, "gate review: rejected by user:alice and user:bob: no; never");
}

TEST(GateQuorum, OfAllNeedsEverybodyWhoIsNamed) {
  workflow::Gate gate = plain_gate();
  gate.unanimous = true;
  gate.users = {"alice", "bob"};
  AtReview w(gate);
  ASSERT_TRUE(w.decide("bob", Approve).ok());
  EXPECT_EQ(w.state(), "HELD");
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  EXPECT_EQ(w.task("review").exit_code, "APPROVED");
}

TEST(GateQuorum, ThatCanNeverBeReachedDoesNotOpenTheGate) {
  workflow::Gate gate = plain_gate();
  gate.approvals = 2;
  gate.users = {"test", "bob"};
  AtReview w(gate);
  EXPECT_EQ(w.verdict(), "FAILED ERR_VALIDATION");
  EXPECT_EQ(w.count_events("gate.opened"), 0U);
  EXPECT_NE(w.task("review").message.find("needs 2 approvals, but only 1"), std::string::npos)
      << w.task("review").message;
}

// --- rejection
// ------------------------------------------------------------------------------------

TEST(GateRejection, AbortsTheMissionAfterItHasUndoneAndCleanedUp) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: build, script: x, compensate: {script: y}}",
       "{name: review, method: NOOP, needs: [build]}",
       "{name: deploy, script: x, needs: [review]}",
       "{name: clean, script: x, alwaysRun: true}"},
      {{"review", plain_gate()}},
      "retry: {max: 3}"
  ));
  w.finished("build");
  ASSERT_TRUE(w.decide("bob", Reject, "wrong branch").ok());
  EXPECT_EQ(w.state(), "COMPENSATING");
  w.finished("build~compensate");
  w.finished("clean");
  EXPECT_EQ(w.verdict(), "ABORTED ERR_MANUAL_REJECTION");
  EXPECT_EQ(w.mission().reason, model::Reason::ApprovalRejected);
  EXPECT_EQ(w.mission().message, "gate review: rejected by user:bob: wrong branch");
  EXPECT_EQ(w.mission().epoch, 1U) << "a no is not asked for again";
  EXPECT_EQ(w.tasks(), "build=COMPLETE review=FAILED deploy=SKIPPED clean=COMPLETE");
}

TEST(GateRejection, FollowsItsRouteAndFailsTheMission) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: review, method: NOOP, onExitCode: {REJECTED: tell, APPROVED: deploy}}",
       "{name: deploy, script: x}",
       "{name: tell, script: 'echo {{ index . \"review-feedback\" }}'}"},
      {{"review", plain_gate()}}
  ));
  ASSERT_TRUE(w.decide("bob", Reject, "too big").ok());
  EXPECT_EQ(w.launches(), "m.1.tell.1");
  EXPECT_EQ(w.launch_of("tell").spec.steps.at(0).script, "echo too big");
  w.finished("tell");
  EXPECT_EQ(w.verdict(), "FAILED ERR_MANUAL_REJECTION");
  EXPECT_EQ(w.mission().reason, model::Reason::ApprovalRejected);
}

TEST(GateRejection, OfAFormicaryDocumentFailsIt) {
  Walk w;
  w.submit_workflow(gated_text(
      "job_type: io\ntasks:\n- task_type: review\n  method: SHELL\n  script: [x]\n  on_completed: "
      "b\n"
      "- task_type: b\n  method: SHELL\n  script: [x]\n",
      {{"review", plain_gate()}}
  ));
  ASSERT_TRUE(w.decide("bob", Reject, "no").ok());
  EXPECT_EQ(w.verdict(), "FAILED ERR_MANUAL_REJECTION");
}

TEST(GateRejection, MayStartTheWholeAgainIfTheWorkflowSaysSo) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: build, script: x}",
       "{name: review, method: NOOP, needs: [build], onExitCode: {REJECTED: RESTART_JOB}}"},
      {{"review", plain_gate()}}
  ));
  w.finished("build");
  ASSERT_TRUE(w.decide("bob", Reject, "again").ok());
  EXPECT_EQ(w.mission().epoch, 2U);
  EXPECT_EQ(w.state(), "HELD") << "build is kept and the question is asked again";
  EXPECT_EQ(w.task("review").gate->revision, 2U);
}

TEST(GateRejection, ClosesTheOtherGates) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: left, method: NOOP}", "{name: right, method: NOOP}"},
      {{"left", plain_gate()}, {"right", plain_gate()}}
  ));
  ASSERT_TRUE(w.decide("bob", Reject, "no", "left").ok());
  EXPECT_EQ(w.verdict(), "ABORTED ERR_MANUAL_REJECTION");
  EXPECT_EQ(w.task("right").gate->state, ApprovalState::Withdrawn);
  EXPECT_EQ(w.task_state("right"), "ABORTED");
}

TEST(GateRejection, MayAskAgain) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: review, method: NOOP, onExitCode: {REJECTED: EXECUTING}}"},
      {{"review", plain_gate()}}
  ));
  ASSERT_TRUE(w.decide("bob", Reject, "not yet").ok());
  EXPECT_EQ(w.state(), "HELD");
  EXPECT_EQ(w.task("review").gate->revision, 2U);
  ASSERT_TRUE(w.decide("bob", Approve).ok()) << "a new opening has votes of its own";
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

// --- with everything else that can happen
// -----------------------------------------------------------

TEST(GateAbort, ClosesTheGate) {
  AtReview w;
  w.abort();
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
  EXPECT_EQ(w.gate().state, ApprovalState::Withdrawn);
  EXPECT_EQ(w.tasks(), "build=COMPLETE review=ABORTED deploy=SKIPPED");
  const Result<Reply> late = w.decide("alice", Approve);
  EXPECT_EQ(code_of(late), ErrorCode::IllegalTransition);
}

TEST(GateRelease, IsNoApproval) {
  AtReview w;
  const Result<Reply> reply = w.command(ResumeMission{.mission = MissionName("m")});
  EXPECT_EQ(code_of(reply), ErrorCode::IllegalTransition);
  EXPECT_NE(reply.error().hint.find("reeve approve m/review"), std::string::npos);
  EXPECT_EQ(w.state(), "HELD");
}

TEST(GateFailure, OfAnotherBranchLeavesTheGateOpen) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: review, method: NOOP}",
       "{name: deploy, script: x, needs: [review]}",
       "{name: test, script: x}"},
      {{"review", plain_gate()}}
  ));
  w.finished("test", 1);
  EXPECT_EQ(w.state(), "HELD");
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  w.finished("deploy");
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
}

TEST(GateFailure, ThatIsFatalClosesTheGate) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: review, method: NOOP}", "{name: test, script: x, onFailed: FATAL}"},
      {{"review", plain_gate()}}
  ));
  w.finished("test", 1);
  EXPECT_EQ(w.verdict(), "FAILED ERR_FATAL");
  EXPECT_EQ(w.task("review").gate->state, ApprovalState::Withdrawn);
}

TEST(GatePause, OfAnotherBranchAndTheGateGoTogether) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: review, method: NOOP, onCompleted: deploy}",
       "{name: test, script: x, onExitCode: {'4': PAUSE_JOB}}",
       "{name: deploy, script: x}"},
      {{"review", plain_gate()}},
      "pauseTime: 30s"
  ));
  w.finished("test", 4);
  EXPECT_EQ(w.state(), "HELD");
  EXPECT_EQ(w.mission().holds.size(), 1U) << "paused, not held for approval";
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  EXPECT_EQ(w.state(), "HELD") << "until the pause is over";
  w.advance(30s);
  w.finished("deploy");
  w.finished("test");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(GateEpoch, KeepsAnApprovalThatNothingHasOvertaken) {
  Walk w;
  w.submit_workflow(gated(kReviewed, {{"review", plain_gate()}}, "retry: {max: 1}"));
  w.finished("build");
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  w.finished("deploy", 1);
  EXPECT_EQ(w.mission().epoch, 2U);
  EXPECT_EQ(w.count_events("gate.opened"), 1U);
  EXPECT_EQ(w.launches(), "m.1.build.1 m.1.deploy.1 m.2.deploy.1");
  EXPECT_EQ(w.task("review").exit_code, "APPROVED");
}

TEST(GateEpoch, AsksAgainWhenWhatWasApprovedRunsAgain) {
  Walk w;
  w.submit_workflow(gated_text(
      "job_type: io\nretry: 2\nhard_reset_after_retries: 1\ntasks:\n"
      "- task_type: build\n  method: SHELL\n  script: [x]\n  on_completed: review\n"
      "- task_type: review\n  method: SHELL\n  script: [x]\n  on_completed: deploy\n"
      "- task_type: deploy\n  method: SHELL\n  script: [x]\n",
      {{"review", plain_gate()}}
  ));
  w.finished("build");
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  w.finished("deploy", 1);
  w.advance(1min);
  ASSERT_EQ(w.mission().epoch, 2U);
  EXPECT_EQ(w.task_state("deploy"), "LAUNCHING") << "the approval is kept";
  w.finished("deploy", 1);
  w.advance(1min);
  ASSERT_EQ(w.mission().epoch, 3U);
  w.finished("build");
  EXPECT_EQ(w.state(), "HELD");
  EXPECT_EQ(w.task("review").gate->revision, 2U);
  EXPECT_EQ(code_of(w.decide("test", Approve)), ErrorCode::PermissionDenied);
  ASSERT_TRUE(w.decide("alice", Approve).ok());
}

TEST(GateRetry, OfTheMissionKeepsTheApproval) {
  AtReview w;
  ASSERT_TRUE(w.decide("alice", Approve).ok());
  w.finished("deploy", 1);
  ASSERT_TRUE(w.command(RetryMission{.parent = MissionName("m"), .name = MissionName("again")}).ok()
  );
  EXPECT_EQ(w.task_state("review", "again"), "COMPLETE");
  EXPECT_EQ(w.task_state("deploy", "again"), "LAUNCHING");
  EXPECT_FALSE(w.task("review", "again").gate.has_value()) << "the votes are the parent's";
}

TEST(GateCleanup, IsNeverAskedForAtTheEnd) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: a, script: x}", "{name: review, method: NOOP, alwaysRun: true}"},
      {{"review", plain_gate()}}
  ));
  w.finished("a");
  EXPECT_EQ(w.verdict(), "COMPLETE");
  EXPECT_EQ(w.task_state("review"), "SKIPPED");
}

TEST(GateSkip, ByItsConditionAsksNobody) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: review, method: NOOP, skipIf: 'true', onCompleted: deploy}",
       "{name: deploy, script: x}"},
      {{"review", plain_gate()}}
  ));
  EXPECT_EQ(w.launches(), "m.1.deploy.1");
  EXPECT_EQ(w.count_events("gate.opened"), 0U);
}

// --- CHK-P8c: evidence
// ------------------------------------------------------------------------------

TEST(GateCommand, CountsMoreThanWhatTheWorkClaims) {
  Walk w;
  w.submit_workflow(gated(
      {"{name: agent, script: x}",
       "{name: verify, script: x, needs: [agent]}",
       "{name: review, method: NOOP, needs: [verify]}"},
      {{"review", plain_gate()}}
  ));
  w.finished("agent", 0, {{"tests", "pass"}});
  w.finished("verify", 1);
  EXPECT_EQ(w.verdict(), "FAILED ERR_TASK_EXECUTE");
  EXPECT_EQ(w.count_events("gate.opened"), 0U);
  EXPECT_EQ(output_of(w, "agent", "tests"), "pass") << "the claim is on record";
  EXPECT_EQ(w.task("verify").exit_code, "1") << "and so is the evidence";
}

}  // namespace
}  // namespace reeve::engine
