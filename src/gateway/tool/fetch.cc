#include "gateway/tool/fetch.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace reeve::gateway {

namespace {

/// Takes the answer up to a limit.
class Page final : public net::ResponseSink, public std::enable_shared_from_this<Page> {
 public:
  explicit Page(ToolDone done) : done_(std::move(done)) {}

  void began(std::shared_ptr<net::ClientCall> call) { call_ = std::move(call); }

  void on_head(int status, net::Headers headers) override {
    status_ = status;
    type_ = headers.get("Content-Type");
    location_ = headers.get("Location");
  }

  void on_data(std::string_view data) override {
    const std::shared_ptr<Page> self = shared_from_this();
    body_ += data.substr(0, kFetchBytesMax - std::min(kFetchBytesMax, body_.size()));
    if (body_.size() >= kFetchBytesMax) {
      cut_ = true;
      const std::shared_ptr<net::ClientCall> call = call_;
      on_end();
      if (call != nullptr) {
        call->cancel();
      }
    }
  }

  void on_end() override {
    if (!done_) {
      return;
    }
    if (!is_utf8(body_) && !cut_) {
      finish(text_result(concat("status ", status_, "; the body is no text"), true));
      return;
    }
    constexpr int kBad = 300;
    std::string text = concat("status ", status_, "\ncontent-type ", type_, "\n");
    if (!location_.empty()) {
      text += concat("location ", location_, "\n");
    }
    if (cut_) {
      text += "cut off\n";
    }
    text += concat("\n", redact_text(body_, kFetchBytesMax));
    finish(text_result(std::move(text), status_ >= kBad));
  }

  void on_error(net::ClientStage /*stage*/, Error error) override {
    finish(text_result(error.describe(), true));
  }

 private:
  void finish(Json result) {
    call_.reset();
    if (done_) {
      std::exchange(done_, nullptr)(ToolOutcome{.result = std::move(result), .undo = {}});
    }
  }

  ToolDone done_;
  std::shared_ptr<net::ClientCall> call_;
  int status_ = 0;
  std::string type_;
  std::string location_;
  std::string body_;
  bool cut_ = false;
};

}  // namespace

void fetch(
    const ToolServer& server,
    const std::string& url,
    Duration timeout,
    const ToolPorts& ports,
    ToolDone done
) {
  const bool plain = std::all_of(url.begin(), url.end(), [](char c) {
    constexpr char kDelete = 0x7F;
    return c > ' ' && c < kDelete;
  });
  if (!plain) {
    done(ToolOutcome{
        .result = text_result("the address has characters it may not have", true), .undo = {}});
    return;
  }
  // The query is not a part of what parse_endpoint takes.
  const std::size_t query = url.find('?');
  Result<net::EndpointUrl> parsed = net::parse_endpoint(url.substr(0, query));
  if (!parsed) {
    done(ToolOutcome{.result = text_result(parsed.error().describe(), true), .undo = {}});
    return;
  }
  const std::string host = to_lower(parsed->endpoint.host);
  const bool allowed = std::any_of(
      server.allowed_hosts.begin(),
      server.allowed_hosts.end(),
      [&](const std::string& pattern) { return glob_match(pattern, host); }
  );
  if (!allowed) {
    done(ToolOutcome{
        .result =
            text_result(concat("the host ", host, " is not on the list of those allowed"), true),
        .undo = {}});
    return;
  }
  net::ClientRequest request;
  request.endpoint = parsed->endpoint;
  request.target = parsed->path.empty() ? "/" : parsed->path;
  if (query != std::string::npos) {
    request.target += url.substr(query, url.find('#', query) - query);
  }
  request.headers = {{"Accept", "text/*, application/json"}, {"User-Agent", "reeve"}};
  request.deadlines = {
      .connect = timeout, .first_byte = timeout, .idle = timeout, .total = timeout};
  const auto page = std::make_shared<Page>(std::move(done));
  page->began(ports.send(std::move(request), page));
}

}  // namespace reeve::gateway
