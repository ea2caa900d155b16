#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/request.h"

/// Frames and the opening handshake of web sockets (RFC 6455), the server's side. Pure.
namespace reeve::net {

/// What the client of a handshake wants.
struct WebSocketHandshake {
  /// The value of Sec-WebSocket-Accept.
  std::string accept;
  /// The first of ours that the client offered; "": none.
  std::string protocol;
};

/// Reads the handshake in `request`. Invalid: it is none, the message says why.
Result<WebSocketHandshake> read_handshake(
    const Request& request, const std::vector<std::string>& protocols
);

enum class FrameKind : std::uint8_t {
  Continuation = 0,
  Text = 1,
  Binary = 2,
  Close = 8,
  Ping = 9,
  Pong = 10,
};

constexpr std::uint16_t kCloseNormal = 1000;
constexpr std::uint16_t kCloseGoingAway = 1001;
constexpr std::uint16_t kCloseProtocolError = 1002;
/// Never sent: the frame had no code.
constexpr std::uint16_t kCloseNoCode = 1005;
/// Never sent: there was no frame.
constexpr std::uint16_t kCloseVanished = 1006;
constexpr std::uint16_t kCloseBadText = 1007;
constexpr std::uint16_t kCloseTooBig = 1009;
constexpr std::uint16_t kCloseTryLater = 1013;

/// A whole message, or a control frame.
struct WebSocketEvent {
  FrameKind kind = FrameKind::Text;
  /// The message; of a close, its reason.
  std::string data = {};
  /// Of a close.
  std::uint16_t code = 0;
};

/// An unmasked frame that is a whole message.
std::string encode_frame(FrameKind kind, std::string_view payload);

/// A close frame; `reason` is cut at a character's end, to at most 123 bytes.
std::string encode_close(std::uint16_t code, std::string_view reason);

/// Reads a client's frames piece by piece. One thread.
class WebSocketReader {
 public:
  explicit WebSocketReader(std::size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

  /// Reads all of `bytes` and appends what is complete to `events`. Stops for good at a close frame
  /// and at a violation: then `failure` tells the code to close with.
  void feed(std::string_view bytes, std::vector<WebSocketEvent>& events);

  /// 0: none.
  std::uint16_t failure() const { return failure_; }

 private:
  std::size_t header_bytes_needed() const;
  void read_header();
  void finish_frame(std::vector<WebSocketEvent>& events);
  void finish_close(std::vector<WebSocketEvent>& events);

  std::size_t message_bytes_max_;
  std::string header_;
  bool in_payload_ = false;
  bool final_ = false;
  FrameKind kind_ = FrameKind::Continuation;
  std::uint64_t remaining_ = 0;
  std::size_t mask_at_ = 0;
  /// Of the message whose frames are being read; Continuation: none is.
  FrameKind message_kind_ = FrameKind::Continuation;
  std::string message_;
  std::string control_;
  bool ended_ = false;
  std::uint16_t failure_ = 0;
};

}  // namespace reeve::net
