#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "net/exchange.h"

namespace reeve::net {

/// What a fake exchange was answered with; outlives it. Any thread.
struct FakeAnswer {
  std::mutex mutex;
  /// What `respond` was given.
  std::optional<Response> response;
  /// What `start` was given, and the body that was written to the stream.
  std::optional<ResponseHead> head;
  std::string body;
  /// What `Stream::buffered_bytes` says, for tests to set: a reader that does not keep up.
  std::size_t buffered_bytes = 0;
  /// Who waits for that to be less, and for how much; see `drain_to`.
  std::function<void()> drained_callback;
  std::size_t drained_bytes = 0;
  bool closed = false;
  std::function<void()> stream_callback;

  /// The reader keeps up again: `bytes` are buffered.
  void drain_to(std::size_t bytes) {
    std::function<void()> callback;
    {
      const std::lock_guard lock(mutex);
      buffered_bytes = bytes;
      if (bytes <= drained_bytes) {
        callback.swap(drained_callback);
      }
    }
    if (callback) {
      callback();
    }
  }
};

/// A stream without a connection: what is written is kept.
class FakeStream final : public Stream {
 public:
  explicit FakeStream(std::shared_ptr<FakeAnswer> answer) : answer_(std::move(answer)) {}

  using Stream::write;

  bool write(std::shared_ptr<const std::string> piece) override {
    const std::lock_guard lock(answer_->mutex);
    if (!answer_->closed) {
      answer_->body += *piece;
    }
    return !answer_->closed;
  }

  std::size_t buffered_bytes() const override {
    const std::lock_guard lock(answer_->mutex);
    return answer_->buffered_bytes;
  }

  void on_drained(std::size_t bytes, std::function<void()> callback) override {
    {
      const std::lock_guard lock(answer_->mutex);
      if (!answer_->closed && answer_->buffered_bytes > bytes) {
        answer_->drained_callback = std::move(callback);
        answer_->drained_bytes = bytes;
        return;
      }
    }
    callback();
  }

  bool open() const override {
    const std::lock_guard lock(answer_->mutex);
    return !answer_->closed;
  }

  /// Also what a test calls when its client goes.
  void close() override {
    std::function<void()> drained;
    std::function<void()> callback;
    {
      const std::lock_guard lock(answer_->mutex);
      answer_->closed = true;
      drained.swap(answer_->drained_callback);
      callback.swap(answer_->stream_callback);
    }
    if (drained) {
      drained();
    }
    if (callback) {
      callback();
    }
  }

  void on_close(std::function<void()> callback) override {
    {
      const std::lock_guard lock(answer_->mutex);
      if (!answer_->closed) {
        answer_->stream_callback = std::move(callback);
        return;
      }
    }
    callback();
  }

 private:
  const std::shared_ptr<FakeAnswer> answer_;
};

/// An exchange without a connection, to test handlers with. Callbacks run where they are caused.
class FakeExchange final : public Exchange {
 public:
  explicit FakeExchange(Request request)
      : Exchange(std::move(request)), answer_(std::make_shared<FakeAnswer>()) {}

  const std::shared_ptr<FakeAnswer>& answer() const { return answer_; }

  bool respond(Response response) override {
    const std::lock_guard lock(answer_->mutex);
    if (answer_->response || answer_->head) {
      return false;
    }
    answer_->response = std::move(response);
    disconnect_callback_ = nullptr;
    return true;
  }

  std::shared_ptr<Stream> start(ResponseHead head) override {
    const std::lock_guard lock(answer_->mutex);
    if (answer_->response || answer_->head) {
      return nullptr;
    }
    answer_->head = std::move(head);
    disconnect_callback_ = nullptr;
    return std::make_shared<FakeStream>(answer_);
  }

  Result<std::shared_ptr<WebSocket>> upgrade_web_socket(WebSocketOptions /*options*/) override {
    return make_error(ErrorCode::Invalid, "the fake has no web socket", "web socket");
  }

  void on_disconnect(std::function<void()> callback) override {
    const std::lock_guard lock(answer_->mutex);
    disconnect_callback_ = std::move(callback);
  }

  /// The client goes.
  void disconnect() {
    std::function<void()> callback;
    {
      const std::lock_guard lock(answer_->mutex);
      callback.swap(disconnect_callback_);
    }
    if (callback) {
      callback();
    }
  }

 private:
  const std::shared_ptr<FakeAnswer> answer_;
  std::function<void()> disconnect_callback_;
};

}  // namespace reeve::net
