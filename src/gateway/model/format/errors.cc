#include "gateway/model/format/errors.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"

namespace reeve::gateway::model {

namespace {

/// What a kind is called in both dialects.
struct Words {
  int status;
  /// Of the Responses API: its best known client asks again after every status but a few.
  int responses_status;
  std::string_view openai_type;
  std::string_view openai_code;
  std::string_view anthropic_type;
  /// Asking again cannot help, and clients are told so.
  bool final;
};

Words words_of(GatewayErrorKind kind) {
  switch (kind) {
    case GatewayErrorKind::BudgetExhausted:
    case GatewayErrorKind::Held:
      return {429, 429, "insufficient_quota", "insufficient_quota", "rate_limit_error", true};
    case GatewayErrorKind::RateLimited:
      return {429, 429, "requests", "rate_limit_exceeded", "rate_limit_error", false};
    case GatewayErrorKind::Unauthorised:
      return {401, 401, "invalid_request_error", "invalid_api_key", "authentication_error", true};
    case GatewayErrorKind::Forbidden:
      return {403, 400, "invalid_request_error", "permission_denied", "permission_error", true};
    case GatewayErrorKind::NotFound:
      return {404, 404, "invalid_request_error", "unknown_url", "not_found_error", true};
    case GatewayErrorKind::MethodNotAllowed:
      return {
          405, 405, "invalid_request_error", "method_not_supported", "invalid_request_error", true};
    case GatewayErrorKind::UpgradeRequired:
      return {426, 426, "invalid_request_error", "upgrade_required", "invalid_request_error", true};
    case GatewayErrorKind::UnknownModel:
      return {404, 400, "invalid_request_error", "model_not_found", "not_found_error", true};
    case GatewayErrorKind::Malformed:
      return {400, 400, "invalid_request_error", "invalid_request", "invalid_request_error", true};
    case GatewayErrorKind::CallIdReused:
      return {422, 400, "invalid_request_error", "call_id_reused", "invalid_request_error", true};
    case GatewayErrorKind::TooLarge:
      return {413, 400, "invalid_request_error", "request_too_large", "request_too_large", true};
    case GatewayErrorKind::ContextTooLong:
      return {
          400,
          400,
          "invalid_request_error",
          "context_length_exceeded",
          "invalid_request_error",
          true};
    case GatewayErrorKind::Unbounded:
      return {400, 400, "invalid_request_error", "unsupported_parameter", "permission_error", true};
    case GatewayErrorKind::Guardrail:
      return {
          400, 400, "invalid_request_error", "content_policy_violation", "permission_error", true};
    case GatewayErrorKind::Busy:
      return {503, 503, "server_error", "server_is_overloaded", "overloaded_error", false};
    case GatewayErrorKind::UpstreamFailed:
      return {502, 502, "server_error", "server_error", "api_error", false};
    case GatewayErrorKind::UpstreamTimeout:
      return {504, 504, "server_error", "timeout", "timeout_error", false};
    case GatewayErrorKind::Internal:
      return {500, 500, "server_error", "server_error", "api_error", false};
  }
  return {500, 500, "server_error", "server_error", "api_error", false};
}

bool spends(GatewayErrorKind kind) {
  return kind == GatewayErrorKind::BudgetExhausted || kind == GatewayErrorKind::Held;
}

Json openai_error(const Words& words, const GatewayError& error) {
  Json inner = Json::object();
  inner.set("message", error.message).set("type", words.openai_type);
  inner.set("param", error.param.empty() ? Json() : Json(error.param));
  inner.set("code", words.openai_code);
  return inner;
}

Json anthropic_body(const Words& words, const GatewayError& error) {
  Json inner = Json::object();
  inner.set("type", words.anthropic_type).set("message", error.message);
  if (spends(error.kind)) {
    Json details = Json::object();
    details.set("error_code", "enforced_spend_limit_reached");
    inner.set("details", std::move(details));
  }
  Json body = Json::object();
  body.set("type", "error").set("error", std::move(inner));
  return body;
}

/// The status that clients of messages stop at: they send a request that was refused with 400 or
/// 413 several times.
int anthropic_status(GatewayErrorKind kind, int status) {
  return kind == GatewayErrorKind::Guardrail || kind == GatewayErrorKind::Unbounded ? 403 : status;
}

}  // namespace

std::string_view to_string(GatewayErrorKind kind) {
  switch (kind) {
    case GatewayErrorKind::BudgetExhausted:
      return "budget_exhausted";
    case GatewayErrorKind::Held:
      return "held";
    case GatewayErrorKind::RateLimited:
      return "rate_limited";
    case GatewayErrorKind::Unauthorised:
      return "unauthorised";
    case GatewayErrorKind::Forbidden:
      return "forbidden";
    case GatewayErrorKind::NotFound:
      return "not_found";
    case GatewayErrorKind::MethodNotAllowed:
      return "method_not_allowed";
    case GatewayErrorKind::UpgradeRequired:
      return "upgrade_required";
    case GatewayErrorKind::UnknownModel:
      return "unknown_model";
    case GatewayErrorKind::Malformed:
      return "malformed";
    case GatewayErrorKind::CallIdReused:
      return "call_id_reused";
    case GatewayErrorKind::TooLarge:
      return "too_large";
    case GatewayErrorKind::ContextTooLong:
      return "context_too_long";
    case GatewayErrorKind::Unbounded:
      return "unbounded";
    case GatewayErrorKind::Guardrail:
      return "guardrail";
    case GatewayErrorKind::Busy:
      return "busy";
    case GatewayErrorKind::UpstreamFailed:
      return "upstream_failed";
    case GatewayErrorKind::UpstreamTimeout:
      return "upstream_timeout";
    case GatewayErrorKind::Internal:
      return "internal";
  }
  return "";
}

ErrorAnswer error_answer(Operation operation, Dialect dialect, const GatewayError& error) {
  const Words words = words_of(error.kind);
  const bool anthropic = dialect == Dialect::Anthropic;
  ErrorAnswer answer;
  answer.status = operation == Operation::Responses ? words.responses_status : words.status;
  if (anthropic) {
    answer.status = anthropic_status(error.kind, answer.status);
  }
  answer.headers.emplace_back("Content-Type", "application/json");
  if (words.final) {
    answer.headers.emplace_back("x-should-retry", "false");
  } else if (error.retry_after_seconds > 0 || error.kind == GatewayErrorKind::RateLimited) {
    answer.headers.emplace_back(
        "retry-after", std::to_string(std::max(error.retry_after_seconds, 1U))
    );
  }
  if (error.kind == GatewayErrorKind::Unauthorised) {
    answer.headers.emplace_back("WWW-Authenticate", "Bearer");
  }
  if (error.kind == GatewayErrorKind::MethodNotAllowed && !error.allow.empty()) {
    answer.headers.emplace_back("Allow", error.allow);
  }
  if (anthropic) {
    answer.body = anthropic_body(words, error).dump();
  } else {
    Json body = Json::object();
    body.set("error", openai_error(words, error));
    answer.body = body.dump();
  }
  return answer;
}

std::string error_event(
    Operation operation, const GatewayError& error, std::uint64_t event_number
) {
  const Words words = words_of(error.kind);
  if (operation == Operation::Messages) {
    return concat("event: error\ndata: ", anthropic_body(words, error).dump(), "\n\n");
  }
  if (operation == Operation::Responses) {
    Json said = Json::object();
    said.set("code", words.openai_code).set("message", error.message);
    Json response = Json::object();
    response.set("id", "resp_reeve").set("object", "response").set("status", "failed");
    response.set("output", Json::array()).set("error", std::move(said));
    Json event = Json::object();
    event.set("type", "response.failed").set("sequence_number", event_number);
    event.set("response", std::move(response));
    return concat("event: response.failed\ndata: ", event.dump(), "\n\n");
  }
  Json body = Json::object();
  body.set("error", openai_error(words, error));
  return concat("data: ", body.dump(), "\n\n");
}

GatewayErrorKind error_kind_of_status(int status) {
  switch (status) {
    case 401:
      return GatewayErrorKind::Unauthorised;
    case 403:
    case 421:
      return GatewayErrorKind::Forbidden;
    case 404:
      return GatewayErrorKind::NotFound;
    case 405:
      return GatewayErrorKind::MethodNotAllowed;
    case 413:
      return GatewayErrorKind::TooLarge;
    case 426:
      return GatewayErrorKind::UpgradeRequired;
    case 429:
      return GatewayErrorKind::RateLimited;
    case 503:
      return GatewayErrorKind::Busy;
    default:
      return GatewayErrorKind::Internal;
  }
}

}  // namespace reeve::gateway::model
