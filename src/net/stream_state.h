#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "net/end_signal.h"
#include "net/exchange.h"
#include "net/hub.h"

namespace reeve::net {

/// What a stream and its connection share: pieces on their way to the network thread, and the count
/// of what waits. Any thread, except where it says otherwise.
class StreamState {
 public:
  StreamState(std::shared_ptr<Hub> hub, std::shared_ptr<Connection> connection);

  bool write(std::shared_ptr<const std::string> piece);
  void close();

  /// The stream was dropped without being closed.
  void abandon();

  bool open() const;
  std::size_t buffered_bytes() const;

  /// See `Stream`.
  void on_drained(std::size_t bytes, std::function<void()> callback);

  EndSignal& ended() { return ended_; }

  /// Runs `function` on the network thread. False: that has stopped.
  bool run(std::function<void()> function) { return hub_->run(std::move(function)); }

  /// What the connection has to do.
  struct Work {
    std::vector<std::shared_ptr<const std::string>> pieces;
    bool closed = false;
    /// Nothing more can be sent properly.
    bool broken = false;
  };

  /// Network thread, like the following.
  Work take_work();

  /// What the connection still has to send of it.
  void set_unsent(std::size_t bytes);

  /// The connection has nothing more to do with it.
  void end();

 private:
  void notify_locked();
  void call(std::function<void()> callback);

  const std::shared_ptr<Hub> hub_;
  mutable std::mutex mutex_;
  /// nullptr: it ended.
  std::shared_ptr<Connection> connection_;
  std::vector<std::shared_ptr<const std::string>> pieces_;
  std::size_t pieces_bytes_ = 0;
  /// In the connection's hands.
  std::atomic<std::size_t> unsent_ = 0;
  bool closed_ = false;
  bool broken_ = false;
  bool notified_ = false;
  /// Who waits for the buffer to drain, and to how much. The flag says without the lock that
  /// somebody does.
  std::function<void()> drained_;
  std::size_t drained_bytes_ = 0;
  std::atomic<bool> awaits_drain_ = false;
  EndSignal ended_;
};

/// The face of a `StreamState` for those who write.
class LiveStream final : public Stream {
 public:
  explicit LiveStream(std::shared_ptr<StreamState> state) : state_(std::move(state)) {}

  ~LiveStream() override { state_->abandon(); }

  using Stream::write;

  bool write(std::shared_ptr<const std::string> piece) override {
    return state_->write(std::move(piece));
  }

  std::size_t buffered_bytes() const override { return state_->buffered_bytes(); }

  void on_drained(std::size_t bytes, std::function<void()> callback) override {
    state_->on_drained(bytes, std::move(callback));
  }

  bool open() const override { return state_->open(); }

  void close() override { state_->close(); }

  void on_close(std::function<void()> callback) override {
    state_->ended().set(std::move(callback));
  }

 private:
  const std::shared_ptr<StreamState> state_;
};

}  // namespace reeve::net
