#include "executor/http/web_socket_tool.h"

#include <unistd.h>

#include "base/strings.h"
#include "executor/http/curl.h"
#include "executor/http/http_tool.h"
#include "executor/http/request.h"
#include "executor/http/sha1.h"
#include "executor/http/web_socket.h"
#include "executor/outputs.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::executor::http {

namespace {

constexpr int kSwitching = 101;
constexpr std::size_t kReadBytes = std::size_t{64} << 10U;
constexpr std::size_t kRandomWords = 2;
/// Control frames before an answer: more is a server that keeps us busy.
constexpr int kControlFramesMax = 10'000;

std::string random_bytes(std::size_t words) {
  platform::SystemRandom random;
  std::string bytes;
  for (std::size_t i = 0; i < words; ++i) {
    const std::uint64_t word = random.next();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return bytes;
}

Mask random_mask() {
  const std::string bytes = random_bytes(1);
  Mask mask{};
  for (std::size_t i = 0; i < mask.size(); ++i) {
    mask[i] = static_cast<std::uint8_t>(bytes[i]);
  }
  return mask;
}

/// ws://… as http://…, wss://… as https://….
Result<std::string> as_http(const std::string& url) {
  if (url.starts_with("ws://") || url.starts_with("wss://")) {
    return concat("http", std::string_view(url).substr(2));
  }
  return make_error(ErrorCode::Invalid, "is no ws or wss address", "url");
}

/// Path and query of an http address.
std::string target_of(std::string_view url) {
  const std::string_view rest = url.substr(url.find("://") + 3);
  const std::size_t at = rest.find_first_of("/?");
  if (at == std::string_view::npos) {
    return "/";
  }
  return concat(rest[at] == '?' ? "/" : "", rest.substr(at));
}

Result<std::string> handshake(
    const Exchange& exchange, const std::string& url, const Address& address, const std::string& key
) {
  const Origin& origin = address.origin;
  const bool usual = origin.port == (origin.scheme == "https" ? "443" : "80");
  std::string text = concat(
      "GET ",
      target_of(url),
      " HTTP/1.1\r\nHost: ",
      origin.host,
      usual ? "" : ":",
      usual ? "" : origin.port,
      "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: ",
      key,
      "\r\n"
  );
  for (const auto& [name, value] : exchange.common.headers) {
    const std::string lower = to_lower(name);
    const bool own = lower == "host" ||
                     (lower.starts_with("sec-websocket-") && lower != "sec-websocket-protocol");
    if (own) {
      return make_error(ErrorCode::Invalid, concat(name, " cannot be set"), "headers");
    }
    text += concat(name, ": ", value, "\r\n");
  }
  return text + "\r\n";
}

/// One connection from its handshake to the first message.
class Conversation {
 public:
  Conversation(ByteStream& stream, std::size_t bytes_max) : stream_(stream), reader_(bytes_max) {}

  /// The status of the answer.
  Result<int> open(const std::string& request, const std::string& key) {
    REEVE_CHECK(stream_.send(request));
    std::string head;
    std::size_t end = std::string::npos;
    while (end == std::string::npos) {
      REEVE_TRY(const std::string bytes, stream_.receive(kReadBytes));
      if (bytes.empty()) {
        return make_error(ErrorCode::Unavailable, "the connection was closed in the handshake");
      }
      head += bytes;
      end = head.find("\r\n\r\n");
      if (end == std::string::npos && head.size() > kHandshakeBytesMax) {
        return make_error(
            ErrorCode::Unavailable,
            concat("the head of its answer is longer than ", kHandshakeBytesMax, " bytes")
        );
      }
    }
    reader_.feed(std::string_view(head).substr(end + 4));
    return check_handshake(std::string_view(head).substr(0, end), key);
  }

  Result<void> say(Opcode opcode, std::string_view payload) {
    return stream_.send(encode_frame(opcode, payload, random_mask()));
  }

  Result<MessageReader::Message> listen() {
    for (int controls = 0; controls < kControlFramesMax;) {
      REEVE_TRY(std::optional<MessageReader::Message> message, reader_.next());
      if (!message) {
        REEVE_TRY(const std::string bytes, stream_.receive(kReadBytes));
        if (bytes.empty()) {
          return make_error(ErrorCode::Unavailable, "the connection was closed before an answer");
        }
        reader_.feed(bytes);
        continue;
      }
      if (message->opcode == Opcode::Text || message->opcode == Opcode::Binary) {
        return std::move(*message);
      }
      ++controls;
      if (message->opcode == Opcode::Close) {
        return make_error(
            ErrorCode::Unavailable,
            concat("it was closed before an answer (", close_text(message->payload), ")")
        );
      }
      if (message->opcode == Opcode::Ping) {
        REEVE_CHECK(say(Opcode::Pong, message->payload));
      }
    }
    return make_error(
        ErrorCode::LimitExceeded, concat("no answer within ", kControlFramesMax, " control frames")
    );
  }

 private:
  ByteStream& stream_;
  MessageReader reader_;
};

Result<ToolEnd> converse(
    const ToolRequest& request,
    const Exchange& exchange,
    const std::string& hello,
    const std::string& key,
    ByteStream& stream,
    ToolOutput& output
) {
  Conversation conversation(stream, exchange.common.response_bytes_max);
  REEVE_TRY(const int status, conversation.open(hello, key));
  if (status != kSwitching) {
    return ToolEnd{
        .exit_code = 1,
        .exit_text = std::to_string(status),
        .reason = concat("was answered with status ", status, " instead of a web socket")};
  }
  if (exchange.has_message) {
    REEVE_CHECK(conversation.say(Opcode::Text, exchange.message));
  }
  REEVE_TRY(const MessageReader::Message answer, conversation.listen());
  // 1000: a normal end. Whether it arrives makes no difference any more.
  [[maybe_unused]] const auto said = conversation.say(Opcode::Close, "\x03\xe8");
  const std::filesystem::path file = request.working_dir / kBodyFile;
  REEVE_CHECK(platform::replace_file(file, answer.payload));
  if (answer.opcode == Opcode::Text) {
    output.write(concat(answer.payload, answer.payload.ends_with('\n') ? "" : "\n"));
  } else {
    output.note(concat(answer.payload.size(), " bytes that are no text are in ", kBodyFile));
  }
  REEVE_CHECK(publish_outputs(answer.payload, exchange.common.outputs, output));
  return ToolEnd{};
}

}  // namespace

Result<ToolEnd> WebSocketTool::run(const ToolRequest& request, ToolOutput& output) {
  REEVE_TRY(Exchange exchange, read_exchange(request.input));
  add_trace_headers(exchange.common, request.environment);
  REEVE_TRY(const std::string url, as_http(exchange.common.url));
  REEVE_TRY(const Policy policy, make_policy(exchange.common));
  REEVE_TRY(const std::unique_ptr<Curl> curl, Curl::load());
  REEVE_TRY(const Address address, curl->parse(url));
  if (!policy.verify_tls) {
    output.warn("certificates were not verified: the task has verifyTls: false");
  }
  const std::string shown = concat("ws", std::string_view(address.display).substr(4));
  output.note(concat("connecting to ", shown));
  const std::string key = base64(random_bytes(kRandomWords));
  REEVE_TRY(const std::string hello, handshake(exchange, url, address, key));
  auto stream = curl->connect(url, policy);
  auto end = stream.ok() ? converse(request, exchange, hello, key, **stream, output)
                         : Result<ToolEnd>(stream.error());
  if (!end.ok()) {
    Error error = std::move(end).error();
    error.message = concat(shown, ": ", error.message);
    return error;
  }
  return end;
}

}  // namespace reeve::executor::http
