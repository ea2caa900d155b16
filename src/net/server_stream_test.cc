#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "base/strings.h"
#include "net/server.h"
#include "net/test_client.h"

namespace reeve::net {
namespace {

using testing::Event;
using testing::eventually;
using testing::start_server;
using testing::TestClient;

/// A server that begins a stream for each request, and what became of them.
struct Streaming {
  explicit Streaming(ServerLimits limits = {}) {
    server = start_server(
        [this](const std::shared_ptr<Exchange>& exchange) {
          if (exchange->request().path == "/plain") {
            exchange->respond(Response{.body = "plain"});
            return;
          }
          streams.push_back(exchange->start(ResponseHead{.status = 200, .headers = {{"X", "y"}}}));
          streams.back()->on_close([this] { closed.happen(); });
          started.happen();
        },
        limits
    );
  }

  ~Streaming() { server.reset(); }

  TestClient connect() const { return TestClient::tcp(server->ports()[0]); }

  /// A client whose stream has begun.
  TestClient begin(std::string_view method = "GET", std::string_view version = "HTTP/1.1") {
    TestClient client = connect();
    client.send(concat(method, " / ", version, "\r\nHost: test\r\n\r\n"));
    EXPECT_TRUE(started.wait(++begun));
    head = client.read_head();
    return client;
  }

