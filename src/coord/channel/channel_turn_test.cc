#include "coord/channel/channel_turn.h"

#include <algorithm>
#include <chrono>

#include <gtest/gtest.h>

#include "coord/channel/fixture.h"

namespace reeve::coord {
namespace {

using namespace std::chrono_literals;

TEST(Channel, HandsOutInOrderAndForgetsWhatIsAcknowledged) {
  ChannelFixture f;
  EXPECT_EQ(f.send("a"), 1U);
  EXPECT_EQ(f.send("b"), 2U);
  f.send("c");
  const auto held = f.receive(2);
  EXPECT_EQ(f.bodies(held), "a b");
  EXPECT_EQ(f.bodies(f.receive(5)), "c");
  EXPECT_TRUE(f.receive().empty());
  EXPECT_TRUE(f.turn().ack(held[1]).ok());
  EXPECT_EQ(f.channel.messages.size(), 2U);
  f.expect_stored();
  EXPECT_TRUE(f.turn().ack(held[0]).ok());
  EXPECT_EQ(f.channel.messages.size(), 1U);
  EXPECT_EQ(f.channel.groups.at("default").position, 2U);
  f.expect_stored();
}

TEST(Channel, HandsOutAgainWhatNobodyAcknowledged) {
  ChannelFixture f;
  f.send("a");
  const auto first = f.receive();
  f.advance(29'999ms);
  EXPECT_TRUE(f.receive().empty());
  f.advance(1ms);
  const auto second = f.receive();
  ASSERT_EQ(second.size(), 1U);
  EXPECT_NE(second[0].token, first[0].token);
  EXPECT_EQ(f.channel.groups.at("default").deliveries.at(1).count, 2U);
  f.expect_stored();
  // The first holder was too slow: it cannot end what the second one does.
  EXPECT_EQ(f.code(f.turn().ack(first[0])), ErrorCode::StaleFence);
  EXPECT_EQ(f.code(f.turn().nack(first[0], 0ms)), ErrorCode::StaleFence);
  EXPECT_EQ(f.code(f.turn().extend(first[0], 1s)), ErrorCode::StaleFence);
  EXPECT_TRUE(f.turn().ack(second[0]).ok());
  EXPECT_EQ(f.channel.counts.redelivered, 1U);
}

TEST(Channel, LetsTheHolderAcknowledgeLateWhileNobodyElseHasIt) {
  ChannelFixture f;
  f.send("a");
  const auto held = f.receive();
  f.now += 1h;
  EXPECT_TRUE(f.turn().ack(held[0]).ok());
  // Once it was taken away, it is too late.
  f.send("b");
  const auto late = f.receive();
  f.advance(1h);
  EXPECT_EQ(f.code(f.turn().ack(late[0])), ErrorCode::StaleFence);
}

TEST(Channel, TakesARepeatedAcknowledgementAsDone) {
  ChannelFixture f;
  f.send("a");
  const auto held = f.receive();
  EXPECT_TRUE(f.turn().ack(held[0]).ok());
  const std::size_t events = f.events.size();
  EXPECT_TRUE(f.turn().ack(held[0]).ok());
  EXPECT_EQ(f.events.size(), events);
  EXPECT_EQ(f.code(f.turn().nack(held[0], 0ms)), ErrorCode::StaleFence);
}

TEST(Channel, TriesAgainAfterTheDelayOfWhoGivesItBack) {
  ChannelFixture f;
  f.send("a");
  f.send("b");
  const auto held = f.receive();
  EXPECT_TRUE(f.turn().nack(held[0], 10s).ok());
  EXPECT_EQ(f.bodies(f.receive(5)), "b");
  f.expect_stored();
  f.advance(10s);
  EXPECT_EQ(f.bodies(f.receive(5)), "a");
}

TEST(Channel, KeepsAMessageLongerForAHolderWhoAsks) {
  ChannelFixture f;
  f.send("a");
  const auto held = f.receive();
  f.advance(20s);
  EXPECT_TRUE(f.turn().extend(held[0], 60s).ok());
  f.advance(59s);
  EXPECT_TRUE(f.receive().empty());
  EXPECT_TRUE(f.turn().ack(held[0]).ok());
}

TEST(Channel, PutsAsideWhatNobodyCanDealWithAndGoesOn) {
  ChannelFixture f;
  f.send("poison", "k");
  f.send("good", "k");
  for (int i = 0; i < 4; ++i) {
    const auto held = f.receive(5);
    EXPECT_EQ(f.bodies(held), "poison");
    EXPECT_TRUE(f.turn().nack(held[0], 0ms).ok());
  }
  const auto last = f.receive(5);
  EXPECT_EQ(f.bodies(last), "poison");
  f.advance(31s);
  EXPECT_EQ(f.bodies(f.receive(5)), "good");
  ASSERT_EQ(f.channel.dead.size(), 1U);
  EXPECT_EQ(f.channel.dead[0].message.body, "poison");
  EXPECT_EQ(f.channel.dead[0].deliveries, 5U);
  EXPECT_EQ(f.channel.dead[0].reason, "handed out 5 times and not acknowledged in time");
  EXPECT_EQ(f.code(f.turn().ack(last[0])), ErrorCode::StaleFence);
  f.expect_stored();
}

TEST(Channel, PutsAsideWhatItsHolderGivesUp) {
  ChannelFixture f;
  f.send("a");
  EXPECT_TRUE(f.turn().nack(f.receive()[0], 0ms, "no such order").ok());
  ASSERT_EQ(f.channel.dead.size(), 1U);
  EXPECT_EQ(f.channel.dead[0].reason, "no such order");
  EXPECT_TRUE(f.channel.messages.empty());
}

TEST(Channel, SendsADeadLetterAgainToItsGroupAlone) {
  ChannelFixture f;
  f.send("a");
  EXPECT_TRUE(f.turn().add_group("default", From::Earliest).ok());
  const auto audit = f.receive(1, "audit");
  EXPECT_TRUE(f.turn().ack(audit[0]).ok());
  EXPECT_TRUE(f.turn().nack(f.receive()[0], 0ms, "why").ok());
  const auto again = f.turn().resend("default", 1);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, 2U);
  EXPECT_TRUE(f.channel.dead.empty());
  f.expect_stored();
  EXPECT_TRUE(f.receive(1, "audit").empty());
  const auto held = f.receive();
  EXPECT_EQ(f.bodies(held), "a");
  EXPECT_TRUE(f.turn().ack(held[0]).ok());
  EXPECT_TRUE(f.channel.messages.empty());
  EXPECT_FALSE(f.turn().resend("default", 1).ok());
}

TEST(Channel, ForgetsADeadLetterThatSomebodyLookedAt) {
  ChannelFixture f;
  f.send("a");
  EXPECT_TRUE(f.turn().nack(f.receive()[0], 0ms, "why").ok());
  EXPECT_TRUE(f.turn().discard("default", 1).ok());
  EXPECT_TRUE(f.channel.dead.empty());
  EXPECT_EQ(f.channel.dead_bytes, 0U);
  EXPECT_EQ(f.code(f.turn().discard("default", 1)), ErrorCode::NotFound);
}

TEST(Channel, DropsTheOldestOfTooManyDeadLettersWithAnEvent) {
  ChannelFixture f;
  EXPECT_TRUE(f.turn().configure({.messages_max = kMessagesMax}).ok());
  for (std::size_t i = 0; i <= kDeadLettersMax; ++i) {
    f.send(concat(i));
    EXPECT_TRUE(f.turn().nack(f.receive()[0], 0ms, "why").ok());
  }
  EXPECT_EQ(f.channel.dead.size(), kDeadLettersMax);
  EXPECT_EQ(f.channel.dead[0].message.body, "1");
  EXPECT_EQ(f.events[f.events.size() - 2], "dead_letter.removed");
}

TEST(Channel, GivesEveryGroupEveryMessage) {
  ChannelFixture f;
  f.send("a");
  const auto billing = f.receive(1, "billing");
  const auto audit = f.receive(1, "audit");
  EXPECT_EQ(f.bodies(billing), "a");
  EXPECT_EQ(f.bodies(audit), "a");
  EXPECT_TRUE(f.turn().ack(billing[0]).ok());
  EXPECT_EQ(f.channel.messages.size(), 1U);
  EXPECT_EQ(f.code(f.turn().ack({"billing", 7, audit[0].token})), ErrorCode::NotFound);
  EXPECT_TRUE(f.turn().ack(audit[0]).ok());
  EXPECT_TRUE(f.channel.messages.empty());
}

TEST(Channel, BeginsAGroupWithWhatIsThereOrWithTheNext) {
  ChannelFixture f;
  f.send("old");
  EXPECT_TRUE(f.turn().add_group("all", From::Earliest).ok());
  EXPECT_TRUE(f.turn().add_group("new", From::Latest).ok());
  f.send("young");
  EXPECT_EQ(f.bodies(f.receive(5, "all")), "old young");
  EXPECT_EQ(f.bodies(f.receive(5, "new")), "young");
}

TEST(Channel, KeepsMessagesUntilSomebodySubscribes) {
  ChannelFixture f;
  f.send("a");
  f.advance(24h);
  EXPECT_EQ(f.bodies(f.receive()), "a");
}

TEST(Channel, ForgetsWhatOnlyARemovedGroupWaitedFor) {
  ChannelFixture f;
  f.send("a");
  EXPECT_TRUE(f.turn().ack(f.receive(1, "one")[0]).ok());  // the only group: it goes
  f.receive(1, "two");
  f.send("b");
  EXPECT_TRUE(f.turn().ack(f.receive(1, "one")[0]).ok());
  EXPECT_EQ(f.channel.messages.size(), 1U);
  EXPECT_TRUE(f.turn().remove_group("two").ok());
  EXPECT_TRUE(f.channel.messages.empty());
  f.send("c");
  EXPECT_TRUE(f.turn().remove_group("one").ok());
  EXPECT_EQ(f.channel.messages.size(), 1U);
  EXPECT_EQ(f.code(f.turn().remove_group("onne")), ErrorCode::NotFound);
}

TEST(Channel, KeepsTheOrderOfAKeyAndNoOther) {
  ChannelFixture f;
  f.send("a1", "a");
  f.send("a2", "a");
  f.send("b1", "b");
  f.send("x");
  f.send("y");
  const auto held = f.receive(5);
  EXPECT_EQ(f.bodies(held), "a1 b1 x y");
  EXPECT_TRUE(f.receive(5).empty());
  // One that waits for its next try keeps its successors waiting, too.
  EXPECT_TRUE(f.turn().nack(held[0], 5s).ok());
  EXPECT_TRUE(f.receive(5).empty());
  f.advance(5s);
  const auto again = f.receive(5);
  EXPECT_EQ(f.bodies(again), "a1");
  EXPECT_TRUE(f.turn().ack(again[0]).ok());
  EXPECT_EQ(f.bodies(f.receive(5)), "a2");
}

TEST(Channel, HandsOutLaterWhatWasSentWithADelay) {
  ChannelFixture f;
  ASSERT_TRUE(f.turn().send({.body = "late", .delay = 10s}).ok());
  f.send("now");
  EXPECT_EQ(f.bodies(f.receive(5)), "now");
  f.advance(10s);
  EXPECT_EQ(f.bodies(f.receive(5)), "late");
}

TEST(Channel, ForgetsWhatIsOver) {
  ChannelFixture f;
  ASSERT_TRUE(f.turn().send({.body = "short", .ttl = 10s}).ok());
  f.send("long");
  EXPECT_EQ(next_due(f.channel), f.now + 10s);
  f.advance(10s);
  EXPECT_EQ(f.events.back(), "message.expired");
  EXPECT_EQ(f.bodies(f.receive(5)), "long");
  // Nobody loses a message that is being worked on; it goes when it is given back.
  f.now += 7 * 24h;
  EXPECT_TRUE(
      f.turn()
          .extend({"default", 2, f.channel.groups.at("default").deliveries.at(2).token}, 60s)
          .ok()
  );
  f.advance(1s);
  EXPECT_EQ(f.channel.messages.size(), 1U);
  f.advance(60s);
  EXPECT_TRUE(f.channel.messages.empty());
  EXPECT_EQ(f.channel.counts.expired, 2U);
  EXPECT_EQ(next_due(f.channel), std::nullopt);
  f.expect_stored();
}

TEST(Channel, RefusesMoreThanItHolds) {
  ChannelFixture f;
  EXPECT_TRUE(f.turn().configure({.messages_max = 2}).ok());
  f.send("a");
  ASSERT_TRUE(f.turn().send({.body = "b", .ttl = 10s}).ok());
  const auto full = f.turn().send({.body = "c"});
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(full.error().hint, "receive and acknowledge messages, or allow more");
  // What is over makes room without waiting for the timer.
  f.now += 10s;
  f.send("c");
  EXPECT_EQ(f.channel.messages.size(), 2U);
  EXPECT_TRUE(f.turn().configure({.bytes_max = 2000}).ok());
  EXPECT_EQ(f.turn().send({.body = std::string(2000, 'x')}).error().code, ErrorCode::LimitExceeded);
}

TEST(Channel, HandsOutABoundedNumberAtATime) {
  ChannelFixture f;
  EXPECT_TRUE(f.turn().configure({.messages_max = kMessagesMax}).ok());
  for (std::size_t i = 0; i < kLeasesMax + 10; ++i) {
    f.send("x");
  }
  std::size_t held = 0;
  for (std::size_t more = f.receive(kReceiveMax).size(); more > 0;
       more = f.receive(kReceiveMax).size()) {
    held += more;
  }
  EXPECT_EQ(held, kLeasesMax);
}

TEST(Channel, RefusesWhatIsBeyondItsLimits) {
  ChannelFixture f;
  const auto refused = [&](Send send) {
    const auto sent = f.turn().send(send);
    EXPECT_FALSE(sent.ok());
    return sent.ok() ? std::string() : sent.error().subject;
  };
  EXPECT_EQ(refused({.key = std::string(201, 'k')}), "key");
  EXPECT_EQ(refused({.body = std::string(kMessageBytesMax + 1, 'b')}), "body");
  EXPECT_EQ(refused({.body = std::string(kMessageBytesMax, '\x01')}), "body");
  EXPECT_EQ(refused({.body = "\xff"}), "body");
  EXPECT_EQ(refused({.properties = {{"", "x"}}}), "properties");
  EXPECT_EQ(refused({.properties = {{"a", "1"}, {"a", "2"}}}), "properties");
  EXPECT_EQ(refused({.properties = std::vector<Property>(51, {"a", "b"})}), "properties");
  EXPECT_EQ(refused({.delay = -1ms}), "delay");
  EXPECT_EQ(refused({.ttl = 0ms}), "ttl");
  EXPECT_TRUE(f.events.empty());
  EXPECT_EQ(f.code(f.turn().configure({.messages_max = 0})), ErrorCode::Invalid);
  EXPECT_EQ(f.code(f.turn().configure({.bytes_max = kChannelBytesMax + 1})), ErrorCode::Invalid);
  EXPECT_EQ(f.code(f.turn().configure({.visibility = 0ms})), ErrorCode::Invalid);
  EXPECT_EQ(f.code(f.turn().configure({.deliveries_max = 0})), ErrorCode::Invalid);
  EXPECT_EQ(f.code(f.turn().configure({.retention = 0ms})), ErrorCode::Invalid);
  f.send("a");
  EXPECT_EQ(f.turn().receive({.group = ""}).error().subject, "group");
  EXPECT_EQ(f.turn().receive({.count = 101}).error().subject, "count");
  EXPECT_EQ(f.turn().receive({.visibility = 13h}).error().subject, "visibility");
  for (std::size_t i = 0; i < kGroupsMax; ++i) {
    EXPECT_TRUE(f.turn().add_group(concat("g", i), From::Latest).ok());
  }
  EXPECT_EQ(f.code(f.turn().add_group("more", From::Latest)), ErrorCode::LimitExceeded);
}

TEST(Channel, TellsThatItIsNotThere) {
  ChannelFixture f;
  EXPECT_EQ(f.turn().receive({}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(
      f.code(f.turn().ack({.group = "default", .sequence = 1, .token = Fence(1)})),
      ErrorCode::NotFound
  );
  EXPECT_EQ(f.code(f.turn().remove()), ErrorCode::NotFound);
  f.turn().tick();
  EXPECT_TRUE(f.events.empty());
  f.send("a");
  EXPECT_TRUE(f.turn().remove().ok());
  EXPECT_TRUE(f.channel.deleted);
  f.expect_stored();
  EXPECT_EQ(f.turn().receive({}).error().code, ErrorCode::NotFound);
}

TEST(ChannelName, IsAWord) {
  for (const char* good : {"orders", "a", "Tasks_pending", "a.b-c", "_x", "1"}) {
    EXPECT_TRUE(check_channel_name(good).ok()) << good;
  }
  for (const std::string& bad :
       {std::string(),
        std::string("a/b"),
        std::string("../x"),
        std::string(".a"),
        std::string("-a"),
        std::string("a b"),
        std::string("a@b"),
        std::string(101, 'a')}) {
    EXPECT_FALSE(check_channel_name(bad).ok()) << bad;
  }
}

TEST(Channel, AGroupWithALifetimeEndsWhenNobodyReceives) {
  ChannelFixture f;
  f.send("a");
  EXPECT_TRUE(f.turn().add_group("reply", From::Latest, 10min).ok());
  EXPECT_TRUE(f.turn().add_group("kept", From::Latest).ok());
  f.expect_stored();
  for (int i = 0; i < 30; ++i) {
    f.advance(1min);
    f.receive(1, "reply");
  }
  const auto renewed = std::count(f.events.begin(), f.events.end(), "group.renewed");
  EXPECT_EQ(renewed, 5) << "waiting writes little";
  ASSERT_TRUE(f.channel.groups.contains("reply"));
  EXPECT_EQ(next_due(f.channel), f.channel.groups.at("reply").ends_at);
  f.expect_stored();
  f.advance(10min);
  EXPECT_FALSE(f.channel.groups.contains("reply"));
  EXPECT_TRUE(f.channel.groups.contains("kept"));
}

TEST(Channel, GroupsThatNobodyUsesAnyMoreMakeRoom) {
  ChannelFixture f;
  f.send("a");
  for (std::size_t i = 0; i < kGroupsMax; ++i) {
    EXPECT_TRUE(f.turn().add_group(concat("reply-", i), From::Latest, 10min).ok());
  }
  EXPECT_EQ(f.code(f.turn().add_group("one more", From::Latest)), ErrorCode::LimitExceeded);
  f.advance(10min);
  EXPECT_TRUE(f.turn().add_group("one more", From::Latest).ok());
  EXPECT_EQ(f.code(f.turn().add_group("odd", From::Latest, 0ms)), ErrorCode::Invalid);
}

TEST(Channel, RenewsTheGroupsThatEndAndNoOthers) {
  ChannelFixture f;
  f.send("a");
  EXPECT_TRUE(f.turn().add_group("reply", From::Latest, 10min).ok());
  EXPECT_TRUE(f.turn().add_group("kept", From::Latest).ok());
  f.now += 1h;
  f.turn().renew_groups();
  f.turn().renew_groups();
  EXPECT_EQ(std::count(f.events.begin(), f.events.end(), "group.renewed"), 1);
  EXPECT_EQ(f.channel.groups.at("reply").ends_at, f.now + 10min);
  f.expect_stored();
}

TEST(Channel, WhoReceivesInTimeOrTooLateHasItsGroup) {
  ChannelFixture f;
  f.send("a");
  Receive request;
  request.group = "reply";
  request.from = From::Latest;
  request.lifetime = 10min;
  ASSERT_TRUE(f.turn().receive(request).ok());
  f.now += 20min;
  ASSERT_TRUE(f.turn().receive(request).ok());
  EXPECT_EQ(f.channel.groups.at("reply").ends_at, f.now + 10min);
}

}  // namespace
}  // namespace reeve::coord
