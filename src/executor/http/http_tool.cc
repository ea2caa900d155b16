#include "executor/http/http_tool.h"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

#include "base/strings.h"
#include "executor/http/curl.h"
#include "executor/http/request.h"
#include "executor/outputs.h"
#include "platform/posix/files.h"

namespace reeve::executor::http {

namespace fs = std::filesystem;

namespace {

constexpr int kStatusFailed = 400;
constexpr mode_t kBodyMode = 0644;

/// Takes the body of a response: into the file, and into the log as far as it is text.
class BodyTaker {
 public:
  BodyTaker(fs::path file, std::uint64_t bytes_max, ToolOutput& output)
      : path_(std::move(file)), bytes_max_(bytes_max), output_(output) {}

  /// Begins anew; what an earlier response left is gone.
  Result<void> begin() {
    file_.reset(
        ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kBodyMode)
    );
    bytes_ = 0;
    return file_ ? Result<void>{} : Result<void>(platform::errno_error("open", path_));
  }

  void start(const HopResponse& head) {
    logs_ = !is_redirect(head.status) && is_text(head.content_type);
  }

  bool take(std::string_view piece) {
    bytes_ += piece.size();
    if (bytes_ > bytes_max_) {
      error_ = make_error(
          ErrorCode::LimitExceeded, concat("the response is longer than ", bytes_max_, " bytes")
      );
      return false;
    }
    if (logs_) {
      output_.write(piece);
    }
    ends_line_ = piece.empty() ? ends_line_ : piece.back() == '\n';
    while (!piece.empty()) {
      const ssize_t count = ::write(file_.get(), piece.data(), piece.size());
      if (count < 0 && errno != EINTR) {
        error_ = platform::errno_error("write", path_);
        return false;
      }
      piece.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
    }
    return true;
  }

  void end_line() {
    if (logs_ && bytes_ > 0 && !ends_line_) {
      output_.write("\n");
    }
  }

  const std::optional<Error>& error() const { return error_; }

  bool logged() const { return logs_; }

  std::uint64_t bytes() const { return bytes_; }

 private:
  fs::path path_;
  std::uint64_t bytes_max_;
  ToolOutput& output_;
  platform::FileDescriptor file_;
  std::uint64_t bytes_ = 0;
  bool logs_ = false;
  bool ends_line_ = true;
  std::optional<Error> error_;
};

/// One request with its redirects.
class Asker {
 public:
  Asker(Request request, Policy policy, Curl& curl, BodyTaker& body, ToolOutput& output)
      : request_(std::move(request)),
        policy_(std::move(policy)),
        curl_(curl),
        body_(body),
        output_(output) {}

  /// The final response. Errors name the address without its secrets.
  Result<HopResponse> ask() {
    Hop hop{
        .verb = request_.verb,
        .url = request_.common.url,
        .headers = request_.common.headers,
        .has_body = request_.has_body,
        .body = request_.body};
    REEVE_TRY(Address address, curl_.parse(hop.url));
    for (int redirects = 0;; ++redirects) {
      output_.note(concat(hop.verb, " ", address.display));
      auto response = ask_once(hop);
      if (!response.ok()) {
        return at(std::move(response).error(), address);
      }
      const bool follows = is_redirect(response->status) && !response->redirect_url.empty();
      if (!follows || request_.redirects_max == 0) {
        return response;
      }
      if (redirects >= request_.redirects_max) {
        return at(
            make_error(
                ErrorCode::LimitExceeded, concat("more than ", request_.redirects_max, " redirects")
            ),
            address
        );
      }
      auto next = follow(hop, *response, address);
      if (!next.ok()) {
        return at(std::move(next).error(), address);
      }
      hop = std::move(next).value();
      REEVE_TRY(address, curl_.parse(hop.url));
    }
  }

 private:
  Result<HopResponse> ask_once(const Hop& hop) {
    REEVE_CHECK(body_.begin());
    auto response = curl_.exchange(
        hop,
        policy_,
        [this](const HopResponse& head) { body_.start(head); },
        [this](std::string_view piece) { return body_.take(piece); }
    );
    return body_.error() ? Result<HopResponse>(*body_.error()) : std::move(response);
  }

  Result<Hop> follow(const Hop& hop, const HopResponse& response, const Address& from) {
    const auto to = curl_.parse(response.redirect_url);
    if (!to.ok()) {
      return make_error(
          ErrorCode::PermissionDenied, "a redirect to something other than http or https is refused"
      );
    }
    return redirected(
        hop,
        response.status,
        from.origin,
        to->origin,
        response.redirect_url,
        request_.redirects_cross_host
    );
  }

  Error at(Error error, const Address& address) const {
    error.message = concat(request_.verb, " ", address.display, ": ", error.message);
    return error;
  }

  Request request_;
  Policy policy_;
  Curl& curl_;
  BodyTaker& body_;
  ToolOutput& output_;
};

/// The name of the task that asks; empty if nobody says.
std::string task_of(const ToolRequest& request) {
  std::string task;
  for (const auto& [name, value] : request.environment) {
    task = name == "REEVE_TASK" ? value : task;
  }
  return task;
}

}  // namespace

Result<ToolEnd> HttpTool::run(const ToolRequest& request, ToolOutput& output) {
  REEVE_TRY(Request asked, read_request(request.input));
  add_trace_headers(asked.common, request.environment);
  REEVE_TRY(Policy policy, make_policy(asked.common));
  REEVE_TRY(const std::unique_ptr<Curl> curl, Curl::load());
  if (!policy.verify_tls) {
    output.warn("certificates were not verified: the task has verifyTls: false");
  }
  const Common common = asked.common;
  const fs::path file = request.working_dir / kBodyFile;
  BodyTaker body(file, common.response_bytes_max, output);
  Asker asker(std::move(asked), std::move(policy), *curl, body, output);
  REEVE_TRY(const HopResponse response, asker.ask());
  body.end_line();
  if (!body.logged() && body.bytes() > 0) {
    output.note(concat(body.bytes(), " bytes that are no text are in ", kBodyFile));
  }
  const std::string status = std::to_string(response.status);
  REEVE_CHECK(output.publish("HttpStatus", status));
  REEVE_CHECK(output.publish("HttpContentType", response.content_type));
  // The names above are those of the last request of the mission; these say whose they are.
  if (const std::string task = task_of(request); !task.empty()) {
    REEVE_CHECK(output.publish(concat(task, "-http-status"), status));
    REEVE_CHECK(output.publish(concat(task, "-http-content-type"), response.content_type));
  }
  if (response.status >= kStatusFailed) {
    return ToolEnd{
        .exit_code = 1, .exit_text = status, .reason = concat("was answered with status ", status)};
  }
  if (!common.outputs.empty()) {
    REEVE_TRY(const std::string text, platform::read_file(file, common.response_bytes_max));
    REEVE_CHECK(publish_outputs(text, common.outputs, output));
  }
  return ToolEnd{.exit_code = 0, .exit_text = status, .reason = {}};
}

}  // namespace reeve::executor::http
