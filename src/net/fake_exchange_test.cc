#include "net/fake_exchange.h"

#include <memory>
#include <string>

namespace reeve::net {
namespace {

TEST(FakeExchange, KeepsTheFirstAnswer) {
  FakeExchange exchange(Request{.path = "/x"});
  EXPECT_EQ(exchange.request().path, "/x");
  EXPECT_TRUE(exchange.respond(Response{.status = 201, .body = "made"}));
  EXPECT_FALSE(exchange.respond(Response{.status = 500}));
  EXPECT_EQ(exchange.start(ResponseHead{}), nullptr);
  EXPECT_EQ(exchange.answer()->response->status, 201);
  EXPECT_EQ(exchange.answer()->response->body.view(), "made");
}

TEST(FakeExchange, KeepsWhatIsStreamed) {
  FakeExchange exchange(Request{});
  int closed = 0;
  const std::shared_ptr<Stream> stream = exchange.start(ResponseHead{.status = 200});
  stream->on_close([&] { ++closed; });
  EXPECT_TRUE(stream->write("a"));
  EXPECT_TRUE(stream->write("b"));
  stream->close();
  EXPECT_FALSE(stream->write("c"));
  EXPECT_EQ(exchange.answer()->body, "ab");
  EXPECT_EQ(closed, 1);
  stream->on_close([&] { ++closed; });
  EXPECT_EQ(closed, 2);
}

TEST(FakeExchange, TellsWhenAReaderKeepsUpAgain) {
  FakeExchange exchange(Request{});
  int drained = 0;
  const std::shared_ptr<Stream> stream = exchange.start(ResponseHead{.status = 200});
  stream->on_drained(0, [&] { ++drained; });
  EXPECT_EQ(drained, 1);
  exchange.answer()->drain_to(100);
  stream->on_drained(50, [&] { ++drained; });
  exchange.answer()->drain_to(51);
  EXPECT_EQ(drained, 1);
  exchange.answer()->drain_to(50);
  EXPECT_EQ(drained, 2);
  stream->on_drained(49, [&] { ++drained; });
  stream->close();
  EXPECT_EQ(drained, 3);
}

TEST(FakeExchange, LosesItsClientOnceAndOnlyUnanswered) {
  FakeExchange exchange(Request{});
  int gone = 0;
  exchange.on_disconnect([&] { ++gone; });
  exchange.disconnect();
  exchange.disconnect();
  EXPECT_EQ(gone, 1);
  exchange.on_disconnect([&] { ++gone; });
  exchange.respond(Response{});
  exchange.disconnect();
  EXPECT_EQ(gone, 1);
}

}  // namespace
}  // namespace reeve::net
