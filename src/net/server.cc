#include "net/server.h"

#include <atomic>
#include <future>
#include <utility>

#include "base/strings.h"
#include "net/hub.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/sockets.h"
#include "net/tls_session.h"

namespace reeve::net {

namespace {

/// After the grace, for streams to send their end.
constexpr Duration kDrainEnd{1'000};

Result<void> check(const ServerOptions& options) {
  if (!options.handler) {
    return make_error(ErrorCode::Invalid, "a server needs a handler", "handler");
  }
  if (options.listeners.empty()) {
    return make_error(ErrorCode::Invalid, "a server needs a listener", "listeners");
  }
  for (const ListenerOptions& listener : options.listeners) {
    if (listener.tls && !options.tls) {
      return make_error(ErrorCode::Invalid, "TLS needs a certificate and a key", "tls");
    }
  }
  return {};
}

}  // namespace

class Server::Core {
 public:
  static Result<std::shared_ptr<Core>> start(ServerOptions options);

  void stop();

  std::shared_ptr<Loop> loop;
  std::shared_ptr<Hub> hub;
  std::vector<std::uint16_t> ports;
  std::atomic<std::size_t> posted = 0;

  void close_listeners();

 private:
  /// Network thread.
  std::vector<std::shared_ptr<Listener>> listeners_;
};

Result<std::shared_ptr<Server::Core>> Server::Core::start(ServerOptions options) {
  REEVE_CHECK(check(options));
  std::shared_ptr<const TlsContext> tls;
  if (options.tls) {
    REEVE_TRY(tls, TlsContext::create(*options.tls));
  }
  std::vector<ListeningSocket> sockets;
  for (const ListenerOptions& listener : options.listeners) {
    REEVE_TRY(ListeningSocket socket, listen_on(listener));
    sockets.push_back(std::move(socket));
  }
  auto core = std::make_shared<Core>();
  REEVE_TRY(core->loop, Loop::start(options.limits.timers_max));
  core->hub = std::make_shared<Hub>(
      core->loop, options.limits, std::move(options.handler), std::move(options.refusal)
  );
  core->hub->use_tls(std::move(tls));
  for (std::size_t at = 0; at < sockets.size(); ++at) {
    const ListenerOptions& listener = options.listeners[at];
    core->ports.push_back(sockets[at].port);
    core->listeners_.push_back(std::make_shared<Listener>(
        core->hub, std::move(sockets[at]), listener.tls, listener.unix_path
    ));
  }
  core->loop->post([core] {
    core->hub->begin();
    for (const std::shared_ptr<Listener>& listener : core->listeners_) {
      listener->begin();
    }
  });
  return core;
}

void Server::Core::close_listeners() {
  for (const std::shared_ptr<Listener>& listener : listeners_) {
    listener->close();
  }
}

void Server::Core::stop() {
  loop->post([this] {
    close_listeners();
    hub->close_all();
  });
  loop->stop();
  listeners_.clear();
}

Server::Server(std::shared_ptr<Core> core) : core_(std::move(core)) {}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options) {
  REEVE_TRY(std::shared_ptr<Core> core, Core::start(std::move(options)));
  return std::unique_ptr<Server>(new Server(std::move(core)));
}

std::shared_ptr<Loop> Server::loop() const {
  return core_->loop;
}

Server::~Server() {
  stop();
}

void Server::stop() {
  if (!std::exchange(stopped_, true)) {
    core_->stop();
  }
}

std::vector<std::uint16_t> Server::ports() const {
  return core_->ports;
}

void Server::stop_accepting() {
  core_->hub->run([core = core_] { core->close_listeners(); });
}

bool Server::drain(Duration grace) {
  REEVE_ASSERT(!on_network_thread());
  core_->loop->post([core = core_] {
    core->close_listeners();
    core->hub->drain();
  });
  const bool all = core_->hub->wait_until_empty(grace);
  if (!all) {
    core_->loop->post([core = core_] { core->hub->end_all(); });
    if (!core_->hub->wait_until_empty(kDrainEnd)) {
      core_->loop->post([core = core_] { core->hub->close_all(); });
    }
  }
  return all;
}

Result<void> Server::reload_certificates(TlsMaterial material) {
  REEVE_TRY(std::shared_ptr<const TlsContext> tls, TlsContext::create(material));
  core_->hub->run([core = core_, tls = std::move(tls)] { core->hub->use_tls(tls); });
  return {};
}

Result<void> Server::change_limits(const ConnectionLimits& limits) {
  constexpr Duration kTimeout{10'000};
  if (on_network_thread()) {
    core_->hub->use_limits(limits);
    return {};
  }
  return run([core = core_, limits] { core->hub->use_limits(limits); }, kTimeout);
}

ServerStats Server::stats() const {
  const Counters& counted = core_->hub->counters();
  return ServerStats{
      .connections = core_->hub->connection_count(),
      .streams = counted.streams,
      .accepted = counted.accepted,
      .connections_over = counted.connections_over,
      .accept_errors = counted.accept_errors,
      .handshakes = counted.handshakes,
      .handshakes_failed = counted.handshakes_failed,
      .requests = counted.requests,
      .refused = counted.refused,
      .unanswered = counted.unanswered,
      .responses_invalid = counted.responses_invalid,
      .timeouts = counted.timeouts,
      .slow_readers = counted.slow_readers,
      .bytes_received = counted.bytes_received,
      .bytes_sent = counted.bytes_sent};
}

bool Server::post(std::function<void()> function) {
  if (core_->posted.fetch_add(1) >= core_->hub->limits().posted_max) {
    core_->posted.fetch_sub(1);
    return false;
  }
  const bool posted = core_->loop->post([core = core_, function = std::move(function)] {
    core->posted.fetch_sub(1);
    function();
  });
  if (!posted) {
    core_->posted.fetch_sub(1);
  }
  return posted;
}

Result<void> Server::run(std::function<void()> function, Duration timeout) {
  REEVE_ASSERT(!on_network_thread());
  const auto done = std::make_shared<std::promise<void>>();
  const std::future<void> end = done->get_future();
  const bool posted = post([done, function = std::move(function)] {
    function();
    done->set_value();
  });
  if (!posted || end.wait_for(timeout) != std::future_status::ready) {
    return make_error(ErrorCode::Unavailable, "the network thread is busy; try again");
  }
  return {};
}

TimerHandle Server::post_after(Duration delay, std::function<void()> function) {
  return core_->loop->after(delay, std::move(function));
}

bool Server::on_network_thread() const {
  return core_->loop->on_thread();
}

}  // namespace reeve::net
