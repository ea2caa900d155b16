#include "gateway/tool/upstream.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "gateway/tool/event_stream.h"
#include "security/redaction/redactor.h"

namespace reeve::gateway {

namespace {

constexpr int kOk = 200;
constexpr int kAccepted = 202;
constexpr int kMultiple = 300;
constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr Duration kConnectTimeout{5'000};
constexpr std::size_t kMessageTextMax = 512;

Json client_info() {
  return Json::object().set("name", "reeve").set("version", "1");
}

Json stateless_meta() {
  Json meta = Json::object();
  meta.set(std::string(kVersionMeta), kStatelessVersion);
  meta.set(std::string(kCapabilitiesMeta), Json::object());
  return meta.set("io.modelcontextprotocol/clientInfo", client_info());
}

using Secrets = std::shared_ptr<const redaction::Patterns>;

/// Replaces the secrets in all texts of a value.
// NOLINTNEXTLINE(misc-no-recursion): as deep as the parser allows
void mask(Json& json, const Secrets& secrets) {
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

/// One request on its way.
struct Upstream::Exchange {
  Json id;
  /// What was sent with it: the session, and what its answer may not have in it (null: nothing).
  std::string sent_session;
  Secrets secrets;
  OnResult done;
  Listener listener;
  std::size_t notes = 0;
  /// The status of an answer that is no result.
  int status = 0;
  std::string session;
  std::shared_ptr<net::ClientCall> call;

  void finish(Result<Json> result) {
    if (done) {
      std::exchange(done, nullptr)(std::move(result));
    }
  }
};

/// Takes the answer: one JSON message, or a stream in which ours comes sooner or later.
class Upstream::Sink final : public net::ResponseSink, public std::enable_shared_from_this<Sink> {
 public:
  explicit Sink(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

  void on_head(int status, net::Headers headers) override {
    exchange_->status = status;
    exchange_->session = headers.get("Mcp-Session-Id");
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
    if (!exchange_->done) {
      return;
    }
    if (exchange_->status == kAccepted) {
      exchange_->finish(Json());
      return;
    }
    Result<Json> message = parse_json(body_);
    if (!streams_ && message) {
      take(std::move(*message));
    }
    if (exchange_->status != kOk) {
      fail(ErrorCode::Invalid, concat("the server answered with status ", exchange_->status));
      return;
    }
    fail(ErrorCode::Ambiguous, "the server ended its answer without a result");
  }

  void on_error(net::ClientStage stage, Error error) override {
    if (stage == net::ClientStage::Connect) {
      exchange_->finish(std::move(error));
      return;
    }
    const bool late = error.code == ErrorCode::DeadlineExceeded;
    fail(late ? ErrorCode::DeadlineExceeded : ErrorCode::Ambiguous, error.message);
  }

 private:
  void fail(ErrorCode code, std::string message) {
    const std::shared_ptr<Sink> self = shared_from_this();
    const std::shared_ptr<net::ClientCall> call = exchange_->call;
    exchange_->finish(make_error(code, std::move(message), "tool server"));
    if (call != nullptr) {
      call->cancel();
    }
  }

  /// What is told about the call before its answer.
  void note(const Json& message) const {
    const std::string method = message.get_string("method");
    const Json* params = message.find("params");
    if (!exchange_->done || !exchange_->listener.note || params == nullptr ||
        !params->is_object()) {
      return;
    }
    const Json* token = params->find("progressToken");
    const bool progress = method == kProgressMethod && token != nullptr && *token == exchange_->id;
    const bool log =
        method == kLogMethod && !exchange_->listener.log_level.empty() &&
        severity_of(params->get_string("level")) >= severity_of(exchange_->listener.log_level);
    if ((!progress && !log) || params->dump().size() > kUpstreamNoteBytesMax ||
        ++exchange_->notes > kUpstreamNotesMax) {
      return;
    }
    exchange_->listener.note(method, *params);
  }

  void take(Json message) {
    if (exchange_->secrets != nullptr) {
      mask(message, exchange_->secrets);
    }
    const Json* id = message.find("id");
    if (id == nullptr) {
      note(message);
      return;
    }
    if (*id != exchange_->id) {
      return;
    }
    if (const Json* error = message.find("error")) {
      const std::string text = redact_text(error->get_string("message"), kMessageTextMax);
      exchange_->finish(make_error(
          ErrorCode::Invalid,
          concat("the server answered with error ", error->get_int("code"), ": ", text),
          "tool server"
      ));
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
    exchange_->finish(*result);
  }

  std::shared_ptr<Exchange> exchange_;
  bool streams_ = false;
  EventStream stream_{kUpstreamBytesMax};
  std::string body_;
};

std::shared_ptr<Upstream> Upstream::create(ToolServer server, const ToolPorts& ports) {
  return std::shared_ptr<Upstream>(new Upstream(std::move(server), ports));
}

Result<net::ClientRequest> Upstream::request_of(
    const std::string& method,
    const Json& body,
    const std::string& name,
    Duration timeout,
    Exchange& exchange
) const {
  REEVE_TRY(net::EndpointUrl url, net::parse_endpoint(server_.url));
  net::ClientRequest request;
  request.endpoint = std::move(url.endpoint);
  request.method = "POST";
  request.target = url.path.empty() ? "/" : url.path;
  request.headers = {
      {"Content-Type", "application/json"}, {"Accept", "application/json, text/event-stream"}};
  if (era_ == Era::Stateless) {
    request.headers.push_back({"MCP-Protocol-Version", std::string(kStatelessVersion)});
    request.headers.push_back({"Mcp-Method", method});
    if (!name.empty()) {
      request.headers.push_back({"Mcp-Name", name});
    }
  } else if (!version_.empty()) {
    request.headers.push_back({"MCP-Protocol-Version", version_});
  }
  if (!session_.empty()) {
    request.headers.push_back({"Mcp-Session-Id", session_});
    exchange.sent_session = session_;
  }
  if (!server_.credential.empty()) {
    REEVE_TRY(const Secret secret, ports_.reveal(server_.ns, server_.credential));
    REEVE_TRY(exchange.secrets, redaction::Patterns::make({secret.view()}));
    request.headers.push_back({"Authorization", concat("Bearer ", secret.view())});
  }
  request.body = body.dump();
  // A server may do what is asked and close the connection without a word.
  request.retry_stale = method != "tools/call";
  request.deadlines.connect = kConnectTimeout;
  request.deadlines.first_byte = timeout;
  request.deadlines.idle = timeout;
  request.deadlines.total = timeout;
  return request;
}

void Upstream::ask(
    std::string method, Json params, Duration timeout, OnResult done, Listener listener
) {
  const Json id = next_id_++;
  Json meta = era_ == Era::Stateless ? stateless_meta() : Json::object();
  if (listener.note) {
    meta.set("progressToken", id);
    if (era_ == Era::Stateless && !listener.log_level.empty()) {
      meta.set(std::string(kLogLevelMeta), listener.log_level);
    }
  }
  if (!meta.as_object().empty()) {
    params.set("_meta", std::move(meta));
  }
  const std::string name = method == "tools/call" ? params.get_string("name") : std::string();
  Json body = Json::object();
  body.set("jsonrpc", "2.0").set("id", id).set("method", method).set("params", std::move(params));
  auto exchange = std::make_shared<Exchange>();
  Result<net::ClientRequest> request = request_of(method, body, name, timeout, *exchange);
  if (!request) {
    done(request.error());
    return;
  }
  if (era_ == Era::Stateless) {
    request->headers.insert(request->headers.end(), listener.params.begin(), listener.params.end());
  }
  exchange->id = id;
  exchange->listener = std::move(listener);
  const bool first = method == "initialize";
  exchange->done = [self = shared_from_this(),
                    weak = std::weak_ptr(exchange),
                    first,
                    done = std::move(done)](Result<Json> result) {
    const std::shared_ptr<Exchange> exchange = weak.lock();
    if (first && result) {
      self->session_ = exchange->session;
    }
    if (!result && exchange->status == kNotFound && !exchange->sent_session.empty() &&
        exchange->sent_session == self->session_) {
      // The server has forgotten us: the next request begins anew.
      self->session_.clear();
      self->version_.clear();
    }
    const std::shared_ptr<net::ClientCall> ended = std::move(exchange->call);
    done(std::move(result));
  };
  exchange->call = ports_.send(std::move(*request), std::make_shared<Sink>(exchange));
}

// --- the beginning ------------------------------------------------------------------------------

void Upstream::connect(OnConnected done) {
  if (!version_.empty()) {
    done({});
    return;
  }
  connecting_.push_back(std::move(done));
  if (connecting_.size() > 1) {
    return;
  }
  const auto connected = [self = shared_from_this()](const Result<void>& result) {
    const std::vector<OnConnected> waiting = std::exchange(self->connecting_, {});
    for (const OnConnected& each : waiting) {
      each(result);
    }
  };
  if (server_.protocol == "auto" || server_.protocol == kStatelessVersion) {
    discover(connected);
  } else {
    initialize(connected);
  }
}

void Upstream::discover(OnConnected done) {
  era_ = Era::Stateless;
  ask("server/discover",
      Json::object(),
      kUpstreamListTimeout,
      [self = shared_from_this(), done = std::move(done)](Result<Json> result) mutable {
        if (result) {
          self->version_ = kStatelessVersion;
          done({});
          return;
        }
        const bool reached = result.error().code == ErrorCode::Invalid ||
                             result.error().code == ErrorCode::Ambiguous;
        if (self->server_.protocol != "auto" || !reached) {
          done(result.error());
          return;
        }
        self->initialize(std::move(done));
      },
      {});
}

void Upstream::initialize(OnConnected done) {
  era_ = Era::Session;
  Json params = Json::object();
  params.set("protocolVersion", server_.protocol == "auto" ? kSessionVersion : server_.protocol);
  params.set("capabilities", Json::object()).set("clientInfo", client_info());
  ask("initialize",
      std::move(params),
      kUpstreamListTimeout,
      [self = shared_from_this(), done = std::move(done)](Result<Json> result) {
        if (!result) {
          done(result.error());
          return;
        }
        const std::string version = result->get_string("protocolVersion", kSessionVersion);
        if (std::find(kSessionVersions.begin(), kSessionVersions.end(), version) ==
            kSessionVersions.end()) {
          self->session_.clear();
          done(make_error(
              ErrorCode::Unsupported,
              "the server speaks a revision that is not spoken here",
              "tool server"
          ));
          return;
        }
        self->version_ = version;
        self->notify_initialized();
        done({});
      },
      {});
}

void Upstream::notify_initialized() {
  Json body = Json::object();
  body.set("jsonrpc", "2.0").set("method", "notifications/initialized");
  auto exchange = std::make_shared<Exchange>();
  Result<net::ClientRequest> request =
      request_of("notifications/initialized", body, "", kUpstreamListTimeout, *exchange);
  if (!request) {
    return;
  }
  exchange->done = [weak = std::weak_ptr(exchange)](const Result<Json>& /*result*/) {
    const std::shared_ptr<net::ClientCall> ended = std::move(weak.lock()->call);
  };
  exchange->call = ports_.send(std::move(*request), std::make_shared<Sink>(exchange));
}

// --- tools --------------------------------------------------------------------------------------

/// A list of tools that is being read, page by page.
struct Upstream::Listing {
  std::vector<Json> tools;
  std::size_t pages = 0;
  std::size_t bytes = 0;
  OnTools done;
};

void Upstream::list(OnTools done) {
  connect([self = shared_from_this(), done = std::move(done)](Result<void> connected) mutable {
    if (!connected) {
      done(connected.error());
      return;
    }
    auto listing = std::make_shared<Listing>();
    listing->done = std::move(done);
    self->next_page("", std::move(listing));
  });
}

void Upstream::next_page(const std::string& cursor, std::shared_ptr<Listing> listing) {
  Json params = Json::object();
  if (!cursor.empty()) {
    params.set("cursor", cursor);
  }
  ask("tools/list",
      std::move(params),
      kUpstreamListTimeout,
      [self = shared_from_this(), listing = std::move(listing)](Result<Json> result) {
        if (!result) {
          listing->done(result.error());
          return;
        }
        const Json* found = result->find("tools");
        for (const Json& tool :
             found != nullptr && found->is_array() ? found->as_array() : Json::Array()) {
          listing->bytes += tool.dump().size();
          listing->tools.push_back(tool);
        }
        const std::string next = result->get_string("nextCursor");
        if (listing->tools.size() > kUpstreamToolsMax || listing->bytes > kUpstreamListBytesMax ||
            (!next.empty() && ++listing->pages >= kUpstreamPagesMax)) {
          listing->done(make_error(
              ErrorCode::LimitExceeded, "the server has more tools than are taken", "tools"
          ));
        } else if (next.empty()) {
          listing->done(std::move(listing->tools));
        } else {
          self->next_page(next, listing);
        }
      },
      {});
}

void Upstream::call(
    std::string_view tool, const Json& arguments, Duration timeout, Listener listener, OnResult done
) {
  Json params = Json::object();
  params.set("name", tool).set("arguments", arguments);
  connect([self = shared_from_this(),
           params = std::move(params),
           timeout,
           listener = std::move(listener),
           done = std::move(done)](Result<void> connected) mutable {
    if (!connected) {
      done(make_error(ErrorCode::Unavailable, connected.error().message, "tool server"));
      return;
    }
    self->ask("tools/call", std::move(params), timeout, std::move(done), std::move(listener));
  });
}

}  // namespace reeve::gateway
