#include "gateway/a2a/message.h"

#include <utility>

#include "base/hash.h"
#include "base/strings.h"

namespace reeve::gateway::a2a {

namespace {

constexpr std::size_t kSenderDigits = 10;
constexpr std::size_t kMessageDigits = 20;

Error invalid(std::string message, std::string subject) {
  return make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
}

Result<std::string> id_in(const Json& object, std::string_view name) {
  std::string id = object.get_string(name);
  if (id.size() > kIdBytesMax) {
    return invalid(concat("is longer than ", kIdBytesMax, " bytes"), std::string(name));
  }
  return id;
}

Result<void> take_part(const Json& item, Message& message) {
  if (const Json* text = item.find("text"); text != nullptr && text->is_string()) {
    message.text += concat(message.text.empty() ? "" : "\n", text->as_string());
    return {};
  }
  const Json* data = item.find("data");
  if (data == nullptr || !data->is_object()) {
    return invalid(
        "a part is text, or data that is an object; files are not taken", "message.parts"
    );
  }
  for (const Json::Member& member : data->as_object()) {
    message.data.set(member.first, member.second);
  }
  return {};
}

std::string digits_of(std::string_view text, std::size_t count) {
  const Digest digest = sha256(text);
  return std::string(digest.view().substr(digest.view().size() - count));
}

}  // namespace

Result<Message> message_from(const Json& params) {
  const Json* given = params.find("message");
  if (given == nullptr || !given->is_object()) {
    return invalid("there is no message", "message");
  }
  Message message;
  REEVE_TRY(message.id, id_in(*given, "messageId"));
  REEVE_TRY(message.context, id_in(*given, "contextId"));
  REEVE_TRY(message.task, id_in(*given, "taskId"));
  if (message.id.empty()) {
    return invalid("a message has an id of its sender's", "message.messageId");
  }
  if (given->get_string("role", "ROLE_USER") != "ROLE_USER") {
    return invalid("is not from a user", "message.role");
  }
  const Json* parts = given->find("parts");
  const bool listed = parts != nullptr && parts->is_array();
  if (!listed || parts->as_array().empty() || parts->as_array().size() > kPartsMax) {
    return invalid(concat("a message has 1 to ", kPartsMax, " parts"), "message.parts");
  }
  for (const Json& item : parts->as_array()) {
    REEVE_CHECK(take_part(item, message));
  }
  message.skill = given->get_object("metadata").get_string("skill");
  const Json& configuration = params.get_object("configuration");
  message.return_immediately = configuration.get_bool("returnImmediately");
  message.wants_push = configuration.find("taskPushNotificationConfig") != nullptr;
  return message;
}

Result<Json> params_of(const Message& message, std::string_view text_param) {
  Json params = message.data;
  if (message.text.empty()) {
    return params;
  }
  if (params.find(text_param) != nullptr) {
    return invalid(
        concat("the text and the data are both the param \"", text_param, "\""), "message.parts"
    );
  }
  params.set(std::string(text_param), message.text);
  return params;
}

std::string mission_prefix(std::string_view principal) {
  return concat("a2a-", digits_of(principal, kSenderDigits), "-");
}

std::string mission_name(
    std::string_view principal,
    std::string_view ns,
    std::string_view workflow,
    std::string_view message_id
) {
  return concat(
      mission_prefix(principal),
      digits_of(concat(principal, "\n", ns, "\n", workflow, "\n", message_id), kMessageDigits)
  );
}

}  // namespace reeve::gateway::a2a
