#include "cli/notify_transport.h"

#include <string>
#include <utility>

#include "base/strings.h"
#include "executor/http/curl.h"
#include "notify/message.h"

namespace reeve::cli {

namespace {

namespace http = executor::http;
using notify::AttemptResult;

constexpr int kOkMin = 200;
constexpr int kRedirectMin = 300;
constexpr int kClientErrorMin = 400;
constexpr int kServerErrorMin = 500;
constexpr int kMailRefusedMin = 500;

AttemptResult failed(std::string problem, bool final = false) {
  AttemptResult result;
  result.final = final;
  result.problem = std::move(problem);
  return result;
}

/// 4xx says that this message will never be taken, but for those that say "later".
bool is_final(int status) {
  constexpr int kTimeout = 408;
  constexpr int kConflict = 409;
  constexpr int kTooEarly = 425;
  constexpr int kTooMany = 429;
  const bool later =
      status == kTimeout || status == kConflict || status == kTooEarly || status == kTooMany;
  // Who has no right today may have one tomorrow: keys and addresses are changed.
  constexpr int kUnauthorized = 401;
  constexpr int kForbidden = 403;
  constexpr int kNotFound = 404;
  const bool mendable = status == kUnauthorized || status == kForbidden || status == kNotFound;
  return status >= kClientErrorMin && status < kServerErrorMin && !later && !mendable;
}

class Transport {
 public:
  Transport(RevealForSink reveal, std::function<Timestamp()> now)
      : reveal_(std::move(reveal)), now_(std::move(now)) {}

  AttemptResult attempt(const Attempt& attempt) const {
    Result<std::unique_ptr<http::Curl>> curl = http::Curl::load();
    if (!curl) {
      return failed(curl.error().describe());
    }
    Secret value;
    if (!attempt.sink->credential.empty()) {
      Result<Secret> revealed = reveal_(attempt.sink->ns, attempt.sink->credential);
      if (!revealed) {
        return failed(
            concat("the credential ", attempt.sink->credential, ": ", revealed.error().describe())
        );
      }
      value = std::move(*revealed);
    }
    switch (attempt.sink->means) {
      case notify::Means::Webhook:
        return webhook(attempt, value, **curl);
      case notify::Means::Slack:
        return slack(attempt, value, **curl);
      case notify::Means::Email:
        return mail(attempt, value, **curl);
    }
    return failed("there is no such means");
  }

 private:
  AttemptResult webhook(const Attempt& attempt, const Secret& key, http::Curl& curl) const {
    const notify::Words words = notify::words_for(*attempt.sink, attempt.notification);
    Result<notify::HttpMessage> message =
        notify::webhook_message(*attempt.sink, attempt.notification, words, key.view(), now_());
    if (!message) {
      return failed(message.error().describe());
    }
    return post(attempt.sink->url, *std::move(message), attempt.sink->allow_private, false, curl);
  }

  static AttemptResult slack(const Attempt& attempt, const Secret& url, http::Curl& curl) {
    const notify::Words words = notify::words_for(*attempt.sink, attempt.notification);
    std::string address(trim(url.view()));
    AttemptResult result = post(
        address,
        notify::slack_message(attempt.notification, words),
        attempt.sink->allow_private,
        true,
        curl
    );
    wipe(address);
    return result;
  }

  /// `secret_url`: the address is not told.
  static AttemptResult post(
      const std::string& url,
      notify::HttpMessage message,
      bool allow_private,
      bool secret_url,
      http::Curl& curl
  ) {
    if (const Result<http::Address> address = curl.parse(url); !address) {
      return failed("its address is no http or https address");
    }
    http::Hop hop;
    hop.verb = "POST";
    hop.url = url;
    hop.has_body = true;
    hop.body = std::move(message.body);
    hop.timeout = kAttemptTimeout;
    for (auto& [name, value] : message.headers) {
      hop.headers.emplace_back(std::move(name), std::move(value));
    }
    http::Policy policy;
    policy.allow_private = allow_private;
    constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 10U;
    std::size_t seen = 0;
    int status = 0;
    const Result<http::HopResponse> response = curl.exchange(
        hop,
        policy,
        [&status](const http::HopResponse& head) { status = head.status; },
        [&seen](std::string_view bytes) {
          seen += bytes.size();
          return seen <= kAnswerBytesMax;
        }
    );
    wipe(hop.url);
    if (!response && status == 0) {
      const bool refused = response.error().code == ErrorCode::PermissionDenied;
      // What libcurl says may name the host.
      return failed(
          secret_url && !refused ? std::string("it cannot be reached") : response.error().describe()
      );
    }
    return verdict(status);
  }

  static AttemptResult verdict(int status) {
    if (status >= kOkMin && status < kRedirectMin) {
      AttemptResult result;
      result.taken = true;
      return result;
    }
    if (status >= kRedirectMin && status < kClientErrorMin) {
      return failed(concat("it answered with status ", status, ": redirects are not followed"));
    }
    return failed(concat("it answered with status ", status), is_final(status));
  }

  AttemptResult mail(const Attempt& attempt, const Secret& password, http::Curl& curl) const {
    const notify::Sink& sink = *attempt.sink;
    const notify::Words words = notify::words_for(sink, attempt.notification);
    http::Mail mail;
    mail.host = sink.mail.host;
    mail.port = sink.mail.port;
    mail.tls = sink.mail.security == notify::MailSecurity::Tls;
    mail.plain = sink.mail.security == notify::MailSecurity::None;
    mail.username = sink.mail.username;
    mail.password = std::string(password.view());
    mail.from = sink.mail.from;
    mail.to = sink.mail.to;
    mail.message = notify::mail_message(sink, attempt.notification, words, now_());
    mail.timeout = kAttemptTimeout;
    http::Policy policy;
    policy.allow_private = sink.allow_private;
    const std::optional<http::MailRefusal> refusal = curl.send_mail(mail, policy);
    wipe(mail.password);
    if (!refusal) {
      AttemptResult result;
      result.taken = true;
      return result;
    }
    return failed(
        refusal->code == 0 ? refusal->error.describe()
                           : concat("the mail server answered with ", refusal->code),
        // 53x is about who sends, which can be mended.
        refusal->code >= kMailRefusedMin && refusal->code / 10 != kMailRefusedMin / 10 + 3
    );
  }

  RevealForSink reveal_;
  std::function<Timestamp()> now_;
};

}  // namespace

std::function<notify::AttemptResult(const Attempt&)> make_transport(
    RevealForSink reveal, std::function<Timestamp()> now
) {
  const auto transport = std::make_shared<Transport>(std::move(reveal), std::move(now));
  return [transport](const Attempt& attempt) {
    return transport->attempt(attempt);
  };
}

}  // namespace reeve::cli
