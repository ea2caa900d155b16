#include "gateway/model/format/usage.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::gateway::model {
namespace {

constexpr auto kChat = Operation::ChatCompletions;

/// Feeds a text in pieces of one size; `passed` is what came out.
AnswerFacts watched(
    Operation operation,
    std::string_view text,
    std::size_t piece,
    WatchOptions options = {},
    std::string* passed = nullptr,
    bool clean = true
) {
  AnswerWatch watch(operation, std::move(options));
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    out += watch.feed(text.substr(at, piece));
  }
  out += watch.finish(clean);
  if (passed != nullptr) {
    *passed = out;
  }
  return watch.facts();
}

constexpr std::string_view kMessages =
    "event: message_start\n"
    R"(data: {"type":"message_start","message":{"id":"m","model":"claude-sonnet-4-5","content":[],)"
    R"("usage":{"input_tokens":12,"cache_creation_input_tokens":40,"cache_read_input_tokens":7,)"
    R"("cache_creation":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":10},)"
    R"("output_tokens":1}}})"
    "\n\n: a comment\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n"
    "event: content_block_start\n"
    R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})"
    "\n\nevent: content_block_delta\n"
    R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüße"}})"
    "\n\nevent: content_block_start\n"
    R"(data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1",)"
    R"("name":"echo","input":{}}})"
    "\n\nevent: content_block_delta\n"
    R"(data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta",)"
    R"("partial_json":"{\"a\":1}"}})"
    "\n\nevent: message_delta\n"
    R"(data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},)"
    R"("usage":{"output_tokens":25}})"
    "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

