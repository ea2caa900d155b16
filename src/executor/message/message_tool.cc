#include "executor/message/message_tool.h"

#include <optional>
#include <string>
#include <utility>

#include "base/fields.h"
#include "base/hash.h"
#include "base/strings.h"
#include "protocol/commands.h"

namespace reeve::executor::message {

namespace {

/// While a reply is looked at it is ours for this time.
constexpr std::string_view kHoldTime = "1m";
/// A run that is killed leaves its group behind for this time.
constexpr std::string_view kGroupLifetime = "10m";
constexpr std::int64_t kRepliesAtOnce = 20;
constexpr std::size_t kShortHashDigits = 16;

/// The owner is away, or about to be replaced: the same request may be sent again.
bool may_pass(const Error& error) {
  const bool nobody = error.code == ErrorCode::NotFound && error.subject == "control socket";
  return nobody || error.retryable() || error.code == ErrorCode::Ambiguous ||
         error.code == ErrorCode::Cancelled;
}

/// One message and its reply.
class Exchange {
 public:
  Exchange(
      const ToolRequest& request,
      ToolOutput& output,
      const MessageTool::Ask& ask,
      const MessageTool::Wait& wait
  )
      : request_(request), output_(output), ask_(ask), wait_(wait) {}

  Result<ToolEnd> run() {
    Fields fields(request_.input, "message");
    channel_ = fields.required_text("channel");
    reply_channel_ = fields.text("replyChannel");
    body_ = fields.text("body");
    REEVE_CHECK(fields.finish());
    for (const auto& [name, value] : request_.environment) {
      run_ = name == "REEVE_RUN" ? value : run_;
    }
    if (request_.data_dir.empty() || run_.empty()) {
      return make_error(ErrorCode::Invalid, "the run lies in no data directory");
    }
    hash_ = sha256(run_).str().substr(0, kShortHashDigits);
    if (reply_channel_.empty()) {
      REEVE_CHECK(send());
      return ToolEnd{};
    }
    // Before anything is sent, so that no reply can be missed.
    REEVE_CHECK(ask(reply_channel_, "set", Json::object()));
    REEVE_CHECK(ask(reply_channel_, "subscribe", making_group()));
    REEVE_CHECK(send());
    const Result<void> replied = wait_for_reply();
    REEVE_CHECK(ask(reply_channel_, "unsubscribe", in_group()));
    REEVE_CHECK(replied);
    return ToolEnd{};
  }

 private:
  Json in_group() const {
    Json json = Json::object();
    json.set("group", concat("reply-", hash_));
    return json;
  }

  Json making_group() const {
    Json json = in_group();
    json.set("from", "latest").set("lifetime", kGroupLifetime);
    return json;
  }

  /// Asks until the owner answers. A request with an id is carried out once.
  Result<Json> ask(const std::string& channel, std::string verb, Json body, InputId id = {}) {
    protocol::Object object;
    object.kind = "channel";
    object.name = channel;
    object.verb = std::move(verb);
    object.body = std::move(body);
    const protocol::Request request{
        .verb = std::string(protocol::kObject), .id = std::move(id), .args = to_json(object)};
    while (true) {
      Result<Json> answer = ask_(request_.data_dir, request);
      if (answer || !may_pass(answer.error())) {
        return answer;
      }
      wait_(kReplyPause);
    }
  }

  Result<void> send() {
    Json properties = Json::object();
    properties.set("correlationId", run_);
    if (!reply_channel_.empty()) {
      properties.set("replyTo", reply_channel_);
    }
    Json body = Json::object();
    body.set("body", body_).set("properties", std::move(properties));
    REEVE_CHECK(ask(channel_, "send", std::move(body), InputId(concat("message-", hash_))));
    output_.note(concat("sent to channel ", channel_));
    return {};
  }

  Result<void> wait_for_reply() {
    while (true) {
      // The group may have ended while the owner was away.
      Json body = making_group();
      body.set("count", kRepliesAtOnce).set("visibility", kHoldTime);
      REEVE_TRY(const Json answer, ask(reply_channel_, "receive", std::move(body)));
      const Json* const detail = answer.find("detail");
      const Json* const messages = detail == nullptr ? nullptr : detail->find("messages");
      if (messages != nullptr && messages->is_array()) {
        for (const Json& message : messages->as_array()) {
          REEVE_CHECK(acknowledge(message));
          if (is_ours(message)) {
            const std::string reply = message.get_string("body");
            output_.write(reply.ends_with('\n') ? reply : concat(reply, "\n"));
            return output_.publish("reply", reply);
          }
        }
      }
      wait_(kReplyPause);
    }
  }

  bool is_ours(const Json& message) const {
    const Json* const properties = message.find("properties");
    const std::string id =
        properties == nullptr ? std::string() : properties->get_string("correlationId");
    return id.empty() || id == run_;
  }

  Result<void> acknowledge(const Json& message) {
    Json held = in_group();
    held.set("sequence", message.get_int("sequence")).set("token", message.get_int("token"));
    REEVE_CHECK(ask(reply_channel_, "ack", std::move(held)));
    return {};
  }

  const ToolRequest& request_;
  ToolOutput& output_;
  const MessageTool::Ask& ask_;
  const MessageTool::Wait& wait_;
  std::string channel_;
  std::string reply_channel_;
  std::string body_;
  std::string run_;
  std::string hash_;
};

}  // namespace

Result<ToolEnd> MessageTool::run(const ToolRequest& request, ToolOutput& output) {
  return Exchange(request, output, ask_, wait_).run();
}

}  // namespace reeve::executor::message
