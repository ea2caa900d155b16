#include "cli/api_client.h"

#include <utility>

#include "base/strings.h"
#include "executor/http/curl.h"

namespace reeve::cli {

namespace {

using executor::http::Curl;

constexpr int kFineMin = 200;
constexpr int kFineMax = 299;
constexpr std::size_t kTextShownMax = 300;

bool is_fine(int status) {
  return status >= kFineMin && status <= kFineMax;
}

ErrorCode code_of(int status, std::string_view reason) {
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::PermissionDenied;
    case 404:
      return ErrorCode::NotFound;
    case 409:
      return reason == "AlreadyExists" ? ErrorCode::AlreadyExists : ErrorCode::Conflict;
    case 405:
    case 406:
    case 415:
    case 501:
      return ErrorCode::Unsupported;
    case 413:
      return ErrorCode::LimitExceeded;
    case 429:
    case 502:
    case 503:
      return ErrorCode::Unavailable;
    case 408:
    case 504:
      return ErrorCode::DeadlineExceeded;
    default:
      constexpr int kServerErrors = 500;
      return status >= kServerErrors ? ErrorCode::Io : ErrorCode::Invalid;
  }
}

std::string hint_of(int status, const Json& answer) {
  switch (status) {
    case 401:
      return "the server does not know who asks: give --kubeconfig or --token-file";
    case 403:
      return "reeve can-i shows what is allowed";
    case 409:
      return answer.get_string("reason") == "AlreadyExists" ? "" : "read it again and repeat";
    case 429:
      return "ask again later";
    default:
      return {};
  }
}

/// The text of `299 - "text"`; anything else as it is.
std::string warning_text(std::string_view header) {
  const std::size_t quote = header.find('"');
  if (quote == std::string_view::npos || !header.ends_with('"') || quote + 1 == header.size()) {
    return std::string(header);
  }
  std::string text;
  const std::string_view quoted = header.substr(quote + 1, header.size() - quote - 2);
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    i += quoted[i] == '\\' && i + 1 < quoted.size() ? 1 : 0;
    text.push_back(quoted[i]);
  }
  return text;
}

class CurlApiClient final : public ApiClient {
 public:
  CurlApiClient(Connection connection, std::unique_ptr<Curl> curl)
      : ApiClient(std::move(connection)), curl_(std::move(curl)) {}

  Result<ApiAnswer> exchange(const ApiRequest& request) override {
    ApiAnswer answer;
    bool too_long = false;
    auto head = send(
        request,
        [](int) {},
        [&](std::string_view piece) {
          too_long = answer.body.size() + piece.size() > kAnswerBytesMax;
          answer.body += too_long ? std::string_view() : piece;
          return !too_long;
        }
    );
    if (too_long) {
      return make_error(
          ErrorCode::LimitExceeded, concat("the answer is longer than ", kAnswerBytesMax, " bytes")
      );
    }
    if (!head) {
      return std::move(head).error();
    }
    answer.status = head->status;
    for (const std::string& warning : head->warnings) {
      answer.warnings.push_back(warning_text(warning));
    }
    return answer;
  }

  Result<void> stream(const ApiRequest& request, const OnLine& on_line) override {
    std::string rest;
    int status = 0;
    bool ended = false;
    bool too_long = false;
    const auto take = [&](std::string_view piece) {
      too_long = rest.size() + piece.size() > kAnswerBytesMax;
      if (too_long) {
        return false;
      }
      rest += piece;
      std::size_t begin = 0;
      while (is_fine(status) && !ended) {
        const std::size_t end = rest.find('\n', begin);
        if (end == std::string::npos) {
          break;
        }
        ended = !on_line(std::string_view(rest).substr(begin, end - begin));
        begin = end + 1;
      }
      rest.erase(0, begin);
      return !ended;
    };
    const auto head = send(
        request, [&](int seen) { status = seen; }, take
    );
    if (ended) {
      return {};
    }
    if (too_long) {
      return make_error(ErrorCode::LimitExceeded, "a line of the answer is too long");
    }
    if (!head) {
      return head.error();
    }
    if (!is_fine(head->status)) {
      return error_of_answer(head->status, rest);
    }
    if (!rest.empty()) {
      (void)on_line(rest);
    }
    return {};
  }

 private:
  Result<executor::http::HopResponse> send(
      const ApiRequest& request, const std::function<void(int)>& on_status, const Curl::Sink& sink
  ) {
    executor::http::Hop hop;
    hop.verb = request.method;
    hop.url = connection_.server + request.path;
    hop.timeout = request.timeout;
    hop.headers.emplace_back("Accept", request.accept);
    if (!request.body.empty()) {
      hop.has_body = true;
      hop.body = request.body;
      hop.headers.emplace_back("Content-Type", request.content_type);
    }
    if (!request.idempotency_key.empty()) {
      hop.headers.emplace_back("Idempotency-Key", request.idempotency_key);
    }
    if (!connection_.token.empty()) {
      hop.headers.emplace_back("Authorization", concat("Bearer ", connection_.token.view()));
    }
    executor::http::Policy policy;
    policy.authorities = connection_.authority;
    policy.allow_private = true;
    policy.client_certificate = connection_.client_certificate;
    policy.client_key = std::string(connection_.client_key.view());
    auto response = curl_->exchange(
        hop, policy, [&](const executor::http::HopResponse& head) { on_status(head.status); }, sink
    );
    for (model::NamedValue& header : hop.headers) {
      wipe(header.second);
    }
    wipe(policy.client_key);
    if (!response) {
      Error error = std::move(response).error();
      error.subject = connection_.server;
      error.hint = "is the server there? reeve up starts one";
      return error;
    }
    return response;
  }

  std::unique_ptr<Curl> curl_;
};

}  // namespace

Error error_of_answer(int status, std::string_view body) {
  const Result<Json> parsed = parse_json(body);
  const Json answer = parsed && parsed->is_object() ? *parsed : Json::object();
  std::string message = answer.get_string("message");
  if (message.empty()) {
    message = concat("the server answered with status ", status);
    if (!parsed && !trim(body).empty()) {
      message += concat(": ", trim(body).substr(0, kTextShownMax));
    }
  }
  Error error = make_error(code_of(status, answer.get_string("reason")), std::move(message));
  error.hint = hint_of(status, answer);
  return error;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    out += plain ? std::string(1, c) : concat("%", to_upper(to_hex({&c, 1})));
  }
  return out;
}

Result<std::unique_ptr<ApiClient>> ApiClient::connect(Connection connection) {
  REEVE_TRY(std::unique_ptr<Curl> curl, Curl::load());
  return std::unique_ptr<ApiClient>(
      std::make_unique<CurlApiClient>(std::move(connection), std::move(curl))
  );
}

bool ApiAnswer::fine() const {
  return is_fine(status);
}

Result<std::string> ApiClient::ask_text(const ApiRequest& request) {
  REEVE_TRY(ApiAnswer answer, exchange(request));
  if (!answer.fine() && !request.any_status) {
    return error_of_answer(answer.status, answer.body);
  }
  return std::move(answer.body);
}

Result<Json> ApiClient::ask(const ApiRequest& request) {
  REEVE_TRY(const std::string text, ask_text(request));
  return parse_json(text);
}

}  // namespace reeve::cli
