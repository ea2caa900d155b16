#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/request.h"

namespace reeve::net {

/// The body of a response: text of its own, or text that several responses share without copying.
class Body {
 public:
  Body() = default;

  // Implicit on purpose: `.body = text` reads best.
  Body(std::string text) : text_(std::move(text)) {}  // NOLINT

  Body(const char* text) : text_(text) {}  // NOLINT

  Body(std::shared_ptr<const std::string> shared) : shared_(std::move(shared)) {}  // NOLINT

  std::string_view view() const { return shared_ ? std::string_view(*shared_) : text_; }

  /// The text as one that can be shared; empties this body.
  std::shared_ptr<const std::string> release();

 private:
  std::string text_;
  std::shared_ptr<const std::string> shared_;
};

/// Status and fields of a response. Content-Length, Transfer-Encoding and Connection are written by
/// the connection and may not be among the headers; Date is added if it is not. Names are tokens,
/// values have no control characters but tabs. Anything else is answered with 500 and counted in
/// `ServerStats::responses_invalid`.
struct ResponseHead {
  /// 200 to 599.
  int status = 200;
  std::vector<Header> headers = {};
  /// Ends the connection after this response.
  bool close_connection = false;
};

/// A response whose body is complete. As for `ResponseHead`.
struct Response {
  int status = 200;
  std::vector<Header> headers = {};
  Body body = {};
  bool close_connection = false;
};

/// A response body that is written piece by piece: an event stream, a watch, a log that is
/// followed.
///
/// The client's connection does not wait for slow readers: what is not yet sent is kept up to a
/// limit (`ServerLimits::stream_buffer_bytes_max`), beyond which the connection is closed. A piece
/// that is longer than that is sent if nothing else waits.
///
/// Threading: any thread. Dropping the last reference to a stream that was not closed breaks the
/// connection, so that the client can tell that its answer is incomplete.
class Stream {
 public:
  virtual ~Stream() = default;

  /// Sends `piece` (nothing if it is empty). False: the client is gone, the stream was closed, or
  /// the piece and what waits exceed the limit; it was not sent, and no later one will be.
  virtual bool write(std::shared_ptr<const std::string> piece) = 0;

  bool write(std::string piece) {
    return write(std::make_shared<const std::string>(std::move(piece)));
  }

  /// What was written but not yet taken by the operating system.
  virtual std::size_t buffered_bytes() const = 0;

  /// `callback` runs once, on the network thread, when `buffered_bytes` is `bytes` or less, or the
  /// stream has ended (`on_close` says how it ends); soon if so already. For who reads as fast as
  /// is written. One waits at a time: a later call takes the place of one that has not run.
  virtual void on_drained(std::size_t bytes, std::function<void()> callback) = 0;

  /// Whether `write` could still succeed.
  virtual bool open() const = 0;

  /// Ends the body; what was written before is still sent.
  virtual void close() = 0;

  /// `callback` runs once, on the network thread, when the stream has ended: closed, client gone
  /// (also if it only stopped sending), limit exceeded, server stopped. At most one callback per
  /// stream; also runs if the stream has ended already.
  virtual void on_close(std::function<void()> callback) = 0;
};

/// One message of a web socket.
struct WebSocketMessage {
  bool binary = false;
  /// Valid UTF-8 unless binary.
  std::string data = {};
};

/// What a web socket endpoint offers and allows.
struct WebSocketOptions {
  /// In the order of preference; empty: none is agreed on.
  std::vector<std::string> protocols = {};
  std::size_t message_bytes_max = std::size_t{1} << 20;
  /// A ping is sent when nothing was received for so long; the connection is closed when nothing
  /// comes for as long again.
  Duration ping_interval = Duration(30'000);
};

/// A web socket (RFC 6455), the server's end. Threading: as for `Stream`; dropping the last
/// reference closes it with code 1001. The callbacks run on the network thread, one at a time.
class WebSocket {
 public:
  virtual ~WebSocket() = default;

  /// The agreed protocol; "": none.
  virtual const std::string& protocol() const = 0;

  /// As `Stream::write`.
  virtual bool send(WebSocketMessage message) = 0;

  virtual std::size_t buffered_bytes() const = 0;

  /// Starts the closing handshake. `reason` is cut to 123 bytes.
  virtual void close(std::uint16_t code, std::string_view reason) = 0;

  /// Sets what happens with messages; those that came before are delivered then. Once.
  virtual void on_message(std::function<void(WebSocketMessage)> callback) = 0;

  /// Runs once, with the code and reason the client gave, or 1006 and "" if it vanished.
  virtual void on_close(std::function<void(std::uint16_t code, std::string reason)> callback) = 0;
};

/// A request and the right to answer it once.
///
/// Threading: any thread. An exchange that is dropped unanswered is answered with 500 and counted
/// in `ServerStats::unanswered`.
class Exchange {
 public:
  virtual ~Exchange() = default;

  const Request& request() const { return request_; }

  /// Answers. False: it was answered before, nothing happens. Whether the client still listens is
  /// not known here.
  virtual bool respond(Response response) = 0;

  /// Answers with a body that is written later. nullptr: it was answered before. For HEAD the
  /// stream is closed already.
  virtual std::shared_ptr<Stream> start(ResponseHead head) = 0;

  /// Answers a web socket handshake. Invalid: the request is none (nothing was answered); Conflict:
  /// it was answered before.
  virtual Result<std::shared_ptr<WebSocket>> upgrade_web_socket(WebSocketOptions options) = 0;

  /// `callback` runs once, on the network thread, if the client goes away, or stops sending, before
  /// the exchange is answered; at once if it is gone already. An answer is still attempted, because
  /// the client may only have closed its sending side. At most one callback per exchange.
  virtual void on_disconnect(std::function<void()> callback) = 0;

 protected:
  explicit Exchange(Request request) : request_(std::move(request)) {}

  Request request_;
};

/// Handles a request. Called on the network thread; it must not block: it hands the exchange to
/// whoever answers.
using Handler = std::function<void(std::shared_ptr<Exchange>)>;

}  // namespace reeve::net
