#include "engine/gate_machine.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/small_workflow.h"

namespace reeve::engine {
namespace {

using model::ApprovalState;
using model::Decision;
using model::GateStatus;
using workflow::Gate;

const Principal kOwner("user:olga");

Voter voter(std::string_view principal, std::vector<std::string> groups = {}) {
  return {.principal = Principal(std::string(principal)), .groups = std::move(groups)};
}

/// Votes written as "alice+ bob- carol~": approve, reject, revise.
GateStatus votes(std::string_view text) {
  GateStatus status;
  status.revision = 2;
  for (const std::string_view word : split(text, ' ')) {
    if (word.empty()) {
      continue;
    }
    model::Vote vote;
    vote.voter = Principal(concat("user:", word.substr(0, word.size() - 1)));
    vote.decision = word.back() == '+'   ? Decision::Approve
                    : word.back() == '-' ? Decision::Reject
                                         : Decision::Revise;
    vote.rule = "user";
    vote.revision = 2;
    status.votes.push_back(std::move(vote));
  }
  return status;
}

Gate gate_of(std::uint32_t approvals, std::vector<std::string> users = {}, bool unanimous = false) {
  Gate gate;
  gate.approvals = approvals;
  gate.users = std::move(users);
  gate.unanimous = unanimous;
  return gate;
}

std::string come_to(const Gate& gate, std::string_view text) {
  return std::string(to_string(tally(gate, kOwner, votes(text)).outcome));
}

TEST(GateMachine, HasExactlyTheseMoves) {
  for (std::size_t from = 0; from < model::kApprovalStates; ++from) {
    for (std::size_t to = 0; to < model::kApprovalStates; ++to) {
      const bool expected = (from == 0) != (to == 0);
      EXPECT_EQ(
          is_legal(static_cast<ApprovalState>(from), static_cast<ApprovalState>(to)), expected
      ) << from
        << " to " << to;
    }
  }
}

TEST(GateAllowed, SaysByWhichRule) {
  Gate gate = gate_of(1, {"alice", "user:bob"});
  gate.groups = {"release", "security"};
  EXPECT_EQ(*allowed_by(gate, kOwner, voter("user:alice")), "user");
  EXPECT_EQ(*allowed_by(gate, kOwner, voter("user:bob")), "user");
  EXPECT_EQ(*allowed_by(gate, kOwner, voter("user:eve", {"staff", "security"})), "group:security");
  EXPECT_FALSE(allowed_by(gate, kOwner, voter("user:eve", {"staff"})).ok());
  EXPECT_FALSE(allowed_by(gate, kOwner, voter("user:Alice")).ok()) << "case matters";
  EXPECT_FALSE(allowed_by(gate, kOwner, voter("alice")).ok()) << "no kind, no person";
  EXPECT_FALSE(allowed_by(gate, kOwner, voter("")).ok());
  EXPECT_FALSE(allowed_by(gate, kOwner, voter("system:alice", {"release"})).ok());
  EXPECT_EQ(*allowed_by(gate_of(1), kOwner, voter("user:eve")), "anyone");
}

TEST(GateAllowed, RefusesTheAuthorWhateverElseIsSaid) {
  Gate gate = gate_of(1, {"olga"});
  gate.groups = {"release"};
  const Result<std::string> owner = allowed_by(gate, kOwner, voter("user:olga", {"release"}));
  ASSERT_FALSE(owner.ok());
  EXPECT_EQ(owner.error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(owner.error().subject, kRuleSelfApproval);
  EXPECT_EQ(
      owner.error().hint,
      "ask a member of release; a workflow whose owner may decide says so in its gate "
      "(ownerMayApprove)"
  );
  gate.owner_may_approve = true;
  EXPECT_EQ(*allowed_by(gate, kOwner, voter("user:olga")), "user");
  for (const char* author : {"run:m.1.a.1", "agent:coder", "run:olga"}) {
    const Result<std::string> refused = allowed_by(gate, kOwner, voter(author, {"release"}));
    ASSERT_FALSE(refused.ok()) << author;
    EXPECT_EQ(refused.error().subject, kRuleSelfApproval) << author;
  }
}

TEST(GateAllowed, RefusesThePersonWhoseAccountAFileOfTheInboxHas) {
  const Principal inbox("inbox:olga");
  EXPECT_FALSE(allowed_by(gate_of(1), inbox, voter("inbox:olga")).ok()) << "no person";
  EXPECT_FALSE(allowed_by(gate_of(1), inbox, voter("user:olga")).ok());
  EXPECT_TRUE(allowed_by(gate_of(1), inbox, voter("user:eve")).ok());
}

TEST(GateTally, OfAnOpenElectorate) {
  const Gate two = gate_of(2);
  EXPECT_EQ(come_to(two, ""), "pending");
  EXPECT_EQ(come_to(two, "alice+"), "pending");
  EXPECT_EQ(come_to(two, "alice+ bob+"), "granted");
  EXPECT_EQ(come_to(two, "alice+ bob-"), "rejected");
  EXPECT_EQ(come_to(two, "alice+ bob~"), "revise");
  EXPECT_EQ(come_to(gate_of(0), ""), "pending") << "there is no gate without an approval";
  EXPECT_EQ(come_to(gate_of(0), "alice+"), "granted");
}

TEST(GateTally, OfNamedPeople) {
  const Gate gate = gate_of(2, {"alice", "bob", "carol"});
  EXPECT_EQ(come_to(gate, "alice-"), "pending");
  EXPECT_EQ(come_to(gate, "alice- bob+ carol+"), "granted");
  EXPECT_EQ(come_to(gate, "alice- bob-"), "rejected");
  EXPECT_EQ(come_to(gate_of(3, {"alice", "bob", "carol"}), "alice+ bob-"), "rejected");
  EXPECT_EQ(come_to(gate_of(1, {"alice", "olga"}), "alice-"), "rejected")
      << "the owner cannot make up for it";
}

TEST(GateTally, OfNamedPeopleAndGroupsIsRejectedByOne) {
  Gate gate = gate_of(2, {"alice", "bob", "carol"});
  gate.groups = {"release"};
  EXPECT_EQ(come_to(gate, "alice-"), "rejected") << "who is left is not known";
}

TEST(GateTally, OfAllIsRejectedByOneAndNeedsEverybody) {
  const Gate gate = gate_of(1, {"alice", "bob", "bob"}, true);
  EXPECT_EQ(come_to(gate, "alice+"), "pending");
  EXPECT_EQ(come_to(gate, "alice+ bob+"), "granted");
  EXPECT_EQ(come_to(gate, "alice-"), "rejected");
  EXPECT_EQ(approvals_needed(gate), 2U);
  Gate with_group = gate_of(3, {"alice", "bob"}, true);
  with_group.groups = {"release"};
  EXPECT_EQ(come_to(with_group, "alice+ carol+ dave+"), "pending") << "bob is named";
  EXPECT_EQ(come_to(with_group, "alice+ carol+ bob+"), "granted");
}

TEST(GateTally, LooksAtThisOpeningOnly) {
  GateStatus status = votes("alice+");
  status.revision = 3;
  EXPECT_EQ(tally(gate_of(1), kOwner, status).outcome, ApprovalState::Pending);
  EXPECT_EQ(vote_of(status, Principal("user:alice")), nullptr);
}

TEST(GateElectorate, MustBeLargeEnough) {
  EXPECT_TRUE(check_electorate(gate_of(5), kOwner).ok()) << "anybody may";
  EXPECT_TRUE(check_electorate(gate_of(2, {"alice", "bob"}), kOwner).ok());
  EXPECT_FALSE(check_electorate(gate_of(3, {"alice", "bob"}), kOwner).ok());
  EXPECT_FALSE(check_electorate(gate_of(2, {"alice", "alice"}), kOwner).ok());
  EXPECT_FALSE(check_electorate(gate_of(2, {"alice", "olga"}), kOwner).ok());
  EXPECT_FALSE(check_electorate(gate_of(1, {"alice", "olga"}, true), kOwner).ok());
  EXPECT_FALSE(check_electorate(gate_of(3, {"alice", "bob"}, true), kOwner).ok());
  Gate group = gate_of(3, {"alice"});
  group.groups = {"release"};
  EXPECT_TRUE(check_electorate(group, kOwner).ok());
  group.unanimous = true;
  EXPECT_TRUE(check_electorate(group, kOwner).ok());
  group.users = {"olga"};
  EXPECT_FALSE(check_electorate(group, kOwner).ok()) << "everybody named must approve";
}

TEST(GateWhoMay, IsSaidInWords) {
  EXPECT_EQ(who_may(gate_of(1), kOwner), "anybody but user:olga");
  EXPECT_EQ(who_may(gate_of(1, {"alice"}), kOwner), "alice");
  Gate gate = gate_of(1, {"alice", "user:bob", "olga"});
  gate.groups = {"release"};
  EXPECT_EQ(who_may(gate, kOwner), "alice, bob or a member of release");
  EXPECT_EQ(who_may(gate_of(1, {"olga"}), kOwner), "nobody");
  gate.owner_may_approve = true;
  EXPECT_EQ(who_may(gate, kOwner), "alice, bob, olga or a member of release");
}

TEST(GateDue, IsTheNextOfReminderEscalationsAndDeadline) {
  using namespace std::chrono_literals;
  Gate gate = gate_of(1);
  GateStatus status;
  EXPECT_FALSE(next_due(gate, status).has_value()) << "never opened";
  status.revision = 1;
  EXPECT_FALSE(next_due(gate, status).has_value()) << "it waits for ever";
  status.deadline = status.opened_at + 24h;
  gate.remind_after = 2h;
  gate.escalations = {
      {.after = 1h, .to = {}, .message = {}}, {.after = 8h, .to = {}, .message = {}}};
  EXPECT_EQ(next_due(gate, status), status.opened_at + 1h);
  status.escalated = 1;
  EXPECT_EQ(next_due(gate, status), status.opened_at + 2h);
  status.reminded = true;
  EXPECT_EQ(next_due(gate, status), status.opened_at + 8h);
  status.escalated = 2;
  EXPECT_EQ(next_due(gate, status), status.opened_at + 24h);
  status.state = ApprovalState::Granted;
  EXPECT_FALSE(next_due(gate, status).has_value());
}

/// The first broken rule of a gate on task "build" of a mission of olga's.
std::string broken(const GateStatus& status, model::TaskState state, std::string exit_code = {}) {
  workflow::Workflow workflow = small_workflow();
  workflow.tasks[0].gate = gate_of(1);
  model::Mission mission;
  mission.owner = kOwner;
  model::TaskStatus task;
  task.state = state;
  task.exit_code = std::move(exit_code);
  task.gate = status;
  return broken_gate_rule(mission, workflow.tasks[0], task).value_or("");
}

TEST(GateRules, HoldForSoundGates) {
  GateStatus status = votes("");
  EXPECT_EQ(broken(status, model::TaskState::Waiting), "");
  status = votes("alice+");
  status.state = ApprovalState::Granted;
  EXPECT_EQ(broken(status, model::TaskState::Complete, "APPROVED"), "");
  status = votes("alice-");
  status.state = ApprovalState::Rejected;
  EXPECT_EQ(broken(status, model::TaskState::Failed, "REJECTED"), "");
}

TEST(GateRules, SayWhatIsBroken) {
  EXPECT_NE(broken(GateStatus{}, model::TaskState::Waiting), "") << "never opened";
  EXPECT_NE(broken(votes("alice+"), model::TaskState::Waiting), "") << "open, but decided";
  EXPECT_NE(broken(votes(""), model::TaskState::Active), "") << "open, but it runs";
  GateStatus status = votes("");
  status.state = ApprovalState::Granted;
  EXPECT_NE(broken(status, model::TaskState::Complete), "") << "granted by nobody";
  status.state = ApprovalState::Expired;
  EXPECT_NE(broken(status, model::TaskState::Complete, "APPROVED"), "") << "approved by time";
  status = votes("alice+ alice+");
  status.state = ApprovalState::Granted;
  EXPECT_NE(broken(status, model::TaskState::Complete), "") << "voted twice";
  status = votes("olga+");
  status.state = ApprovalState::Granted;
  EXPECT_NE(broken(status, model::TaskState::Complete), "") << "approved by its owner";
  status = votes("alice+");
  status.state = ApprovalState::Granted;
  status.votes[0].voter = Principal("run:m.1.a.1");
  EXPECT_NE(broken(status, model::TaskState::Complete), "") << "approved by work";
  status.votes[0].voter = Principal("user:alice");
  status.votes[0].revision = 3;
  EXPECT_NE(broken(status, model::TaskState::Complete), "") << "a vote from the future";
  status = votes("");
  status.escalated = 1;
  EXPECT_NE(broken(status, model::TaskState::Waiting), "") << "escalated too often";
}

TEST(GateBetween, FollowsNeedsAndRoutes) {
  workflow::Workflow workflow;
  const auto add = [&](const char* name, std::vector<workflow::TaskIndex> needs) {
    workflow::Task task;
    task.name = TaskName(name);
    task.needs = std::move(needs);
    workflow.tasks.push_back(std::move(task));
  };
  add("plan", {});
  add("check", {0});
  add("note", {0});
  add("price", {});
  add("gate", {1, 3});
  workflow.tasks[1].routes.push_back(
      {.on = "COMPLETED", .target = workflow::TaskIndex{3}, .position = {}}
  );
  EXPECT_EQ(between(workflow, 0, 4), (std::vector<bool>{true, true, false, true, true}));
  EXPECT_EQ(between(workflow, 2, 4), (std::vector<bool>{false, false, true, false, false}))
      << "what does not lead to the gate is alone";
}

}  // namespace
}  // namespace reeve::engine
