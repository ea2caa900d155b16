#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "model/run.h"

/// What people decide at a gate. The structs hold state only; engine/gate_machine.h holds the
/// rules.
namespace reeve::model {

/// What one person says about a gate.
enum class Decision : std::uint8_t { Approve, Reject, Revise };

std::string_view to_string(Decision decision);  ///< "approve" …
Result<Decision> parse_decision(std::string_view text);

/// Where a gate stands.
enum class ApprovalState : std::uint8_t {
  Pending,    ///< open: people may decide
  Granted,    ///< enough of them approved
  Rejected,   ///< one rejected, or too few are left to approve
  Revise,     ///< sent back with feedback; the gate opens again afterwards
  Expired,    ///< nobody decided in time, which rejects
  Withdrawn,  ///< the mission stopped: there is nothing left to decide
};

inline constexpr std::size_t kApprovalStates = 6;

std::string_view to_string(ApprovalState state);  ///< "pending" …
Result<ApprovalState> parse_approval_state(std::string_view text);

/// A decision of one person, as it counted.
struct Vote {
  Principal voter;
  Decision decision = Decision::Approve;
  std::string message;
  /// What allowed it: "user", "group:NAME" or "anyone".
  std::string rule;
  /// The opening of the gate that it is about.
  std::uint32_t revision = 1;
  Timestamp at;
};

/// A gate of a mission since it was first opened.
struct GateStatus {
  ApprovalState state = ApprovalState::Pending;
  /// Number of this opening, from 1.
  std::uint32_t revision = 0;
  /// How often it was sent back in this epoch.
  std::uint32_t revised = 0;
  /// What is shown to those who decide: texts of this opening.
  std::string prompt;
  std::vector<NamedValue> context;
  Timestamp opened_at;
  std::optional<Timestamp> deadline;
  std::optional<Timestamp> decided_at;
  bool reminded = false;
  /// How many of the gate's escalations have been made in this opening.
  std::uint32_t escalated = 0;
  /// Of all openings, oldest first.
  std::vector<Vote> votes;
  /// Revision of the last event that changed it; 0: not known.
  Revision changed{};

  bool open() const { return state == ApprovalState::Pending && revision > 0; }
};

/// Bytes of what a person says with a decision.
inline constexpr std::size_t kVoteMessageBytesMax = std::size_t{8} << 10U;
/// Bytes of a gate's prompt and of its context with names, as rendered.
inline constexpr std::size_t kGatePromptBytesMax = std::size_t{8} << 10U;
inline constexpr std::size_t kGateContextBytesMax = std::size_t{64} << 10U;
/// Votes at one gate in all openings.
inline constexpr std::size_t kGateVotesMax = 1000;

}  // namespace reeve::model
