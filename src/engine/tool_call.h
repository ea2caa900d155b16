#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

/// One call of a tool on behalf of a run: recorded before it is carried out, approved where that is
/// asked for, carried out once at most.
namespace reeve::engine {

/// Where a call stands.
///
///     PENDING ──▶ APPROVED ──▶ EXECUTING ──▶ COMPLETED ──▶ ROLLED_BACK
///        │           │             ├───────▶ FAILED
///        │           ├──▶ EXPIRED  └───────▶ UNKNOWN (nobody can say whether it was done)
///        ├──▶ EXPIRED└──▶ FAILED
///        └──▶ REJECTED
enum class ToolCallState : std::uint8_t {
  Pending,
  Approved,
  Rejected,
  Expired,
  Executing,
  Completed,
  Failed,
  RolledBack,
  Unknown,
};

inline constexpr std::size_t kToolCallStates = 9;

std::string_view to_string(ToolCallState state);  ///< "PENDING" …
Result<ToolCallState> parse_tool_call_state(std::string_view text);

/// The one table of moves.
bool may_move(ToolCallState from, ToolCallState to);

/// Whether a call may begin its life there: PENDING, APPROVED, EXECUTING, REJECTED (by policy).
bool may_begin_as(ToolCallState state);

/// PENDING, APPROVED, EXECUTING.
bool is_open(ToolCallState state);

/// Who decided about a call.
struct ToolDecision {
  /// "approve" or "reject"; empty: nobody has decided.
  std::string decision;
  Principal by;
  Timestamp at;
  std::string message;
};

/// A call as it is kept.
struct ToolCall {
  Uid uid;
  /// Of its first, of its last event, and of the one that ended it.
  Revision created;
  Revision revision;
  Revision ended;
  Timestamp created_at;
  /// What was recorded, with defaults left out; see ToolCallBook.
  Json spec;

  // Of `spec`, for the rules.
  std::string server;
  std::string tool;
  Digest arguments_hash;
  /// Names in the namespace; empty: no run has asked.
  std::string mission;
  std::string run;
  Principal caller;
  std::string compensates;
  bool untrusted = false;
  /// Members of the arguments that are not to be seen.
  std::vector<std::string> redact;
  /// The name that whoever asks has given it, so that it can be sent again; empty: none.
  std::string idempotency_key;
  /// From 1, within the calls of one run (or of one caller that is no run).
  std::uint64_t sequence = 0;

  ToolCallState state = ToolCallState::Pending;
  /// An untrusted tool had been used before, by its mission or its caller.
  bool tainted = false;
  ToolDecision decision;
  /// What a person wrote in place of the arguments; null: nothing.
  Json edited;
  /// Of the arguments that may be carried out.
  Digest approved_hash;
  /// While PENDING or APPROVED: when it expires.
  std::optional<Timestamp> due;
  std::optional<Timestamp> started_at;
  std::optional<Timestamp> ended_at;
  /// What came of it: digest, excerpt, bytes, isError.
  Json result;
  /// Why it was not done, or failed.
  std::string message;
  /// How it is undone: server, tool, arguments; null: it is not reversible.
  Json undo;
  /// Calls that were made to undo it.
  std::uint32_t rollbacks = 0;
  std::string rolled_back_by;
  /// Its failure was one too many: the revision of `spiral.detected`.
  Revision spiral;
  /// About what it takes in memory.
  std::size_t bytes = 0;
  bool deleted = false;
};

/// Whether it counts as a failure of its run: FAILED, UNKNOWN, or refused before anybody was asked.
bool counts_as_failure(const ToolCall& call);

/// Who may send it again: a run, whichever attempt it is, or its caller.
std::string asker_of(const ToolCall& call);

/// As the row of the store has it: equal states have equal text.
Json to_row(const std::string& name, const Namespace& ns, const ToolCall& call);

/// Corrupt: it contradicts itself.
Result<ToolCall> tool_call_from_row(std::string_view name, const Namespace& ns, const Json& row);

/// Takes what the rules need out of `spec`. Invalid: something is wrong with it.
Result<void> read_spec(ToolCall& call);

}  // namespace reeve::engine