TEST(AnswerWatch, ReadsStreamedMessagesHoweverTheyAreCut) {
  for (const std::size_t piece : {1U, 2U, 7U, 64U, 100'000U}) {
    std::string passed;
    const AnswerFacts facts = watched(Operation::Messages, kMessages, piece, {}, &passed);
    EXPECT_EQ(passed, kMessages);
    EXPECT_EQ(
        facts.usage,
        (Usage{
            .input = 12, .output = 25, .cache_read = 7, .cache_write = 30, .cache_write_long = 10})
    );
    EXPECT_TRUE(facts.usage_final && facts.complete);
    EXPECT_EQ(facts.usage_faults, 0);
    EXPECT_EQ(facts.model, "claude-sonnet-4-5");
    EXPECT_EQ(facts.stop_reason, "tool_use");
    EXPECT_EQ(facts.tool_calls, 1U);
    EXPECT_EQ(
        facts.text_bytes,
        std::string_view("Grüße"
                         "echo"
                         "{\"a\":1}")
            .size()
    );
    EXPECT_EQ(facts.events, 8U);
    EXPECT_FALSE(facts.hidden_output);
  }
}

TEST(AnswerWatch, TakesAllEndsOfLinesAndDataWithoutABlank) {
  for (const std::string_view end : {"\r\n", "\r", "\n"}) {
    std::string text = "\xEF\xBB\xBF";
    text += replace_all(replace_all(kMessages, "data: ", "data:"), "\n", end);
    for (const std::size_t piece : {1U, 3U, 100'000U}) {
      const AnswerFacts facts = watched(Operation::Messages, text, piece);
      EXPECT_TRUE(facts.complete && facts.usage_final);
      EXPECT_EQ(facts.events, 8U);
    }
  }
}

TEST(AnswerWatch, IsNotSureOfAStreamThatIsCut) {
  for (std::size_t size = 0; size < kMessages.size(); size += 5) {
    const AnswerFacts facts =
        watched(Operation::Messages, kMessages.substr(0, size), 11, {}, nullptr, false);
    EXPECT_FALSE(facts.complete);
    EXPECT_EQ(facts.usage_final, size > kMessages.find("event: message_stop") - 1) << size;
  }
}

constexpr std::string_view kChatHead =
    R"(data: {"id":"c","model":"gpt-5","choices":[{"index":0,"delta":{"role":"assistant",)"
    R"("content":"Hel"},"finish_reason":null}],"usage":null})"
    "\n\n"
    R"(data: {"id":"c","model":"gpt-5","choices":[{"index":0,"delta":{"content":"lo","tool_calls":)"
    R"([{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}}]})"
    "\n\n"
    R"(data: {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1",)"
    R"("function":{"arguments":"{}"}},{"index":1,"id":"call_2","function":{"name":"g"}}]},)"
    R"("finish_reason":"tool_calls"}]})"
    "\n\n";
constexpr std::string_view kChatUsage =
    R"(data: {"id":"c","choices":[],"usage":{"prompt_tokens":100,"completion_tokens":9,)"
    R"("total_tokens":109,"prompt_tokens_details":{"cached_tokens":64},)"
    R"("completion_tokens_details":{"reasoning_tokens":0}}})"
    "\n\n";
constexpr std::string_view kDone = "data: [DONE]\n\n";

TEST(AnswerWatch, ReadsStreamedChats) {
  const std::string text = concat(kChatHead, kChatUsage, kDone);
  for (const std::size_t piece : {1U, 13U, 100'000U}) {
    std::string passed;
    const AnswerFacts facts = watched(kChat, text, piece, {}, &passed);
    EXPECT_EQ(passed, text);
    EXPECT_EQ(facts.usage, (Usage{.input = 36, .output = 9, .cache_read = 64}));
    EXPECT_TRUE(facts.usage_final && facts.complete);
    EXPECT_EQ(facts.tool_calls, 2U);
    EXPECT_EQ(facts.stop_reason, "tool_calls");
    EXPECT_EQ(
        facts.text_bytes,
        std::string_view("Hello"
                         "f"
                         "{}"
                         "g")
            .size()
    );
  }
}

TEST(AnswerWatch, WithholdsTheUsageThatTheClientDidNotAskFor) {
  for (const std::string_view end : {"\n", "\r\n", "\r"}) {
    const std::string text =
        replace_all(concat(kChatHead, kChatUsage, ": ping\n\n", kDone), "\n", end);
    const std::string wanted = replace_all(concat(kChatHead, ": ping\n\n", kDone), "\n", end);
    for (const std::size_t piece : {1U, 2U, 17U, 100'000U}) {
      std::string passed;
      const AnswerFacts facts = watched(kChat, text, piece, {.withhold_usage = true}, &passed);
      EXPECT_EQ(passed, wanted) << piece;
      EXPECT_TRUE(facts.usage_final && facts.complete);
    }
  }
}

TEST(AnswerWatch, PassesOnWhatIsCutWhileItWithholds) {
  const std::string text = concat(kChatHead, "data: {\"id\":\"c\",\"cho");
  std::string passed;
  const AnswerFacts facts = watched(kChat, text, 10, {.withhold_usage = true}, &passed, false);
  EXPECT_EQ(passed, text);
  EXPECT_FALSE(facts.complete);
  const std::string huge =
      concat("data: {\"choices\":[{\"delta\":{\"content\":\"", std::string(100'000, 'x'));
  AnswerWatch watch(kChat, {.withhold_usage = true});
  EXPECT_EQ(watch.feed(huge).size(), huge.size());
  EXPECT_FALSE(watch.between_events());
}

TEST(AnswerWatch, KnowsWhetherAnEventMayFollow) {
  AnswerWatch watch(kChat, {});
  EXPECT_TRUE(watch.between_events());
  (void)watch.feed(kChatHead);
  EXPECT_TRUE(watch.between_events());
  (void)watch.feed("data: {\"id\"");
  EXPECT_FALSE(watch.between_events());
  (void)watch.feed(":1}\n");
  EXPECT_FALSE(watch.between_events());
  (void)watch.feed("\n");
  EXPECT_TRUE(watch.between_events());
}

TEST(AnswerWatch, ReadsStreamedResponses) {
  const std::string text = concat(
      "event: response.created\n",
      R"(data: {"type":"response.created","response":{"model":"gpt-5","status":"in_progress",)",
      R"("usage":null,"error":null,"output":[]}})",
      "\n\n",
      R"(data: {"type":"response.output_item.added","item":{"type":"reasoning"}})",
      "\n\n",
      R"(data: {"type":"response.output_text.delta","delta":"abc"})",
      "\n\n",
      R"(data: {"type":"response.output_item.added","item":{"type":"function_call"}})",
      "\n\n",
      R"(data: {"type":"response.output_item.done","item":{"type":"function_call","name":"f"}})",
      "\n\n",
      R"(data: {"type":"response.output_item.done","item":{"type":"web_search_call"}})",
      "\n\n",
      R"(data: {"type":"response.completed","response":{"model":"gpt-5","status":"completed",)",
      R"("output":[{"type":"message","content":[{"text":")",
      std::string(300'000, 'y'),
      R"("}]}],"usage":{"input_tokens":50,"input_tokens_details":{"cached_tokens":20},)",
      R"("output_tokens":30,"total_tokens":80}}})",
      "\n\n"
  );
  const AnswerFacts facts = watched(Operation::Responses, text, 1'000);
  EXPECT_EQ(facts.usage, (Usage{.input = 30, .output = 30, .cache_read = 20}));
  EXPECT_TRUE(facts.usage_final && facts.complete && facts.hidden_output);
  EXPECT_FALSE(facts.failed);
  EXPECT_EQ(facts.stop_reason, "completed");
  EXPECT_EQ(facts.tool_calls, 1U);
  EXPECT_EQ(facts.hosted_calls, 1U);
  EXPECT_EQ(facts.text_bytes, 3U);
}

TEST(AnswerWatch, KnowsStreamsThatFail) {
  const AnswerFacts responses = watched(
      Operation::Responses,
      "data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
      "\"insufficient_quota\",\"message\":\"m\"}}}\n\n",
      9
  );
  EXPECT_TRUE(responses.failed && responses.complete);
  EXPECT_EQ(responses.error, "insufficient_quota");
  const AnswerFacts messages = watched(
      Operation::Messages,
      "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n",
      9
  );
  EXPECT_TRUE(messages.failed);
  EXPECT_FALSE(messages.complete);
  EXPECT_EQ(messages.error, "overloaded_error");
  EXPECT_TRUE(watched(kChat, "data: {\"error\":{\"code\":\"x\"}}\n\n", 9).failed);
}

TEST(AnswerWatch, ReadsWholeAnswers) {
  const WatchOptions json{.form = AnswerForm::Json};
  const AnswerFacts messages = watched(
      Operation::Messages,
      R"({"type":"message","model":"m","content":[{"type":"thinking","thinking":"hm"},)"
      R"({"type":"tool_use","id":"t","name":"f","input":{"a":"b"}}],"stop_reason":"tool_use",)"
      R"("usage":{"input_tokens":5,"output_tokens":6}})",
      4,
      json
  );
  EXPECT_EQ(messages.usage, (Usage{.input = 5, .output = 6}));
  EXPECT_TRUE(messages.complete && messages.usage_final && messages.hidden_output);
  EXPECT_EQ(messages.tool_calls, 1U);
  EXPECT_EQ(messages.text_bytes, 4U);
  const AnswerFacts chat = watched(
      kChat,
      R"({"model":"m","choices":[{"message":{"content":"hi","tool_calls":[{"id":"1","function":)"
      R"({"name":"f"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1}})",
      4,
      json
  );
  EXPECT_EQ(chat.usage, (Usage{.input = 5, .output = 1}));
  EXPECT_EQ(chat.stop_reason, "stop");
  EXPECT_EQ(chat.tool_calls, 1U);
  const AnswerFacts responses = watched(
      Operation::Responses,
      R"({"model":"m","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},)"
      R"("error":null,"output":[{"type":"custom_tool_call"}],"usage":{"input_tokens":5,)"
      R"("output_tokens":1}})",
      4,
      json
  );
  EXPECT_TRUE(responses.complete && responses.usage_final);
  EXPECT_EQ(responses.stop_reason, "max_output_tokens");
  EXPECT_EQ(responses.tool_calls, 1U);
  const AnswerFacts embeddings = watched(
      Operation::Embeddings,
      R"({"data":[{"embedding":[0.1]}],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}})",
      4,
      json
  );
  EXPECT_EQ(embeddings.usage, (Usage{.input = 8}));
  EXPECT_TRUE(embeddings.usage_final);
  EXPECT_FALSE(watched(kChat, R"({"usage":{"prompt_tokens":5)", 4, json).complete);
  EXPECT_TRUE(watched(kChat, R"({"error":{"type":"t"}})", 4, json).failed);
}

