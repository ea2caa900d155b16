#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

/// How an agent's work has ended. Pure.
namespace reeve::executor::agent {

// Exit texts; a success has none.
inline constexpr std::string_view kBudgetExceeded = "BUDGET_EXCEEDED";
inline constexpr std::string_view kMaxTurns = "MAX_TURNS";
inline constexpr std::string_view kDenied = "DENIED";
inline constexpr std::string_view kApiError = "API_ERROR";
inline constexpr std::string_view kNeedsInput = "NEEDS_INPUT";
inline constexpr std::string_view kInvalidOutput = "INVALID_OUTPUT";
inline constexpr std::string_view kTimedOut = "TIMED_OUT";
inline constexpr std::string_view kAgentFailed = "AGENT_FAILED";

struct AgentResult {
  /// Why it is no success; empty: it is one.
  std::string exit_text;
  /// For people.
  std::string reason;
  /// What the agent has said at the end.
  std::string text;
  /// Its structured result; null: it has none but the text.
  Json structured;
  /// Names what it has in memory; empty: nothing can be continued.
  std::string session;
  /// In decimal, as the program has counted it; empty: it did not.
  std::string cost;
  std::uint64_t turns = 0;
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
  /// Tools that were refused to it.
  std::vector<std::string> denied;

  bool succeeded() const { return exit_text.empty(); }
};

/// The JSON in a text: the whole, or what its only block of code has. Nothing: there is none.
std::optional<Json> json_in(std::string_view text);

}  // namespace reeve::executor::agent
