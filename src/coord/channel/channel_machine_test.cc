#include "coord/channel/channel_machine.h"

#include <chrono>
#include <functional>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "coord/channel/fixture.h"

namespace reeve::coord {
namespace {

using namespace std::chrono_literals;

TEST(DeliveryMachine, AllowsExactlyTheMovesOfThePicture) {
  const std::set<std::pair<DeliveryState, DeliveryState>> legal = {
      {DeliveryState::Waiting, DeliveryState::Leased},
      {DeliveryState::Waiting, DeliveryState::Expired},
      {DeliveryState::Leased, DeliveryState::Waiting},
      {DeliveryState::Leased, DeliveryState::Done},
      {DeliveryState::Leased, DeliveryState::Dead}};
  for (std::size_t from = 0; from < kDeliveryStates; ++from) {
    for (std::size_t to = 0; to < kDeliveryStates; ++to) {
      const std::pair move{static_cast<DeliveryState>(from), static_cast<DeliveryState>(to)};
      EXPECT_EQ(is_legal(move.first, move.second), legal.contains(move))
          << to_string(move.first) << " " << to_string(move.second);
      const auto checked = check_transition(move.first, move.second);
      EXPECT_EQ(checked.ok(), legal.contains(move));
      if (!checked.ok()) {
        EXPECT_EQ(checked.error().code, ErrorCode::IllegalTransition);
      }
    }
  }
}

TEST(CheckEvent, RefusesEventsThatDoNotFit) {
  ChannelFixture f;
  const auto refused = [&](const ChannelEvent& event) {
    const auto checked = check_event(f.channel, event);
    return !checked.ok() && checked.error().code == ErrorCode::Corrupt;
  };
  EXPECT_TRUE(refused(MessageSent{}));
  EXPECT_TRUE(refused(ChannelDeleted{}));
  f.send("a");
  f.send("b");
  EXPECT_TRUE(refused(ChannelCreated{}));
  EXPECT_TRUE(refused(MessageSent{}));
  EXPECT_TRUE(refused(MessageLeased{
      .group = "nobody", .sequence = 1, .until = f.now, .consumer = {}}));
  const auto held = f.receive();
  const MessageLeased again{.group = "default", .sequence = 1, .until = f.now, .consumer = {}};
  EXPECT_TRUE(refused(again));
  EXPECT_TRUE(refused(MessageExpired{1}));
  EXPECT_TRUE(refused(MessageExpired{7}));
  EXPECT_TRUE(refused(MessageAcked{.group = "default", .sequence = 2}));
  EXPECT_TRUE(refused(MessageReleased{.group = "default", .sequence = 2, .not_before = {}}));
  EXPECT_TRUE(refused(MessageDied{.group = "default", .sequence = 2, .reason = {}}));
  EXPECT_TRUE(refused(LeaseExtended{.group = "default", .sequence = 2, .until = f.now}));
  EXPECT_TRUE(refused(GroupCreated{.group = "default", .position = 0}));
  EXPECT_TRUE(refused(GroupCreated{.group = "new", .position = 3}));
  EXPECT_TRUE(refused(GroupRemoved{"nobody"}));
  EXPECT_TRUE(refused(GroupRenewed{.group = "default", .ends_at = {}})) << "it never ends";
  EXPECT_TRUE(refused(DeadRemoved{.group = "default", .sequence = 1}));
  EXPECT_TRUE(f.turn().ack(held[0]).ok());
  EXPECT_TRUE(refused(again));
}

TEST(BrokenInvariant, FindsEveryContradiction) {
  ChannelFixture f;
  f.send("a", "k");
  f.send("b", "k");
  f.send("c");
  f.receive();
  ASSERT_FALSE(broken_invariant(f.channel).has_value());
  const std::map<std::string, std::function<void(Channel&)>> breaks = {
      {"the bytes are counted wrong",
       [](Channel& c) {
         ++c.bytes;
       }},
      {"message 2 has a wrong number",
       [](Channel& c) {
         c.messages.at(2).sequence = 3;
       }},
      {"message 3 has a wrong number",
       [](Channel& c) {
         c.next_sequence = 3;
       }},
      {"group default is ahead of the channel",
       [](Channel& c) {
         c.groups.at("default").position = 4;
       }},
      {"group default is done with 9, which is no news",
       [](Channel& c) {
         c.groups.at("default").settled.insert(9);
       }},
      {"group default is further than its position says",
       [](Channel& c) {
         c.groups.at("default").settled.insert(1);
       }},
      {"group default delivers 7, which it is done with",
       [](Channel& c) {
         c.groups.at("default").deliveries[7].count = 1;
       }},
      {"delivery 3 of group default is counted wrong",
       [](Channel& c) {
         c.groups.at("default").deliveries[3];
       }},
      {"message 2 was handed out before an earlier one of its key",
       [](Channel& c) {
         c.groups.at("default").deliveries[2] = {.count = 1, .token = Fence(2)};
       }},
      {"two holders have the token 6",
       [](Channel& c) {
         c.groups.at("default").deliveries[3] = c.groups.at("default").deliveries.at(1);
       }},
      {"message 2 is kept and nobody waits for it",
       [](Channel& c) {
         c.messages.at(2).only_group = "gone";
         c.bytes += 4;
       }},
      {"more groups than a channel may have",
       [](Channel& c) {
         for (std::size_t i = 0; i < kGroupsMax; ++i) {
           c.groups[concat("g", i)];
         }
       }},
  };
  for (const auto& [message, change] : breaks) {
    Channel channel = f.channel;
    change(channel);
    EXPECT_EQ(broken_invariant(channel), message);
    EXPECT_FALSE(
        channel_from_json(to_json(channel)).ok() && message.find("bytes") == std::string::npos
    ) << message;
  }
}

TEST(ChannelEvents, AreRefusedWithoutAMember) {
  ChannelFixture f;
  const ChannelEvent events[] = {
      ChannelCreated{},
      ChannelConfigured{},
      MessageSent{
          .message =
              {.sequence = 1,
               .key = "k",
               .body = "b",
               .properties = {{"a", "b"}},
               .sender = {},
               .sent_at = {},
               .not_before = f.now,
               .expires_at = f.now,
               .only_group = "g"}},
      GroupCreated{.group = "g", .position = 1},
      GroupRenewed{.group = "g", .ends_at = from_unix_millis(7)},
      GroupRemoved{"g"},
      MessageLeased{.group = "g", .sequence = 1, .until = f.now, .consumer = "c"},
      LeaseExtended{.group = "g", .sequence = 1, .until = f.now},
      MessageAcked{.group = "g", .sequence = 1},
      MessageReleased{.group = "g", .sequence = 1, .not_before = f.now, .timed_out = true},
      MessageDied{.group = "g", .sequence = 1, .reason = "r"},
      MessageExpired{1},
      DeadRemoved{.group = "g", .sequence = 1, .burial = Burial::Resent}};
  const std::set<std::string> optional = {"notBefore", "expiresAt", "onlyGroup", "timedOut"};
  for (const ChannelEvent& event : events) {
    const Json whole = to_json(event);
    for (const auto& [name, value] : whole.as_object()) {
      Json without = Json::object();
      Json wrong = whole;
      wrong.set(name, Json::array());
      for (const auto& [other, kept] : whole.as_object()) {
        if (other != name) {
          without.set(other, kept);
        }
      }
      EXPECT_EQ(channel_event_from_json(type_of(event), without).ok(), optional.contains(name))
          << type_of(event) << " " << name;
      if (!optional.contains(name)) {
        EXPECT_FALSE(channel_event_from_json(type_of(event), wrong).ok()) << name;
      }
    }
  }
  EXPECT_FALSE(channel_event_from_json("message.unknown", Json::object()).ok());
}

TEST(ChannelCodec, RefusesRowsThatLackSomething) {
  ChannelFixture f;
  f.send("a", "k");
  f.send("b");
  f.receive();
  EXPECT_TRUE(f.turn().nack(f.receive()[0], 0ms, "why").ok());
  f.expect_stored();
  const Json row = to_json(f.channel);
  for (const char* part : {"metadata", "spec", "status"}) {
    for (const auto& [name, value] : row.find(part)->as_object()) {
      if (name == "deleted") {
        continue;
      }
      Json changed = row;
      changed.find(part)->set(name, Json(true));
      const auto decoded = channel_from_json(changed);
      ASSERT_FALSE(decoded.ok()) << part << "." << name;
    }
  }
  EXPECT_FALSE(channel_from_json(Json()).ok());
}

}  // namespace
}  // namespace reeve::coord
