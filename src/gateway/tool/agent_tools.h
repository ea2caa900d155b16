#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/tool/builtin.h"
#include "gateway/tool/ports.h"

namespace reeve::gateway {

/// Between the name of a server and that of its tool.
inline constexpr std::string_view kToolSeparator = "__";

/// What a caller may call of what policy allows: for the run of an agent the tools that the agent
/// lists, as globs over `SERVER__TOOL`. Network thread.
class AgentTools {
 public:
  /// As things are now. An agent that is not there or has no list, and a run that is not there, may
  /// call nothing; a run of no agent, and who is no run, whatever policy allows.
  static AgentTools of(const ToolCaller& caller, const ToolPorts& ports);

  bool allow(std::string_view server, std::string_view tool) const;

 private:
  /// Nothing: whatever policy allows.
  std::optional<std::vector<std::string>> globs_;
};

}  // namespace reeve::gateway
