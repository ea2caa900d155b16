#include "net/server.h"

#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <utility>

#include "base/strings.h"
#include "net/hub.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/origin.h"
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

std::shared_ptr<Origin> origin_of(const ListenerOptions& options, ListenerId id) {
  return std::make_shared<Origin>(Origin{
      .listener = id, .tag = options.tag, .connections_max = options.connections_max});
}

}  // namespace

class Server::Core : public std::enable_shared_from_this<Core> {
 public:
  static Result<std::shared_ptr<Core>> start(ServerOptions options);

  void stop();

  std::shared_ptr<Loop> loop;
  std::shared_ptr<Hub> hub;
  std::vector<std::uint16_t> ports;
  std::atomic<std::size_t> posted = 0;

  /// Network thread.
  void close_listeners();

  /// Any thread, like the following.
  Result<ListenerId> add(ListenerOptions options);

  void remove(ListenerId id);

  std::size_t added_count();

 private:
  void begin(ListenerId id, ListeningSocket socket, std::shared_ptr<Origin> origin);

  /// Network thread.
  std::vector<std::shared_ptr<Listener>> listeners_;
  /// Those that were added. Network thread.
  std::map<ListenerId, std::shared_ptr<Listener>> added_;

  std::mutex files_mutex_;
  /// Of those that were added.
  std::map<ListenerId, std::shared_ptr<SocketFile>> files_;
  ListenerId last_id_ = 0;
  bool accepting_ = true;
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
        core->hub, std::move(sockets[at]), listener.tls, origin_of(listener, 0)
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
  {
    const std::lock_guard lock(files_mutex_);
    accepting_ = false;
    files_.clear();
  }
  for (const std::shared_ptr<Listener>& listener : listeners_) {
    listener->close();
  }
  for (const auto& [id, listener] : added_) {
    listener->close();
  }
}

Result<ListenerId> Server::Core::add(ListenerOptions options) {
  if (options.unix_path.empty() || options.tls) {
    return make_error(ErrorCode::Invalid, "only plain unix sockets can be added", "listener");
  }
  const std::lock_guard lock(files_mutex_);
  if (!accepting_) {
    return make_error(ErrorCode::Unavailable, "the server accepts no more", options.unix_path);
  }
  if (files_.size() >= hub->limits().added_listeners_max) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("the server has ", files_.size(), " sockets already"),
        options.unix_path
    );
  }
  REEVE_TRY(ListeningSocket listening, listen_on(options));
  const ListenerId id = ++last_id_;
  const std::shared_ptr<SocketFile> file = listening.file;
  // std::function wants copies.
  auto socket = std::make_shared<ListeningSocket>(std::move(listening));
  const bool begins =
      loop->post([core = shared_from_this(), id, socket, origin = origin_of(options, id)] {
        core->begin(id, std::move(*socket), origin);
      });
  if (!begins) {
    file->remove();
    return make_error(ErrorCode::Unavailable, "the server has stopped", options.unix_path);
  }
  files_.emplace(id, file);
  return id;
}

void Server::Core::begin(ListenerId id, ListeningSocket socket, std::shared_ptr<Origin> origin) {
  {
    const std::lock_guard lock(files_mutex_);
    if (!files_.contains(id)) {
      // Removed already, or the server has stopped accepting.
      return;
    }
  }
  auto listener = std::make_shared<Listener>(hub, std::move(socket), false, std::move(origin));
  added_.emplace(id, listener);
  listener->begin();
}

void Server::Core::remove(ListenerId id) {
  {
    const std::lock_guard lock(files_mutex_);
    const auto found = files_.find(id);
    if (found != files_.end()) {
      found->second->remove();
      files_.erase(found);
    }
  }
  hub->run([core = shared_from_this(), id] {
    const auto found = core->added_.find(id);
    if (found != core->added_.end()) {
      found->second->close();
      core->added_.erase(found);
      core->hub->close_from(id);
    }
  });
}

std::size_t Server::Core::added_count() {
  const std::lock_guard lock(files_mutex_);
  return files_.size();
}

void Server::Core::stop() {
  loop->post([this] {
    close_listeners();
    hub->close_all();
  });
  loop->stop();
  listeners_.clear();
  added_.clear();
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

Result<ListenerId> Server::add_listener(ListenerOptions options) {
  return core_->add(std::move(options));
}

void Server::remove_listener(ListenerId id) {
  core_->remove(id);
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
      .added_listeners = core_->added_count(),
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