  std::vector<std::shared_ptr<Stream>> streams;
  Event started;
  Event closed;
  int begun = 0;
  std::string head;
  std::unique_ptr<Server> server;
};

TEST(ServerStream, SendsPiecesAsChunks) {
  Streaming streaming;
  TestClient client = streaming.begin();
  EXPECT_NE(streaming.head.find("X: y\r\n"), std::string::npos);
  EXPECT_NE(streaming.head.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  Stream& stream = *streaming.streams[0];
  EXPECT_TRUE(stream.write("hello"));
  EXPECT_EQ(client.read_exactly(10), "5\r\nhello\r\n");
  EXPECT_TRUE(stream.write(""));
  EXPECT_TRUE(stream.write(std::string(0x12345, 'x')));
  EXPECT_EQ(client.read_exactly(7), "12345\r\n");
  EXPECT_EQ(client.read_exactly(0x12345 + 2), concat(std::string(0x12345, 'x'), "\r\n"));
  EXPECT_TRUE(eventually(*streaming.server, [&] { return stream.buffered_bytes() == 0; }));
  EXPECT_EQ(streaming.server->stats().streams, 1U);
  EXPECT_TRUE(stream.write("end"));
  stream.close();
  EXPECT_FALSE(stream.write("more"));
  EXPECT_EQ(client.read_exactly(13), "3\r\nend\r\n0\r\n\r\n");
  EXPECT_TRUE(streaming.closed.wait());
  // The connection goes on.
  EXPECT_EQ(client.get("/plain"), "200 plain");
  EXPECT_EQ(streaming.server->stats().streams, 0U);
}

TEST(ServerStream, IsTheLastOfAConnectionWhereTheServerDrains) {
  // The client neither reads nor closes: nothing but its stream is waited for.
  Streaming streaming;
  const TestClient client = streaming.begin();
  std::thread draining([&] { EXPECT_TRUE(streaming.server->drain(testing::kPatience)); });
  // The listener is closed in the turn in which connections hear of it.
  EXPECT_TRUE(eventually(*streaming.server, [&] {
    return !testing::connect_tcp(streaming.server->ports()[0]);
  }));
  streaming.streams[0]->close();
  draining.join();
  EXPECT_TRUE(streaming.closed.wait());
}

TEST(ServerStream, EndsWithTheConnectionForOldClients) {
  Streaming streaming;
  TestClient client = streaming.begin("GET", "HTTP/1.0");
  EXPECT_EQ(streaming.head.find("Transfer-Encoding"), std::string::npos);
  streaming.streams[0]->write("raw");
  streaming.streams[0]->close();
  EXPECT_EQ(client.read_rest(), "raw");
}

TEST(ServerStream, HasNoBodyForHead) {
  Streaming streaming;
  TestClient client = streaming.begin("HEAD");
  EXPECT_FALSE(streaming.streams[0]->write("x"));
  EXPECT_TRUE(streaming.closed.wait());
  EXPECT_EQ(client.get("/plain"), "200 plain");
}

TEST(ServerStream, BreaksTheConnectionWhenItIsDropped) {
  Streaming streaming;
  TestClient client = streaming.begin();
  streaming.streams[0]->write("part");
  streaming.streams.clear();
  const std::string rest = client.read_rest();
  EXPECT_EQ(rest.find("0\r\n\r\n"), std::string::npos) << rest;
  EXPECT_TRUE(streaming.closed.wait());
  EXPECT_TRUE(eventually(*streaming.server, [&] {
    return streaming.server->stats().connections == 0;
  }));
}

TEST(ServerStream, EndsWhenTheClientGoes) {
  Streaming streaming;
  { TestClient client = streaming.begin(); }
  EXPECT_TRUE(streaming.closed.wait());
  EXPECT_FALSE(streaming.streams[0]->write("x"));
  EXPECT_FALSE(streaming.streams[0]->open());
  EXPECT_EQ(streaming.server->stats().streams, 0U);
}

TEST(ServerStream, CutsOffASlowReaderAndNobodyElse) {
  ServerLimits limits;
  limits.stream_buffer_bytes_max = 100'000;
  Streaming streaming(limits);
  TestClient slow = streaming.begin();
  TestClient quick = streaming.begin();
  const auto piece = std::make_shared<const std::string>(std::string(10'000, 'p'));
  std::size_t most = 0;
  int sent = 0;
  // The system's buffers take some megabytes before the stream's own fills.
  while (streaming.streams[0]->write(piece) && sent < 10'000) {
    ++sent;
    most = std::max(most, streaming.streams[0]->buffered_bytes());
    ASSERT_TRUE(streaming.streams[1]->write(piece));
    ASSERT_EQ(quick.read_exactly(10'000 + 8).size(), 10'008U);
  }
  EXPECT_LT(sent, 10'000);
  EXPECT_LE(most, limits.stream_buffer_bytes_max);
  EXPECT_TRUE(streaming.closed.wait());
  EXPECT_EQ(streaming.server->stats().slow_readers, 1U);
  EXPECT_FALSE(streaming.streams[0]->write("x"));
  EXPECT_TRUE(streaming.streams[1]->write("x"));
  EXPECT_EQ(quick.read_exactly(6), "1\r\nx\r\n");
}

TEST(ServerStream, SendsAPieceThatIsLongerThanItsBufferIfNothingWaits) {
  ServerLimits limits;
  limits.stream_buffer_bytes_max = 1'000;
  Streaming streaming(limits);
  TestClient client = streaming.begin();
  Stream& stream = *streaming.streams[0];
  // More than the system's own buffers take, so that some of it waits.
  const std::string piece(30'000'000, 'p');
  EXPECT_TRUE(stream.write(piece));
  EXPECT_EQ(client.read_exactly(9 + piece.size()).substr(9), piece);
  ASSERT_EQ(client.read_exactly(2), "\r\n");
  Event drained;
  stream.on_drained(0, [&] { drained.happen(); });
  ASSERT_TRUE(drained.wait());
  EXPECT_TRUE(stream.write(piece));
  EXPECT_FALSE(stream.write("x")) << "something waits, and more than there is room for";
  EXPECT_EQ(streaming.server->stats().slow_readers, 1U);
}

TEST(ServerStream, TellsWhenItsReaderKeepsUpAgain) {
  Streaming streaming;
  TestClient client = streaming.begin();
  Stream& stream = *streaming.streams[0];
  Event drained;
  stream.on_drained(0, [&] { drained.happen(); });
  EXPECT_TRUE(drained.wait());
  // More than the system's own buffers take.
  constexpr std::size_t kPieceBytes = 100'000;
  std::size_t sent = 0;
  while (stream.buffered_bytes() < 2 * kPieceBytes) {
    ASSERT_TRUE(stream.write(std::string(kPieceBytes, 'p')));
    ++sent;
  }
  Event replaced;
  Event on_network_thread;
  stream.on_drained(1, [&] { replaced.happen(); });
  stream.on_drained(kPieceBytes, [&] {
    EXPECT_LE(stream.buffered_bytes(), kPieceBytes);
    EXPECT_TRUE(streaming.server->on_network_thread());
    on_network_thread.happen();
  });
  client.read_exactly(sent * (kPieceBytes + 9));
  EXPECT_TRUE(on_network_thread.wait());
  EXPECT_EQ(replaced.count(), 0);
}

TEST(ServerStream, TellsWhoWaitsForItsReaderThatItHasEnded) {
  Streaming streaming;
  TestClient client = streaming.begin();
  Stream& stream = *streaming.streams[0];
  // More than the system's own buffers take, also after the network thread has tried.
  constexpr std::size_t kPieceBytes = 100'000;
  while (stream.buffered_bytes() < 2 * kPieceBytes) {
    ASSERT_TRUE(stream.write(std::string(kPieceBytes, 'p')));
    ASSERT_TRUE(streaming.server->run([] {}, Duration(10'000)).ok());
  }
  Event drained;
  stream.on_drained(0, [&] {
    EXPECT_FALSE(stream.open());
    drained.happen();
  });
  { const TestClient gone = std::move(client); }
  EXPECT_TRUE(drained.wait());
  stream.on_drained(0, [&] { drained.happen(); });
  EXPECT_TRUE(drained.wait(2));
}

TEST(ServerStream, IsFedAsFastAsItIsRead) {
  // Whoever waits does so on another thread than the one that counts.
  Streaming streaming;
  TestClient client = streaming.begin();
  constexpr std::size_t kPieces = 2'000;
  std::thread writer([&] {
    const auto piece = std::make_shared<const std::string>(std::string(20'000, 'p'));
    for (std::size_t at = 0; at < kPieces; ++at) {
      Event drained;
      streaming.streams[0]->on_drained(0, [&] { drained.happen(); });
      ASSERT_TRUE(drained.wait());
      ASSERT_TRUE(streaming.streams[0]->write(piece));
    }
  });
  for (std::size_t at = 0; at < kPieces; ++at) {
    ASSERT_EQ(client.read_exactly(20'000 + 8).size(), 20'008U);
  }
  writer.join();
}

TEST(ServerStream, SharesOneTextWithManyClients) {
  Streaming streaming;
  std::vector<TestClient> clients;
  for (int at = 0; at < 50; ++at) {
    clients.push_back(streaming.begin());
  }
  const auto text = std::make_shared<const std::string>(std::string(100'000, 't'));
  for (const std::shared_ptr<Stream>& stream : streaming.streams) {
    EXPECT_TRUE(stream->write(text));
  }
  for (TestClient& client : clients) {
    EXPECT_EQ(client.read_exactly(7 + 100'000 + 2).size(), 100'009U);
  }
  EXPECT_TRUE(eventually(*streaming.server, [&] { return text.use_count() == 1; }));
}

TEST(ServerStream, IsWrittenByManyThreads) {
  Streaming streaming;
  TestClient client = streaming.begin();
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kPieces = 500;
  std::vector<std::thread> threads;
  for (const char letter : {'p', 'q', 'r', 's'}) {
    threads.emplace_back([stream = streaming.streams[0], letter] {
      for (std::size_t piece = 0; piece < kPieces; ++piece) {
        EXPECT_TRUE(stream->write(std::string(1, letter)));
      }
    });
  }
  const std::string chunks = client.read_exactly(6 * kThreads * kPieces);
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const char letter : {'p', 'q', 'r', 's'}) {
    EXPECT_EQ(std::count(chunks.begin(), chunks.end(), letter), kPieces);
  }
}

TEST(ServerStream, EndsAtOnceForAClientThatHasStoppedSending) {
  Event asked;
  Event closed;
  std::shared_ptr<Exchange> kept;
  const auto server = start_server([&](std::shared_ptr<Exchange> exchange) {
    kept = std::move(exchange);
    asked.happen();
  });
  TestClient client = TestClient::tcp(server->ports()[0]);
  client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
  ASSERT_TRUE(asked.wait());
  Event gone;
  kept->on_disconnect([&] { gone.happen(); });
  client.end_sending();
  ASSERT_TRUE(gone.wait());
  const std::shared_ptr<Stream> stream = kept->start(ResponseHead{});
  stream->on_close([&] { closed.happen(); });
  EXPECT_TRUE(closed.wait());
}

TEST(ServerStream, KeepsRequestsThatCameDuringIt) {
  Streaming streaming;
  TestClient client = streaming.begin();
  client.send("GET /plain HTTP/1.1\r\nHost: test\r\n\r\n");
  streaming.streams[0]->write("x");
  streaming.streams[0]->close();
  EXPECT_EQ(client.read_exactly(11), "1\r\nx\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_answer(), "200 plain");
}

}  // namespace
}  // namespace reeve::net
