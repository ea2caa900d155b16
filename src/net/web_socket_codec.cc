#include "net/web_socket_codec.h"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/evp.h>

#include "base/strings.h"
#include "net/text.h"

namespace reeve::net {

namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t kKeyCharacters = 24;
constexpr std::size_t kControlBytesMax = 125;
constexpr std::size_t kReasonBytesMax = kControlBytesMax - 2;
constexpr std::size_t kMaskBytes = 4;

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(
      reinterpret_cast<unsigned char*>(out.data()),
      reinterpret_cast<const unsigned char*>(bytes.data()),
      static_cast<int>(bytes.size())
  );
  out.resize(static_cast<std::size_t>(length));
  return out;
}

/// 16 bytes in base64: 22 characters and "==".
bool is_key(std::string_view key) {
  if (key.size() != kKeyCharacters || !key.ends_with("==")) {
    return false;
  }
  return std::all_of(key.begin(), key.end() - 2, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' ||
           c == '/';
  });
}

std::string accept_of(std::string_view key) {
  const std::string text = concat(key, kGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha1(), nullptr);
  return base64(std::string_view(reinterpret_cast<const char*>(digest.data()), length));
}

bool any_list_has(const Headers& headers, std::string_view name, std::string_view token) {
  for (const std::string_view value : headers.find_all(name)) {
    if (list_has(value, token)) {
      return true;
    }
  }
  return false;
}

Error no_handshake(std::string message) {
  return make_error(ErrorCode::Invalid, std::move(message), "web socket");
}

bool is_control(FrameKind kind) {
  return kind >= FrameKind::Close;
}

