#include "cli/span_sender.h"

#include <optional>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "executor/http/curl.h"
#include "platform/posix/system.h"

namespace reeve::cli {

namespace {

namespace http = executor::http;

/// A collector is near, or it is no use: spans come faster than it takes them.
constexpr Duration kTimeout{5'000};
constexpr std::size_t kReplyBytesMax = std::size_t{64} << 10U;
constexpr Duration kTellPeriod{60'000};

class Sender {
 public:
  Sender(SpanSenderOptions options, std::unique_ptr<http::Curl> curl)
      : options_(std::move(options)), curl_(std::move(curl)) {
    hop_.verb = "POST";
    const std::size_t end = options_.endpoint.find_last_not_of('/');
    hop_.url = concat(std::string_view(options_.endpoint).substr(0, end + 1), "/v1/traces");
    hop_.has_body = true;
    hop_.timeout = kTimeout;
    hop_.headers.emplace_back("Content-Type", "application/json");
    for (const std::string& header : options_.headers) {
      const std::size_t equals = header.find('=');
      hop_.headers.emplace_back(header.substr(0, equals), header.substr(equals + 1));
    }
    // Whoever runs the server says where its collector is.
    policy_.allow_private = true;
  }

  telemetry::ExportReply send(std::string body) {
    telemetry::ExportReply reply;
    if (gave_up_) {
      return reply;
    }
    hop_.body = std::move(body);
    const Result<http::HopResponse> response = curl_->exchange(
        hop_,
        policy_,
        [](const http::HopResponse& /*head*/) {},
        [&reply](std::string_view bytes) {
          reply.body.append(bytes.substr(0, kReplyBytesMax - reply.body.size()));
          return true;
        }
    );
    reply.http_status = response ? response->status : 0;
    if (telemetry::verdict_of(reply) != telemetry::ExportVerdict::Done) {
      gave_up_ = options_.ending->load();
      tell(
          response ? concat("it answered with status ", response->status)
                   : response.error().describe()
      );
    }
    return reply;
  }

 private:
  void tell(std::string_view problem) {
    const Duration now = platform::monotonic_now();
    if (told_at_ && now - *told_at_ < kTellPeriod) {
      ++silent_;
      return;
    }
    told_at_ = now;
    options_.log.warn(
        "spans were not taken by the collector",
        {{"url", hop_.url}, {"problem", problem}, {"failures_not_told", std::exchange(silent_, 0U)}}
    );
  }

  SpanSenderOptions options_;
  std::unique_ptr<http::Curl> curl_;
  http::Hop hop_;
  http::Policy policy_;
  bool gave_up_ = false;
  std::optional<Duration> told_at_;
  std::uint64_t silent_ = 0;
};

}  // namespace

Result<telemetry::SendSpans> make_span_sender(SpanSenderOptions options) {
  REEVE_TRY(std::unique_ptr<http::Curl> curl, http::Curl::load());
  auto sender = std::make_shared<Sender>(std::move(options), std::move(curl));
  return telemetry::SendSpans([sender](std::string body) { return sender->send(std::move(body)); });
}

}  // namespace reeve::cli
