#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "executor/agent/mcp.h"
#include "model/run.h"

/// The port to the server of a run, and the tools behind it.
namespace reeve::executor::agent {

// Bounds of what goes between a run and its server.
inline constexpr std::uint64_t kAnswerBytesMax = std::uint64_t{32} << 20U;
inline constexpr std::size_t kToolPagesMax = 20;
inline constexpr std::size_t kToolsMax = 500;
/// For one reply, and for one call. Both may be held for a person, who gives more money or
/// approves: no longer than the longest approval. The gateways watch over those who do not answer.
inline constexpr Duration kReplyTimeout = std::chrono::hours(24 * 7);
inline constexpr Duration kListTimeout = std::chrono::minutes(2);
inline constexpr Duration kCallTimeout = std::chrono::hours(24 * 7);

/// One request to the server: a POST to `path` below its address.
struct ServerRequest {
  std::string_view path;
  std::vector<model::NamedValue> headers;
  std::string_view body;
  /// Until the last byte of the answer.
  Duration timeout{0};
};

struct ServerAnswer {
  int status = 0;
  std::string content_type;
  std::string body;
  /// What it asks for before the next try; 0: nothing.
  std::uint32_t retry_after_seconds = 0;
};

/// How an agent reaches the server, with the identity of its run.
class Server {
 public:
  virtual ~Server() = default;

  /// Errors: no complete answer came.
  virtual Result<ServerAnswer> post(const ServerRequest& request) = 0;
};

/// Asks the tool gateway. PermissionDenied: it refuses. Unavailable: asking again may help.
/// Cancelled: people have not decided about the call yet.
Result<Json> ask_tools(
    Server& server, std::int64_t id, const McpRequest& request, Duration timeout
);

/// All tools that the run may see, at most kToolsMax. `warn` is told what is left out.
Result<std::vector<OfferedTool>> list_tools(
    Server& server, std::int64_t& last_id, const std::function<void(std::string)>& warn
);

}  // namespace reeve::executor::agent
