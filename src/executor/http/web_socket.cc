#include "executor/http/web_socket.h"

#include <charconv>

#include "base/strings.h"
#include "executor/http/sha1.h"

namespace reeve::executor::http {

namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr unsigned kLast = 0x80U;
constexpr unsigned kReserved = 0x70U;
constexpr unsigned kMasked = 0x80U;
constexpr std::size_t kShortMax = 125;
constexpr std::size_t kTwoBytes = 126;
constexpr std::size_t kEightBytes = 127;
constexpr std::size_t kTwoBytesMax = 0xffff;
constexpr std::size_t kControlBytesMax = 125;
constexpr std::size_t kCloseTextMax = 123;

Error broken(std::string_view what) {
  return make_error(ErrorCode::Invalid, concat("the other side breaks the protocol: ", what));
}

void append_number(std::string& out, std::uint64_t number, unsigned bytes) {
  for (unsigned i = bytes; i > 0; --i) {
    out.push_back(static_cast<char>(number >> (8U * (i - 1))));
  }
}

std::uint64_t read_number(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) {
    number = number << 8U | static_cast<unsigned char>(c);
  }
  return number;
}

std::optional<Opcode> opcode_of(unsigned bits) {
  for (const Opcode opcode :
       {Opcode::Continuation,
        Opcode::Text,
        Opcode::Binary,
        Opcode::Close,
        Opcode::Ping,
        Opcode::Pong}) {
    if (static_cast<unsigned>(opcode) == bits) {
      return opcode;
    }
  }
  return std::nullopt;
}

bool is_control(Opcode opcode) {
  return opcode == Opcode::Close || opcode == Opcode::Ping || opcode == Opcode::Pong;
}

/// The value of a header; lower-case name.
std::string header(std::string_view head, std::string_view wanted) {
  for (const std::string_view line : split(head, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && to_lower(line.substr(0, colon)) == wanted) {
      return std::string(trim(line.substr(colon + 1)));
    }
  }
  return {};
}

}  // namespace

std::string encode_frame(Opcode opcode, std::string_view payload, const Mask& mask) {
  std::string frame;
  frame.push_back(static_cast<char>(kLast | static_cast<unsigned>(opcode)));
  if (payload.size() <= kShortMax) {
    frame.push_back(static_cast<char>(kMasked | payload.size()));
  } else if (payload.size() <= kTwoBytesMax) {
    frame.push_back(static_cast<char>(kMasked | kTwoBytes));
    append_number(frame, payload.size(), 2);
  } else {
    frame.push_back(static_cast<char>(kMasked | kEightBytes));
    append_number(frame, payload.size(), 8);
  }
  for (const std::uint8_t byte : mask) {
    frame.push_back(static_cast<char>(byte));
  }
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame.push_back(
        static_cast<char>(static_cast<unsigned char>(payload[i]) ^ mask[i % mask.size()])
    );
  }
  return frame;
}

std::string accept_for(std::string_view key) {
  return base64(sha1(concat(key, kGuid)));
}

Result<int> check_handshake(std::string_view head, std::string_view key) {
  constexpr std::string_view kStart = "HTTP/1.1 ";
  constexpr int kSwitching = 101;
  int status = 0;
  const std::string_view rest = head.starts_with(kStart) ? head.substr(kStart.size()) : "";
  const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), status);
  if (parsed.ec != std::errc{} || status < 100 || status > 999) {
    return broken("its answer is no HTTP");
  }
  if (status != kSwitching) {
    return status;
  }
  if (to_lower(header(head, "upgrade")) != "websocket" ||
      to_lower(header(head, "connection")).find("upgrade") == std::string::npos) {
    return broken("it did not upgrade to a web socket");
  }
  if (header(head, "sec-websocket-accept") != accept_for(key)) {
    return broken("its answer does not fit to our key");
  }
  if (!header(head, "sec-websocket-extensions").empty()) {
    return broken("it uses an extension that was not asked for");
  }
  return status;
}

Result<std::optional<MessageReader::Frame>> MessageReader::next_frame() {
  if (buffer_.size() < 2) {
    return std::optional<Frame>();
  }
  const auto first = static_cast<unsigned char>(buffer_[0]);
  const auto second = static_cast<unsigned char>(buffer_[1]);
  const auto opcode = opcode_of(first & 0x0fU);
  if ((first & kReserved) != 0 || !opcode) {
    return broken("a frame of an unknown kind");
  }
  if ((second & kMasked) != 0) {
    return broken("a masked frame");
  }
  std::size_t head = 2;
  std::uint64_t size = second & 0x7fU;
  if (size >= kTwoBytes) {
    const std::size_t bytes = size == kTwoBytes ? 2 : 8;
    if (buffer_.size() < head + bytes) {
      return std::optional<Frame>();
    }
    size = read_number(std::string_view(buffer_).substr(head, bytes));
    head += bytes;
  }
  const bool last = (first & kLast) != 0;
  if (is_control(*opcode) && (size > kControlBytesMax || !last)) {
    return broken("a control frame that is too long or in pieces");
  }
  if (!is_control(*opcode) && size > bytes_max_ - payload_.size()) {
    return make_error(
        ErrorCode::LimitExceeded, concat("the message is longer than ", bytes_max_, " bytes")
    );
  }
  if (buffer_.size() - head < size) {
    return std::optional<Frame>();
  }
  Frame frame{.last = last, .opcode = *opcode, .payload = buffer_.substr(head, size)};
  buffer_.erase(0, head + size);
  return std::optional<Frame>(std::move(frame));
}

Result<std::optional<MessageReader::Message>> MessageReader::next() {
  for (;;) {
    REEVE_TRY(std::optional<Frame> frame, next_frame());
    if (!frame) {
      return std::optional<Message>();
    }
    if (is_control(frame->opcode)) {
      return std::optional<Message>(Message{
          .opcode = frame->opcode, .payload = std::move(frame->payload)});
    }
    if ((frame->opcode == Opcode::Continuation) != opcode_.has_value()) {
      return broken("the pieces of a message are out of order");
    }
    opcode_ = opcode_.value_or(frame->opcode);
    payload_ += frame->payload;
    if (frame->last) {
      Message message{.opcode = *opcode_, .payload = std::move(payload_)};
      opcode_.reset();
      payload_.clear();
      if (message.opcode == Opcode::Text && !is_utf8(message.payload)) {
        return broken("a text that is not UTF-8");
      }
      return std::optional<Message>(std::move(message));
    }
  }
}

std::string close_text(std::string_view payload) {
  if (payload.size() < 2) {
    return "no code";
  }
  const std::string_view reason = payload.substr(2, kCloseTextMax);
  const bool readable =
      !reason.empty() && is_utf8(reason) && reason.find_first_of("\r\n") == std::string_view::npos;
  return concat(read_number(payload.substr(0, 2)), readable ? ": " : "", readable ? reason : "");
}

}  // namespace reeve::executor::http
