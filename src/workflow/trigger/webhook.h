#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "workflow/trigger/evaluate.h"
#include "workflow/trigger/occurrence.h"

namespace reeve::trigger {

inline constexpr std::size_t kWebhookBodyBytesMax = std::size_t{1} << 20U;
/// Headers, and parameters of the query, each.
inline constexpr std::size_t kWebhookFieldsMax = 200;
inline constexpr std::size_t kWebhookFieldsBytesMax = std::size_t{64} << 10U;
inline constexpr std::size_t kReplayKeyBytesMax = 200;

/// A request as it came, decoded: header names in any case, the query's escapes undone.
struct WebhookRequest {
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::pair<std::string, std::string>> query;
  std::string body;
};

/// A request that was looked at: what happened, or why there is nothing to do about it.
struct Received {
  std::optional<Occurrence> occurrence;
  /// Without an occurrence.
  Outcome refusal;
};

/// Looks at a request for a webhook trigger: its size, its proof (WebhookAuth), its form. `secret`
/// is the value of the credential that the trigger names, or null if there is none, which is Failed
/// unless the trigger asks for no proof. For those who evaluate elsewhere.
///
/// Headers that carry a proof never become part of the data. Whoever does not prove who it is
/// learns nothing else about the request.
Received accept_webhook(
    const Context& context, const WebhookRequest& request, const Secret* secret, Timestamp now
);

/// Takes as long as checking a signature: for requests to triggers that are not there.
void check_no_proof(const WebhookRequest& request);

/// `accept_webhook`, then `evaluate`.
Outcome receive_webhook(
    const Context& context,
    const WebhookRequest& request,
    const Secret* secret,
    Timestamp now,
    const RateWindow& window
);

/// What the sender is told.
struct WebhookReply {
  int status = 500;
  Json body;
};

/// `mission` names the mission if one was made.
WebhookReply webhook_reply(const Outcome& outcome, std::string_view mission);

/// `x-github-event` as Go writes it: `X-Github-Event`.
std::string canonical_header(std::string_view name);

}  // namespace reeve::trigger
