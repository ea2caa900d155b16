#include "gateway/tool/http_transport.h"

#include "base/strings.h"
#include "gateway/tool/event_stream.h"
#include "gateway/tool/upstream.h"

namespace reeve::gateway {

namespace {

constexpr int kOk = 200;
constexpr int kAccepted = 202;
constexpr int kMultiple = 300;
constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr Duration kConnectTimeout{5'000};

}  // namespace

/// One request on its way.
struct HttpTransport::Flight {
  std::shared_ptr<UpstreamExchange> exchange;
  std::weak_ptr<UpstreamUser> user;
  /// The session that was sent with it, and the one that came back.
  std::string sent_session;
  std::string session;
  /// The status of an answer that is no result.
  int status = 0;
  std::shared_ptr<net::ClientCall> call;
};

/// Takes the answer: one JSON message, or a stream in which ours comes sooner or later.
class HttpTransport::Sink final : public net::ResponseSink,
                                  public std::enable_shared_from_this<Sink> {
 public:
  explicit Sink(std::shared_ptr<Flight> flight) : flight_(std::move(flight)) {}

  void on_head(int status, net::Headers headers) override {
    flight_->status = status;
    flight_->session = headers.get("Mcp-Session-Id");
    streams_ = headers.get("Content-Type").starts_with("text/event-stream");
    if (status >= kMultiple && status < kBadRequest) {
      fail(ErrorCode::PermissionDenied, "the server sends us elsewhere, and we do not follow");
    }
  }

  void on_data(std::string_view data) override {
    // What is called may end the request.
    const std::shared_ptr<Sink> self = shared_from_this();
    if (streams_) {
      const Result<void> fed = stream_.feed(data, [this](std::string_view event) {
        Result<Json> message = parse_json(event);
        if (message) {
          take(std::move(*message));
        }
      });
      if (!fed) {
        fail(fed.error().code, fed.error().message);
      }
      return;
    }
    body_ += data;
    if (body_.size() > kUpstreamBytesMax) {
      fail(ErrorCode::LimitExceeded, "the server sends more than is taken");
    }
  }

  void on_end() override {
    const std::shared_ptr<Sink> self = shared_from_this();
    if (!exchange().open()) {
      return;
    }
    if (flight_->status == kAccepted) {
      exchange().end(Json());
      return;
    }
    Result<Json> message = parse_json(body_);
    if (!streams_ && message) {
      take(std::move(*message));
    }
    if (flight_->status != kOk) {
      fail(ErrorCode::Invalid, concat("the server answered with status ", flight_->status));
      return;
    }
    fail(ErrorCode::Ambiguous, "the server ended its answer without a result");
  }

  void on_error(net::ClientStage stage, Error error) override {
    const std::shared_ptr<Sink> self = shared_from_this();
    if (stage == net::ClientStage::Connect) {
      exchange().end(std::move(error));
      return;
    }
    const bool late = error.code == ErrorCode::DeadlineExceeded;
    fail(late ? ErrorCode::DeadlineExceeded : ErrorCode::Ambiguous, error.message);
  }

 private:
  UpstreamExchange& exchange() const { return *flight_->exchange; }

  void fail(ErrorCode code, std::string message) {
    const std::shared_ptr<net::ClientCall> call = flight_->call;
    exchange().fail(code, std::move(message));
    if (call != nullptr) {
      call->cancel();
    }
  }

  void take(Json message) {
    if (!asks_us(message)) {
      exchange().take(std::move(message));
    } else if (const std::shared_ptr<UpstreamUser> user = flight_->user.lock()) {
      user->on_asked(message);
    }
  }

  std::shared_ptr<Flight> flight_;
  bool streams_ = false;
  EventStream stream_{kUpstreamBytesMax};
  std::string body_;
};

Duration HttpTransport::first_timeout() const {
  return kUpstreamListTimeout;
}

Result<net::ClientRequest> HttpTransport::request_of(const UpstreamMessage& message, Flight& flight)
    const {
  REEVE_TRY(net::EndpointUrl url, net::parse_endpoint(url_));
  net::ClientRequest request;
  request.endpoint = std::move(url.endpoint);
  request.method = "POST";
  request.target = url.path.empty() ? "/" : url.path;
  request.headers = {
      {"Content-Type", "application/json"}, {"Accept", "application/json, text/event-stream"}};
  if (message.era == Era::Stateless) {
    request.headers.push_back({"MCP-Protocol-Version", std::string(kStatelessVersion)});
    if (!message.method.empty()) {
      request.headers.push_back({"Mcp-Method", message.method});
    }
    if (!message.tool.empty()) {
      request.headers.push_back({"Mcp-Name", message.tool});
    }
    request.headers.insert(request.headers.end(), message.params.begin(), message.params.end());
  } else if (!message.version.empty()) {
    request.headers.push_back({"MCP-Protocol-Version", message.version});
  }
  if (!session_.empty()) {
    request.headers.push_back({"Mcp-Session-Id", session_});
    flight.sent_session = session_;
  }
  if (!credential_.empty()) {
    REEVE_TRY(const Secret secret, ports_.reveal(ns_, credential_));
    REEVE_TRY(UpstreamExchange::Secrets secrets, redaction::Patterns::make({secret.view()}));
    flight.exchange->hide(std::move(secrets));
    request.headers.push_back({"Authorization", concat("Bearer ", secret.view())});
  }
  request.body = message.body.dump();
  // A server may do what is asked and close the connection without a word.
  request.retry_stale = message.method != "tools/call";
  request.deadlines.connect = kConnectTimeout;
  request.deadlines.first_byte = message.timeout;
  request.deadlines.idle = message.timeout;
  request.deadlines.total = message.timeout;
  return request;
}

void HttpTransport::fly(UpstreamMessage message, std::shared_ptr<Flight> flight) {
  flight->user = user_;
  Result<net::ClientRequest> request = request_of(message, *flight);
  if (!request) {
    flight->exchange->end(request.error());
    return;
  }
  flight->call = ports_.send(std::move(*request), std::make_shared<Sink>(flight));
}

void HttpTransport::send(UpstreamMessage message, std::shared_ptr<UpstreamExchange> exchange) {
  auto flight = std::make_shared<Flight>();
  flight->exchange = std::move(exchange);
  const bool first = message.method == "initialize";
  flight->exchange->on_end(
      [self = shared_from_this(), weak = std::weak_ptr(flight), first](const Result<Json>& result) {
        const std::shared_ptr<Flight> ended = weak.lock();
        ended->call.reset();
        if (first && result) {
          self->session_ = ended->session;
        }
        if (!result && ended->status == kNotFound && !ended->sent_session.empty() &&
            ended->sent_session == self->session_) {
          // The server has forgotten us: the next request begins anew.
          self->session_.clear();
          if (const std::shared_ptr<UpstreamUser> user = ended->user.lock()) {
            user->on_lost();
          }
        }
      }
  );
  fly(std::move(message), std::move(flight));
}

void HttpTransport::tell(UpstreamMessage message) {
  auto flight = std::make_shared<Flight>();
  flight->exchange = std::make_shared<UpstreamExchange>(
      Json(), UpstreamListener{}, [](const Result<Json>& /*result*/) {}
  );
  flight->exchange->on_end([weak = std::weak_ptr(flight)](const Result<Json>& /*result*/) {
    weak.lock()->call.reset();
  });
  fly(std::move(message), std::move(flight));
}

}  // namespace reeve::gateway
