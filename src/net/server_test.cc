#include "net/server.h"

#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "base/strings.h"
#include "net/test_client.h"

namespace reeve::net {
namespace {

using testing::Event;
using testing::eventually;
using testing::start_server;
using testing::TestClient;

/// Answers "METHOD path body".
void echo(const std::shared_ptr<Exchange>& exchange) {
  const Request& request = exchange->request();
  exchange->respond(Response{.body = concat(request.method, " ", request.path, " ", request.body)});
}

TEST(Server, AnswersRequestsOnOneConnection) {
  const auto server = start_server(echo);
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("GET /a%20b HTTP/1.1\r\nHost: test\r\n\r\n");
  std::string head;
  EXPECT_EQ(client.read_answer(&head), "200 GET /a b ");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << head;
  EXPECT_EQ(head.find("Connection:"), std::string::npos);
  EXPECT_EQ(client.get("/2"), "200 GET /2 ");
  client.send("PUT /3 HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_EQ(client.read_answer(), "200 PUT /3 body");
  EXPECT_EQ(server->stats().requests, 3U);
  EXPECT_EQ(server->stats().accepted, 1U);
}

TEST(Server, TellsTheHandlerWhoAsks) {
  Request seen;
  const auto server = start_server([&](const std::shared_ptr<Exchange>& exchange) {
    seen = exchange->request();
    exchange->respond(Response{});
  });
  TestClient client = TestClient::tcp(server->ports()[0]);
  EXPECT_EQ(client.get("/p?a=1&a=2"), "200 ");
  EXPECT_EQ(seen.target, "/p?a=1&a=2");
  EXPECT_EQ(seen.query.size(), 2U);
  EXPECT_EQ(seen.host, "test");
  EXPECT_TRUE(seen.peer.starts_with("127.0.0.1:")) << seen.peer;
  EXPECT_FALSE(seen.tls);
  EXPECT_EQ(seen.client_certificate, nullptr);
  EXPECT_GT(seen.received_at.time_since_epoch().count(), 0);
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  const auto server = start_server(echo);
  TestClient client = TestClient::tcp(server->ports()[0]);
  std::string requests;
  for (int at = 0; at < 500; ++at) {
    requests += concat("GET /", at, " HTTP/1.1\r\nHost: test\r\n\r\n");
  }
  client.send(requests);
  for (int at = 0; at < 500; ++at) {
    ASSERT_EQ(client.read_answer(), concat("200 GET /", at, " "));
  }
}

TEST(Server, AnswersPipelinedRequestsInOrderFromOtherThreads) {
  std::vector<std::thread> threads;
  const auto server = start_server([&](std::shared_ptr<Exchange> exchange) {
    threads.emplace_back([exchange = std::move(exchange)] { echo(exchange); });
  });
  TestClient client = TestClient::tcp(server->ports()[0]);
  std::string requests;
  for (int at = 0; at < 20; ++at) {
    requests += concat("GET /", at, " HTTP/1.1\r\nHost: test\r\n\r\n");
  }
  client.send(requests);
  for (int at = 0; at < 20; ++at) {
    ASSERT_EQ(client.read_answer(), concat("200 GET /", at, " "));
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST(Server, ReadsAheadOnlySoMuch) {
  ServerLimits limits;
  limits.pipeline_bytes_max = 1000;
  std::shared_ptr<Exchange> kept;
  Event asked;
  const auto server = start_server(
      [&](std::shared_ptr<Exchange> exchange) {
        if (asked.count() == 0) {
          kept = std::move(exchange);
        } else {
          echo(exchange);
        }
        asked.happen();
      },
      limits
  );
  TestClient client = TestClient::tcp(server->ports()[0]);
  const std::string request =
      concat("GET /x HTTP/1.1\r\nHost: test\r\nX: ", std::string(8000, 'x'), "\r\n\r\n");
  ASSERT_TRUE(client.send(request));
  ASSERT_TRUE(asked.wait());
  std::string requests;
  while (requests.size() < (std::size_t{16} << 20)) {
    requests += request;
  }
  // As much as fits into the system's buffers: the server stops taking it.
  std::size_t total = 0;
  ssize_t sent = 0;
  do {
    total += static_cast<std::size_t>(sent);
    const std::string_view rest = std::string_view(requests).substr(total);
    sent = ::send(client.fd(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent > 0);
  EXPECT_GT(total, limits.pipeline_bytes_max);
  EXPECT_LE(
      server->stats().bytes_received, request.size() + limits.pipeline_bytes_max + (64 << 10)
  );
  EXPECT_EQ(server->stats().requests, 1U);
  kept->respond(Response{.body = "first"});
  EXPECT_EQ(client.read_answer(), "200 first");
  for (std::size_t at = 0; at < total / request.size(); ++at) {
    ASSERT_EQ(client.read_answer(), "200 GET /x ");
  }
}

TEST(Server, SendsNoBodyForHead) {
  const auto server = start_server(echo);
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("HEAD /long HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_NE(client.read_head().find("Content-Length: 11\r\n"), std::string::npos);
  EXPECT_EQ(client.get("/2"), "200 GET /2 ");
}

TEST(Server, SendsNeitherBodyNorLengthWhereThereIsNone) {
  const auto server = start_server([](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(Response{.status = 204, .headers = {}, .body = {}});
  });
  TestClient client = TestClient::tcp(server->ports()[0]);
  EXPECT_EQ(client.get("/"), "204");
  EXPECT_EQ(client.get("/"), "204");
}

TEST(Server, ClosesAfterTheResponseWhenAskedTo) {
  const auto server = start_server([](const std::shared_ptr<Exchange>& exchange) {
    const bool close = exchange->request().path == "/close";
    exchange->respond(Response{.body = "x", .close_connection = close});
  });
  for (const char* request :
       {"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET /close HTTP/1.1\r\nHost: test\r\n\r\n"}) {
    TestClient client = TestClient::tcp(server->ports()[0]);
    client.send(request);
    const std::string rest = client.read_rest();
    EXPECT_NE(rest.find("Connection: close\r\n"), std::string::npos) << request;
    EXPECT_TRUE(rest.ends_with("\r\n\r\nx")) << rest;
  }
}

TEST(Server, AnswersAClientThatHasStoppedSending) {
  std::shared_ptr<Exchange> kept;
  Event asked;
  Event gone;
  const auto server = start_server([&](std::shared_ptr<Exchange> exchange) {
    exchange->on_disconnect([&] { gone.happen(); });
    kept = std::move(exchange);
    asked.happen();
  });
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
  ASSERT_TRUE(asked.wait());
  client.end_sending();
  EXPECT_TRUE(gone.wait());
  kept->respond(Response{.body = "late"});
  EXPECT_EQ(client.read_answer(), "200 late");
  EXPECT_EQ(client.read_rest(), "");
}

TEST(Server, AnswersEverythingThatCameBeforeTheEnd) {
  const auto server = start_server(echo);
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("GET /1 HTTP/1.1\r\nHost: t\r\n\r\nGET /2 HTTP/1.1\r\nHost: t\r\n\r\nGET /3 HT");
  client.end_sending();
  EXPECT_EQ(client.read_answer(), "200 GET /1 ");
  EXPECT_EQ(client.read_answer(), "200 GET /2 ");
  EXPECT_EQ(client.read_rest(), "");
}

TEST(Server, TellsThatAClientHasGone) {
  Event asked;
  Event gone;
  std::vector<std::shared_ptr<Exchange>> kept;
  const auto server = start_server([&](std::shared_ptr<Exchange> exchange) {
    kept.push_back(std::move(exchange));
    asked.happen();
  });
  {
    TestClient client = TestClient::tcp(server->ports()[0]);
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    ASSERT_TRUE(asked.wait());
  }
  kept[0]->on_disconnect([&] { gone.happen(); });
  EXPECT_TRUE(gone.wait());
  // Nobody reads it, but nothing breaks.
  EXPECT_TRUE(kept[0]->respond(Response{.body = "to nobody"}));
  EXPECT_TRUE(eventually(*server, [&] { return server->stats().connections == 0; }));
}

TEST(Server, ForgetsTheCallbackOfAnAnsweredExchange) {
  Event gone;
  const auto server = start_server([&](const std::shared_ptr<Exchange>& exchange) {
    // Holds itself through the callback, until it is answered.
    exchange->on_disconnect([&gone, exchange] { gone.happen(); });
    echo(exchange);
  });
  {
    TestClient client = TestClient::tcp(server->ports()[0]);
    EXPECT_EQ(client.get("/"), "200 GET / ");
  }
  EXPECT_TRUE(eventually(*server, [&] { return server->stats().connections == 0; }));
  EXPECT_EQ(gone.count(), 0);
}

TEST(Server, AnswersForAHandlerThatDoesNot) {
  const auto server = start_server([](const std::shared_ptr<Exchange>&) {});
  TestClient client = TestClient::tcp(server->ports()[0]);
  EXPECT_EQ(client.get("/"), "500 the request was not answered\n");
  EXPECT_EQ(client.get("/"), "500 the request was not answered\n");
  EXPECT_EQ(server->stats().unanswered, 2U);
}

TEST(Server, TakesOnlyTheFirstAnswer) {
  std::vector<bool> taken;
  const auto server = start_server([&](const std::shared_ptr<Exchange>& exchange) {
    taken.push_back(exchange->respond(Response{.body = "one"}));
    taken.push_back(exchange->respond(Response{.body = "two"}));
    taken.push_back(exchange->start(ResponseHead{}) != nullptr);
  });
  TestClient client = TestClient::tcp(server->ports()[0]);
  EXPECT_EQ(client.get("/"), "200 one");
  EXPECT_EQ(client.get("/"), "200 one");
  EXPECT_EQ(taken, (std::vector<bool>{true, false, false, true, false, false}));
}

TEST(Server, DoesNotSendHeadersThatWouldBecomeOthers) {
  const auto server = start_server([](const std::shared_ptr<Exchange>& exchange) {
    const Header evil{.name = "X", .value = "a\r\nSet-Cookie: b"};
    if (exchange->request().path == "/stream") {
      EXPECT_EQ(exchange->start(ResponseHead{.status = 200, .headers = {evil}}), nullptr);
    } else {
      exchange->respond(Response{.status = 200, .headers = {evil}, .body = "x"});
    }
  });
  TestClient client = TestClient::tcp(server->ports()[0]);
  EXPECT_EQ(client.get("/"), "500 the answer to this request could not be sent\n");
  EXPECT_EQ(client.get("/stream"), "500 the answer to this request could not be sent\n");
  EXPECT_EQ(server->stats().responses_invalid, 2U);
}

TEST(Server, RefusesWhatIsMalformedAndCloses) {
  const auto server = start_server(echo);
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string rest = client.read_rest();
  EXPECT_TRUE(rest.starts_with("HTTP/1.1 400 Bad Request\r\n")) << rest;
  EXPECT_TRUE(rest.ends_with("\r\n\r\nthe request needs exactly one Host header\n")) << rest;
  EXPECT_EQ(server->stats().refused, 1U);
  EXPECT_EQ(server->stats().requests, 0U);
}

TEST(Server, LetsTheCallerWordRefusals) {
  ServerOptions options;
  options.listeners.emplace_back();
  options.handler = echo;
  options.refusal = [](int status, std::string_view message) {
    return Response{.status = status, .headers = {{"X-A", "b"}}, .body = concat("{", message, "}")};
  };
  const auto server = std::move(Server::start(std::move(options))).value();
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("HEAD / HTTP/2.0\r\n\r\n");
  const std::string rest = client.read_rest();
  EXPECT_TRUE(rest.starts_with("HTTP/1.1 505 HTTP Version Not Supported\r\nX-A: b\r\n")) << rest;
  EXPECT_TRUE(rest.ends_with("\r\n\r\n")) << rest;
}

TEST(Server, LetsAClientReadWhyItsBodyIsRefused) {
  ServerLimits limits;
  limits.body_bytes_max = 1000;
  const auto server = start_server(echo, limits);
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 2000000\r\n\r\n");
  // It goes on sending, as clients do, before it reads.
  client.send(std::string(2'000'000, 'x'));
  EXPECT_EQ(client.read_answer(), "413 the body is longer than 1000 bytes\n");
}

TEST(Server, PermitsABodyThatWaitsForPermission) {
  const auto server = start_server(echo);
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ(client.read_answer(), "200 PUT / body");
  // A body that comes along needs no permission.
  client.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody");
  EXPECT_EQ(client.read_answer(), "200 PUT / body");
}

TEST(Server, SendsLongBodiesWithoutCopies) {
  const auto text = std::make_shared<const std::string>(std::string(5'000'000, 'l'));
  const auto server = start_server([&](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(Response{.status = 200, .headers = {}, .body = text});
  });
  TestClient one = TestClient::tcp(server->ports()[0]);
  TestClient two = TestClient::tcp(server->ports()[0]);
  one.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_EQ(two.get("/"), concat("200 ", *text));
  EXPECT_EQ(one.read_answer(), concat("200 ", *text));
  EXPECT_TRUE(eventually(*server, [&] { return text.use_count() == 1; }));
}

TEST(Server, RunsWhatIsPostedInOrder) {
  const auto server = start_server(echo);
  std::string order;
  Event done;
  EXPECT_FALSE(server->on_network_thread());
  for (const char letter : {'a', 'b', 'c'}) {
    EXPECT_TRUE(server->post([&order, letter] { order.push_back(letter); }));
  }
  server->post([&] {
    EXPECT_TRUE(server->on_network_thread());
    done.happen();
  });
  ASSERT_TRUE(done.wait());
  EXPECT_EQ(order, "abc");
}

TEST(Server, PostsOnlySoMuch) {
  ServerLimits limits;
  limits.posted_max = 2;
  const auto server = start_server(echo, limits);
  Event blocked;
  Event go;
  server->post([&] {
    blocked.happen();
    go.wait();
  });
  ASSERT_TRUE(blocked.wait());
  EXPECT_TRUE(server->post([] {}));
  EXPECT_TRUE(server->post([] {}));
  EXPECT_FALSE(server->post([] {}));
  go.happen();
  EXPECT_TRUE(eventually(*server, [&] { return server->post([] {}); }));
}

TEST(Server, RunsTimersUnlessTheyAreCancelled) {
  const auto server = start_server(echo);
  Event ran;
  Event cancelled;
  TimerHandle never = server->post_after(Duration(20), [&] { cancelled.happen(); });
  never.cancel();
  server->post_after(Duration(40), [&] { ran.happen(); });
  ASSERT_TRUE(ran.wait());
  EXPECT_EQ(cancelled.count(), 0);
  TimerHandle().cancel();
}

TEST(Server, DropsTimersBeyondTheLimitAndAtItsEnd) {
  ServerLimits limits;
  // The server's own timer is one of them.
  limits.timers_max = 2;
  auto server = start_server(echo, limits);
  const auto wait_for_turn = [&] {
    Event turn;
    server->post([&] { turn.happen(); });
    ASSERT_TRUE(turn.wait());
  };
  wait_for_turn();
  const auto token = std::make_shared<int>(0);
  TimerHandle one = server->post_after(Duration(3'600'000), [token] {});
  server->post_after(Duration(1), [token] { ADD_FAILURE() << "over the limit"; });
  EXPECT_EQ(token.use_count(), 2);
  one.cancel();
  wait_for_turn();
  EXPECT_EQ(token.use_count(), 1);
  TimerHandle two = server->post_after(Duration(3'600'000), [token] {});
  EXPECT_EQ(token.use_count(), 2);
  server.reset();
  EXPECT_EQ(token.use_count(), 1);
  two.cancel();
}

TEST(Server, LooksAfterDeadlinesWhenAllTimersAreTaken) {
  ServerLimits limits;
  limits.timers_max = 1;
  limits.head_timeout = Duration(30);
  const auto server = start_server(echo, limits);
  for (int at = 0; at < 3; ++at) {
    server->post_after(Duration(3'600'000), [] {});
  }
  EXPECT_EQ(TestClient::tcp(server->ports()[0]).read_rest(), "");
}

TEST(Server, MayEndBeforeItsExchangesAndStreams) {
  std::shared_ptr<Exchange> unanswered;
  std::shared_ptr<Exchange> answered_late;
  std::shared_ptr<Exchange> started_late;
  std::shared_ptr<Stream> stream;
  Event asked;
  Event closed;
  Event gone;
  auto server = start_server([&](std::shared_ptr<Exchange> exchange) {
    const std::string& path = exchange->request().path;
    exchange->on_disconnect([&] { gone.happen(); });
    if (path == "/stream") {
      stream = exchange->start(ResponseHead{});
      stream->on_close([&] { closed.happen(); });
    } else {
      (path == "/1" ? unanswered : path == "/2" ? answered_late : started_late) = exchange;
    }
    asked.happen();
  });
  std::vector<TestClient> clients;
  for (const char* path : {"/1", "/2", "/3", "/stream"}) {
    clients.push_back(TestClient::tcp(server->ports()[0]));
    clients.back().send(concat("GET ", path, " HTTP/1.1\r\nHost: test\r\n\r\n"));
  }
  ASSERT_TRUE(asked.wait(4));
  server.reset();
  EXPECT_EQ(gone.count(), 3);
  EXPECT_EQ(closed.count(), 1);
  EXPECT_FALSE(stream->write("late"));
  EXPECT_FALSE(stream->open());
  EXPECT_TRUE(answered_late->respond(Response{}));
  const std::shared_ptr<Stream> late = started_late->start(ResponseHead{});
  ASSERT_NE(late, nullptr);
  EXPECT_FALSE(late->write("late"));
  late->on_close([&] { closed.happen(); });
  EXPECT_EQ(closed.count(), 2);
  unanswered.reset();
}

}  // namespace
}  // namespace reeve::net