std::uint8_t faults_of(std::string_view usage, WorstCase reserved = {}) {
  return watched(
             kChat,
             concat(R"({"usage":)", usage, "}"),
             1'000,
             {.form = AnswerForm::Json, .reserved = reserved}
  )
      .usage_faults;
}

TEST(AnswerWatch, FlagsUsageThatIsWrong) {
  EXPECT_EQ(faults_of(R"({"prompt_tokens":-5,"completion_tokens":1})"), kUsageNotNumbers);
  EXPECT_EQ(faults_of(R"({"prompt_tokens":"5","completion_tokens":1})"), kUsageNotNumbers);
  EXPECT_EQ(faults_of(R"({"prompt_tokens":1.5,"completion_tokens":1})"), kUsageNotNumbers);
  EXPECT_EQ(faults_of(R"({"prompt_tokens":1,"completion_tokens":5000000000})"), kUsageAbsurd);
  EXPECT_EQ(
      faults_of(R"({"prompt_tokens":1,"completion_tokens":99999999999999999999999})"), kUsageAbsurd
  );
  EXPECT_EQ(
      faults_of(R"({"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":2}})"),
      kUsageInconsistent
  );
  EXPECT_EQ(
      faults_of(R"({"prompt_tokens":11,"completion_tokens":1})", {10, 10}), kUsageAboveReserved
  );
  EXPECT_EQ(faults_of(R"({"prompt_tokens":10,"completion_tokens":10})", {10, 10}), 0);
  EXPECT_EQ(describe_usage_faults(kUsageAbsurd | kUsageDecreased), "absurd, decreased");
}

