#include "net/web_socket_state.h"

namespace reeve::net {

namespace {

/// Messages that are kept until somebody listens.
constexpr std::size_t kEarlyMessagesMax = 64;

}  // namespace

WebSocketState::WebSocketState(
    std::shared_ptr<StreamState> output, const WebSocketOptions& options, Duration close_timeout
)
    : output_(std::move(output)),
      message_bytes_max_(options.message_bytes_max),
      ping_interval_(options.ping_interval),
      close_timeout_(close_timeout),
      reader_(options.message_bytes_max),
      heard_at_(std::chrono::steady_clock::now()) {}

bool WebSocketState::send(const WebSocketMessage& message) {
  {
    const std::lock_guard lock(mutex_);
    if (close_sent_) {
      return false;
    }
  }
  const FrameKind kind = message.binary ? FrameKind::Binary : FrameKind::Text;
  return output_->write(std::make_shared<const std::string>(encode_frame(kind, message.data)));
}

void WebSocketState::close(std::uint16_t code, std::string_view reason) {
  {
    const std::lock_guard lock(mutex_);
    if (close_sent_) {
      return;
    }
    close_sent_ = true;
    close_deadline_ = std::chrono::steady_clock::now() + close_timeout_;
  }
  output_->write(std::make_shared<const std::string>(encode_close(code, reason)));
}

void WebSocketState::on_message(std::function<void(WebSocketMessage)> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) {
      return;
    }
    message_callback_ = std::move(callback);
  }
  // The early ones first, and all of them where later ones come, too.
  output_->run([self = shared_from_this()] {
    std::vector<WebSocketMessage> early;
    {
      const std::lock_guard lock(self->mutex_);
      self->listening_ = !self->finished_;
      early.swap(self->early_);
      self->early_bytes_ = 0;
    }
    for (WebSocketMessage& message : early) {
      self->deliver(std::move(message));
    }
  });
}

void WebSocketState::begin() {
  output_->ended().set([self = shared_from_this()] { self->finish(); });
}

/// The connection is over: tells so, and lets go of the callbacks, which may own what leads here.
void WebSocketState::finish() {
  std::function<void(WebSocketMessage)> message_callback;
  std::function<void(std::uint16_t, std::string)> close_callback;
  std::uint16_t code = 0;
  std::string reason;
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    listening_ = false;
    message_callback.swap(message_callback_);
    close_callback.swap(close_callback_);
    early_.clear();
    code = code_;
    reason = reason_;
  }
  if (close_callback) {
    close_callback(code, std::move(reason));
  }
}

void WebSocketState::on_close(std::function<void(std::uint16_t, std::string)> callback) {
  std::uint16_t code = 0;
  std::string reason;
  {
    const std::lock_guard lock(mutex_);
    if (!finished_) {
      close_callback_ = std::move(callback);
      return;
    }
    code = code_;
    reason = reason_;
  }
  if (!output_->run([callback, code, reason] { callback(code, reason); })) {
    callback(code, std::move(reason));
  }
}

void WebSocketState::receive(std::string_view bytes) {
  heard_at_ = std::chrono::steady_clock::now();
  pinged_at_ = Instant::max();
  std::vector<WebSocketEvent> events;
  reader_.feed(bytes, events);
  for (WebSocketEvent& event : events) {
    handle(std::move(event));
  }
  if (reader_.failure() != 0) {
    end(reader_.failure(), "");
  }
}

void WebSocketState::handle(WebSocketEvent event) {
  switch (event.kind) {
    case FrameKind::Text:
    case FrameKind::Binary:
      deliver(WebSocketMessage{
          .binary = event.kind == FrameKind::Binary, .data = std::move(event.data)});
      return;
    case FrameKind::Ping:
      output_->write(std::make_shared<const std::string>(encode_frame(FrameKind::Pong, event.data))
      );
      return;
    case FrameKind::Close: {
      {
        const std::lock_guard lock(mutex_);
        code_ = event.code;
        reason_ = std::move(event.data);
      }
      end(event.code == kCloseNoCode ? kCloseNormal : event.code, "");
      return;
    }
    case FrameKind::Pong:
    case FrameKind::Continuation:
      return;
  }
}

void WebSocketState::deliver(WebSocketMessage message) {
  std::function<void(WebSocketMessage)> callback;
  bool too_much = false;
  {
    const std::lock_guard lock(mutex_);
    if (listening_) {
      callback = message_callback_;
    } else if (!finished_) {
      early_bytes_ += message.data.size();
      too_much = early_.size() >= kEarlyMessagesMax || early_bytes_ > message_bytes_max_;
      if (!too_much) {
        early_.push_back(std::move(message));
      }
    }
  }
  if (callback) {
    callback(std::move(message));
  } else if (too_much) {
    end(kCloseTryLater, "nobody listens");
  }
}

/// Nothing follows our close frame.
void WebSocketState::end(std::uint16_t code, std::string_view reason) {
  close(code, reason);
  output_->close();
}

void WebSocketState::check(Instant now) {
  bool overdue = false;
  {
    const std::lock_guard lock(mutex_);
    overdue = now >= close_deadline_;
  }
  // Counted from the ping: nobody is blamed for a pause of ours.
  if (overdue || (pinged_at_ != Instant::max() && now - pinged_at_ >= ping_interval_)) {
    output_->close();
  } else if (now - heard_at_ >= ping_interval_ && pinged_at_ == Instant::max()) {
    pinged_at_ = now;
    output_->write(std::make_shared<const std::string>(encode_frame(FrameKind::Ping, "")));
  }
}

}  // namespace reeve::net
