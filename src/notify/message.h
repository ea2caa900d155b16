#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "notify/sink.h"

/// Notifications in the forms of those who get them.
namespace reeve::notify {

/// What a webhook is sent.
struct HttpMessage {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// The same for every attempt, and another one for every sink and event.
std::string delivery_id(const Sink& sink, const Notification& notification);

/// As Standard Webhooks have it: `{type, timestamp, data}`, with `webhook-id`, `webhook-timestamp`
/// and `webhook-signature`. `key`: the value of the credential; `whsec_…` is base64 of the key
/// itself. Invalid: such a key is no base64.
Result<HttpMessage> webhook_message(
    const Sink& sink,
    const Notification& notification,
    const Words& words,
    std::string_view key,
    Timestamp now
);

/// `v1,<base64>` of the HMAC-SHA-256 of `id.seconds.body`.
Result<std::string> webhook_signature(
    std::string_view key, std::string_view id, std::int64_t seconds, std::string_view body
);

/// `{"text": …}` as Slack and those like it take it.
HttpMessage slack_message(const Notification& notification, const Words& words);

/// A mail with its headers (RFC 5322), lines ending in CR LF.
std::string mail_message(
    const Sink& sink, const Notification& notification, const Words& words, Timestamp now
);

/// base64 with padding (RFC 4648, section 4).
std::string to_base64(std::string_view bytes);
/// Invalid: it is none.
Result<std::string> from_base64(std::string_view text);

}  // namespace reeve::notify
