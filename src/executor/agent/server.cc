#include "executor/agent/server.h"

#include "base/strings.h"

namespace reeve::executor::agent {

namespace {

constexpr int kOk = 200;
constexpr int kTooManyRequests = 429;
constexpr int kServerFailed = 500;

}  // namespace

Result<Json> ask_tools(
    Server& server, std::int64_t id, const McpRequest& request, Duration timeout
) {
  REEVE_TRY(
      const ServerAnswer answer,
      server.post(
          {.path = kMcpPath, .headers = request.headers, .body = request.body, .timeout = timeout}
      )
  );
  Result<Json> told = read_answer(id, answer.content_type, answer.body);
  if (answer.status == kOk) {
    return told;
  }
  const bool final = answer.status < kServerFailed && answer.status != kTooManyRequests;
  const std::string why = told ? std::string() : told.error().message;
  return make_error(
      final ? ErrorCode::PermissionDenied : ErrorCode::Unavailable,
      concat("the tool gateway has answered ", answer.status, why.empty() ? "" : ": ", why)
  );
}

Result<std::vector<OfferedTool>> list_tools(
    Server& server, std::int64_t& last_id, const std::function<void(std::string)>& warn
) {
  std::vector<OfferedTool> tools;
  std::string cursor;
  for (std::size_t page = 0; page < kToolPagesMax; ++page) {
    const std::int64_t id = ++last_id;
    REEVE_TRY(const Json result, ask_tools(server, id, list_request(id, cursor), kListTimeout));
    REEVE_TRY(ToolPage listed, read_tools(result));
    for (OfferedTool& tool : listed.tools) {
      if (tools.size() >= kToolsMax) {
        warn(concat("of more than ", kToolsMax, " tools the rest is left out"));
        return tools;
      }
      tools.push_back(std::move(tool));
    }
    cursor = listed.next;
    if (cursor.empty()) {
      return tools;
    }
  }
  warn(concat("of more than ", kToolPagesMax, " pages of tools the rest is left out"));
  return tools;
}

}  // namespace reeve::executor::agent
