#include "net/client_hub.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "net/client_request.h"
#include "net/sockets.h"

namespace reeve::net {

ClientHub::ClientHub(
    std::shared_ptr<Loop> loop, ClientOptions options, std::shared_ptr<const TlsContext> tls
)
    : TransportHost(loop, TransportTimeouts{}),
      options_(std::move(options)),
      tls_(std::move(tls)),
      resolver_(std::make_shared<Resolver>(std::move(loop), options_.lookup)) {}

ClientHub::~ClientHub() = default;

ResponseLimits ClientHub::response_limits() const {
  return ResponseLimits{.head_bytes_max = options_.head_bytes_max};
}

ClientStats ClientHub::stats() {
  return ClientStats{
      .connections = connection_count_,
      .requests = requests_,
      .reused = reused_,
      .retried = retried_,
      .failed = failed_,
      .dials_failed = dials_failed_,
      .bytes_received = counters().bytes_received,
      .bytes_sent = counters().bytes_sent};
}

void ClientHub::count_request(bool reused) {
  requests_.fetch_add(1, std::memory_order_relaxed);
  reused_.fetch_add(reused ? 1 : 0, std::memory_order_relaxed);
}

void ClientHub::set_deadline(DeadlineQueue::Item& item, Instant at) {
  deadlines_.set(item, at);
  if (deadlines_.next() < armed_) {
    arm();
  }
}

/// One timer for all deadlines. It may ring too early: then it is set again.
void ClientHub::arm() {
  timer_.cancel();
  armed_ = deadlines_.next();
  if (armed_ == Instant::max()) {
    return;
  }
  const auto left = armed_ - std::chrono::steady_clock::now();
  const Duration delay = std::max(std::chrono::ceil<Duration>(left), Duration(0));
  timer_ = loop()->surely_after(delay, [weak = weak_from_this()] {
    if (const std::shared_ptr<ClientHub> self = weak.lock()) {
      self->armed_ = Instant::max();
      self->deadlines_.run(std::chrono::steady_clock::now());
      if (self->deadlines_.next() < self->armed_) {
        self->arm();
      }
    }
  });
}

std::shared_ptr<ClientPool> ClientHub::pool_of(const Endpoint& endpoint) {
  std::shared_ptr<ClientPool>& pool = pools_[endpoint];
  if (!pool) {
    pool = std::make_shared<ClientPool>();
    pool->endpoint = endpoint;
  }
  return pool;
}

void ClientHub::send(const std::shared_ptr<LiveCall>& call) {
  calls_.insert(call);
  if (closed_) {
    call->fail(make_error(ErrorCode::Unavailable, "the client is closed"));
    return;
  }
  const Result<void> fine = check(call->request());
  if (!fine.ok()) {
    call->fail(fine.error());
    return;
  }
  const std::shared_ptr<ClientPool> pool = pool_of(call->request().endpoint);
  call->set_pool(pool);
  if (const std::shared_ptr<ClientConnection> connection = take_idle(*pool)) {
    connection->carry(call);
    return;
  }
  if (pool->open >= options_.connections_max && pool->waiting.size() >= options_.waiting_max) {
    call->fail(make_error(ErrorCode::Unavailable, "too many requests wait for a connection"));
    return;
  }
  call->begin_connecting();
  pool->waiting.push_back(call);
  serve(pool);
}

std::shared_ptr<ClientConnection> ClientHub::take_idle(ClientPool& pool) {
  if (pool.idle.empty()) {
    return nullptr;
  }
  std::shared_ptr<ClientConnection> connection = std::move(pool.idle.back());
  pool.idle.pop_back();
  deadlines_.set(*connection, Instant::max());
  return connection;
}

void ClientHub::serve(const std::shared_ptr<ClientPool>& pool) {
  // What fails at once comes back here: it is this loop that goes on then.
  if (std::exchange(pool->serving, true)) {
    return;
  }
  while (!pool->waiting.empty() && !closed_) {
    const bool idle = !pool->idle.empty();
    if (!idle && pool->open >= options_.connections_max) {
      break;
    }
    const std::shared_ptr<LiveCall> call = std::move(pool->waiting.front());
    pool->waiting.pop_front();
    if (idle) {
      take_idle(*pool)->carry(call);
    } else {
      dial(call);
    }
  }
  pool->serving = false;
  if (pool->open == 0 && pool->waiting.empty()) {
    pools_.erase(pool->endpoint);
  }
}

void ClientHub::release(const std::shared_ptr<ClientPool>& pool) {
  --pool->open;
  serve(pool);
}

void ClientHub::dial(const std::shared_ptr<LiveCall>& call) {
  ++call->pool()->open;
  call->set_place(true);
  const Endpoint& endpoint = call->request().endpoint;
  if (!endpoint.unix_path.empty()) {
    Result<DialedSocket> dialed = dial_unix(endpoint.unix_path);
    if (dialed.ok()) {
      connect(call, std::move(*dialed));
    } else {
      dials_failed_.fetch_add(1);
      call->fail(dialed.error());
    }
    return;
  }
  if (is_address(endpoint.host)) {
    call->set_addresses({endpoint.host});
    dial_next(call);
    return;
  }
  resolver_->resolve(
      endpoint.host,
      [self = weak_from_this(),
       weak = std::weak_ptr<LiveCall>(call)](const Result<std::vector<std::string>>& addresses) {
        const std::shared_ptr<ClientHub> hub = self.lock();
        const std::shared_ptr<LiveCall> asking = weak.lock();
        if (!hub || !asking || asking->done()) {
          return;
        }
        if (!addresses.ok()) {
          asking->fail(addresses.error());
          return;
        }
        asking->set_addresses(*addresses);
        hub->dial_next(asking);
      }
  );
}

/// Tries the addresses from the next one on, until one is on its way.
void ClientHub::dial_next(const std::shared_ptr<LiveCall>& call) {
  const Endpoint& endpoint = call->request().endpoint;
  while (const std::string* address = call->next_address()) {
    if (options_.allowed && !options_.allowed(endpoint, *address)) {
      call->note(make_error(
          ErrorCode::PermissionDenied, concat("connections to ", *address, " are not allowed")
      ));
      continue;
    }
    Result<DialedSocket> dialed = net::dial(*address, endpoint.port);
    if (dialed.ok()) {
      connect(call, std::move(*dialed));
      return;
    }
    dials_failed_.fetch_add(1);
    call->note(dialed.error());
  }
  call->fail(call->last_problem());
}

void ClientHub::connect(const std::shared_ptr<LiveCall>& call, DialedSocket dialed) {
  const Endpoint& endpoint = call->request().endpoint;
  const auto connection = std::make_shared<ClientConnection>(
      shared_from_this(),
      call->pool(),
      std::move(dialed.socket),
      endpoint.tls ? std::make_unique<TlsSession>(tls_, endpoint.host) : nullptr
  );
  connections_.insert(connection);
  connection_count_ = connections_.size();
  connection->begin(call, dialed.connected);
}

void ClientHub::on_idle(const std::shared_ptr<ClientConnection>& connection) {
  const std::shared_ptr<ClientPool>& pool = connection->pool();
  pool->idle.push_back(connection);
  set_deadline(*connection, std::chrono::steady_clock::now() + options_.idle_time);
  serve(pool);
  if (pool->idle.size() > options_.idle_max) {
    const std::shared_ptr<ClientConnection> oldest = pool->idle.front();
    oldest->retire();
  }
}

void ClientHub::on_closed(
    const std::shared_ptr<ClientConnection>& connection, const std::shared_ptr<LiveCall>& call
) {
  deadlines_.set(*connection, Instant::max());
  connections_.erase(connection);
  connection_count_ = connections_.size();
  const std::shared_ptr<ClientPool>& pool = connection->pool();
  std::erase(pool->idle, connection);
  if (!connection->stands()) {
    dials_failed_.fetch_add(1);
    if (call) {
      call->note(connection->problem());
      dial_next(call);
    }
    return;
  }
  if (call && call->may_retry(*connection)) {
    retried_.fetch_add(1);
    --pool->open;
    call->begin_connecting();
    dial(call);
    return;
  }
  if (call) {
    call->fail(connection->problem());
  }
  release(pool);
}

void ClientHub::forget(const std::shared_ptr<LiveCall>& call) {
  calls_.erase(call);
  const std::shared_ptr<ClientPool> pool = call->pool();
  if (!pool) {
    return;
  }
  std::erase(pool->waiting, call);
  if (call->has_place()) {
    call->set_place(false);
    release(pool);
  }
}

void ClientHub::close() {
  closed_ = true;
  timer_.cancel();
  for (const std::shared_ptr<LiveCall>& call : std::exchange(calls_, {})) {
    call->drop();
  }
  for (const std::shared_ptr<ClientConnection>& connection : std::exchange(connections_, {})) {
    connection->abort();
  }
  pools_.clear();
  resolver_->close();
}

}  // namespace reeve::net
