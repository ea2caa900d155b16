#include "net/client.h"

#include <string>
#include <vector>

#include "base/strings.h"
#include "net/client_fixture.h"
#include "net/raw_server.h"
#include "platform/posix/system.h"

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

/// Answers with what it was asked.
void echo(const std::shared_ptr<Exchange>& exchange) {
  const Request& request = exchange->request();
  exchange->respond(Response{
      .headers = {{"X-Host", request.host}},
      .body = concat(request.method, " ", request.target, " ", request.body)});
}

constexpr std::string_view kShort = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(Client, AsksAndKeepsTheConnection) {
  ClientFixture fixture;
  const auto other = start_server(echo);
  const std::uint16_t port = other->ports()[0];
  EXPECT_EQ(fixture.ask(get_from(port, "/a?b=c")), "200 GET /a?b=c ");
  EXPECT_EQ(fixture.ask(post_to(port, "hello", "/p")), "200 POST /p hello");
  EXPECT_EQ(fixture.ask(post_to(port, "", "/p")), "200 POST /p ");
  const auto sink = std::make_shared<KeepingSink>();
  const auto call = fixture.send(get_from(port), sink);
  EXPECT_EQ(sink->outcome(), "200 GET / ");
  EXPECT_EQ(sink->header("x-host"), concat("127.0.0.1:", port));
  EXPECT_EQ(other->stats().accepted, 1U);
  const ClientStats stats = fixture.client->stats();
  EXPECT_EQ(stats.requests, 4U);
  EXPECT_EQ(stats.reused, 3U);
  EXPECT_EQ(stats.connections, 1U);
  EXPECT_EQ(stats.failed, 0U);
}

TEST(Client, AsksTheServerWhoseThreadItUses) {
  ClientFixture fixture({}, echo);
  EXPECT_EQ(fixture.ask(get_from(fixture.server->ports()[0], "/self")), "200 GET /self ");
}

TEST(Client, AThousandRequestsAtOnceShareTheConnectionsThereMayBe) {
  ClientFixture fixture({.connections_max = 16});
  const auto other = start_server(echo);
  const std::uint16_t port = other->ports()[0];
  std::vector<std::shared_ptr<KeepingSink>> sinks;
  std::vector<std::shared_ptr<ClientCall>> calls;
  fixture.run([&] {
    for (int at = 0; at < 1000; ++at) {
      sinks.push_back(std::make_shared<KeepingSink>());
      calls.push_back(fixture.client->send(post_to(port, std::to_string(at)), sinks.back()));
    }
  });
  for (int at = 0; at < 1000; ++at) {
    EXPECT_EQ(sinks[static_cast<std::size_t>(at)]->outcome(), concat("200 POST / ", at));
  }
  EXPECT_EQ(other->stats().accepted, 16U);
}

