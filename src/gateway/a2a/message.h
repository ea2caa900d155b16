#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace reeve::gateway::a2a {

/// The param of a workflow that a message's text becomes, unless `kTextParam` names another one.
inline constexpr std::string_view kDefaultTextParam = "message";
/// On a workflow: label that publishes it, annotation with the name of that param.
inline constexpr std::string_view kPublishedLabel = "a2a.reeve.dev/published";
inline constexpr std::string_view kTextParam = "a2a.reeve.dev/text-param";
/// On a mission: what it belongs to, as its sender calls it.
inline constexpr std::string_view kContextAnnotation = "a2a.reeve.dev/context";
inline constexpr std::string_view kMessageAnnotation = "a2a.reeve.dev/message";

inline constexpr std::size_t kIdBytesMax = 256;
inline constexpr std::size_t kPartsMax = 100;

/// What somebody sends to an agent.
struct Message {
  std::string id;
  /// Empty: none was given.
  std::string context;
  /// Empty: a new task.
  std::string task;
  /// Of all parts with text.
  std::string text;
  /// The members of all parts with data.
  Json data = Json::object();
  /// `metadata.skill`: which agent, if the address does not say; empty: none.
  std::string skill;
  /// Answer at once, however far the task is.
  bool return_immediately = false;
  /// The sender wants to be told at an address.
  bool wants_push = false;
};

/// Reads SendMessageRequest. Invalid: no message from a user, no id, a part that cannot become
/// parameters (files), data that is no object.
Result<Message> message_from(const Json& params);

/// The parameters of a mission: data by name, and the text as `text_param`. Invalid: the data has
/// that param, too.
Result<Json> params_of(const Message& message, std::string_view text_param);

/// The mission of a message: the same message of the same sender has the same one.
/// `a2a-<sender>-<message>`.
std::string mission_name(
    std::string_view principal,
    std::string_view ns,
    std::string_view workflow,
    std::string_view message_id
);

/// What the names of all missions of one sender begin with.
std::string mission_prefix(std::string_view principal);

}  // namespace reeve::gateway::a2a