TEST(AnswerWatch, KeepsTheLargerOfTwoNumbers) {
  const AnswerFacts facts = watched(
      Operation::Messages,
      "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9,"
      "\"output_tokens\":7}}}\n\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
      "\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n",
      50
  );
  EXPECT_EQ(facts.usage, (Usage{.input = 9, .output = 7}));
  EXPECT_EQ(facts.usage_faults, kUsageDecreased);
}

TEST(AnswerWatch, AddsUpTheRoundsOfAnAnswer) {
  const AnswerFacts facts = watched(
      Operation::Messages,
      R"({"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":5,"iterations":[)"
      R"({"type":"compaction","input_tokens":100,"output_tokens":40},)"
      R"({"type":"message","input_tokens":10,"output_tokens":5}]}})",
      7,
      {.form = AnswerForm::Json}
  );
  EXPECT_EQ(facts.usage, (Usage{.input = 110, .output = 45}));
}

TEST(AnswerWatch, GoesOnBehindBrokenEvents) {
  const std::string text = concat(
      "data: {broken\n\n",
      "data: [1]\n\n",
      "nonsense\n\n",
      "data: {\"choices\":[{\"delta\":\n",
      "data: {\"content\":\"a\"}}]}\n\n",
      kChatUsage,
      kDone
  );
  const AnswerFacts facts = watched(kChat, text, 3);
  EXPECT_EQ(facts.text_bytes, 1U);
  EXPECT_TRUE(facts.complete && facts.usage_final);
}

TEST(AnswerWatch, HandsOutTheTextAcrossEvents) {
  std::string text;
  (void)watched(kChat, concat(kChatHead, kDone), 5, {.on_text = [&](std::string_view piece) {
                  text += piece;
                }});
  EXPECT_EQ(text, "Hellof{}g");
}

TEST(AnswerForm, IsToldByTheContentType) {
  EXPECT_EQ(answer_form("text/event-stream; charset=utf-8"), AnswerForm::Events);
  EXPECT_EQ(answer_form("Text/Event-Stream"), AnswerForm::Events);
  EXPECT_EQ(answer_form("application/json"), AnswerForm::Json);
}

}  // namespace
}  // namespace reeve::gateway::model