TEST(Client, OneRequestTooManyIsRefused) {
  std::vector<std::shared_ptr<Exchange>> held;
  Event came;
  const auto other = start_server([&](const std::shared_ptr<Exchange>& exchange) {
    held.push_back(exchange);
    came.happen();
  });
  ClientFixture fixture({.connections_max = 1, .waiting_max = 1});
  const std::uint16_t port = other->ports()[0];
  const auto first = std::make_shared<KeepingSink>();
  const auto second = std::make_shared<KeepingSink>();
  const auto first_call = fixture.send(get_from(port), first);
  ASSERT_TRUE(came.wait());
  auto second_call = fixture.send(get_from(port), second);
  EXPECT_EQ(fixture.ask(get_from(port)), "connect unavailable");
  // Who goes makes room.
  second_call.reset();
  const auto third = std::make_shared<KeepingSink>();
  const auto third_call = fixture.send(get_from(port), third);
  EXPECT_TRUE(other->run([&] { held[0]->respond(Response{.body = "1"}); }, Duration(10'000)).ok());
  EXPECT_EQ(first->outcome(), "200 1");
  ASSERT_TRUE(came.wait(2));
  EXPECT_TRUE(other->run([&] { held[1]->respond(Response{.body = "3"}); }, Duration(10'000)).ok());
  EXPECT_EQ(third->outcome(), "200 3");
  EXPECT_EQ(second->over.count(), 0);
  EXPECT_TRUE(other->run([&] { held.clear(); }, Duration(10'000)).ok());
}

TEST(Client, BodiesOfAnyFramingComeWhole) {
  const auto answer = [](std::string text) {
    RawServer server([text = std::move(text)](TestClient& client, int) {
      client.read_head();
      client.send(text);
    });
    ClientFixture fixture;
    return fixture.ask(get_from(server.port));
  };
  EXPECT_EQ(answer(std::string(kShort)), "200 ok");
  EXPECT_EQ(
      answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\na"),
      "201 a"
  );
  EXPECT_EQ(
      answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n"
             "Trailer: x\r\n\r\n"),
      "200 abcde"
  );
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n\r\nuntil the end"), "200 until the end");
  EXPECT_EQ(answer("HTTP/1.0 404 No\r\nContent-Length: 2\r\n\r\nno"), "404 no");
  EXPECT_EQ(answer("HTTP/1.1 204 No\r\n\r\n"), "204 ");
}

TEST(Client, AnAnswerToHeadLeavesTheConnectionInStep) {
  ClientFixture fixture;
  const auto other = start_server(echo);
  ClientRequest head = get_from(other->ports()[0]);
  head.method = "HEAD";
  EXPECT_EQ(fixture.ask(head), "200 ");
  EXPECT_EQ(fixture.ask(get_from(other->ports()[0], "/x")), "200 GET /x ");
  EXPECT_EQ(other->stats().accepted, 1U);
}

TEST(Client, CutAnswersAreErrors) {
  const auto answer = [](std::string text) {
    RawServer server([text = std::move(text)](TestClient& client, int) {
      client.read_head();
      client.send(text);
    });
    ClientFixture fixture;
    return fixture.ask(get_from(server.port));
  };
  EXPECT_EQ(answer(""), "sent unavailable");
  EXPECT_EQ(answer("HTTP/1.1 200"), "sent unavailable");
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"), "answer unavailable");
  EXPECT_EQ(
      answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
      "answer unavailable"
  );
  EXPECT_EQ(answer("SSH-2.0-nobody\r\n"), "sent invalid");
  EXPECT_EQ(
      answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "answer invalid"
  );
}

TEST(Client, ConnectionsThatShouldNotBeUsedAgainAreNot) {
  const std::vector<std::string> answers = {
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
      concat(kShort, "HTTP/1.1 200 OK\r\n"),
      std::string(kShort)};
  RawServer server([&](TestClient& client, int number) {
    client.read_head();
    client.send(answers[static_cast<std::size_t>(number)]);
    client.read_rest();
  });
  ClientFixture fixture;
  for (int at = 0; at < 4; ++at) {
    EXPECT_EQ(fixture.ask(get_from(server.port)), "200 ok");
  }
  EXPECT_EQ(server.accepted(), 4);
  EXPECT_EQ(fixture.client->stats().connections, 1U);
}

TEST(Client, AKeptConnectionThatWasClosedIsNotUsed) {
  RawServer server([](TestClient& client, int) {
    client.read_head();
    client.send(kShort);
  });
  ClientFixture fixture;
  EXPECT_EQ(fixture.ask(get_from(server.port)), "200 ok");
  EXPECT_TRUE(eventually(*fixture.server, [&] { return fixture.client->stats().connections == 0; })
  );
  EXPECT_EQ(fixture.ask(get_from(server.port)), "200 ok");
  EXPECT_EQ(fixture.client->stats().retried, 0U);
}

TEST(Client, AStaleConnectionIsTriedOnceMore) {
  std::vector<std::string> bodies(4);
  RawServer server([&](TestClient& client, int number) {
    client.read_head();
    client.send(kShort);
    // The second request comes while this side is about to close.
    client.read_head();
    client.read_exactly(5);
    if (number == 1) {
      client.send(kShort);
    }
  });
  ClientFixture fixture;
  EXPECT_EQ(fixture.ask(get_from(server.port)), "200 ok");
  EXPECT_EQ(fixture.ask(post_to(server.port, "hello")), "200 ok");
  EXPECT_EQ(server.accepted(), 2);
  EXPECT_EQ(fixture.client->stats().retried, 1U);
}

TEST(Client, WhatMustNotBeDoneTwiceIsNotTriedAgain) {
  const auto script = [](TestClient& client, int) {
    client.read_head();
    client.send(kShort);
    client.read_head();
  };
  RawServer server(script);
  ClientFixture fixture;
  EXPECT_EQ(fixture.ask(get_from(server.port)), "200 ok");
  ClientRequest once = get_from(server.port);
  once.retry_stale = false;
  EXPECT_EQ(fixture.ask(once), "sent unavailable");
  EXPECT_EQ(server.accepted(), 1);
}

TEST(Client, OnceIsEnoughForStaleConnectionsAndAByteIsAnAnswer) {
  RawServer server([](TestClient& client, int number) {
    client.read_head();
    if (number == 0) {
      client.send(kShort);
      client.read_head();
    }
  });
  ClientFixture fixture;
  EXPECT_EQ(fixture.ask(get_from(server.port)), "200 ok");
  EXPECT_EQ(fixture.ask(get_from(server.port)), "sent unavailable");
  EXPECT_EQ(server.accepted(), 2);

  RawServer talks([](TestClient& client, int) {
    client.read_head();
    client.send(kShort);
    client.read_head();
    client.send("H");
  });
  EXPECT_EQ(fixture.ask(get_from(talks.port)), "200 ok");
  EXPECT_EQ(fixture.ask(get_from(talks.port)), "sent unavailable");
  EXPECT_EQ(talks.accepted(), 1);
}

TEST(Client, AStaleConnectionWithoutASuccessorIsReportedAsSent) {
  Event second;
  auto server = std::make_unique<RawServer>([&](TestClient& client, int) {
    client.read_head();
    client.send(kShort);
    client.read_head();
    second.happen();
  });
  bool allowed = true;
  ClientFixture fixture({.allowed = [&](const Endpoint&, std::string_view) {
    return allowed;
  }});
  EXPECT_EQ(fixture.ask(get_from(server->port)), "200 ok");
  fixture.run([&] { allowed = false; });
  EXPECT_EQ(fixture.ask(get_from(server->port)), "sent permission_denied");
  EXPECT_EQ(second.count(), 1);
}

TEST(Client, NobodyThereIsToldBeforeAnythingIsSent) {
  const std::uint16_t closed = [] {
    const auto gone = start_server([](const std::shared_ptr<Exchange>&) {});
    return gone->ports()[0];
  }();
  ClientFixture fixture;
  const auto sink = std::make_shared<KeepingSink>();
  const auto call = fixture.send(get_from(closed), sink);
  EXPECT_EQ(sink->outcome(), "connect unavailable");
  EXPECT_EQ(
      sink->described(),
      concat(
          "http://127.0.0.1:",
          closed,
          ": connecting to 127.0.0.1:",
          closed,
          " failed: connection refused"
      )
  );
  EXPECT_EQ(fixture.client->stats().dials_failed, 1U);
  EXPECT_EQ(fixture.client->stats().failed, 1U);
}

TEST(Client, ARequestThatCannotBeSentIsRefusedLater) {
  ClientFixture fixture;
  ClientRequest broken = get_from(1);
  broken.headers = {{"Host", "x"}};
  EXPECT_EQ(fixture.ask(broken), "connect invalid");
}

TEST(Client, NamesAreLookedUpAndAddressesTriedInTheirOrder) {
  const auto other = start_server(echo);
  std::vector<std::string> asked;
  ClientOptions options;
  options.allowed = [&](const Endpoint& endpoint, std::string_view address) {
    EXPECT_EQ(endpoint.host, "many.test");
    asked.emplace_back(address);
    return address != "127.0.0.3";
  };
  options.lookup = [](const std::string& host) -> Result<std::vector<std::string>> {
    EXPECT_EQ(host, "many.test");
    // Nobody listens at the first one, the second is not allowed.
    return std::vector<std::string>{"127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.4"};
  };
  ClientFixture fixture(std::move(options));
  ClientRequest request = get_from(other->ports()[0]);
  request.endpoint.host = "many.test";
  EXPECT_EQ(fixture.ask(request), "200 GET / ");
  fixture.run([&] {
    EXPECT_EQ(asked, (std::vector<std::string>{"127.0.0.2", "127.0.0.3", "127.0.0.1"}));
  });
}

TEST(Client, TheNameOfThisMachineIsKnown) {
  ClientFixture fixture;
  const auto other = start_server(echo);
  ClientRequest request = get_from(other->ports()[0]);
  request.endpoint.host = "localhost";
  EXPECT_EQ(fixture.ask(request), "200 GET / ");
}

TEST(Client, WhatIsNotAllowedIsNotAskedEvenUnderAnotherName) {
  ClientOptions options;
  options.allowed = [](const Endpoint&, std::string_view address) {
    return address == "192.0.2.1";
  };
  options.lookup = [](const std::string&) -> Result<std::vector<std::string>> {
    return std::vector<std::string>{"127.0.0.1"};
  };
  ClientFixture fixture(std::move(options));
  const auto other = start_server(echo);
  ClientRequest request = get_from(other->ports()[0]);
  EXPECT_EQ(fixture.ask(request), "connect permission_denied");
  request.endpoint.host = "harmless.test";
  EXPECT_EQ(fixture.ask(request), "connect permission_denied");
  EXPECT_EQ(other->stats().accepted, 0U);
}

TEST(Client, ANameWithoutAddressesIsAnError) {
  ClientOptions options;
  options.lookup = [](const std::string& host) -> Result<std::vector<std::string>> {
    return make_error(ErrorCode::Unavailable, "the name has no address", host);
  };
  ClientFixture fixture(std::move(options));
  ClientRequest request = get_from(1);
  request.endpoint.host = "nobody.test";
  EXPECT_EQ(fixture.ask(request), "connect unavailable");
}

TEST(Client, UnixSocketsAreAsked) {
  const std::string directory = ::testing::TempDir() + "net-client";
  ASSERT_TRUE(platform::make_directories(directory).ok());
  const std::string path = directory + "/socket";
  ServerOptions options;
  options.listeners.push_back(ListenerOptions{.unix_path = path});
  options.handler = echo;
  auto other = std::move(Server::start(std::move(options))).value();
  ClientFixture fixture;
  ClientRequest request = get_from(80, "/u");
  request.endpoint.host = "run";
  request.endpoint.unix_path = path;
  EXPECT_EQ(fixture.ask(request), "200 GET /u ");
  EXPECT_EQ(fixture.ask(request), "200 GET /u ");
  EXPECT_EQ(other->stats().accepted, 1U);
  other.reset();
  // Until the end of the kept connection is seen, something may still be sent on it.
  EXPECT_TRUE(eventually(*fixture.server, [&] { return fixture.client->stats().connections == 0; })
  );
  EXPECT_EQ(fixture.ask(request), "connect unavailable");
  request.endpoint.unix_path = std::string(200, 'x');
  EXPECT_EQ(fixture.ask(request), "connect invalid");
}

TEST(Client, AnAnswerThatComesBeforeTheBodyIsTakenIsRead) {
  RawServer server([](TestClient& client, int) {
    client.read_head();
    client.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
    client.end_sending();
    client.read_exactly(100'000);
  });
  ClientFixture fixture;
  EXPECT_EQ(fixture.ask(post_to(server.port, std::string(20'000'000, 'x'))), "413 big");
  EXPECT_EQ(fixture.client->stats().connections, 0U);
}

TEST(Client, LongBodiesGoBothWays) {
  ClientFixture fixture;
  ServerOptions options;
  options.listeners.emplace_back();
  options.limits.body_bytes_max = 20'000'000;
  options.handler = [](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(Response{.body = exchange->request().body});
  };
  const auto other = std::move(Server::start(std::move(options))).value();
  const auto text = std::make_shared<const std::string>(10'000'000, 'y');
  ClientRequest request = get_from(other->ports()[0]);
  request.method = "PUT";
  request.body = text;
  EXPECT_EQ(fixture.ask(request), concat("200 ", *text));
}

TEST(Client, HugeHeadsAreRefused) {
  RawServer server([](TestClient& client, int) {
    client.read_head();
    client.send("HTTP/1.1 200 OK\r\nA: ");
    const std::string piece(10'000, 'x');
    while (client.send(piece)) {
    }
  });
  ClientFixture fixture({.head_bytes_max = 100'000});
  EXPECT_EQ(fixture.ask(get_from(server.port)), "sent invalid");
}

}  // namespace
}  // namespace reeve::net
