#include "cli/agent_server.h"

#include <utility>

#include "base/strings.h"
#include "executor/http/curl.h"
#include "platform/posix/files.h"

namespace reeve::cli {

namespace {

namespace agent = executor::agent;
namespace http = executor::http;

constexpr std::uint64_t kAuthorityBytesMax = std::uint64_t{1} << 20U;

class CurlServer final : public agent::Server {
 public:
  CurlServer(std::unique_ptr<http::Curl> curl, std::string api, Secret token, http::Policy policy)
      : curl_(std::move(curl)),
        api_(std::move(api)),
        token_(std::move(token)),
        policy_(std::move(policy)) {}

  Result<agent::ServerAnswer> post(const agent::ServerRequest& request) override {
    http::Hop hop{
        .verb = "POST",
        .url = concat(api_, request.path),
        .headers = request.headers,
        .has_body = true,
        .body = std::string(request.body),
        .timeout = request.timeout};
    hop.headers.emplace_back("Authorization", concat("Bearer ", token_.view()));
    agent::ServerAnswer answer;
    bool too_long = false;
    const auto response = curl_->exchange(
        hop,
        policy_,
        [](const http::HopResponse& /*head*/) {},
        [&](std::string_view piece) {
          too_long = answer.body.size() + piece.size() > agent::kAnswerBytesMax;
          answer.body += too_long ? std::string_view() : piece;
          return !too_long;
        }
    );
    wipe(hop.headers.back().second);
    if (too_long) {
      return make_error(
          ErrorCode::LimitExceeded,
          concat("an answer is longer than ", agent::kAnswerBytesMax, " bytes")
      );
    }
    if (!response) {
      return response.error();
    }
    answer.status = response->status;
    answer.content_type = response->content_type;
    answer.retry_after_seconds = response->retry_after_seconds;
    return answer;
  }

 private:
  std::unique_ptr<http::Curl> curl_;
  std::string api_;
  Secret token_;
  http::Policy policy_;
};

}  // namespace

Result<std::unique_ptr<agent::Server>> connect_agent(const agent::Fence& fence) {
  http::Policy policy;
  // The server of the run is this machine's, or one of its network.
  policy.allow_private = true;
  policy.unix_socket = fence.socket;
  if (!fence.ca_file.empty()) {
    REEVE_TRY(policy.authorities, platform::read_file(fence.ca_file, kAuthorityBytesMax));
  }
  REEVE_TRY(std::unique_ptr<http::Curl> curl, http::Curl::load());
  return std::unique_ptr<agent::Server>(std::make_unique<CurlServer>(
      std::move(curl),
      fence.socket.empty() ? fence.api : std::string(agent::kSocketApi),
      fence.token.clone(),
      std::move(policy)
  ));
}

}  // namespace reeve::cli
