#pragma once

#include "executor/ports.h"

namespace reeve::executor::http {

/// `websocket`: connects, sends a message if there is one, and takes the first message that comes
/// back, into kBodyFile and, if it is text, to the log. Publishes what the task asks for. A server
/// that does not upgrade fails it with the status as exit text.
class WebSocketTool final : public Tool {
 public:
  std::string_view name() const override { return "websocket"; }

  Result<ToolEnd> run(const ToolRequest& request, ToolOutput& output) override;
};

}  // namespace reeve::executor::http
