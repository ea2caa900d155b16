#pragma once

#include <filesystem>
#include <functional>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "executor/ports.h"
#include "protocol/message.h"

namespace reeve::executor::message {

/// How often a reply is looked for.
inline constexpr Duration kReplyPause{500};

/// `message`: sends a message to a channel and, if there is a reply channel, waits for the reply.
///
/// The message has the properties `correlationId` (the run) and `replyTo`. The reply is the first
/// message of the reply channel after that with the same `correlationId`, or with none. Its body is
/// the task's output `reply`. The wait has no end of its own: the run's deadline ends it.
class MessageTool final : public Tool {
 public:
  /// Asks the owner of a data directory (owner::ask_owner).
  using Ask = std::function<
      Result<Json>(const std::filesystem::path& data_dir, const protocol::Request& request)>;
  using Wait = std::function<void(Duration)>;

  MessageTool(Ask ask, Wait wait) : ask_(std::move(ask)), wait_(std::move(wait)) {}

  std::string_view name() const override { return "message"; }

  Result<ToolEnd> run(const ToolRequest& request, ToolOutput& output) override;

 private:
  Ask ask_;
  Wait wait_;
};

}  // namespace reeve::executor::message
