#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "gateway/tool/agent_tools.h"
#include "gateway/tool/calls.h"
#include "gateway/tool/catalog.h"
#include "gateway/tool/ports.h"
#include "gateway/tool/protocol.h"
#include "gateway/tool/responder.h"
#include "gateway/tool/sessions.h"
#include "net/exchange.h"

namespace reeve::gateway {

/// The server whose policy decides about an agent's own tools.
inline constexpr std::string_view kAgentServer = "agent";
/// The tool that agents ask before they use one of their own (`--permission-prompt-tool`).
inline constexpr std::string_view kPromptTool = "approve";

/// The endpoint `/mcp`: both eras of the protocol on one path. It has the tools of all servers,
/// with the names of their servers; `/mcp/<server>` those of one server, with their own. Network
/// thread.
class ToolService {
 public:
  explicit ToolService(const ToolPorts& ports)
      : ports_(ports), catalog_(ports), calls_(std::make_shared<ToolCalls>(ports, catalog_)) {}

  /// Answers a request of somebody who is known and may call tools.
  void serve(std::shared_ptr<net::Exchange> exchange, ToolCaller caller);

  /// Answers with an error that clients of the protocol understand.
  static void refuse(
      const std::shared_ptr<net::Exchange>& exchange, int status, const std::string& message
  );

  ToolCalls& calls() { return *calls_; }

  /// Ends programs of tool servers that are not there any more, or are others now.
  void drop_changed() { catalog_.drop_changed(); }

 private:
  /// A request on its way.
  struct Asked {
    RpcMessage message;
    ToolCaller caller;
    /// The only server that it may be about; empty: all of them.
    std::string server;
    /// Of the messages that the client is told; empty: none.
    std::string log_level;
    /// Those that repeat arguments.
    std::vector<net::Header> params = {};
    std::shared_ptr<Responder> responder;
  };

  Session* session_of(const net::Request& request, const ToolCaller& caller);
  void end_session(const std::shared_ptr<net::Exchange>& exchange, const ToolCaller& caller);
  void initialize(const Asked& asked);
  void set_level(const Asked& asked, const net::Request& request);
  void dispatch(const Asked& asked, const net::Request& request);
  void list(const Asked& asked);
  void call(const Asked& asked);
  void call_tool(const Asked& asked, CatalogServerPtr server, const std::string& tool);
  void prompt(const Asked& asked);
  void prompt_with(const Asked& asked, CatalogServerPtr server, const Json& arguments);
  void start(const Asked& asked, CallRequest request, ToolCalls::OnAnswer answer);

  ToolPorts ports_;
  Catalog catalog_;
  /// Shared with nobody: answers that outlive it look whether it is there.
  std::shared_ptr<ToolCalls> calls_;
  Sessions sessions_;
};

}  // namespace reeve::gateway
