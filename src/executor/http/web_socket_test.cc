#include "executor/http/web_socket.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "executor/http/sha1.h"

namespace reeve::executor::http {
namespace {

constexpr Mask kMask = {0x37, 0xfa, 0x21, 0x3d};

std::string bytes(std::initializer_list<unsigned> values) {
  std::string text;
  for (const unsigned value : values) {
    text.push_back(static_cast<char>(value));
  }
  return text;
}

TEST(Sha1, GivesTheStandardsVectors) {
  EXPECT_EQ(to_hex(sha1("")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(to_hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(
      to_hex(sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
  );
  EXPECT_EQ(to_hex(sha1(std::string(1'000'000, 'a'))), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Base64, GivesTheStandardsVectors) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(WebSocketFrame, IsTheOneOfTheStandardsExample) {
  EXPECT_EQ(
      encode_frame(Opcode::Text, "Hello", kMask),
      bytes({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58})
  );
}

TEST(WebSocketFrame, WritesTheLengthInAsFewBytesAsItTakes) {
  const auto head = [](std::size_t size) {
    const std::string frame = encode_frame(Opcode::Binary, std::string(size, 'x'), kMask);
    return frame.substr(0, frame.size() - size - kMask.size());
  };
  EXPECT_EQ(head(125), bytes({0x82, 0xfd}));
  EXPECT_EQ(head(126), bytes({0x82, 0xfe, 0x00, 0x7e}));
  EXPECT_EQ(head(65535), bytes({0x82, 0xfe, 0xff, 0xff}));
  EXPECT_EQ(head(65536), bytes({0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0}));
}

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";

TEST(WebSocketHandshake, FitsToTheKeyOfTheStandardsExample) {
  EXPECT_EQ(accept_for(kKey), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  const std::string good =
      "HTTP/1.1 101 Switching\r\nUPGRADE: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
  EXPECT_EQ(check_handshake(good, kKey).value(), 101);
  EXPECT_FALSE(check_handshake(good, "another").ok());
  EXPECT_FALSE(check_handshake(good + "\r\nSec-WebSocket-Extensions: x", kKey).ok());
  EXPECT_FALSE(check_handshake("HTTP/1.1 101 Switching\r\n", kKey).ok());
  EXPECT_EQ(check_handshake("HTTP/1.1 403 Forbidden\r\n", kKey).value(), 403);
  EXPECT_FALSE(check_handshake("SSH-2.0-OpenSSH", kKey).ok());
  EXPECT_FALSE(check_handshake("", kKey).ok());
}

/// Everything that comes of `wire`, in pieces of `piece` bytes.
std::string read(const std::string& wire, std::size_t piece = 1'000, std::size_t bytes_max = 100) {
  MessageReader reader(bytes_max);
  std::string out;
  for (std::size_t at = 0; at < wire.size(); at += piece) {
    reader.feed(std::string_view(wire).substr(at, piece));
    for (;;) {
      const auto message = reader.next();
      if (!message.ok()) {
        return out + std::string(to_string(message.error().code));
      }
      if (!message->has_value()) {
        break;
      }
      out += concat(static_cast<int>((*message)->opcode), ":", (*message)->payload, " ");
    }
  }
  return out;
}

TEST(WebSocketReader, GivesWholeMessagesHoweverTheyArrive) {
  const std::string wire = bytes({0x01, 0x03}) + "Hel" + bytes({0x89, 0x02}) + "hi" +
                           bytes({0x80, 0x02}) + "lo" + bytes({0x82, 0x7e, 0x00, 0x02}) + "xy" +
                           bytes({0x88, 0x02, 0x03, 0xe8});
  const std::string expected = "9:hi 1:Hello 2:xy 8:" + bytes({0x03, 0xe8}) + " ";
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 100U}) {
    EXPECT_EQ(read(wire, piece), expected) << piece;
  }
}

TEST(WebSocketReader, RefusesWhatBreaksTheProtocol) {
  EXPECT_EQ(read(bytes({0x81, 0x81, 1, 2, 3, 4, 5})), "invalid");
  EXPECT_EQ(read(bytes({0xc1, 0x00})), "invalid");
  EXPECT_EQ(read(bytes({0x83, 0x00})), "invalid");
  EXPECT_EQ(read(bytes({0x80, 0x00})), "invalid");
  EXPECT_EQ(read(bytes({0x01, 0x00, 0x81, 0x00})), "invalid");
  EXPECT_EQ(read(bytes({0x09, 0x00})), "invalid");
  EXPECT_EQ(read(bytes({0x89, 0x7e, 0x00, 0x7e})), "invalid");
  EXPECT_EQ(read(bytes({0x81, 0x01, 0xff})), "invalid");
}

TEST(WebSocketReader, StopsAtItsLimitBeforeTheBytesArrive) {
  EXPECT_EQ(read(bytes({0x81, 0x03}) + "abc", 100, 3), "1:abc ");
  EXPECT_EQ(read(bytes({0x81, 0x04}), 100, 3), "limit_exceeded");
  EXPECT_EQ(
      read(bytes({0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})), "limit_exceeded"
  );
  EXPECT_EQ(read(bytes({0x01, 0x02}) + "ab" + bytes({0x80, 0x02}), 100, 3), "limit_exceeded");
}

TEST(WebSocketClose, IsToldToPeople) {
  EXPECT_EQ(close_text(bytes({0x03, 0xe8})), "1000");
  EXPECT_EQ(close_text(bytes({0x03, 0xf3}) + "oops"), "1011: oops");
  EXPECT_EQ(close_text(bytes({0x03, 0xf3}) + "a\nb"), "1011");
  EXPECT_EQ(close_text(""), "no code");
}

}  // namespace
}  // namespace reeve::executor::http
