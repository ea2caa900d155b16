#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "coord/channel/channel_codec.h"
#include "engine/channel_book.h"
#include "kernel/audit.h"
#include "kernel_fixture.h"

namespace reeve::kernel {
namespace {

using namespace std::chrono_literals;

journal::ObjectKey channel_key(std::string name) {
  return {.kind = journal::Kind::Channel, .ns = Namespace("default"), .name = std::move(name)};
}

/// A kernel whose channels are used as a client does.
class ChannelBench {
 public:
  Bench bench;

  Result<engine::Reply> call(std::string verb, std::string_view body = "{}", std::string id = {}) {
    engine::ObjectCommand command{
        .object = channel_key("orders"), .verb = std::move(verb), .body = *parse_json(body)};
    return bench.call(std::move(command), id);
  }

  Json take(std::string_view body = "{}") {
    const auto reply = call("receive", body);
    EXPECT_TRUE(reply.ok()) << (reply.ok() ? "" : reply.error().describe());
    const Json* messages = reply.ok() ? reply->detail.find("messages") : nullptr;
    return messages == nullptr || messages->as_array().empty() ? Json()
                                                               : messages->as_array().front();
  }

  static std::string held(const Json& message) {
    return concat(
        R"({"sequence":)",
        message.get_int("sequence"),
        R"(,"token":)",
        message.get_int("token"),
        "}"
    );
  }

