#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "coord/channel/channel_codec.h"
#include "coord/channel/channel_machine.h"
#include "coord/channel/channel_turn.h"

/// For the tests of this folder.
namespace reeve::coord {

/// A channel on virtual time. Every event goes through its JSON, must fit, and must leave the
/// channel whole; the row must give the same channel back.
class ChannelFixture {
 public:
  Channel channel;
  Timestamp now = from_unix_millis(1'783'419'443'000);
  std::vector<std::string> events;
  Principal actor{"user:alice"};

  ChannelFixture() {
    channel.ns = Namespace("default");
    channel.name = "orders";
    channel.uid = Uid("uid-1");
  }

  ChannelTurn turn() {
    return ChannelTurn(channel, now, [this](const ChannelEvent& event) { take(event); });
  }

  void take(const ChannelEvent& event) {
    const Json data = to_json(event);
    const auto again = channel_event_from_json(type_of(event), data);
    ASSERT_TRUE(again.ok()) << type_of(event) << " " << again.error().describe();
    EXPECT_EQ(to_json(*again), data);
    const auto fits = check_event(channel, *again);
    ASSERT_TRUE(fits.ok()) << fits.error().describe();
    apply(channel, *again, {.revision = Revision(++revision_), .at = now, .actor = actor});
    events.emplace_back(type_of(event));
    const auto broken = broken_invariant(channel);
    EXPECT_FALSE(broken.has_value()) << *broken;
  }

  void expect_stored() const {
    const auto again = channel_from_json(*parse_json(to_json(channel).dump()));
    ASSERT_TRUE(again.ok()) << again.error().describe();
    EXPECT_EQ(*again, channel);
  }

  void advance(Duration by) {
    now += by;
    turn().tick();
  }

  Sequence send(std::string body, std::string key = {}) {
    const auto sent = turn().send({.key = std::move(key), .body = std::move(body)});
    EXPECT_TRUE(sent.ok()) << (sent.ok() ? "" : sent.error().describe());
    return sent.ok() ? *sent : 0;
  }

  std::vector<Held> receive(std::uint32_t count = 1, std::string group = "default") {
    Receive request;
    request.group = group;
    request.count = count;
    const auto received = turn().receive(request);
    EXPECT_TRUE(received.ok()) << (received.ok() ? "" : received.error().describe());
    std::vector<Held> held;
    for (const Received& one : received.ok() ? *received : std::vector<Received>()) {
      held.push_back({.group = group, .sequence = one.sequence, .token = one.token});
    }
    return held;
  }

  /// Bodies of what is handed out now: "a b".
  std::string bodies(const std::vector<Held>& held) const {
    std::string text;
    for (const Held& one : held) {
      text += concat(text.empty() ? "" : " ", channel.messages.at(one.sequence).body);
    }
    return text;
  }

  ErrorCode code(const Result<void>& result) const {
    EXPECT_FALSE(result.ok());
    return result.ok() ? ErrorCode::Ambiguous : result.error().code;
  }

 private:
  std::uint64_t revision_ = 0;
};

}  // namespace reeve::coord
