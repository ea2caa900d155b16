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
  /// How requests to tool servers are sent. Empty: over net::Client, to addresses that may_ask
  /// allows.
  decltype(ToolPorts::send) send = {};
  bool private_addresses = false;
};

/// Whether tools may be asked at an address (in digits): a public one, or a private one if that is
/// allowed. Never where clouds tell their machines who they are.
bool may_ask(std::string_view address, bool private_addresses);

/// The gateway to tools, below `/mcp`.
std::shared_ptr<Gateway> make_tool_gateway(ToolGatewayOptions options);

}  // namespace reeve::gateway
