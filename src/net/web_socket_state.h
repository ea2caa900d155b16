#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/exchange.h"
#include "net/stream_state.h"
#include "net/web_socket_codec.h"

namespace reeve::net {

/// What a web socket and its connection share. Frames leave through a `StreamState`, which bounds
/// them. Any thread, except where it says otherwise.
class WebSocketState : public std::enable_shared_from_this<WebSocketState> {
 public:
  WebSocketState(
      std::shared_ptr<StreamState> output, const WebSocketOptions& options, Duration close_timeout
  );

  /// Right after it was made.
  void begin();

  bool send(const WebSocketMessage& message);
  void close(std::uint16_t code, std::string_view reason);
  void on_message(std::function<void(WebSocketMessage)> callback);
  void on_close(std::function<void(std::uint16_t, std::string)> callback);

  const std::shared_ptr<StreamState>& output() const { return output_; }

  /// Network thread, like the following.
  void receive(std::string_view bytes);

  /// Sends pings and ends what is silent.
  void check(Instant now);

 private:
  void handle(WebSocketEvent event);
  void deliver(WebSocketMessage message);
  void end(std::uint16_t code, std::string_view reason);
  void finish();

  const std::shared_ptr<StreamState> output_;
  const std::size_t message_bytes_max_;
  const Duration ping_interval_;
  const Duration close_timeout_;

  /// Network thread.
  WebSocketReader reader_;
  Instant heard_at_;
  /// max: not since something was heard.
  Instant pinged_at_ = Instant::max();

  std::mutex mutex_;
  /// Under the mutex, like the following.
  std::function<void(WebSocketMessage)> message_callback_;
  std::function<void(std::uint16_t, std::string)> close_callback_;
  bool listening_ = false;
  bool finished_ = false;
  /// Came before anyone listened.
  std::vector<WebSocketMessage> early_;
  std::size_t early_bytes_ = 0;
  bool close_sent_ = false;
  Instant close_deadline_ = Instant::max();
  std::uint16_t code_ = kCloseVanished;
  std::string reason_;
};

/// The face of a `WebSocketState` for those who use it.
class LiveWebSocket final : public WebSocket {
 public:
  LiveWebSocket(std::shared_ptr<WebSocketState> state, std::string protocol)
      : state_(std::move(state)), protocol_(std::move(protocol)) {}

  ~LiveWebSocket() override { state_->close(kCloseGoingAway, ""); }

  const std::string& protocol() const override { return protocol_; }

  bool send(WebSocketMessage message) override { return state_->send(message); }

  std::size_t buffered_bytes() const override { return state_->output()->buffered_bytes(); }

  void close(std::uint16_t code, std::string_view reason) override { state_->close(code, reason); }

  void on_message(std::function<void(WebSocketMessage)> callback) override {
    state_->on_message(std::move(callback));
  }

  void on_close(std::function<void(std::uint16_t, std::string)> callback) override {
    state_->on_close(std::move(callback));
  }

 private:
  const std::shared_ptr<WebSocketState> state_;
  const std::string protocol_;
};

}  // namespace reeve::net
