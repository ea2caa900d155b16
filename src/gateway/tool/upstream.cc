#include "gateway/tool/upstream.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "gateway/tool/http_transport.h"
#include "gateway/tool/stdio_transport.h"

namespace reeve::gateway {

namespace {

constexpr std::size_t kMethodShownMax = 64;

Json client_info() {
  return Json::object().set("name", "reeve").set("version", "1");
}

Json stateless_meta() {
  Json meta = Json::object();
  meta.set(std::string(kVersionMeta), kStatelessVersion);
  meta.set(std::string(kCapabilitiesMeta), Json::object());
  return meta.set("io.modelcontextprotocol/clientInfo", client_info());
}

}  // namespace

std::shared_ptr<Upstream> Upstream::create(const ToolServer& server, const ToolPorts& ports) {
  const std::shared_ptr<Upstream> made(new Upstream(server));
  if (server.program.empty()) {
    made->transport_ = std::make_shared<HttpTransport>(server, ports, made);
  } else {
    made->transport_ = std::make_shared<StdioTransport>(server, ports, made);
  }
  return made;
}

void Upstream::ask(
    std::string method, Json params, Duration timeout, OnResult done, Listener listener
) {
  const Json id = next_id_++;
  asks_ = 0;
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
  UpstreamMessage message;
  message.tool = method == "tools/call" ? params.get_string("name") : std::string();
  message.body = Json::object();
  message.body.set("jsonrpc", "2.0").set("id", id).set("method", method);
  message.body.set("params", std::move(params));
  message.method = std::move(method);
  message.timeout = timeout;
  message.era = era_;
  message.version = version_;
  message.params = listener.params;
  transport_->send(
      std::move(message),
      std::make_shared<UpstreamExchange>(
          id,
          std::move(listener),
          [self = shared_from_this(), done = std::move(done)](Result<Json> result) {
            done(std::move(result));
          }
      )
  );
}

void Upstream::tell(std::string method, Json body) {
  UpstreamMessage message;
  message.body = std::move(body);
  message.method = std::move(method);
  message.timeout = kUpstreamListTimeout;
  message.era = era_;
  message.version = version_;
  transport_->tell(std::move(message));
}

/// Whatever a server wants to know of its client, there is nobody who could say it.
void Upstream::on_asked(const Json& request) {
  if (++asks_ > kUpstreamAsksMax) {
    return;
  }
  const std::string method = request.get_string("method").substr(0, kMethodShownMax);
  Json answer = Json::object();
  answer.set("jsonrpc", "2.0").set("id", *request.find("id"));
  if (method == "ping") {
    answer.set("result", Json::object());
  } else {
    Json error = Json::object();
    error.set("code", kMethodNotFound);
    error.set("message", concat("nobody is there to answer ", method));
    answer.set("error", std::move(error));
  }
  tell({}, std::move(answer));
}

// --- the beginning ------------------------------------------------------------------------------

void Upstream::connect(OnConnected done) {
  if (const Result<void> ready = transport_->prepare(); !ready) {
    done(ready.error());
    return;
  }
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
  // The same program speaks what it spoke before, and may end when it is asked something else.
  const bool known = (transport_->is_one_server() && known_era_ == Era::Session) ||
                     std::exchange(died_of_discover_, false);
  if (protocol_ == kStatelessVersion || (protocol_ == "auto" && !known)) {
    discover(connected);
  } else {
    initialize(connected);
  }
}

void Upstream::discover(OnConnected done) {
  era_ = Era::Stateless;
  ask("server/discover",
      Json::object(),
      transport_->first_timeout(),
      [self = shared_from_this(), done = std::move(done)](Result<Json> result) mutable {
        if (result) {
          self->version_ = kStatelessVersion;
          self->known_era_ = Era::Stateless;
          done({});
          return;
        }
        const ErrorCode code = result.error().code;
        self->died_of_discover_ = code == ErrorCode::Ambiguous && self->transport_->is_one_server();
        // Programs of the other era may say nothing to what they do not know, or end.
        const bool reached =
            code == ErrorCode::Invalid || code == ErrorCode::Ambiguous ||
            (code == ErrorCode::DeadlineExceeded && self->transport_->is_one_server());
        if (self->protocol_ != "auto" || !reached) {
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
  params.set("protocolVersion", protocol_ == "auto" ? kSessionVersion : protocol_);
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
          self->transport_->forget();
          done(make_error(
              ErrorCode::Unsupported,
              "the server speaks a revision that is not spoken here",
              "tool server"
          ));
          return;
        }
        self->version_ = version;
        self->known_era_ = Era::Session;
        Json told = Json::object();
        told.set("jsonrpc", "2.0").set("method", "notifications/initialized");
        self->tell("notifications/initialized", std::move(told));
        done({});
      },
      {});
}

void Upstream::close(Closing how) {
  const auto self = shared_from_this();
  transport_->close(how);
  if (how == Closing::Silent) {
    // They hold us, and nobody will call them.
    const std::vector<OnConnected> dropped = std::exchange(connecting_, {});
  }
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
