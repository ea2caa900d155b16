#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/approval.h"
#include "model/mission.h"
#include "workflow/workflow.h"

/// A gate's life, and who may decide what. Pure rules; mission_gates.cc carries them out.
///
///               ┌──────────── 1 ────────────┐
///               ▼                           │
///            PENDING ──2──▶ GRANTED ────────┤
///               ├──────3──▶ REJECTED ───────┤
///               ├──────4──▶ EXPIRED ────────┤
///               ├──────5──▶ REVISE ─────────┤
///               └──────6──▶ WITHDRAWN ──────┘
///
///  1 the walk comes to the gate again: the next revision, with fresh votes
///  2 enough approvals             5 sent back with feedback: another task runs first
///  3 rejected, or too few are     6 the mission stops
///    left to approve              4 nobody decided in time
///
/// There is no way from PENDING to GRANTED but approvals: nothing is approved by default.
namespace reeve::engine {

bool is_legal(model::ApprovalState from, model::ApprovalState to);

/// Who decides: an identity that somebody else has proved, and the groups it belongs to.
struct Voter {
  Principal principal;
  std::vector<std::string> groups;
};

/// The rule by which somebody may decide: "user", "group:NAME" or "anyone".
///
/// PermissionDenied: with subject "self_approval" for the author (a run or agent, or the mission's
/// owner unless the gate lets the owner decide), else with those who may.
Result<std::string> allowed_by(
    const workflow::Gate& gate, const Principal& owner, const Voter& voter
);

/// What the votes of the current opening come to.
struct Tally {
  std::uint32_t approvals = 0;
  std::uint32_t needed = 1;
  /// Pending, or what the gate is decided to be. Time is not looked at.
  model::ApprovalState outcome = model::ApprovalState::Pending;
};

Tally tally(const workflow::Gate& gate, const Principal& owner, const model::GateStatus& status);

/// Approvals that the gate needs.
std::uint32_t approvals_needed(const workflow::Gate& gate);

/// Invalid: there are not enough people who may approve, so nobody could open the way.
Result<void> check_electorate(const workflow::Gate& gate, const Principal& owner);

/// For people: "alice, bob or a member of release", "anybody but user:carol".
std::string who_may(const workflow::Gate& gate, const Principal& owner);

/// The voters of the current opening who decided so (or at all), and what they said.
struct Said {
  std::vector<std::string> voters;
  std::vector<std::string> messages;
};

Said said(const model::GateStatus& status, std::optional<model::Decision> decision);

/// "approved by user:alice and user:bob", "rejected by user:carol: too risky".
std::string describe_outcome(
    const workflow::Gate& gate, const model::GateStatus& status, model::ApprovalState outcome
);

/// The vote of somebody in the current opening, or null.
const model::Vote* vote_of(const model::GateStatus& status, const Principal& voter);

/// When the next reminder, escalation or the end is due; nothing if the gate is closed.
std::optional<Timestamp> next_due(const workflow::Gate& gate, const model::GateStatus& status);

/// The tasks on a way along needs and routes from `first` to the gate, both of them included.
std::vector<bool> between(
    const workflow::Workflow& workflow, workflow::TaskIndex first, workflow::TaskIndex gate
);

/// What must be true of a gate after every turn; the first rule that is broken, in words.
std::optional<std::string> broken_gate_rule(
    const model::Mission& mission, const workflow::Task& def, const model::TaskStatus& task
);

/// Exit codes of a decided gate.
inline constexpr std::string_view kExitApproved = "APPROVED";
inline constexpr std::string_view kExitRejected = "REJECTED";
inline constexpr std::string_view kExitExpired = "EXPIRED";

inline constexpr std::string_view kErrorRejection = "ERR_MANUAL_REJECTION";

/// Subject of the error of who would approve what is their own.
inline constexpr std::string_view kRuleSelfApproval = "self_approval";

}  // namespace reeve::engine
