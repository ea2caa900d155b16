#include "executor/agent/model_format.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::executor::agent {
namespace {

constexpr std::string_view kAnthropic =
    R"({"id":"msg_1","role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},)"
    R"({"type":"text","text":"I look."},{"type":"tool_use","id":"t1","name":"repo__read","input":{"path":"a"}}],)"
    R"("stop_reason":"tool_use","usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":7}})";

constexpr std::string_view kOpenAi =
    R"({"choices":[{"finish_reason":"tool_calls","message":{"role":"assistant","content":null,)"
    R"("tool_calls":[{"id":"c1","type":"function","function":{"name":"repo__read","arguments":"{\"path\":\"a\"}"}}]}}],)"
    R"("usage":{"prompt_tokens":11,"completion_tokens":3}})";

std::vector<Message> exchange(Format format, std::string_view reply) {
  Message task;
  task.text = "fix it";
  Message result;
  result.role = Message::Role::Tool;
  result.text = "no such file";
  result.failed = true;
  const Message said = read_reply(format, reply)->message;
  result.call_id = said.calls.front().id;
  return {task, said, result};
}

Json asked(Format format, const std::vector<Message>& messages) {
  const std::vector<OfferedTool> tools = {
      {.name = "repo__read",
       .description = "reads",
       .schema = *parse_json(R"({"type":"object"})")}};
  return *parse_json(encode_question(
      format,
      {.model = "m",
       .system = "be brief",
       .messages = messages,
       .tools = tools,
       .output_tokens_max = 100}
  ));
}

TEST(AgentModelFormat, ReadsRepliesOfBothKinds) {
  const Reply anthropic = read_reply(Format::Anthropic, kAnthropic).value();
  EXPECT_EQ(anthropic.message.text, "I look.");
  EXPECT_EQ(anthropic.message.calls.front().arguments.get_string("path"), "a");
  EXPECT_EQ(anthropic.stop, Stop::Tools);
  EXPECT_EQ(anthropic.input_tokens, 15U);
  EXPECT_EQ(anthropic.output_tokens, 7U);
  const Reply openai = read_reply(Format::OpenAi, kOpenAi).value();
  EXPECT_EQ(openai.message.calls.front().id, "c1");
  EXPECT_EQ(openai.message.calls.front().arguments.get_string("path"), "a");
  EXPECT_EQ(openai.stop, Stop::Tools);
  EXPECT_EQ(openai.input_tokens, 11U);
}

TEST(AgentModelFormat, SendsBackWhatTheModelHasWrittenAsItIs) {
  const Json anthropic = asked(Format::Anthropic, exchange(Format::Anthropic, kAnthropic));
  EXPECT_EQ(anthropic.get_string("system"), "be brief");
  const Json::Array& messages = anthropic.find("messages")->as_array();
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[1].find("content")->dump(), parse_json(kAnthropic)->find("content")->dump());
  EXPECT_EQ(
      messages[2].dump(),
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"no such file","is_error":true}]})"
  );
  const Json openai = asked(Format::OpenAi, exchange(Format::OpenAi, kOpenAi));
  const Json::Array& said = openai.find("messages")->as_array();
  ASSERT_EQ(said.size(), 4U);
  EXPECT_EQ(said[0].get_string("role"), "system");
  EXPECT_NE(said[2].find("tool_calls"), nullptr);
  EXPECT_EQ(
      said[3].dump(), R"({"role":"tool","tool_call_id":"c1","content":"error: no such file"})"
  );
}

TEST(AgentModelFormat, ArgumentsThatAreNoJsonAreNoObject) {
  const std::string broken = replace_all(std::string(kOpenAi), R"({\"path\":\"a\"})", R"({\"path)");
  const Reply reply = read_reply(Format::OpenAi, broken).value();
  EXPECT_FALSE(reply.message.calls.front().arguments.is_object());
}

TEST(AgentModelFormat, RefusesWhatIsNoReply) {
  EXPECT_FALSE(read_reply(Format::Anthropic, "event: message").ok());
  EXPECT_FALSE(read_reply(Format::Anthropic, "{}").ok());
  EXPECT_FALSE(read_reply(Format::OpenAi, R"({"choices":[]})").ok());
  EXPECT_FALSE(
      read_reply(Format::Anthropic, R"({"content":[{"type":"tool_use","name":"x","input":{}}]})")
          .ok()
  );
  std::string many = R"({"content":[)";
  for (std::size_t i = 0; i <= kCallsMax; ++i) {
    many += concat(i == 0 ? "" : ",", R"({"type":"tool_use","id":"a","name":"b","input":{}})");
  }
  EXPECT_EQ(read_reply(Format::Anthropic, many + "]}").error().code, ErrorCode::LimitExceeded);
}

TEST(AgentModelFormat, KnowsABudgetThatIsUsedUp) {
  EXPECT_TRUE(read_refusal(R"({"error":{"type":"insufficient_quota","message":"spent"}})").budget);
  EXPECT_TRUE(read_refusal(R"({"type":"error","error":{"type":"rate_limit_error","message":"m",)"
                           R"("details":{"error_code":"enforced_spend_limit_reached"}}})")
                  .budget);
  const Refused slow = read_refusal(R"({"error":{"type":"rate_limit_error","message":"slower"}})");
  EXPECT_FALSE(slow.budget);
  EXPECT_EQ(slow.message, "slower");
  EXPECT_FALSE(read_refusal("<html>").budget);
}

TEST(AgentModelFormat, ARepliesRecordIsTheReply) {
  for (const Format format : {Format::Anthropic, Format::OpenAi}) {
    const Reply reply =
        read_reply(format, format == Format::Anthropic ? kAnthropic : kOpenAi).value();
    const Reply again = reply_from_json(to_json(reply)).value();
    EXPECT_EQ(to_json(again).dump(), to_json(reply).dump());
    EXPECT_EQ(again.stop, reply.stop);
    EXPECT_EQ(again.message.raw.dump(), reply.message.raw.dump());
  }
}

}  // namespace
}  // namespace reeve::executor::agent
