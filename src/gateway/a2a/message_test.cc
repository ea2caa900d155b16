#include "gateway/a2a/message.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::gateway::a2a {
namespace {

Result<Message> read(std::string_view parts, std::string_view more = "") {
  return message_from(*parse_json(
      concat(R"({"message":{"messageId":"m1","role":"ROLE_USER","parts":)", parts, more, "}}")
  ));
}

TEST(Message, IsTextAndData) {
  const Result<Message> message =
      read(R"([{"text":"a"},{"data":{"n":1}},{"text":"b"}])", R"(,"contextId":"c")");
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->id, "m1");
  EXPECT_EQ(message->context, "c");
  EXPECT_EQ(message->text, "a\nb");
  EXPECT_EQ(params_of(*message, "message")->dump(), R"({"n":1,"message":"a\nb"})");
  EXPECT_EQ(params_of(*message, "n").error().code, ErrorCode::Invalid);
}

TEST(Message, HasNoTextParamWithoutText) {
  EXPECT_EQ(params_of(*read(R"([{"data":{"n":1}}])"), "message")->dump(), R"({"n":1})");
}

TEST(Message, IsRefusedIfItCannotBeAMission) {
  for (const std::string_view parts :
       {R"([])", R"([{"raw":"aGk="}])", R"([{"url":"http://h/"}])", R"([{"data":[1]}])", R"({})"}) {
    EXPECT_EQ(read(parts).error().code, ErrorCode::Invalid) << parts;
  }
  EXPECT_FALSE(
      message_from(
          *parse_json(R"({"message":{"messageId":"m","role":"ROLE_AGENT","parts":[{"text":"a"}]}})")
      )
          .ok()
  );
  EXPECT_FALSE(message_from(*parse_json(R"({"message":{"parts":[{"text":"a"}]}})")).ok());
  EXPECT_FALSE(message_from(Json::object()).ok());
  const std::string long_id(kIdBytesMax + 1, 'x');
  EXPECT_FALSE(read(R"([{"text":"a"}])", concat(R"(,"contextId":")", long_id, "\"")).ok());
}

TEST(Message, HasOneMissionForEachSenderAndId) {
  const std::string name = mission_name("user:ann", "team", "w", "1");
  EXPECT_EQ(name, mission_name("user:ann", "team", "w", "1"));
  EXPECT_TRUE(name.starts_with(mission_prefix("user:ann")));
  EXPECT_NE(mission_prefix("user:ann"), mission_prefix("user:bob"));
  for (const std::string& other :
       {mission_name("user:bob", "team", "w", "1"),
        mission_name("user:ann", "other", "w", "1"),
        mission_name("user:ann", "team", "v", "1"),
        mission_name("user:ann", "team", "w", "2")}) {
    EXPECT_NE(name, other);
  }
}

}  // namespace
}  // namespace reeve::gateway::a2a
