#pragma once

#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "workflow/render.h"
#include "workflow/values.h"

/// The inputs of built-in tools, rendered. Private to src/workflow. The tools read them again in
/// src/executor; what is refused here is refused with its place in the document.
namespace reeve::workflow {

inline constexpr std::string_view kHttpTool = "http";
inline constexpr std::string_view kWebSocketTool = "websocket";
inline constexpr std::string_view kCacheRestoreTool = "cache-restore";
inline constexpr std::string_view kCacheSaveTool = "cache-save";
inline constexpr std::string_view kContainerTool = "container";
inline constexpr std::string_view kExpireTool = "expire-artifacts";
inline constexpr std::string_view kMessageTool = "message";
inline constexpr std::string_view kAgentTool = "agent";

/// Longest body of a request or message.
inline constexpr std::size_t kHttpBodyBytesMax = std::size_t{4} << 20U;
inline constexpr std::size_t kHttpUrlBytesMax = std::size_t{8} << 10U;

/// What a tool is given, and where credentials belong in it (`index` is left to the caller).
struct ToolInput {
  Json json;
  std::vector<model::CredentialPlace> places = {};
};

/// `{verb, url, headers, body, …}` of the task's request. Headers and query are part of it; a body
/// without text is made of the task's values (Values::declared), never of built-in ones.
Result<ToolInput> http_input(const Task& task, const Values& values, Format format);

/// `{url, headers, message, …}` of the task's exchange.
Result<ToolInput> web_socket_input(const Task& task, const Values& values);

/// `{channel, replyChannel, body}` of the task's message; without a body an object of its values.
Result<Json> message_input(const Task& task, const Values& values);

/// A prompt and the agent as it is at this time. NotFound: there is no such agent.
/// PermissionDenied: it would judge what is its own.
Result<Json> agent_input(
    const Workflow& workflow, const Task& task, const RenderContext& context, const Values& values
);

/// `{namespace, workflow, paths, key | keyPaths, expiresAfterMs}` of the task's cache.
Result<Json> cache_input(
    const Workflow& workflow, const Task& task, const RenderContext& context, const Values& values
);

}  // namespace reeve::workflow
