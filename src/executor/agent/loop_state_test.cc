#include "executor/agent/loop_state.h"

#include <gtest/gtest.h>

namespace reeve::executor::agent {
namespace {

Record record(Record::Kind kind, std::string text = {}, Json body = {}) {
  return {.kind = kind, .text = std::move(text), .body = std::move(body)};
}

Record reply(std::string_view calls) {
  return record(
      Record::Kind::Reply,
      {},
      *parse_json(
          std::string(R"({"text":"x","stop":"tools","raw":null,"calls":)") + std::string(calls) +
          "}"
      )
  );
}

TEST(AgentLoopState, GoesThroughItsPhases) {
  LoopState state("task");
  EXPECT_EQ(state.phase(), Phase::Idle);
  ASSERT_TRUE(state.apply(begin_record("k", "d")).ok());
  EXPECT_EQ(state.phase(), Phase::Processing);
  const std::string first = state.question_id("what?");
  ASSERT_TRUE(state.apply(record(Record::Kind::Ask)).ok());
  EXPECT_EQ(state.question_id("what?"), first) << "while it is under way it keeps its name";
  EXPECT_NE(state.question_id("how?"), first) << "it is another question";
  ASSERT_TRUE(
      state
          .apply(reply(
              R"([{"id":"1","name":"a","arguments":{}},{"id":"2","name":"b","arguments":{}}])"
          ))
          .ok()
  );
  EXPECT_EQ(state.phase(), Phase::ToolExecuting);
  EXPECT_NE(state.question_id("what?"), first);
  EXPECT_NE(state.call_key("1"), state.call_key("2"));
  ASSERT_TRUE(state.apply(record(Record::Kind::Call, "1")).ok());
  EXPECT_TRUE(state.is_called("1"));
  ASSERT_TRUE(state.apply(result_record("1", "r", false)).ok());
  EXPECT_EQ(state.phase(), Phase::ToolExecuting);
  ASSERT_TRUE(state.apply(result_record("2", "r", true)).ok());
  EXPECT_EQ(state.phase(), Phase::Processing);
  ASSERT_TRUE(state.apply(record(Record::Kind::Ask)).ok());
  ASSERT_TRUE(state.apply(reply("[]")).ok());
  EXPECT_EQ(state.phase(), Phase::Responding);
  ASSERT_TRUE(state.apply(record(Record::Kind::Remark, "not so")).ok());
  EXPECT_EQ(state.phase(), Phase::Processing);
  EXPECT_EQ(state.messages().back().text, "not so");
  ASSERT_TRUE(state.apply(record(Record::Kind::End)).ok());
  EXPECT_EQ(state.phase(), Phase::Idle);
  EXPECT_TRUE(state.ended());
}

TEST(AgentLoopState, ACallThatModelsNumberAlikeHasAnotherKeyInEveryQuestion) {
  LoopState state("task");
  ASSERT_TRUE(state.apply(begin_record("k", "d")).ok());
  ASSERT_TRUE(state.apply(record(Record::Kind::Ask)).ok());
  ASSERT_TRUE(state.apply(reply(R"([{"id":"call_1","name":"a","arguments":{}}])")).ok());
  const std::string first = state.call_key("call_1");
  ASSERT_TRUE(state.apply(record(Record::Kind::Call, "call_1")).ok());
  ASSERT_TRUE(state.apply(result_record("call_1", "r", false)).ok());
  ASSERT_TRUE(state.apply(record(Record::Kind::Ask)).ok());
  ASSERT_TRUE(state.apply(reply(R"([{"id":"call_1","name":"a","arguments":{}}])")).ok());
  EXPECT_NE(state.call_key("call_1"), first);
  EXPECT_FALSE(state.is_called("call_1"));
  LoopState other("task");
  ASSERT_TRUE(other.apply(begin_record("k2", "d")).ok());
  LoopState same("task");
  ASSERT_TRUE(same.apply(begin_record("k2", "d")).ok());
  EXPECT_EQ(other.question_id("what?"), same.question_id("what?"));
}

TEST(AgentLoopState, RefusesWhatDoesNotFollow) {
  LoopState state("task");
  EXPECT_FALSE(state.apply(record(Record::Kind::Ask)).ok());
  ASSERT_TRUE(state.apply(begin_record("k", "d")).ok());
  EXPECT_FALSE(state.apply(begin_record("k", "d")).ok());
  EXPECT_FALSE(state.apply(reply("[]")).ok());
  EXPECT_FALSE(state.apply(result_record("1", "r", false)).ok());
  ASSERT_TRUE(state.apply(record(Record::Kind::Ask)).ok());
  EXPECT_FALSE(state.apply(record(Record::Kind::Ask)).ok());
  ASSERT_TRUE(state.apply(reply(R"([{"id":"1","name":"a","arguments":{}}])")).ok());
  EXPECT_FALSE(state.apply(result_record("2", "r", false)).ok());
  ASSERT_TRUE(state.apply(record(Record::Kind::End)).ok());
  EXPECT_FALSE(state.apply(record(Record::Kind::Ask)).ok());
}

TEST(AgentLoopState, ARecordIsALineAndBackAgain) {
  const Record result = result_record("t\n1", "two\nlines", true);
  const std::string line = encode(result);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const Record again = decode_record(line.substr(0, line.size() - 1)).value();
  EXPECT_EQ(again.kind, Record::Kind::Result);
  EXPECT_EQ(again.text, "t\n1");
  EXPECT_EQ(again.body.dump(), result.body.dump());
  EXPECT_FALSE(decode_record("{}").ok());
  EXPECT_FALSE(decode_record(R"({"kind":"dance"})").ok());
  EXPECT_FALSE(decode_record(R"({"kind":"ask","more":1})").ok());
}

}  // namespace
}  // namespace reeve::executor::agent
