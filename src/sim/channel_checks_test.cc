#include "sim/channel_checks.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::sim {
namespace {

class ChannelChecksTest : public testing::Test {
 protected:
  ChannelChecksTest() {
    see(coord::ChannelCreated{});
    see(coord::GroupCreated{.group = "g", .position = 0});
    send(1, "k");
    send(2, "k");
  }

  std::string see(const coord::ChannelEvent& happened) {
    journal::Event event;
    event.object = {.kind = journal::Kind::Channel, .ns = Namespace("default"), .name = "c"};
    event.type = type_of(happened);
    event.data = to_json(happened).dump();
    event.correlation = CorrelationId(concat("request-", request_));
    return checks_.see(event).value_or("");
  }

  std::string send(coord::Sequence sequence, std::string key = {}) {
    ++request_;
    coord::MessageSent sent;
    sent.message.sequence = sequence;
    sent.message.key = std::move(key);
    return see(sent);
  }

  std::string lease(coord::Sequence sequence) {
    return see(coord::MessageLeased{
        .group = "g", .sequence = sequence, .until = Timestamp(), .consumer = {}});
  }

  std::string ack(coord::Sequence sequence) {
    return see(coord::MessageAcked{.group = "g", .sequence = sequence});
  }

  ChannelChecks checks_;
  std::uint64_t request_ = 0;
};

TEST_F(ChannelChecksTest, AcceptsWhatAChannelDoes) {
  EXPECT_EQ(lease(1), "");
  EXPECT_EQ(see(coord::MessageReleased{.group = "g", .sequence = 1, .not_before = {}}), "");
  EXPECT_EQ(lease(1), "");
  EXPECT_EQ(ack(1), "");
  EXPECT_EQ(lease(2), "");
  EXPECT_TRUE(checks_.unfinished());
  EXPECT_EQ(see(coord::MessageDied{.group = "g", .sequence = 2, .reason = "why"}), "");
  EXPECT_FALSE(checks_.unfinished());
  checks_.acknowledged("c", 2);
  EXPECT_FALSE(checks_.at_end().has_value());
  EXPECT_EQ(checks_.deliveries(), 3U);
}

TEST_F(ChannelChecksTest, NoticesAGapAndASecondMessageOfOneRequest) {
  EXPECT_NE(send(4).find("follows message 2"), std::string::npos);
  EXPECT_EQ(send(3), "");
  --request_;
  EXPECT_NE(send(4).find("sent two messages"), std::string::npos);
}

TEST_F(ChannelChecksTest, NoticesTwoHolders) {
  lease(1);
  EXPECT_NE(lease(1).find("two holders"), std::string::npos);
}

TEST_F(ChannelChecksTest, NoticesADeliveryAfterTheEnd) {
  lease(1);
  ack(1);
  EXPECT_NE(lease(1).find("after its end"), std::string::npos);
  EXPECT_NE(lease(7).find("after its end"), std::string::npos);
}

TEST_F(ChannelChecksTest, NoticesAMessageThatOvertakesItsKey) {
  EXPECT_NE(lease(2).find("overtook message 1"), std::string::npos);
}

TEST_F(ChannelChecksTest, NoticesEndsWithoutAHolder) {
  EXPECT_NE(ack(1).find("nobody who had it"), std::string::npos);
  EXPECT_NE(see(coord::MessageReleased{.group = "g", .sequence = 1, .not_before = {}}), "");
  lease(1);
  EXPECT_NE(see(coord::MessageExpired{1}).find("expired while"), std::string::npos);
}

TEST_F(ChannelChecksTest, NoticesWhatIsLeftOverOrLost) {
  EXPECT_NE(checks_.at_end()->find("came to no end"), std::string::npos);
  checks_.acknowledged("c", 9);
  EXPECT_NE(checks_.recovered()->find("is gone"), std::string::npos);
}

TEST_F(ChannelChecksTest, DoesNotExpectOldMessagesInANewGroup) {
  for (const coord::Sequence sequence : {1U, 2U}) {
    lease(sequence);
    ack(sequence);
  }
  EXPECT_EQ(see(coord::GroupCreated{.group = "late", .position = 0}), "");
  EXPECT_FALSE(checks_.at_end().has_value());
}

}  // namespace
}  // namespace reeve::sim
