#include "workflow/trigger/webhook.h"

#include <array>
#include <optional>

#include "base/hmac.h"
#include "base/strings.h"

namespace reeve::trigger {

namespace {

using workflow::WebhookAuth;
using workflow::WebhookTrigger;

constexpr std::string_view kGitHubSignature = "X-Hub-Signature-256";
constexpr std::string_view kGitHubEvent = "X-Github-Event";
constexpr std::string_view kGitHubDelivery = "X-Github-Delivery";
constexpr std::string_view kGitLabToken = "X-Gitlab-Token";
constexpr std::string_view kGitLabDelivery = "X-Gitlab-Event-Uuid";

/// The first value of a header.
std::optional<std::string_view> header(const WebhookRequest& request, std::string_view name) {
  const std::string wanted = canonical_header(name);
  for (const auto& [key, value] : request.headers) {
    if (canonical_header(key) == wanted) {
      return trim(value);
    }
  }
  return std::nullopt;
}

Error about(const Context& context, ErrorCode code, std::string message, std::string hint) {
  Error error = make_error(code, std::move(message), concat("triggers.", context.trigger.name));
  error.hint = std::move(hint);
  return error;
}

Received nothing(Verdict verdict, Error error) {
  return {
      .occurrence = std::nullopt,
      .refusal = {.verdict = verdict, .submission = {}, .error = std::move(error), .window = {}}};
}

constexpr std::string_view kHashName = "sha256=";

/// Hex of an HMAC over the body, after `sha256=`. All of it is computed whatever is given.
bool signature_fits(
    std::optional<std::string_view> given,
    bool name_needed,
    std::string_view secret,
    std::string_view body
) {
  std::string_view hex = given.value_or(std::string_view());
  const bool named = hex.starts_with(kHashName);
  if (named) {
    hex.remove_prefix(kHashName.size());
  }
  const bool fits = equal_secrets(to_lower(hex), hmac_sha256_hex(secret, body));
  return fits && given && (named || !name_needed);
}

/// Whether the secret itself is given.
bool secret_fits(std::optional<std::string_view> given, const Secret& secret) {
  const bool fits = equal_secrets(given.value_or(std::string_view()), secret.view());
  return fits && given;
}

/// The token of `Authorization: Bearer <token>`.
std::optional<std::string_view> bearer_token(const WebhookRequest& request) {
  constexpr std::string_view kScheme = "bearer ";
  const auto value = header(request, "Authorization");
  if (!value || to_lower(value->substr(0, kScheme.size())) != kScheme) {
    return std::nullopt;
  }
  return trim(value->substr(kScheme.size()));
}

bool proves(const WebhookTrigger& webhook, const WebhookRequest& request, const Secret& secret) {
  switch (webhook.auth) {
    case WebhookAuth::None:
      return true;
    case WebhookAuth::HmacSha256:
      return signature_fits(header(request, webhook.header), false, secret.view(), request.body);
    case WebhookAuth::BearerToken:
      return secret_fits(bearer_token(request), secret);
    case WebhookAuth::ApiKey:
      return secret_fits(header(request, webhook.header), secret);
    case WebhookAuth::GitHub:
      return signature_fits(header(request, kGitHubSignature), true, secret.view(), request.body);
    case WebhookAuth::GitLab:
      return secret_fits(header(request, kGitLabToken), secret);
  }
  return false;
}

bool header_is_named(WebhookAuth auth) {
  return auth == WebhookAuth::HmacSha256 || auth == WebhookAuth::ApiKey;
}

/// What keeps the trigger from telling friend from foe, on our side.
std::optional<Error> unready(
    const Context& context, const WebhookTrigger& webhook, const Secret* secret
) {
  if (webhook.auth == WebhookAuth::None) {
    return std::nullopt;
  }
  if (header_is_named(webhook.auth) && webhook.header.empty()) {
    return about(
        context,
        ErrorCode::Invalid,
        "no header is named that carries the proof",
        "set header in the trigger's auth"
    );
  }
  if (secret == nullptr || secret->empty()) {
    return about(
        context,
        ErrorCode::NotFound,
        concat("there is no credential \"", webhook.secret, "\""),
        "set the credential that the trigger's auth names"
    );
  }
  return std::nullopt;
}

bool carries_proof(const WebhookTrigger& webhook, std::string_view canonical) {
  constexpr std::array<std::string_view, 6> kSecrets = {
      "Authorization",
      "Proxy-Authorization",
      "Cookie",
      kGitLabToken,
      kGitHubSignature,
      "X-Hub-Signature"};
  for (const std::string_view secret : kSecrets) {
    if (canonical == secret) {
      return true;
    }
  }
  return header_is_named(webhook.auth) && canonical == canonical_header(webhook.header);
}

/// Names and the first value of each.
Json first_values(const std::vector<std::pair<std::string, std::string>>& fields) {
  Json values = Json::object();
  for (const auto& [name, value] : fields) {
    if (values.find(name) == nullptr) {
      values.set(name, value);
    }
  }
  return values;
}

bool too_many(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : fields) {
    bytes += name.size() + value.size();
  }
  return fields.size() > kWebhookFieldsMax || bytes > kWebhookFieldsBytesMax;
}

/// What names the delivery, with those senders that give it a name.
std::string delivery_key(const WebhookTrigger& webhook, const WebhookRequest& request) {
  std::string_view name;
  switch (webhook.auth) {
    case WebhookAuth::GitHub:
      name = kGitHubDelivery;
      break;
    case WebhookAuth::GitLab:
      name = kGitLabDelivery;
      break;
    case WebhookAuth::None:
    case WebhookAuth::HmacSha256:
    case WebhookAuth::BearerToken:
    case WebhookAuth::ApiKey:
      return {};
  }
  const auto delivery = header(request, name);
  if (!delivery || delivery->size() > kReplayKeyBytesMax || !is_utf8(*delivery)) {
    return {};
  }
  return std::string(*delivery);
}

Result<Occurrence> read_request(
    const Context& context,
    const WebhookTrigger& webhook,
    const WebhookRequest& request,
    Timestamp now
) {
  if (too_many(request.headers) || too_many(request.query)) {
    return about(
        context,
        ErrorCode::LimitExceeded,
        "too many headers or parameters",
        concat(
            "send at most ", kWebhookFieldsMax, " of ", kWebhookFieldsBytesMax, " bytes together"
        )
    );
  }
  Json body;
  if (!request.body.empty()) {
    auto parsed = parse_json(request.body);
    if (!parsed) {
      return about(
          context,
          ErrorCode::Invalid,
          concat("the body is not JSON: ", parsed.error().describe()),
          "send application/json"
      );
    }
    body = std::move(parsed).value();
  }
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto& [name, value] : request.headers) {
    std::string canonical = canonical_header(name);
    if (!carries_proof(webhook, canonical)) {
      headers.emplace_back(std::move(canonical), std::string(trim(value)));
    }
  }
  Occurrence occurrence{.data = Json::object(), .at = now, .key = delivery_key(webhook, request)};
  occurrence.data.set("Body", std::move(body));
  occurrence.data.set("Headers", first_values(headers));
  occurrence.data.set("Query", first_values(request.query));
  return occurrence;
}

}  // namespace

