#pragma once

#include <functional>
#include <memory>

#include "executor/agent/fence.h"
#include "executor/agent/loop.h"
#include "executor/ports.h"

namespace reeve::executor::agent {

/// `agent`: a piece of work for an agent, which a command line or the built-in loop carries out.
/// Its exit text says why it is no success (result.h). Publishes `<task>-result`,
/// `<task>-session-id`,
/// `<task>-cost`, `<task>-turns`, `<task>-tokens`, the same without the task's name for whoever was
/// last, and what the task asks for.
class AgentTool final : public Tool {
 public:
  /// A way to the server for the built-in loop.
  using Connect = std::function<Result<std::unique_ptr<Server>>(const Fence& fence)>;

  /// `wait` sleeps.
  AgentTool(Connect connect, std::function<void(Duration)> wait)
      : connect_(std::move(connect)), wait_(std::move(wait)) {}

  std::string_view name() const override { return "agent"; }

  Result<ToolEnd> run(const ToolRequest& request, ToolOutput& output) override;

 private:
  Connect connect_;
  std::function<void(Duration)> wait_;
};

}  // namespace reeve::executor::agent
