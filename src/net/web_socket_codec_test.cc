#include "net/web_socket_codec.h"

#include <string>
#include <vector>

#include "base/strings.h"

namespace reeve::net {
namespace {

Request handshake_request() {
  Request request;
  request.method = "GET";
  request.headers.add("Upgrade", "WebSocket");
  request.headers.add("Connection", "keep-alive, Upgrade");
  request.headers.add("Sec-WebSocket-Version", "13");
  request.headers.add("Sec-WebSocket-Protocol", "chat, superchat");
  return request;
}

/// A client's frame, masked.
std::string frame(unsigned first_byte, std::string_view payload) {
  const std::string mask = "\x11\x22\x33\x44";
  std::string out{static_cast<char>(first_byte)};
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    out.push_back(static_cast<char>(0x80 | 126));
    out.push_back(static_cast<char>(payload.size() >> 8));
    out.push_back(static_cast<char>(payload.size() & 0xff));
  }
  out += mask;
  for (std::size_t at = 0; at < payload.size(); ++at) {
    out.push_back(static_cast<char>(payload[at] ^ mask[at % 4]));
  }
  return out;
}

/// "KIND data; …" of what the bytes mean, and the code of a violation.
std::string read_all(std::string_view bytes, std::size_t step, std::size_t message_bytes_max) {
  WebSocketReader reader(message_bytes_max);
  std::vector<WebSocketEvent> events;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    reader.feed(bytes.substr(at, step), events);
  }
  std::string out;
  for (const WebSocketEvent& event : events) {
    out += concat(static_cast<int>(event.kind), " ", event.data, event.code == 0 ? "" : " ");
    out += event.code == 0 ? "; " : concat(event.code, "; ");
  }
  return reader.failure() == 0 ? out : concat(out, "failure ", reader.failure());
}

void expect_reading(const std::string& bytes, const std::string& outcome) {
  for (const std::size_t step : {1000U, 1U, 3U}) {
    EXPECT_EQ(read_all(bytes, step, 200), outcome) << to_hex(bytes);
  }
}

TEST(WebSocketHandshake, AcceptsTheKeyOfTheStandard) {
  Request request = handshake_request();
  // The example of RFC 6455, 1.3.
  request.headers.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  const Result<WebSocketHandshake> handshake = read_handshake(request, {"x", "superchat", "chat"});
  ASSERT_TRUE(handshake.ok());
  EXPECT_EQ(handshake->accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(handshake->protocol, "superchat");
  EXPECT_EQ(read_handshake(request, {"Chat"})->protocol, "");
}

TEST(WebSocketHandshake, RefusesWhatIsNone) {
  EXPECT_FALSE(read_handshake(handshake_request(), {}).ok());
  Request request = handshake_request();
  request.headers.add("Sec-WebSocket-Key", "short");
  EXPECT_FALSE(read_handshake(request, {}).ok());
  request = handshake_request();
  request.headers.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  request.method = "POST";
  EXPECT_FALSE(read_handshake(request, {}).ok());
  request.method = "GET";
  request.version_minor = 0;
  EXPECT_FALSE(read_handshake(request, {}).ok());
  Request plain;
  plain.method = "GET";
  EXPECT_EQ(read_handshake(plain, {}).error().message, "the request does not ask for a web socket");
}

TEST(WebSocketCodec, WritesFrames) {
  EXPECT_EQ(encode_frame(FrameKind::Text, "Hello"), "\x81\x05Hello");
  EXPECT_EQ(
      encode_frame(FrameKind::Binary, std::string(126, 'x')).substr(0, 4),
      std::string("\x82\x7e\x00\x7e", 4)
  );
  EXPECT_EQ(
      encode_frame(FrameKind::Binary, std::string(65536, 'x')).substr(0, 10),
      std::string("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10)
  );
  EXPECT_EQ(
      encode_close(1000, "bye"),
      "\x88\x05\x03\xe8"
      "bye"
  );
  // Cut between characters.
  EXPECT_EQ(encode_close(1000, std::string(122, 'x') + "\xc3\xa9").size(), 2U + 2U + 122U);
}

TEST(WebSocketCodec, ReadsMessages) {
  expect_reading(frame(0x81, "Hello"), "1 Hello; ");
  expect_reading(frame(0x82, ""), "2 ; ");
  expect_reading(frame(0x82, std::string(200, 'x')), concat("2 ", std::string(200, 'x'), "; "));
  // A ping may come between the pieces of a message.
  expect_reading(
      concat(frame(0x01, "a"), frame(0x00, "\xc3"), frame(0x89, "p"), frame(0x80, "\xa9")),
      "9 p; 1 a\xc3\xa9; "
  );
  expect_reading(concat(frame(0x8a, ""), frame(0x81, "x")), "10 ; 1 x; ");
}

TEST(WebSocketCodec, ReadsNothingAfterTheEnd) {
  expect_reading(
      concat(
          frame(
              0x88,
              "\x03\xe8"
              "bye"
          ),
          frame(0x81, "x")
      ),
      "8 bye 1000; "
  );
  expect_reading(frame(0x88, ""), "8  1005; ");
}

TEST(WebSocketCodec, RefusesViolations) {
  expect_reading(std::string("\x81\x01x", 3) + "yyyyy", "failure 1002");  // no mask
  expect_reading(frame(0xc1, "x"), "failure 1002");                       // reserved bit
  expect_reading(frame(0x83, "x"), "failure 1002");                       // unknown kind
  expect_reading(frame(0x80, "x"), "failure 1002");                       // continues nothing
  expect_reading(concat(frame(0x01, "a"), frame(0x81, "b")), "failure 1002");
  expect_reading(frame(0x09, "x"), "failure 1002");  // divided ping
  expect_reading(frame(0x89, std::string(126, 'x')), "failure 1002");
  expect_reading(std::string("\x81\xfe\x00\x01mask", 8) + "x", "failure 1002");  // long length
  expect_reading(frame(0x81, "\xff"), "failure 1007");
  expect_reading(frame(0x82, std::string(201, 'x')), "failure 1009");
  expect_reading(
      concat(frame(0x02, std::string(120, 'x')), frame(0x80, std::string(81, 'x'))), "failure 1009"
  );
  expect_reading(std::string("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xffmask", 14), "failure 1009");
  expect_reading(frame(0x88, "x"), "failure 1002");
  expect_reading(frame(0x88, "\x03\xed"), "failure 1002");  // 1005 is never sent
  expect_reading(frame(0x88, "\x03\xe8\xff"), "failure 1002");
}

}  // namespace
}  // namespace reeve::net