void check_no_proof(const WebhookRequest& request) {
  // As long as secrets are, and none.
  constexpr std::string_view kKey = "0000000000000000000000000000000000000000";
  static_cast<void>(signature_fits(header(request, kGitHubSignature), true, kKey, request.body));
}

Received accept_webhook(
    const Context& context, const WebhookRequest& request, const Secret* secret, Timestamp now
) {
  const auto* const webhook = std::get_if<WebhookTrigger>(&context.trigger.source);
  if (webhook == nullptr) {
    return nothing(
        Verdict::BadRequest,
        about(context, ErrorCode::Invalid, "this trigger is not a webhook", "name another trigger")
    );
  }
  if (request.body.size() > kWebhookBodyBytesMax) {
    return nothing(
        Verdict::TooLarge,
        about(
            context,
            ErrorCode::LimitExceeded,
            concat("the body is longer than ", kWebhookBodyBytesMax, " bytes"),
            "send less"
        )
    );
  }
  if (auto error = unready(context, *webhook, secret)) {
    check_no_proof(request);
    return nothing(Verdict::Failed, std::move(*error));
  }
  if (webhook->auth != WebhookAuth::None && !proves(*webhook, request, *secret)) {
    return nothing(
        Verdict::Unauthorised,
        about(context, ErrorCode::PermissionDenied, "authentication failed", "check the secret")
    );
  }
  auto occurrence = read_request(context, *webhook, request, now);
  if (!occurrence) {
    return nothing(Verdict::BadRequest, std::move(occurrence).error());
  }
  if (webhook->auth == WebhookAuth::GitHub && header(request, kGitHubEvent) == "ping") {
    // Sent once when the webhook is set up: nothing has happened.
    return nothing(Verdict::Filtered, {});
  }
  return {.occurrence = std::move(occurrence).value(), .refusal = {}};
}

Outcome receive_webhook(
    const Context& context,
    const WebhookRequest& request,
    const Secret* secret,
    Timestamp now,
    const RateWindow& window
) {
  Received received = accept_webhook(context, request, secret, now);
  if (!received.occurrence) {
    received.refusal.window = window;
    return std::move(received.refusal);
  }
  return evaluate(context, *received.occurrence, window);
}

WebhookReply webhook_reply(const Outcome& outcome, std::string_view mission) {
  Json body = Json::object();
  const auto error = [&](int status, std::string text) {
    body.set("error", std::move(text));
    return WebhookReply{.status = status, .body = std::move(body)};
  };
  switch (outcome.verdict) {
    case Verdict::Fired:
      body.set("request_id", mission);
      return {.status = 202, .body = std::move(body)};
    case Verdict::Filtered:
    case Verdict::RateLimited:
      body.set("filtered", true);
      body.set("request_id", "");
      return {.status = 202, .body = std::move(body)};
    case Verdict::Deduplicated:
      body.set("request_id", "");
      return {.status = 202, .body = std::move(body)};
    case Verdict::Unauthorised:
      return error(401, "authentication failed");
    case Verdict::BadRequest:
      return error(400, outcome.error.describe());
    case Verdict::TooLarge:
      return error(413, outcome.error.describe());
    case Verdict::Failed:
      // Why is for the owner of the workflow, not for whoever sends.
      return error(500, "the trigger failed");
  }
  return error(500, "the trigger failed");
}

std::string canonical_header(std::string_view name) {
  std::string canonical = to_lower(name);
  bool first = true;
  for (char& c : canonical) {
    if (first && c >= 'a' && c <= 'z') {
      c = static_cast<char>(c - 'a' + 'A');
    }
    first = c == '-';
  }
  return canonical;
}

}  // namespace reeve::trigger
