#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "net/server.h"
#include "net/test_client.h"
#include "net/web_socket_codec.h"

namespace reeve::net {
namespace {

using testing::Event;
using testing::eventually;
using testing::start_server;
using testing::TestClient;

const std::string kHandshake =
    "GET /ws HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: echo\r\n\r\n";

/// A client's frame; the mask is zero, which changes nothing.
std::string frame(FrameKind kind, std::string_view payload) {
  std::string text = encode_frame(kind, payload);
  text[1] = static_cast<char>(static_cast<unsigned char>(text[1]) | 0x80);
  return text.insert(text.size() - payload.size(), 4, '\0');
}

/// A server whose sockets send back what they get.
struct Echo {
  explicit Echo(ServerLimits limits = {}, WebSocketOptions options = {.protocols = {"echo"}}) {
    server = start_server(
        [this, options](const std::shared_ptr<Exchange>& exchange) {
          auto upgraded = exchange->upgrade_web_socket(options);
          if (!upgraded.ok()) {
            exchange->respond(Response{.status = 400, .body = upgraded.error().message});
            return;
          }
          EXPECT_EQ(exchange->upgrade_web_socket(options).error().code, ErrorCode::Conflict);
          listen(*upgraded);
        },
        limits
    );
  }

  ~Echo() { server.reset(); }

  void listen(const std::shared_ptr<WebSocket>& opened) {
    socket = opened;
    opened->on_message([opened](WebSocketMessage message) { opened->send(std::move(message)); });
    opened->on_close([this](std::uint16_t code, std::string reason) {
      how = concat(code, " ", reason);
      closed.happen();
    });
  }

  TestClient connect(const std::string& more = "") const {
    TestClient client = TestClient::tcp(server->ports()[0]);
    client.send(kHandshake + more);
    head = client.read_head();
    return client;
  }

  mutable std::string head;
  std::weak_ptr<WebSocket> socket;
  std::string how;
  Event closed;
  std::unique_ptr<Server> server;
};

TEST(ServerWebSocket, SendsMessagesBackAndForth) {
  Echo echo;
  TestClient client = echo.connect();
  EXPECT_EQ(
      echo.head,
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: echo\r\n\r\n"
  );
  client.send(frame(FrameKind::Text, "hello"));
  EXPECT_EQ(client.read_exactly(7), encode_frame(FrameKind::Text, "hello"));
  const std::string big(100'000, 'b');
  client.send(frame(FrameKind::Binary, big));
  EXPECT_EQ(client.read_exactly(big.size() + 10), encode_frame(FrameKind::Binary, big));
  client.send(frame(FrameKind::Ping, "p"));
  EXPECT_EQ(client.read_exactly(3), encode_frame(FrameKind::Pong, "p"));
  client.send(frame(
      FrameKind::Close,
      "\x0b\xb8"
      "done"
  ));
  EXPECT_EQ(client.read_rest(), encode_close(3000, ""));
  ASSERT_TRUE(echo.closed.wait());
  EXPECT_EQ(echo.how, "3000 done");
  // Nothing keeps the socket alive but its own callback, which is gone.
  EXPECT_TRUE(eventually(*echo.server, [&] { return echo.socket.expired(); }));
}

TEST(ServerWebSocket, ReadsFramesThatComeWithTheHandshake) {
  Echo echo;
  TestClient client = echo.connect(frame(FrameKind::Text, "early"));
  EXPECT_EQ(client.read_exactly(7), encode_frame(FrameKind::Text, "early"));
}

TEST(ServerWebSocket, SaysWhyItCloses) {
  Echo echo;
  TestClient client = echo.connect();
  // Not masked.
  client.send(encode_frame(FrameKind::Text, "plain"));
  EXPECT_EQ(client.read_rest(), encode_close(kCloseProtocolError, ""));
  ASSERT_TRUE(echo.closed.wait());
  EXPECT_EQ(echo.how, "1006 ");
}

TEST(ServerWebSocket, ClosesWhenTheOwnerWants) {
  Echo echo;
  TestClient client = echo.connect();
  std::shared_ptr<WebSocket> socket = echo.socket.lock();
  socket->close(4000, "enough");
  EXPECT_EQ(client.read_exactly(10), encode_close(4000, "enough"));
  EXPECT_FALSE(socket->send(WebSocketMessage{.data = "late"}));
  client.send(frame(FrameKind::Close, "\x0f\xa0"));
  EXPECT_EQ(client.read_rest(), "");
  ASSERT_TRUE(echo.closed.wait());
  EXPECT_EQ(echo.how, "4000 ");
}

TEST(ServerWebSocket, DoesNotWaitForeverForTheOtherToClose) {
  ServerLimits limits;
  limits.linger_timeout = Duration(20);
  Echo echo(limits);
  TestClient client = echo.connect();
  echo.socket.lock()->close(4000, "");
  EXPECT_EQ(client.read_rest(), encode_close(4000, ""));
  ASSERT_TRUE(echo.closed.wait());
  EXPECT_EQ(echo.how, "1006 ");
}

TEST(ServerWebSocket, PingsWhoIsSilentAndThenCloses) {
  ServerLimits limits;
  limits.linger_timeout = Duration(20);
  Echo echo(limits, WebSocketOptions{.ping_interval = Duration(30)});
  TestClient client = echo.connect();
  EXPECT_EQ(client.read_rest(), encode_frame(FrameKind::Ping, ""));
  ASSERT_TRUE(echo.closed.wait());
  EXPECT_EQ(echo.how, "1006 ");
}

TEST(ServerWebSocket, EndsWhenTheClientVanishesOrTheServerDrains) {
  ServerLimits limits;
  limits.linger_timeout = Duration(20);
  Echo echo(limits);
  { TestClient client = echo.connect(); }
  ASSERT_TRUE(echo.closed.wait());
  EXPECT_EQ(echo.how, "1006 ");
  TestClient client = echo.connect();
  EXPECT_FALSE(echo.server->drain(Duration(10)));
  EXPECT_EQ(client.read_rest(), encode_close(kCloseGoingAway, "the server ends"));
  EXPECT_TRUE(echo.closed.wait(2));
}

TEST(ServerWebSocket, LeavesOtherRequestsToTheHandler) {
  Echo echo;
  TestClient client = TestClient::tcp(echo.server->ports()[0]);
  EXPECT_EQ(client.get("/"), "400 the request does not ask for a web socket");
  EXPECT_EQ(client.get("/"), "400 the request does not ask for a web socket");
}

TEST(ServerWebSocket, ClosesWhenItIsDropped) {
  const auto server = start_server([](const std::shared_ptr<Exchange>& exchange) {
    EXPECT_TRUE(exchange->upgrade_web_socket({}).ok());
  });
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send(kHandshake);
  client.read_head();
  EXPECT_EQ(client.read_exactly(4), encode_close(kCloseGoingAway, ""));
}

}  // namespace
}  // namespace reeve::net
