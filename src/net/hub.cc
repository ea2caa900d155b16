#include "net/hub.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/strings.h"
#include "net/connection.h"
#include "net/response.h"

namespace reeve::net {

namespace {

/// Deadlines are looked at so many times in the shortest of them.
constexpr int kTicksPerDeadline = 8;
constexpr Duration kTickMin{2};
constexpr Duration kTickMax{500};

Duration tick_interval(const ServerLimits& limits) {
  const Duration shortest = std::min(
      {limits.handshake_timeout,
       limits.head_timeout,
       limits.body_timeout,
       limits.idle_timeout,
       limits.write_timeout,
       limits.linger_timeout}
  );
  return std::clamp(shortest / kTicksPerDeadline, kTickMin, kTickMax);
}

}  // namespace

Hub::Hub(
    std::shared_ptr<Loop> loop,
    const ServerLimits& limits,
    Handler handler,
    std::function<Response(int, std::string_view)> refusal
)
    : TransportHost(
          std::move(loop),
          TransportTimeouts{.handshake = limits.handshake_timeout, .write = limits.write_timeout}
      ),
      limits_(limits),
      connection_limits_{
          .connections_max = limits.connections_max,
          .connections_per_peer_max = limits.connections_per_peer_max,
          .body_bytes_max = limits.body_bytes_max},
      tick_interval_(tick_interval(limits)),
      handler_(std::move(handler)),
      refusal_(std::move(refusal)) {}

Hub::~Hub() = default;

void Hub::begin() {
  loop()->surely_after(tick_interval_, [self = weak_from_this()] {
    if (const std::shared_ptr<Hub> hub = self.lock()) {
      hub->tick();
    }
  });
}

void Hub::tick() {
  const Instant now = std::chrono::steady_clock::now();
  // Backwards: who leaves is replaced by the last, which was looked at already.
  for (std::size_t at = connections_.size(); at-- > 0;) {
    if (at < connections_.size()) {
      const std::shared_ptr<Connection> connection = connections_[at];
      connection->check_deadlines(now);
    }
  }
  begin();
}

bool Hub::run(std::function<void()> function) {
  if (!loop()->on_thread()) {
    return loop()->post(std::move(function));
  }
  function();
  return true;
}

bool Hub::wait_until_empty(Duration timeout) {
  std::unique_lock lock(empty_mutex_);
  return empty_.wait_for(lock, timeout, [this] { return draining_ && connection_count_ == 0; });
}

void Hub::mark(std::shared_ptr<Connection> connection) {
  bool first = false;
  {
    const std::lock_guard lock(marked_mutex_);
    first = marked_.empty();
    marked_.push_back(std::move(connection));
  }
  if (first && !loop()->post([self = shared_from_this()] { self->flush_marked(); })) {
    std::vector<std::shared_ptr<Connection>> dropped;
    const std::lock_guard lock(marked_mutex_);
    dropped.swap(marked_);
  }
}

void Hub::flush_marked() {
  std::vector<std::shared_ptr<Connection>> marked;
  {
    const std::lock_guard lock(marked_mutex_);
    marked.swap(marked_);
  }
  for (const std::shared_ptr<Connection>& connection : marked) {
    connection->pump();
  }
}

bool Hub::admit(const std::string& peer_address, const Origin& origin) const {
  if (connections_.size() >= connection_limits_.connections_max) {
    return false;
  }
  if (origin.connections_max > 0 && origin.connections >= origin.connections_max) {
    return false;
  }
  if (peer_address.empty()) {
    return true;
  }
  const auto found = peers_.find(peer_address);
  return found == peers_.end() || found->second < connection_limits_.connections_per_peer_max;
}

void Hub::accept(AcceptedSocket accepted, bool tls, std::shared_ptr<Origin> origin) {
  if (closed_ || !admit(accepted.peer_address, *origin)) {
    counters().connections_over.fetch_add(1);
    return;
  }
  counters().accepted.fetch_add(1);
  if (!accepted.peer_address.empty()) {
    ++peers_[accepted.peer_address];
  }
  ++origin->connections;
  auto connection = std::make_shared<Connection>(
      shared_from_this(), std::move(accepted), tls ? tls_ : nullptr, std::move(origin)
  );
  connection->set_slot(connections_.size());
  connections_.push_back(connection);
  connection_count_ = connections_.size();
  connection->begin();
}

void Hub::remove(Connection& connection) {
  const auto peer = peers_.find(connection.peer_address());
  if (peer != peers_.end() && --peer->second == 0) {
    peers_.erase(peer);
  }
  --connection.origin().connections;
  const std::size_t slot = connection.slot();
  REEVE_ASSERT(slot < connections_.size() && connections_[slot].get() == &connection);
  std::swap(connections_[slot], connections_.back());
  connections_[slot]->set_slot(slot);
  connections_.pop_back();
  const std::lock_guard lock(empty_mutex_);
  connection_count_ = connections_.size();
  if (connections_.empty()) {
    empty_.notify_all();
  }
}

Response Hub::refuse(int status, std::string_view message) const {
  if (refusal_) {
    return refusal_(status, message);
  }
  return Response{
      .status = status,
      .headers = {Header{.name = "Content-Type", .value = "text/plain; charset=utf-8"}},
      .body = concat(message, "\n")};
}

void Hub::on_each(Step step) {
  const std::vector<std::shared_ptr<Connection>> connections = connections_;
  for (const std::shared_ptr<Connection>& connection : connections) {
    (connection.get()->*step)();
  }
}

void Hub::drain() {
  on_each(&Connection::drain);
  const std::lock_guard lock(empty_mutex_);
  draining_ = true;
  empty_.notify_all();
}

void Hub::end_all() {
  on_each(&Connection::end);
}

void Hub::close_all() {
  closed_ = true;
  on_each(&Connection::abort);
}

void Hub::close_from(ListenerId listener) {
  std::vector<std::shared_ptr<Connection>> own;
  std::ranges::copy_if(connections_, std::back_inserter(own), [listener](const auto& connection) {
    return connection->origin().listener == listener;
  });
  for (const std::shared_ptr<Connection>& connection : own) {
    connection->abort();
  }
}

bool Hub::keep_body(std::size_t bytes, std::size_t& counted) {
  const bool more = bytes > counted;
  unfinished_bodies_bytes_ += bytes;
  unfinished_bodies_bytes_ -= std::exchange(counted, bytes);
  return !more || unfinished_bodies_bytes_ <= limits_.unfinished_bodies_bytes_max;
}

std::string_view Hub::date() {
  const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  const auto second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch();
  if (second != date_second_) {
    date_second_ = second;
    date_ = http_date(now);
  }
  return date_;
}

}  // namespace reeve::net