bool is_known(std::uint8_t opcode) {
  return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

/// A code that may be sent (RFC 6455, 7.4, and the registry it founded).
bool is_close_code(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

}  // namespace

Result<WebSocketHandshake> read_handshake(
    const Request& request, const std::vector<std::string>& protocols
) {
  if (request.method != "GET" || request.version_minor == 0 || !request.body.empty() ||
      !any_list_has(request.headers, "upgrade", "websocket") ||
      !any_list_has(request.headers, "connection", "upgrade")) {
    return no_handshake("the request does not ask for a web socket");
  }
  if (request.headers.get("sec-websocket-version") != "13") {
    return no_handshake("only version 13 of web sockets is spoken here");
  }
  const std::vector<std::string_view> keys = request.headers.find_all("sec-websocket-key");
  if (keys.size() != 1 || !is_key(keys[0])) {
    return no_handshake("the key of the web socket is not valid");
  }
  WebSocketHandshake handshake{.accept = accept_of(keys[0]), .protocol = {}};
  for (const std::string& protocol : protocols) {
    // Protocols are compared exactly.
    for (const std::string_view value : request.headers.find_all("sec-websocket-protocol")) {
      for (const std::string_view piece : split(value, ',')) {
        if (handshake.protocol.empty() && trim_field(piece) == protocol) {
          handshake.protocol = protocol;
        }
      }
    }
  }
  return handshake;
}

std::string encode_frame(FrameKind kind, std::string_view payload) {
  std::string frame;
  frame.reserve(payload.size() + 10);
  frame.push_back(static_cast<char>(0x80 | static_cast<unsigned>(kind)));
  int length_bytes = 0;
  if (payload.size() < 126) {
    frame.push_back(static_cast<char>(payload.size()));
  } else {
    length_bytes = payload.size() < 65536 ? 2 : 8;
    frame.push_back(static_cast<char>(length_bytes == 2 ? 126 : 127));
  }
  for (int at = length_bytes; at-- > 0;) {
    frame.push_back(static_cast<char>(static_cast<std::uint64_t>(payload.size()) >> (8 * at)));
  }
  frame.append(payload);
  return frame;
}

std::string encode_close(std::uint16_t code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  while (!reason.empty()) {
    const std::size_t length = utf8_length(reason);
    if (length == 0 || payload.size() + length > kReasonBytesMax + 2) {
      break;
    }
    payload.append(reason.substr(0, length));
    reason.remove_prefix(length);
  }
  return encode_frame(FrameKind::Close, payload);
}

std::size_t WebSocketReader::header_bytes_needed() const {
  if (header_.size() < 2) {
    return 2;
  }
  const unsigned length = static_cast<unsigned char>(header_[1]) & 0x7f;
  return 2 + (length == 126 ? 2U : length == 127 ? 8U : 0U) + kMaskBytes;
}

/// Checks a complete header and begins its payload.
void WebSocketReader::read_header() {
  const auto first = static_cast<unsigned char>(header_[0]);
  const auto second = static_cast<unsigned char>(header_[1]);
  final_ = (first & 0x80) != 0;
  kind_ = static_cast<FrameKind>(first & 0x0f);
  remaining_ = second & 0x7f;
  const std::size_t length_bytes = header_.size() - 2 - kMaskBytes;
  if (length_bytes > 0) {
    remaining_ = 0;
    for (std::size_t at = 0; at < length_bytes; ++at) {
      remaining_ = (remaining_ << 8) | static_cast<unsigned char>(header_[2 + at]);
    }
  }
  const bool continues = kind_ == FrameKind::Continuation;
  const bool in_message = message_kind_ != FrameKind::Continuation;
  const bool shortest = length_bytes == 0 || (length_bytes == 2 && remaining_ >= 126) ||
                        (length_bytes == 8 && remaining_ >= 65536);
  // Reserved bits, unknown kinds, no mask, long or divided control frames, frames out of order.
  if ((first & 0x70) != 0 || !is_known(first & 0x0f) || (second & 0x80) == 0 || !shortest ||
      (is_control(kind_) ? !final_ || remaining_ > kControlBytesMax : continues != in_message)) {
    failure_ = kCloseProtocolError;
    return;
  }
  if (!is_control(kind_)) {
    if (remaining_ > message_bytes_max_ - message_.size()) {
      failure_ = kCloseTooBig;
      return;
    }
    message_kind_ = continues ? message_kind_ : kind_;
  }
  in_payload_ = true;
  mask_at_ = 0;
}

void WebSocketReader::feed(std::string_view bytes, std::vector<WebSocketEvent>& events) {
  while (failure_ == 0 && !ended_ && (!bytes.empty() || (in_payload_ && remaining_ == 0))) {
    if (!in_payload_) {
      const std::size_t wanted = header_bytes_needed() - header_.size();
      const std::size_t taken = std::min(wanted, bytes.size());
      header_.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      if (header_.size() >= 2 && header_.size() == header_bytes_needed()) {
        read_header();
      }
      continue;
    }
    std::string& target = is_control(kind_) ? control_ : message_;
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
    const std::string_view mask = std::string_view(header_).substr(header_.size() - kMaskBytes);
    const std::size_t begin = target.size();
    target.append(bytes.substr(0, taken));
    for (std::size_t at = begin; at < target.size(); ++at) {
      target[at] = static_cast<char>(target[at] ^ mask[mask_at_++ % kMaskBytes]);
    }
    bytes.remove_prefix(taken);
    remaining_ -= taken;
    if (remaining_ == 0) {
      finish_frame(events);
    }
  }
}

void WebSocketReader::finish_frame(std::vector<WebSocketEvent>& events) {
  in_payload_ = false;
  header_.clear();
  if (kind_ == FrameKind::Close) {
    finish_close(events);
  } else if (is_control(kind_)) {
    events.push_back(WebSocketEvent{.kind = kind_, .data = std::exchange(control_, {})});
  } else if (final_) {
    const FrameKind kind = std::exchange(message_kind_, FrameKind::Continuation);
    if (kind == FrameKind::Text && !is_utf8(message_)) {
      failure_ = kCloseBadText;
      return;
    }
    events.push_back(WebSocketEvent{.kind = kind, .data = std::exchange(message_, {})});
  }
}

void WebSocketReader::finish_close(std::vector<WebSocketEvent>& events) {
  ended_ = true;
  WebSocketEvent event{.kind = FrameKind::Close, .code = kCloseNoCode};
  if (!control_.empty()) {
    const auto byte = [this](std::size_t at) {
      return at < control_.size() ? static_cast<unsigned char>(control_[at]) : 0U;
    };
    event.code = static_cast<std::uint16_t>((byte(0) << 8) | byte(1));
    event.data = control_.size() > 2 ? control_.substr(2) : "";
    if (control_.size() == 1 || !is_close_code(event.code) || !is_utf8(event.data)) {
      failure_ = kCloseProtocolError;
      return;
    }
  }
  events.push_back(std::move(event));
}

}  // namespace reeve::net
