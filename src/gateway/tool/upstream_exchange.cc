#include "gateway/tool/upstream_exchange.h"

#include "base/strings.h"
#include "gateway/tool/policy.h"
#include "gateway/tool/protocol.h"

namespace reeve::gateway {

namespace {

constexpr std::size_t kMessageTextMax = 512;

/// Replaces the secrets in all texts of a value.
// NOLINTNEXTLINE(misc-no-recursion): as deep as the parser allows
void mask(Json& json, const UpstreamExchange::Secrets& secrets) {
  if (json.is_string()) {
    json = redaction::redact(secrets, json.as_string());
  } else if (json.is_array()) {
    for (Json& each : json.as_array()) {
      mask(each, secrets);
    }
  } else if (json.is_object()) {
    for (auto& [name, value] : json.as_object()) {
      name = redaction::redact(secrets, name);
      mask(value, secrets);
    }
  }
}

}  // namespace

bool asks_us(const Json& message) {
  return message.find("id") != nullptr && !message.get_string("method").empty();
}

void UpstreamExchange::end(Result<Json> result) {
  if (!done_) {
    return;
  }
  const OnResult done = std::exchange(done_, nullptr);
  if (const auto ended = std::exchange(ended_, nullptr)) {
    ended(result);
  }
  done(std::move(result));
}

void UpstreamExchange::fail(ErrorCode code, std::string message) {
  end(make_error(code, std::move(message), "tool server"));
}

void UpstreamExchange::drop() {
  // What is captured may hold us.
  const auto ended = std::exchange(ended_, nullptr);
  const OnResult done = std::exchange(done_, nullptr);
}

/// What is told about the call before its answer.
void UpstreamExchange::note(const Json& message) {
  const std::string method = message.get_string("method");
  const Json* params = message.find("params");
  if (!listens() || params == nullptr || !params->is_object()) {
    return;
  }
  const Json* token = params->find("progressToken");
  const bool progress = method == kProgressMethod && token != nullptr && *token == id_;
  const bool log = method == kLogMethod && !listener_.log_level.empty() &&
                   severity_of(params->get_string("level")) >= severity_of(listener_.log_level);
  if ((!progress && !log) || params->dump().size() > kUpstreamNoteBytesMax ||
      ++notes_ > kUpstreamNotesMax) {
    return;
  }
  listener_.note(method, *params);
}

void UpstreamExchange::take(Json message) {
  if (secrets_ != nullptr) {
    mask(message, secrets_);
  }
  const Json* id = message.find("id");
  if (id == nullptr) {
    note(message);
    return;
  }
  if (!open() || *id != id_) {
    return;
  }
  if (const Json* error = message.find("error")) {
    const std::string text = redact_text(error->get_string("message"), kMessageTextMax);
    fail(
        ErrorCode::Invalid,
        concat("the server answered with error ", error->get_int("code"), ": ", text)
    );
    return;
  }
  const Json* result = message.find("result");
  if (result == nullptr || !result->is_object()) {
    return;
  }
  if (result->get_string("resultType") == "input_required") {
    fail(ErrorCode::Unsupported, "the server asks for input, and nobody is there to give it");
    return;
  }
  end(*result);
}

}  // namespace reeve::gateway
