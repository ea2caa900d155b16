#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

/// What has been said between an agent, its model and its tools. Pure.
namespace reeve::executor::agent {

/// A tool that a model has called.
struct Call {
  /// Given by the model; its result names it.
  std::string id;
  std::string name;
  /// An object; of another type if the model wrote no valid arguments.
  Json arguments;
};

/// One message of a history.
struct Message {
  enum class Role : std::uint8_t { User, Assistant, Tool };

  Role role = Role::User;
  std::string text;
  /// Of an assistant.
  std::vector<Call> calls;
  /// Of an assistant, as the model has written it: sent back as it is.
  Json raw;
  /// Of a tool: the call that this answers, and whether it failed.
  std::string call_id;
  bool failed = false;
};

/// What a model is told of a history that has become long: the first message, which says what there
/// is to do, and the newest ones; never a result without its call, nor a call without its result.
/// The cut moves in steps of half of `messages_max`, so that what is sent begins alike for a while.
/// Histories of at most `messages_max` messages and `bytes_max` bytes stay whole. What was left out
/// is said at the end of the first message.
std::vector<Message> compacted(
    const std::vector<Message>& history, std::size_t messages_max, std::size_t bytes_max
);

}  // namespace reeve::executor::agent
