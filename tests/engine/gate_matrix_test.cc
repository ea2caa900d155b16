// Every decision in every state that a gate can be in (CHK-H6b).
#include <gtest/gtest.h>

#include "gates.h"

namespace reeve::engine {
namespace {

using namespace std::chrono_literals;
using enum model::Decision;
using model::ApprovalState;

/// What a gate may look like when somebody decides.
enum class Situation {
  NotYetOpen,
  OpenWhileActive,
  Held,
  HeldWithOneVote,
  HeldForAPause,
  OverdueButNotExpired,
  Granted,
  Rejected,
  Expired,
  SentBack,
  OpenAgain,
  Withdrawn,
  Ended,
};

constexpr int kSituations = static_cast<int>(Situation::Ended) + 1;

workflow::Gate gate_for(Situation situation) {
  workflow::Gate gate = plain_gate();
  gate.revises = 0;
  if (situation == Situation::HeldWithOneVote) {
    gate.approvals = 2;
  }
  if (situation == Situation::OverdueButNotExpired || situation == Situation::Expired) {
    gate.deadline = 1h;
  }
  return gate;
}

/// build and the gate "review", beside "test" which pauses, fails or goes on.
void bring(Walk& w, Situation situation) {
  w.submit_workflow(gated(
      {"{name: build, script: x}",
       "{name: review, method: NOOP, needs: [build], onExitCode: {REJECTED: tell}}",
       "{name: deploy, script: x, needs: [review]}",
       "{name: tell, script: x}",
       "{name: test, script: x, onExitCode: {'4': PAUSE_JOB}}"},
      {{"review", gate_for(situation)}}
  ));
  w.started("test");
  if (situation == Situation::NotYetOpen) {
    return;
  }
  w.finished("build");
  const auto decide = [&](std::string_view who, model::Decision decision) {
    ASSERT_TRUE(w.decide(who, decision, "first").ok());
  };
  switch (situation) {
    case Situation::NotYetOpen:
    case Situation::OpenWhileActive:
      break;
    case Situation::Held:
      w.finished("test");
      break;
    case Situation::HeldWithOneVote:
      w.finished("test");
      decide("alice", Approve);
      break;
    case Situation::HeldForAPause:
      w.finished("test", 4);
      break;
    case Situation::OverdueButNotExpired:
      w.finished("test");
      w.drop_timers();
      w.advance(1h);
      break;
    case Situation::Granted:
      decide("alice", Approve);
      break;
    case Situation::Rejected:
      decide("alice", Reject);
      break;
    case Situation::Expired:
      w.finished("test");
      w.advance(1h);
      break;
    case Situation::SentBack:
      decide("alice", Revise);
      break;
    case Situation::OpenAgain:
      decide("alice", Revise);
      w.finished("build");
      break;
    case Situation::Withdrawn:
      w.abort();
      break;
    case Situation::Ended:
      w.finished("test");
      decide("alice", Approve);
      w.finished("deploy");
      break;
  }
}

bool takes_decisions(Situation situation) {
  switch (situation) {
    case Situation::OpenWhileActive:
    case Situation::Held:
    case Situation::HeldWithOneVote:
    case Situation::HeldForAPause:
    case Situation::OpenAgain:
      return true;
    case Situation::NotYetOpen:
    case Situation::OverdueButNotExpired:
    case Situation::Granted:
    case Situation::Rejected:
    case Situation::Expired:
    case Situation::SentBack:
    case Situation::Withdrawn:
    case Situation::Ended:
      return false;
  }
  return false;
}

ApprovalState expected_state(model::Decision decision) {
  switch (decision) {
    case Approve:
      return ApprovalState::Granted;
    case Reject:
      return ApprovalState::Rejected;
    case Revise:
      return ApprovalState::Revise;
  }
  return ApprovalState::Pending;
}

class GateMatrix : public testing::TestWithParam<int> {};

TEST_P(GateMatrix, TakesEachDecisionExactlyWhileTheGateIsOpen) {
  const auto situation = static_cast<Situation>(GetParam());
  for (const model::Decision decision : {Approve, Reject, Revise}) {
    Walk w;
    bring(w, situation);
    const std::size_t events = w.events().size();
    const Result<Reply> reply = w.decide("bob", decision, "second", "review");
    ASSERT_EQ(reply.ok(), takes_decisions(situation))
        << to_string(decision) << ": " << (reply ? "accepted" : reply.error().describe());
    if (!reply) {
      EXPECT_EQ(reply.error().code, ErrorCode::IllegalTransition);
      EXPECT_EQ(w.events().size(), events);
      continue;
    }
    const model::GateStatus& gate = *w.task("review").gate;
    EXPECT_EQ(gate.state, expected_state(decision)) << to_string(decision);
    EXPECT_EQ(gate.votes.back().voter, Principal("user:bob"));
    EXPECT_EQ(w.count_events("gate.decided"), situation == Situation::OpenAgain ? 2U : 1U);
    // Nobody decides about this opening any more, whoever asks.
    for (const model::Decision late : {Approve, Reject, Revise}) {
      EXPECT_FALSE(w.decide("carol", late, "third", "review").ok());
    }
  }
}

TEST_P(GateMatrix, ComesToTheSameAfterARestartAtThatPoint) {
  const auto situation = static_cast<Situation>(GetParam());
  for (const model::Decision decision : {Approve, Reject, Revise}) {
    Walk w;
    bring(w, situation);
    if (is_terminal(w.mission().state)) {
      continue;  // not loaded any more
    }
    w.restart();
    if (situation == Situation::OverdueButNotExpired) {
      EXPECT_EQ(w.task("review").gate->state, ApprovalState::Expired);
      continue;
    }
    const Result<Reply> reply = w.decide("bob", decision, "second", "review");
    EXPECT_EQ(reply.ok(), takes_decisions(situation)) << to_string(decision);
  }
}

TEST_P(GateMatrix, NeverLetsTheAuthorDecide) {
  const auto situation = static_cast<Situation>(GetParam());
  for (const char* author : {"user:test", "run:m.1.build.1", "agent:coder"}) {
    Walk w;
    bring(w, situation);
    const std::size_t events = w.events().size();
    EXPECT_FALSE(w.decide(author, Approve, "mine", "review").ok()) << author;
    EXPECT_EQ(w.events().size(), events);
  }
}

INSTANTIATE_TEST_SUITE_P(Situations, GateMatrix, testing::Range(0, kSituations));

}  // namespace
}  // namespace reeve::engine
