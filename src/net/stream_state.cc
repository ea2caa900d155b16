#include "net/stream_state.h"

#include <utility>

#include "net/connection.h"

namespace reeve::net {

StreamState::StreamState(std::shared_ptr<Hub> hub, std::shared_ptr<Connection> connection)
    : hub_(std::move(hub)), connection_(std::move(connection)), ended_(hub_->loop()) {
  hub_->counters().streams.fetch_add(1);
}

bool StreamState::write(std::shared_ptr<const std::string> piece) {
  const std::lock_guard lock(mutex_);
  if (!connection_ || closed_ || broken_) {
    return false;
  }
  if (!piece || piece->empty()) {
    return true;
  }
  const std::size_t waiting = pieces_bytes_ + unsent_.load(std::memory_order_relaxed);
  // However long a piece is, it can be sent when nothing waits before it.
  if (waiting > 0 && waiting + piece->size() > hub_->limits().stream_buffer_bytes_max) {
    hub_->counters().slow_readers.fetch_add(1);
    broken_ = true;
    notify_locked();
    return false;
  }
  pieces_bytes_ += piece->size();
  pieces_.push_back(std::move(piece));
  notify_locked();
  return true;
}

void StreamState::close() {
  const std::lock_guard lock(mutex_);
  if (connection_ && !closed_) {
    closed_ = true;
    notify_locked();
  }
}

void StreamState::abandon() {
  const std::lock_guard lock(mutex_);
  if (connection_ && !closed_ && !broken_) {
    broken_ = true;
    notify_locked();
  }
}

bool StreamState::open() const {
  const std::lock_guard lock(mutex_);
  return connection_ && !closed_ && !broken_;
}

std::size_t StreamState::buffered_bytes() const {
  const std::lock_guard lock(mutex_);
  return pieces_bytes_ + unsent_.load(std::memory_order_relaxed);
}

void StreamState::on_drained(std::size_t bytes, std::function<void()> callback) {
  // What it takes the place of is destroyed after the lock is gone.
  std::function<void()> replaced;
  {
    const std::lock_guard lock(mutex_);
    replaced.swap(drained_);
    // Raised before the count is read: the network thread either sees it, or has counted before.
    awaits_drain_ = true;
    if (connection_ && pieces_bytes_ + unsent_ > bytes) {
      drained_ = std::move(callback);
      drained_bytes_ = bytes;
      return;
    }
    awaits_drain_ = false;
  }
  call(std::move(callback));
}

void StreamState::set_unsent(std::size_t bytes) {
  unsent_ = bytes;
  if (!awaits_drain_) {
    return;
  }
  std::function<void()> drained;
  {
    const std::lock_guard lock(mutex_);
    if (!drained_ || pieces_bytes_ + unsent_ > drained_bytes_) {
      return;
    }
    drained.swap(drained_);
    awaits_drain_ = false;
  }
  call(std::move(drained));
}

/// Not from here: who calls is in the middle of something.
void StreamState::call(std::function<void()> callback) {
  if (!hub_->loop()->post(callback)) {
    callback();
  }
}

void StreamState::notify_locked() {
  if (!notified_) {
    notified_ = true;
    hub_->mark(connection_);
  }
}

StreamState::Work StreamState::take_work() {
  const std::lock_guard lock(mutex_);
  notified_ = false;
  Work work{.pieces = std::move(pieces_), .closed = closed_, .broken = broken_};
  pieces_.clear();
  // They count as unsent until the connection says how many really are.
  unsent_.fetch_add(pieces_bytes_, std::memory_order_relaxed);
  pieces_bytes_ = 0;
  return work;
}

void StreamState::end() {
  // Destroyed after the lock is gone.
  std::shared_ptr<Connection> connection;
  std::vector<std::shared_ptr<const std::string>> pieces;
  std::function<void()> drained;
  {
    const std::lock_guard lock(mutex_);
    if (!connection_) {
      return;
    }
    connection.swap(connection_);
    pieces.swap(pieces_);
    pieces_bytes_ = 0;
    unsent_ = 0;
    drained.swap(drained_);
  }
  hub_->counters().streams.fetch_sub(1);
  if (drained) {
    call(std::move(drained));
  }
  ended_.fire();
}

}  // namespace reeve::net
