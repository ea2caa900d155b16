#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "gateway/ports.h"
#include "gateway/tool/command.h"
#include "gateway/tool/ports.h"
#include "gateway/tool/programs.h"

namespace reeve::gateway {

struct ToolGatewayOptions {
  /// Where the files of a run are: see ToolPorts.
  decltype(ToolPorts::workspace) workspace;
  /// How requests to tool servers are sent. Empty: over net::Client, to addresses that
  /// egress::may_ask allows.
  decltype(ToolPorts::send) send = {};
  bool private_addresses = false;
  /// How programs of tool servers are started, where they have their directories, and which ones
  /// may be. Empty: none are.
  StartProgram start = {};
  std::filesystem::path programs = {};
  CommandRules commands = {};
};

/// The gateway to tools, below `/mcp`.
std::shared_ptr<Gateway> make_tool_gateway(ToolGatewayOptions options);

}  // namespace reeve::gateway
