#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

/// The client's side of RFC 6455, as far as one exchange of messages needs it. Pure.
namespace reeve::executor::http {

enum class Opcode : std::uint8_t {
  Continuation = 0x0,
  Text = 0x1,
  Binary = 0x2,
  Close = 0x8,
  Ping = 0x9,
  Pong = 0xa,
};

using Mask = std::array<std::uint8_t, 4>;

/// Longest head of the answer to a handshake.
inline constexpr std::size_t kHandshakeBytesMax = std::size_t{64} << 10U;

/// A whole frame as clients send it.
std::string encode_frame(Opcode opcode, std::string_view payload, const Mask& mask);

/// What Sec-WebSocket-Accept must say for this key.
std::string accept_for(std::string_view key);

/// The status of the answer to a handshake. Invalid: it is no HTTP, or a 101 that does not fit to
/// `key`. `head` is everything before the empty line.
Result<int> check_handshake(std::string_view head, std::string_view key);

/// Takes bytes of the connection and gives messages and control frames, whole ones only.
class MessageReader {
 public:
  explicit MessageReader(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  struct Message {
    Opcode opcode = Opcode::Text;
    std::string payload;
  };

  void feed(std::string_view bytes) { buffer_.append(bytes); }

  /// The next message or control frame; nothing: more bytes are needed. Invalid: the other side
  /// breaks the protocol. LimitExceeded: the message is too long.
  Result<std::optional<Message>> next();

 private:
  struct Frame {
    bool last = false;
    Opcode opcode = Opcode::Text;
    std::string payload;
  };

  Result<std::optional<Frame>> next_frame();

  std::size_t bytes_max_;
  std::string buffer_;
  /// Of the message whose frames are arriving.
  std::optional<Opcode> opcode_;
  std::string payload_;
};

/// "1000", "1011: no reason": what a close frame says, for people.
std::string close_text(std::string_view payload);

}  // namespace reeve::executor::http
