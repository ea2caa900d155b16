#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "notify/notification.h"
#include "workflow/template/template.h"

namespace reeve::notify {

/// Opened by dead letters of a sink, closed by the next message that is taken.
inline constexpr std::string_view kFailingReason = "NotificationsFailing";

enum class Means : std::uint8_t { Webhook, Slack, Email };
enum class MailSecurity : std::uint8_t { StartTls, Tls, None };

/// Where mail goes.
struct MailServer {
  std::string host;
  std::uint16_t port = 0;
  MailSecurity security = MailSecurity::StartTls;
  std::string username;
  std::string from;
  std::vector<std::string> to;
};

/// A NotificationSink, as it was written.
struct Sink {
  Namespace ns;
  std::string name;
  std::string uid;
  std::int64_t generation = 0;
  bool suspended = false;
  std::vector<std::string> events;
  std::vector<std::string> workflows;
  std::vector<std::pair<std::string, std::string>> labels;
  /// Empty: the words that there are for each event.
  std::vector<templates::Template> title;
  std::vector<templates::Template> text;
  Means means = Means::Webhook;
  /// Of a webhook.
  std::string url;
  /// Its key, the address of a Slack webhook, the password of a mail server; may be empty there.
  std::string credential;
  MailServer mail;
  bool allow_private = false;
};

/// Reads the object. Invalid: not exactly one of webhook, slack and email; a template that is none;
/// a password without protection.
Result<Sink> sink_from(const Json& object);

/// Whether the sink wants to be told; `facts` are filled in. Of its own trouble it is not told.
bool wants(const Sink& sink, const Notification& notification);

/// What is told, after the sink's templates. One that fails is not used.
struct Words {
  std::string title;
  std::string text;
};

Words words_for(const Sink& sink, const Notification& notification);

}  // namespace reeve::notify
