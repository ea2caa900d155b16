#include <string>
#include <vector>

#include "base/strings.h"
#include "net/client.h"
#include "net/client_fixture.h"
#include "net/raw_server.h"

/// Deadlines, cancelling, pausing, and ends of the client while something is under way.
namespace reeve::net {
namespace {

using testing::ClientFixture;
using testing::Event;
using testing::eventually;
using testing::get_from;
using testing::KeepingSink;
using testing::post_to;
using testing::RawServer;
using testing::start_server;
using testing::TestClient;

constexpr std::string_view kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A server that reads a request, says `text` and waits until the client goes.
RawServer::Script says(std::string text) {
  return [text = std::move(text)](TestClient& client, int) {
    client.read_head();
    client.send(text);
    client.read_rest();
  };
}

TEST(ClientPace, EachDeadlineEndsWhatHangs) {
  RawServer silent(says(""));
  RawServer stops(says(concat(kChunked, "1\r\na\r\n")));
  ClientFixture fixture;
  ClientRequest request = get_from(silent.port);
  request.deadlines.first_byte = Duration(20);
  EXPECT_EQ(fixture.ask(request), "sent deadline_exceeded");
  request.deadlines = {.total = Duration(20)};
  EXPECT_EQ(fixture.ask(request), "sent deadline_exceeded");
  request = get_from(stops.port);
  request.deadlines.idle = Duration(20);
  const auto sink = std::make_shared<KeepingSink>();
  const auto call = fixture.send(request, sink);
  EXPECT_EQ(sink->outcome(), "answer deadline_exceeded");
  EXPECT_EQ(sink->body(), "a");
  EXPECT_EQ(sink->message(), "the answer did not go on within 20ms");
  request.deadlines = {.total = Duration(20)};
  EXPECT_EQ(fixture.ask(request), "answer deadline_exceeded");
  EXPECT_EQ(fixture.client->stats().connections, 0U);
}

TEST(ClientPace, ANameThatIsNeverFoundCostsNobodyElse) {
  Event release;
  const auto other = start_server([](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(Response{.body = "here"});
  });
  ClientOptions options;
  options.lookup = [&](const std::string& host) -> Result<std::vector<std::string>> {
    if (host == "slow.test") {
      release.wait();
    }
    return std::vector<std::string>{"127.0.0.1"};
  };
  {
    ClientFixture fixture(std::move(options));
    ClientRequest slow = get_from(other->ports()[0]);
    slow.endpoint.host = "slow.test";
    slow.deadlines.connect = Duration(20);
    EXPECT_EQ(fixture.ask(slow), "connect deadline_exceeded");
    ClientRequest quick = get_from(other->ports()[0]);
    quick.endpoint.host = "quick.test";
    EXPECT_EQ(fixture.ask(quick), "200 here");
    // The client ends although the look-up does not.
    fixture.run([&] { fixture.client->close(); });
    release.happen();
  }
}

TEST(ClientPace, AnAddressThatDoesNotAnswerHasOnlyItsShare) {
  // A listener whose queue is full drops what comes: the connect hangs.
  const platform::FileDescriptor full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  ASSERT_EQ(::bind(full.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(full.get(), 0), 0);
  socklen_t length = sizeof(address);
  ::getsockname(full.get(), reinterpret_cast<sockaddr*>(&address), &length);
  const platform::FileDescriptor first =
      testing::connect_socket(reinterpret_cast<const sockaddr*>(&address), sizeof(address));

  ServerOptions listening;
  listening.listeners.push_back(ListenerOptions{.port = ntohs(address.sin_port)});
  listening.handler = [](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(Response{.body = "second"});
  };
  const auto other = std::move(Server::start(std::move(listening))).value();
  ClientOptions options;
  options.lookup = [](const std::string&) -> Result<std::vector<std::string>> {
    return std::vector<std::string>{"127.0.0.2", "127.0.0.1"};
  };
  ClientFixture fixture(std::move(options));
  ClientRequest request = get_from(other->ports()[0]);
  request.endpoint.host = "two.test";
  request.deadlines.connect = Duration(400);
  EXPECT_EQ(fixture.ask(request), "200 second");
  EXPECT_EQ(fixture.client->stats().dials_failed, 1U);
}

TEST(ClientPace, WhatIsCancelledIsNotHeardOfAgain) {
  Event asked;
  Event gone;
  RawServer server([&](TestClient& client, int) {
    client.read_head();
    client.send(concat(kChunked, "1\r\na\r\n"));
    asked.happen();
    client.read_rest();
    gone.happen();
  });
  ClientFixture fixture;
  const auto cancelled = std::make_shared<KeepingSink>();
  const auto call = fixture.send(get_from(server.port), cancelled);
  ASSERT_TRUE(cancelled->came.wait());
  fixture.run([&] { call->cancel(); });
  EXPECT_TRUE(gone.wait());
  fixture.run([&] { call->cancel(); });

  const auto dropped = std::make_shared<KeepingSink>();
  auto held = fixture.send(get_from(server.port), dropped);
  ASSERT_TRUE(dropped->came.wait());
  held.reset();
  EXPECT_TRUE(gone.wait(2));

  // Also from within the sink, and before anything was connected.
  const auto inside = std::make_shared<KeepingSink>();
  std::shared_ptr<ClientCall> self;
  fixture.run([&] {
    inside->then_data = [&] {
      self.reset();
    };
    self = fixture.client->send(get_from(server.port), inside);
  });
  EXPECT_TRUE(gone.wait(3));
  const auto early = std::make_shared<KeepingSink>();
  fixture.run([&] { fixture.client->send(get_from(server.port), early)->cancel(); });
  EXPECT_TRUE(eventually(*fixture.server, [&] { return fixture.client->stats().connections == 0; })
  );
  for (const auto& sink : {cancelled, dropped, inside, early}) {
    EXPECT_EQ(sink->over.count(), 0);
  }
  EXPECT_EQ(early->head.count(), 0);
}

TEST(ClientPace, APausedAnswerWaitsForItsReader) {
  const std::string piece(16'000, 'x');
  std::atomic<std::size_t> sent = 0;
  RawServer server([&](TestClient& client, int) {
    client.read_head();
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 32000000\r\n\r\n");
    for (int at = 0; at < 2000 && client.send(piece); ++at) {
      sent += piece.size();
    }
  });
  ClientFixture fixture;
  const auto sink = std::make_shared<KeepingSink>();
  std::shared_ptr<ClientCall> call;
  fixture.run([&] {
    sink->then_data = [&] {
      if (sink->came.count() == 1) {
        call->pause();
      }
    };
    ClientRequest request = get_from(server.port);
    // Deadlines stand still meanwhile.
    request.deadlines.idle = Duration(800);
    call = fixture.client->send(std::move(request), sink);
  });
  ASSERT_TRUE(sink->came.wait());
  Event later;
  fixture.server->post_after(Duration(1'000), [&] { later.happen(); });
  ASSERT_TRUE(later.wait());
  EXPECT_LE(sink->body().size(), 64U << 10U);
  EXPECT_LT(sent, 32'000'000U);
  EXPECT_EQ(sink->over.count(), 0);
  fixture.run([&] { call->resume(); });
  EXPECT_EQ(sink->outcome().size(), 32'000'004U);
}

TEST(ClientPace, AResumedAnswerHasItsDeadlinesAgain) {
  RawServer server(says(concat(kChunked, "1\r\na\r\n")));
  ClientFixture fixture;
  const auto sink = std::make_shared<KeepingSink>();
  ClientRequest request = get_from(server.port);
  request.deadlines.idle = Duration(30);
  std::shared_ptr<ClientCall> call;
  fixture.run([&] {
    sink->then_data = [&] {
      call->pause();
    };
    call = fixture.client->send(request, sink);
  });
  ASSERT_TRUE(sink->came.wait());
  fixture.run([&] { call->resume(); });
  EXPECT_EQ(sink->outcome(), "answer deadline_exceeded");
}

TEST(ClientPace, TheNextRequestCanBeSentFromTheEndOfTheLast) {
  const auto other = start_server([](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(Response{.body = exchange->request().target});
  });
  ClientFixture fixture;
  const auto first = std::make_shared<KeepingSink>();
  const auto second = std::make_shared<KeepingSink>();
  std::vector<std::shared_ptr<ClientCall>> calls;
  const std::uint16_t port = other->ports()[0];
  fixture.run([&] {
    first->then_end = [&] {
      calls.push_back(fixture.client->send(get_from(port, "/second"), second));
    };
    calls.push_back(fixture.client->send(get_from(port, "/first"), first));
  });
  EXPECT_EQ(first->outcome(), "200 /first");
  EXPECT_EQ(second->outcome(), "200 /second");
  EXPECT_EQ(other->stats().accepted, 1U);
}

TEST(ClientPace, KeptConnectionsAreFewAndEndAfterAWhile) {
  std::vector<std::shared_ptr<Exchange>> held;
  Event came;
  const auto other = start_server([&](const std::shared_ptr<Exchange>& exchange) {
    held.push_back(exchange);
    came.happen();
  });
  ClientFixture fixture({.idle_max = 2, .idle_time = Duration(50)});
  std::vector<std::shared_ptr<KeepingSink>> sinks;
  std::vector<std::shared_ptr<ClientCall>> calls;
  for (int at = 0; at < 5; ++at) {
    sinks.push_back(std::make_shared<KeepingSink>());
    calls.push_back(fixture.send(get_from(other->ports()[0]), sinks.back()));
  }
  ASSERT_TRUE(came.wait(5));
  EXPECT_EQ(fixture.client->stats().connections, 5U);
  EXPECT_TRUE(other
                  ->run(
                      [&] {
                        for (const std::shared_ptr<Exchange>& exchange : held) {
                          exchange->respond({});
                        }
                        held.clear();
                      },
                      Duration(10'000)
                  )
                  .ok());
  for (const std::shared_ptr<KeepingSink>& sink : sinks) {
    EXPECT_EQ(sink->outcome(), "200 ");
  }
  EXPECT_LE(fixture.client->stats().connections, 2U);
  EXPECT_TRUE(eventually(*fixture.server, [&] { return fixture.client->stats().connections == 0; })
  );
}

TEST(ClientPace, ClosingEndsEverythingWithoutAWord) {
  RawServer server(says(concat(kChunked, "1\r\na\r\n")));
  ClientFixture fixture({.connections_max = 1});
  const auto open = std::make_shared<KeepingSink>();
  const auto waiting = std::make_shared<KeepingSink>();
  const auto open_call = fixture.send(get_from(server.port), open);
  const auto waiting_call = fixture.send(get_from(server.port), waiting);
  ASSERT_TRUE(open->came.wait());
  fixture.client->close();
  EXPECT_EQ(fixture.client->stats().connections, 0U);
  EXPECT_EQ(fixture.ask(get_from(server.port)), "connect unavailable");
  EXPECT_EQ(open->over.count(), 0);
  EXPECT_EQ(waiting->over.count(), 0);
}

TEST(ClientPace, AServerThatStopsTakesTheClientWithIt) {
  RawServer server(says(concat(kChunked, "1\r\na\r\n")));
  ClientFixture fixture;
  const auto sink = std::make_shared<KeepingSink>();
  const auto call = fixture.send(get_from(server.port), sink);
  ASSERT_TRUE(sink->came.wait());
  fixture.server->stop();
  EXPECT_EQ(sink->over.count(), 0);
  fixture.client->close();
}

}  // namespace
}  // namespace reeve::net
