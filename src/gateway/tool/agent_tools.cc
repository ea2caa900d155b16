#include "gateway/tool/agent_tools.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve::gateway {

AgentTools AgentTools::of(const ToolCaller& caller, const ToolPorts& ports) {
  AgentTools tools;
  if (caller.run.empty()) {
    return tools;
  }
  const bool is_there = ports.object("runs", caller.ns, caller.run) != nullptr;
  if (is_there && caller.agent.empty()) {
    return tools;
  }
  tools.globs_.emplace();
  const ObjectPtr agent = is_there ? ports.object("agents", caller.ns, caller.agent) : nullptr;
  const Json* spec = agent == nullptr ? nullptr : agent->find("spec");
  const Json* list = spec == nullptr ? nullptr : spec->find("tools");
  if (list != nullptr && list->is_array()) {
    for (const Json& glob : list->as_array()) {
      if (glob.is_string()) {
        tools.globs_->push_back(glob.as_string());
      }
    }
  }
  return tools;
}

bool AgentTools::allow(std::string_view server, std::string_view tool) const {
  const std::string name = concat(server, kToolSeparator, tool);
  return !globs_ || std::any_of(globs_->begin(), globs_->end(), [&](const std::string& glob) {
    return glob_match(glob, name);
  });
}

}  // namespace reeve::gateway