  std::string refusal(std::string verb, std::string_view body) {
    const auto reply = call(std::move(verb), body);
    return reply.ok() ? "done" : reply.error().describe();
  }
};

TEST(ChannelBook, KeepsMessagesOverARestart) {
  ChannelBench b;
  const auto sent = b.call("send", R"({"body":"hello","key":"k","properties":{"a":"1"}})");
  ASSERT_TRUE(sent.ok()) << sent.error().describe();
  EXPECT_EQ(sent->detail.dump(), R"({"sequence":1})");
  b.bench.restart();
  const Json message = b.take();
  EXPECT_EQ(message.get_string("body"), "hello");
  EXPECT_EQ(message.get_string("key"), "k");
  EXPECT_EQ(message.find("properties")->dump(), R"({"a":"1"})");
  EXPECT_EQ(message.get_int("deliveries"), 1);
  b.bench.restart();
  EXPECT_TRUE(b.take().is_null());
  EXPECT_TRUE(b.call("ack", ChannelBench::held(message)).ok());
  EXPECT_EQ(b.bench.commit().events.size(), 0U);
}

TEST(ChannelBook, HandsOutAgainWhenTheTimeOfAConsumerThatDiedIsOver) {
  ChannelBench b;
  ASSERT_TRUE(b.call("send", R"({"body":"hello"})").ok());
  const Json first = b.take(R"({"visibility":"10s","consumer":"w1"})");
  b.bench.restart(1s);
  EXPECT_TRUE(b.take().is_null());
  b.bench.advance(10s);
  b.bench.commit();
  const Json again = b.take();
  EXPECT_EQ(again.get_int("deliveries"), 2);
  const auto late = b.call("ack", ChannelBench::held(first));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, ErrorCode::StaleFence);
  EXPECT_TRUE(b.call("ack", ChannelBench::held(again)).ok());
}

TEST(ChannelBook, TheTimeAwayDoesNotEndAGroupWhoseConsumersCouldNotReceive) {
  ChannelBench b;
  ASSERT_TRUE(b.call("send", R"({"body":"earlier"})").ok());
  ASSERT_TRUE(b.call("subscribe", R"({"group":"reply","from":"latest","lifetime":"10m"})").ok());
  ASSERT_TRUE(b.call("send", R"({"body":"answer"})").ok());
  const std::string_view receive = R"({"group":"reply","from":"latest","lifetime":"10m"})";
  b.bench.restart(1h);
  b.bench.commit();
  b.bench.advance(9min);
  EXPECT_EQ(b.take(receive).get_string("body"), "answer");
  b.bench.restart();
  EXPECT_EQ(b.bench.commit().events.size(), 0U) << "nothing to renew at once";
  b.bench.advance(10min);
  b.bench.commit();
  ASSERT_TRUE(b.call("send", R"({"body":"late"})").ok());
  EXPECT_TRUE(b.take(receive).is_null()) << "a group that nobody uses ends all the same";
}

TEST(ChannelBook, SendsOnceHoweverOftenItIsAsked) {
  ChannelBench b;
  ASSERT_TRUE(b.call("send", R"({"body":"hello"})", "req-1").ok());
  ASSERT_TRUE(b.call("send", R"({"body":"hello"})", "req-1").ok());
  b.bench.restart();
  ASSERT_TRUE(b.call("send", R"({"body":"hello"})", "req-1").ok());
  EXPECT_FALSE(b.take().is_null());
  EXPECT_TRUE(b.take().is_null());
}

TEST(ChannelBook, PutsAsideByItselfAndSendsAgainWhenAsked) {
  ChannelBench b;
  ASSERT_TRUE(b.call("set", R"({"deliveriesMax":1,"visibility":"5s"})").ok());
  ASSERT_TRUE(b.call("send", R"({"body":"hello"})").ok());
  b.take();
  b.bench.advance(5s);
  b.bench.commit();
  EXPECT_TRUE(b.take().is_null());
  const auto resent = b.call("resend", R"({"sequence":1})");
  ASSERT_TRUE(resent.ok()) << resent.error().describe();
  EXPECT_EQ(resent->detail.dump(), R"({"sequence":2})");
  EXPECT_EQ(b.take().get_string("body"), "hello");
}

TEST(ChannelBook, MakesANewChannelAfterOneWasDeleted) {
  ChannelBench b;
  const auto first = b.call("send", R"({"body":"a"})");
  ASSERT_TRUE(b.call("delete").ok());
  EXPECT_EQ(
      b.refusal("receive", "{}"),
      "channel: there is no channel \"orders\" (reeve channel send makes it)"
  );
  b.bench.restart();
  const auto second = b.call("send", R"({"body":"b"})");
  ASSERT_TRUE(second.ok()) << second.error().describe();
  EXPECT_NE(first->uid, second->uid);
  EXPECT_EQ(second->detail.dump(), R"({"sequence":1})");
  b.bench.restart();
  EXPECT_EQ(b.take().get_string("body"), "b");
}

TEST(ChannelBook, RefusesWithTheFieldAndTheWayOut) {
  ChannelBench b;
  EXPECT_EQ(
      b.refusal("recieve", "{}"),
      "verb: a channel does not know \"recieve\" (did you mean receive?)"
  );
  EXPECT_EQ(
      b.refusal("send", "{}"), "send.body: there is no message (give one, if only an empty text)"
  );
  EXPECT_EQ(
      b.refusal("send", R"({"body":"a","propertys":{}})"),
      "send.propertys: is not known (did you mean \"properties\"?)"
  );
  EXPECT_EQ(b.refusal("send", R"({"body":1})"), "send.body: must be a text");
  EXPECT_EQ(
      b.refusal("send", R"({"body":"a","properties":{"x":1}})"),
      "send.properties: the value of \"x\" must be a text"
  );
  EXPECT_EQ(
      b.refusal("send", R"({"body":"a","delay":"5"})"),
      "send.delay: \"5\" is not a duration (write a number and a unit, such as 500ms, 90s, 10m, "
      "1h30m)"
  );
  EXPECT_EQ(
      b.refusal("receive", R"({"from":"now"})"),
      "receive.from: \"now\" is no beginning (write earliest or latest)"
  );
  EXPECT_EQ(
      b.refusal("ack", R"({"sequence":-1})"), "ack.sequence: must be from 1 to 9223372036854775807"
  );
  EXPECT_EQ(b.refusal("send", "[1]"), "send: must be an object");
  // Nothing was made on the way.
  EXPECT_EQ(
      b.refusal("receive", "{}"),
      "channel: there is no channel \"orders\" (reeve channel send makes it)"
  );
  engine::ObjectCommand command{.object = channel_key("a/b"), .verb = "send", .body = {}};
  EXPECT_EQ(b.bench.call(std::move(command)).error().code, ErrorCode::Invalid);
}

}  // namespace
}  // namespace reeve::kernel
