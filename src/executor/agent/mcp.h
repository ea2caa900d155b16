#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "executor/agent/model_format.h"
#include "model/run.h"

/// Requests to the tool gateway: JSON-RPC of MCP 2026-07-28, which has no sessions. Pure.
namespace reeve::executor::agent {

inline constexpr std::string_view kMcpPath = "/mcp";
inline constexpr std::string_view kMcpRevision = "2026-07-28";
/// In `_meta` of a call: whoever sees it twice carries it out once.
inline constexpr std::string_view kIdempotencyMeta = "reeve.dev/idempotencyKey";
/// The same: how long people are waited for, and what the answer is when they have not decided.
inline constexpr std::string_view kDecisionWaitMeta = "reeve.dev/decisionWait";
inline constexpr std::int64_t kWaitsForDecision = -32050;
/// Bytes of one result that a model is told; what is beyond is cut.
inline constexpr std::size_t kResultBytesMax = std::size_t{256} << 10U;

/// A request and the headers that belong to it.
struct McpRequest {
  std::vector<model::NamedValue> headers;
  std::string body;
};

/// One page of the list of tools.
McpRequest list_request(std::int64_t id, std::string_view cursor);

McpRequest call_request(
    std::int64_t id,
    std::string_view tool,
    const Json& arguments,
    std::string_view idempotency_key,
    Duration decision_wait
);

/// The result in an answer, which is JSON or a stream of events. Unavailable: there is none for
/// that id. Cancelled: people have not decided yet. PermissionDenied: the gateway's own error.
Result<Json> read_answer(std::int64_t id, std::string_view content_type, std::string_view body);

/// A page of tools.
struct ToolPage {
  std::vector<OfferedTool> tools;
  /// Empty: it was the last.
  std::string next;
};

Result<ToolPage> read_tools(const Json& result);

/// What a tool has said, for a model.
struct ToolResult {
  std::string text;
  bool failed = false;
};

ToolResult read_result(const Json& result);

/// At most `bytes_max` bytes of `text`, whole characters; says how many are missing.
std::string cut_text(std::string_view text, std::size_t bytes_max);

}  // namespace reeve::executor::agent
