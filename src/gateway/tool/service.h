#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "gateway/tool/calls.h"
#include "gateway/tool/catalog.h"
#include "gateway/tool/ports.h"
#include "gateway/tool/protocol.h"
#include "gateway/tool/responder.h"
#include "net/exchange.h"

namespace reeve::gateway {

/// Sessions of clients that speak a revision with sessions, and how long one lasts unused.
inline constexpr std::size_t kSessionsMax = 10'000;
inline constexpr Duration kSessionIdle{std::chrono::hours(1)};
/// Between the name of a server and that of its tool.
inline constexpr std::string_view kToolSeparator = "__";
/// The server whose policy decides about an agent's own tools.
inline constexpr std::string_view kAgentServer = "agent";
/// The tool that agents ask before they use one of their own (`--permission-prompt-tool`).
inline constexpr std::string_view kPromptTool = "approve";

/// The endpoint `/mcp`: both eras of the protocol on one path. Network thread.
class ToolService {
 public:
  explicit ToolService(const ToolPorts& ports)
      : ports_(ports), catalog_(ports), calls_(ports, catalog_) {}

  /// Answers a request of somebody who is known and may call tools.
  void serve(std::shared_ptr<net::Exchange> exchange, ToolCaller caller);

  /// Answers with an error that clients of the protocol understand.
  static void refuse(
      const std::shared_ptr<net::Exchange>& exchange, int status, const std::string& message
  );

  ToolCalls& calls() { return calls_; }

 private:
  struct Session {
    Principal principal;
    Timestamp used;
  };

  using ResponderPtr = std::shared_ptr<Responder>;

  bool in_session(const net::Request& request, const RpcMessage& message, const ToolCaller& caller);
  void end_session(const std::shared_ptr<net::Exchange>& exchange, const ToolCaller& caller);
  void initialize(
      const RpcMessage& message, const ToolCaller& caller, const ResponderPtr& responder
  );
  void dispatch(const RpcMessage& message, const ToolCaller& caller, const ResponderPtr& responder);
  void list(const ToolCaller& caller, const ResponderPtr& responder);
  void call(const RpcMessage& message, const ToolCaller& caller, const ResponderPtr& responder);
  void call_tool(
      CatalogServerPtr server,
      const std::string& tool,
      const RpcMessage& message,
      const ToolCaller& caller,
      const ResponderPtr& responder
  );
  void prompt(const RpcMessage& message, const ToolCaller& caller, const ResponderPtr& responder);
  void prompt_with(
      CatalogServerPtr server,
      const Json& arguments,
      const RpcMessage& message,
      const ToolCaller& caller,
      const ResponderPtr& responder
  );
  void start(CallRequest request, const ResponderPtr& responder, ToolCalls::OnAnswer answer);

  ToolPorts ports_;
  Catalog catalog_;
  ToolCalls calls_;
  std::map<std::string, Session> sessions_;
};

}  // namespace reeve::gateway
