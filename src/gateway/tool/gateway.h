#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "gateway/ports.h"
#include "gateway/tool/ports.h"

namespace reeve::gateway {

struct ToolGatewayOptions {
  /// Where the files of a run are: see ToolPorts.
  decltype(ToolPorts::workspace) workspace;
  /// How requests to tool servers are sent. Empty: over net::Client, which may connect to public
  /// addresses only, and to others if `private_addresses`.
  decltype(ToolPorts::send) send = {};
  bool private_addresses = false;
};

/// The gateway to tools, below `/mcp`.
std::shared_ptr<Gateway> make_tool_gateway(ToolGatewayOptions options);

}  // namespace reeve::gateway
