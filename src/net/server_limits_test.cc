#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include "base/strings.h"
#include "net/server.h"
#include "net/test_client.h"

namespace reeve::net {
namespace {

using testing::Event;
using testing::eventually;
using testing::start_server;
using testing::TestClient;

void answer(const std::shared_ptr<Exchange>& exchange) {
  exchange->respond(Response{.body = "ok"});
}

TEST(ServerLimits, ClosesConnectionsBeyondTheMost) {
  ServerLimits limits;
  limits.connections_max = 2;
  const auto server = start_server(answer, limits);
  TestClient one = TestClient::tcp(server->ports()[0]);
  TestClient two = TestClient::tcp(server->ports()[0]);
  EXPECT_EQ(one.get("/"), "200 ok");
  EXPECT_EQ(two.get("/"), "200 ok");
  TestClient three = TestClient::tcp(server->ports()[0]);
  EXPECT_EQ(three.read_rest(), "");
  EXPECT_EQ(server->stats().connections_over, 1U);
  one.close();
  EXPECT_TRUE(eventually(*server, [&] { return server->stats().connections == 1; }));
  EXPECT_EQ(TestClient::tcp(server->ports()[0]).get("/"), "200 ok");
}

TEST(ServerLimits, ClosesConnectionsBeyondTheMostOfOneAddress) {
  ServerLimits limits;
  limits.connections_per_peer_max = 1;
  const auto server = start_server(answer, limits);
  {
    TestClient one = TestClient::tcp(server->ports()[0]);
    EXPECT_EQ(one.get("/"), "200 ok");
    EXPECT_EQ(TestClient::tcp(server->ports()[0]).read_rest(), "");
  }
  EXPECT_TRUE(eventually(*server, [&] { return server->stats().connections == 0; }));
  EXPECT_EQ(TestClient::tcp(server->ports()[0]).get("/"), "200 ok");
}

TEST(ServerLimits, ChangeForConnectionsFromThenOn) {
  ServerLimits limits;
  limits.connections_max = 1;
  limits.body_bytes_max = 8;
  const auto server = start_server(answer, limits);
  TestClient old = TestClient::tcp(server->ports()[0]);
  EXPECT_EQ(old.get("/"), "200 ok");
  EXPECT_EQ(TestClient::tcp(server->ports()[0]).read_rest(), "");
  ASSERT_TRUE(server
                  ->change_limits(
                      {.connections_max = 2, .connections_per_peer_max = 2, .body_bytes_max = 4}
                  )
                  .ok());
  TestClient fresh = TestClient::tcp(server->ports()[0]);
  const std::string post =
      "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
      "Content-Length: 6\r\n\r\nsix by";
  fresh.send(post);
  EXPECT_TRUE(fresh.read_rest().starts_with("HTTP/1.1 413 "));
  old.send(post);
  EXPECT_TRUE(old.read_rest().starts_with("HTTP/1.1 200 "));
}

TEST(ServerLimits, CutsOffAHeadThatDoesNotEnd) {
  ServerLimits limits;
  limits.head_timeout = Duration(30);
  const auto server = start_server(answer, limits);
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("GET / HTTP/1.1\r\nHost: test\r\nX: ");
  const std::string rest = client.read_rest();
  EXPECT_TRUE(rest.starts_with("HTTP/1.1 408 Request Timeout\r\n")) << rest;
  EXPECT_TRUE(rest.ends_with("the head of the request came too slowly\n")) << rest;
  EXPECT_EQ(server->stats().timeouts, 1U);
  EXPECT_EQ(server->stats().refused, 1U);
}

TEST(ServerLimits, ClosesAConnectionThatNeverAsks) {
  ServerLimits limits;
  limits.head_timeout = Duration(20);
  const auto server = start_server(answer, limits);
  TestClient client = TestClient::tcp(server->ports()[0]);
  EXPECT_EQ(client.read_rest(), "");
}

TEST(ServerLimits, ClosesAConnectionThatIsIdle) {
  ServerLimits limits;
  limits.idle_timeout = Duration(20);
  const auto server = start_server(answer, limits);
  TestClient client = TestClient::tcp(server->ports()[0]);
  EXPECT_EQ(client.get("/"), "200 ok");
  EXPECT_EQ(client.read_rest(), "");
  EXPECT_EQ(server->stats().timeouts, 0U);
}

TEST(ServerLimits, CutsOffABodyThatDoesNotGrow) {
  ServerLimits limits;
  limits.body_timeout = Duration(30);
  const auto server = start_server(answer, limits);
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nslow");
  const std::string rest = client.read_rest();
  EXPECT_TRUE(rest.starts_with("HTTP/1.1 408 ")) << rest;
  EXPECT_TRUE(rest.ends_with("the body of the request came too slowly\n")) << rest;
}

TEST(ServerLimits, RefusesBodiesBeyondWhatAllOfThemMayKeep) {
  ServerLimits limits;
  limits.unfinished_bodies_bytes_max = 100'000;
  const auto server = start_server(answer, limits);
  const std::string head = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 90000\r\n\r\n";
  TestClient one = TestClient::tcp(server->ports()[0]);
  one.send(head + std::string(60'000, 'x'));
  EXPECT_TRUE(eventually(*server, [&] { return server->stats().bytes_received > 60'000; }));
  TestClient two = TestClient::tcp(server->ports()[0]);
  two.send(head + std::string(60'000, 'x'));
  EXPECT_TRUE(two.read_rest().starts_with("HTTP/1.1 503 "));
  one.close();
  EXPECT_TRUE(eventually(*server, [&] { return server->stats().connections == 0; }));
  TestClient three = TestClient::tcp(server->ports()[0]);
  three.send(
      "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 90000\r\n\r\n" +
      std::string(90'000, 'x')
  );
  EXPECT_TRUE(three.read_rest().starts_with("HTTP/1.1 200 "));
}

TEST(ServerLimits, CutsOffAClientThatDoesNotTakeItsAnswer) {
  ServerLimits limits;
  limits.write_timeout = Duration(30);
  const auto text = std::make_shared<const std::string>(std::string(50'000'000, 'x'));
  const auto server = start_server(
      [&](const std::shared_ptr<Exchange>& exchange) {
        exchange->respond(Response{.status = 200, .headers = {}, .body = text});
      },
      limits
  );
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_TRUE(eventually(*server, [&] { return server->stats().timeouts == 1; }));
  EXPECT_LT(client.read_rest().size(), text->size());
  EXPECT_TRUE(eventually(*server, [&] { return text.use_count() == 1; }));
}

TEST(ServerLimits, DoesNotWaitForeverForAClientToClose) {
  ServerLimits limits;
  limits.linger_timeout = Duration(20);
  const auto server = start_server(answer, limits);
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("bad\r\n");
  EXPECT_EQ(client.read_answer().substr(0, 3), "400");
  EXPECT_TRUE(eventually(*server, [&] { return server->stats().connections == 0; }));
}

TEST(ServerLimits, ServesAThousandConnections) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
  ::setrlimit(RLIMIT_NOFILE, &files);
  ASSERT_GE(files.rlim_cur, 2100U) << "the machine allows too few descriptors";
  const auto server = start_server(answer);
  std::vector<TestClient> clients;
  for (int at = 0; at < 1000; ++at) {
    clients.push_back(TestClient::tcp(server->ports()[0]));
    ASSERT_TRUE(clients.back().send("GET / HTTP/1.1\r\nHost: test\r\n\r\n"));
  }
  for (TestClient& client : clients) {
    ASSERT_EQ(client.read_answer(), "200 ok");
  }
  EXPECT_EQ(server->stats().connections, 1000U);
  clients.clear();
  EXPECT_TRUE(eventually(*server, [&] { return server->stats().connections == 0; }));
}

TEST(ServerDrain, ClosesIdleConnectionsAndAcceptsNoMore) {
  const auto server = start_server(answer);
  TestClient client = TestClient::tcp(server->ports()[0]);
  EXPECT_EQ(client.get("/"), "200 ok");
  EXPECT_TRUE(server->drain(testing::kPatience));
  EXPECT_EQ(client.read_rest(), "");
  EXPECT_FALSE(testing::connect_tcp(server->ports()[0]));
}

TEST(ServerDrain, EndsConnectionsAfterTheirResponse) {
  std::shared_ptr<Exchange> kept;
  Event asked;
  const auto server = start_server([&](std::shared_ptr<Exchange> exchange) {
    kept = std::move(exchange);
    asked.happen();
  });
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
  ASSERT_TRUE(asked.wait());
  server->post_after(Duration(10), [&] { answer(kept); });
  std::string head;
  std::thread reader([&] {
    EXPECT_EQ(client.read_answer(&head), "200 ok");
    EXPECT_EQ(client.read_rest(), "");
    client.close();
  });
  EXPECT_TRUE(server->drain(testing::kPatience));
  reader.join();
  EXPECT_NE(head.find("Connection: close\r\n"), std::string::npos);
}

TEST(ServerDrain, EndsStreamsProperlyAfterTheGrace) {
  std::shared_ptr<Stream> stream;
  std::shared_ptr<Exchange> unanswered;
  Event asked;
  const auto server = start_server([&](std::shared_ptr<Exchange> exchange) {
    if (exchange->request().path == "/stream") {
      stream = exchange->start(ResponseHead{});
    } else {
      unanswered = std::move(exchange);
    }
    asked.happen();
  });
  TestClient streaming = TestClient::tcp(server->ports()[0]);
  streaming.send("GET /stream HTTP/1.1\r\nHost: test\r\n\r\n");
  TestClient waiting = TestClient::tcp(server->ports()[0]);
  waiting.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
  ASSERT_TRUE(asked.wait(2));
  stream->write("last words");
  std::string rest;
  std::thread reader([&] {
    rest = streaming.read_rest();
    streaming.close();
    EXPECT_EQ(waiting.read_rest(), "");
  });
  EXPECT_FALSE(server->drain(Duration(10)));
  reader.join();
  EXPECT_TRUE(rest.ends_with("last words\r\n0\r\n\r\n")) << rest;
  EXPECT_FALSE(stream->write("x"));
  EXPECT_EQ(server->stats().connections, 0U);
}

TEST(ServerDrain, CanBeginByNotAccepting) {
  const auto server = start_server(answer);
  TestClient client = TestClient::tcp(server->ports()[0]);
  EXPECT_EQ(client.get("/"), "200 ok");
  server->stop_accepting();
  Event stopped;
  server->post([&] { stopped.happen(); });
  ASSERT_TRUE(stopped.wait());
  EXPECT_FALSE(testing::connect_tcp(server->ports()[0]));
  EXPECT_EQ(client.get("/"), "200 ok");
}

}  // namespace
}  // namespace reeve::net
