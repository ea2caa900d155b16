#include "gateway/tool/responder.h"

#include <utility>

#include "base/strings.h"

namespace reeve::gateway {

std::shared_ptr<Responder> Responder::create(
    std::shared_ptr<net::Exchange> exchange, const RpcMessage& message, const ToolPorts& ports
) {
  std::shared_ptr<Responder> made(new Responder(std::move(exchange), message, ports.after));
  made->exchange_->on_disconnect([weak = std::weak_ptr(made)] {
    if (const auto self = weak.lock()) {
      self->left();
    }
  });
  return made;
}

Responder::Responder(
    std::shared_ptr<net::Exchange> exchange,
    const RpcMessage& message,
    decltype(ToolPorts::after) after
)
    : exchange_(std::move(exchange)), after_(std::move(after)), era_(message.era), id_(message.id) {
  if (const Json* token = message.meta().find("progressToken")) {
    progress_token_ = *token;
  }
  const std::string_view accept = exchange_->request().headers.get("Accept");
  takes_streams_ = accept.find("text/event-stream") != std::string_view::npos;
}

Responder::~Responder() {
  if (timer_) {
    timer_();
  }
}

void Responder::header(std::string name, std::string value) {
  headers_.push_back({std::move(name), std::move(value)});
}

void Responder::error(RpcError error) {
  const int status = error.http;
  error.id = id_;
  answer(status, error_message(error));
}

void Responder::answer(int status, const Json& message) {
  if (done_) {
    return;
  }
  done_ = true;
  gone_ = nullptr;
  if (timer_) {
    std::exchange(timer_, nullptr)();
  }
  if (stream_ != nullptr) {
    write_answer(
        std::make_shared<const std::string>(concat("event: message\ndata: ", message.dump(), "\n\n")
        ),
        0
    );
    return;
  }
  net::Response response;
  response.status = status;
  response.headers = std::move(headers_);
  response.headers.push_back({"Content-Type", "application/json"});
  response.headers.push_back({"Cache-Control", "no-store"});
  response.body = message.dump();
  exchange_->respond(std::move(response));
}

void Responder::write_answer(std::shared_ptr<const std::string> text, std::size_t from) {
  std::size_t at = from;
  while (at < text->size() && stream_->write(text->substr(at, kAnswerPieceBytes))) {
    at += kAnswerPieceBytes;
    if (at < text->size() && stream_->buffered_bytes() > kUnsentBytesMax) {
      stream_->on_drained(kUnsentBytesMax, [self = shared_from_this(), text, at] {
        self->write_answer(text, at);
      });
      return;
    }
  }
  stream_->close();
}

void Responder::left() {
  if (done_) {
    return;
  }
  done_ = true;
  if (timer_) {
    std::exchange(timer_, nullptr)();
  }
  if (gone_) {
    std::exchange(gone_, nullptr)();
  }
}

void Responder::hold(std::string why) {
  why_ = std::move(why);
  if (!done_ && takes_streams_ && !timer_) {
    arm(kFirstBeat);
  }
}

void Responder::arm(Duration delay) {
  timer_ = after_(delay, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->beat();
    }
  });
}

/// From now on the answer is a stream. False: the client has gone.
bool Responder::open_stream() {
  if (stream_ != nullptr) {
    return true;
  }
  net::ResponseHead head;
  head.headers = std::move(headers_);
  head.headers.push_back({"Content-Type", "text/event-stream"});
  head.headers.push_back({"Cache-Control", "no-store"});
  stream_ = exchange_->start(std::move(head));
  if (stream_ == nullptr) {
    left();
    return false;
  }
  stream_->on_close([weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->left();
    }
  });
  return true;
}

void Responder::send(std::string_view method, Json params) {
  Json message = Json::object();
  message.set("jsonrpc", "2.0").set("method", method).set("params", std::move(params));
  stream_->write(concat("event: message\ndata: ", message.dump(), "\n\n"));
}

void Responder::beat() {
  timer_ = nullptr;
  if (done_ || !open_stream()) {
    return;
  }
  if (progress_token_.is_null()) {
    stream_->write(": waiting\n\n");
  } else {
    constexpr double kALittle = 0.001;
    Json params = Json::object();
    params.set("progressToken", progress_token_).set("message", why_);
    if (progress_) {
      *progress_ += kALittle;
      params.set("progress", *progress_);
    } else {
      params.set("progress", ++beats_);
    }
    send(kProgressMethod, std::move(params));
  }
  arm(kBeat);
}

void Responder::note(std::string_view method, Json params) {
  if (done_ || !takes_streams_) {
    return;
  }
  if (method == kProgressMethod) {
    const Json* told = params.find("progress");
    const double progress = told != nullptr && told->is_number() ? told->as_double() : 0;
    // It only ever goes on.
    if (progress_token_.is_null() || (progress_ ? progress <= *progress_ : progress < 0) ||
        progress < static_cast<double>(beats_)) {
      return;
    }
    progress_ = progress;
    params.set("progressToken", progress_token_);
  }
  if (open_stream() && stream_->buffered_bytes() < kUnsentBytesMax) {
    send(method, std::move(params));
  }
}

}  // namespace reeve::gateway
