#include "executor/agent/cli_result.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::executor::agent {
namespace {

AgentResult result_of(
    Dialect dialect, const std::vector<std::string>& lines, int code = 0, std::string_view last = {}
) {
  const auto reader = make_reader(dialect);
  for (const std::string& line : lines) {
    reader->take(line);
  }
  return reader->finish(code, last);
}

AgentResult claude(std::string_view members) {
  return result_of(
      Dialect::Claude,
      {R"({"type":"system","subtype":"init","session_id":"s-0"})",
       concat(R"({"type":"result","subtype":"success","session_id":"s-1",)", members, "}")}
  );
}

TEST(AgentCliResult, ClaudesLastObjectIsTheResult) {
  const AgentResult result = claude(
      R"("is_error":false,"terminal_reason":"completed","result":"done","total_cost_usd":0.0977,)"
      R"("num_turns":3,"usage":{"input_tokens":2,"cache_read_input_tokens":10,"output_tokens":5},)"
      R"("structured_output":{"a":1},"permission_denials":[{"tool_name":"Bash"}])"
  );
  EXPECT_TRUE(result.succeeded()) << result.reason;
  EXPECT_EQ(result.text, "done");
  EXPECT_EQ(result.session, "s-1");
  EXPECT_EQ(result.cost, "0.0977");
  EXPECT_EQ(result.turns, 3U);
  EXPECT_EQ(result.input_tokens, 12U);
  EXPECT_EQ(result.structured.dump(), R"({"a":1})");
  EXPECT_EQ(result.denied, std::vector<std::string>{"Bash"});
}

TEST(AgentCliResult, ClaudesErrorsCountWhateverTheirSubtypeSays) {
  const auto exit_of = [](std::string_view members) {
    return claude(members).exit_text;
  };
  EXPECT_EQ(
      exit_of(
          R"("is_error":true,"terminal_reason":"api_error","api_error_status":529,"result":"overloaded")"
      ),
      kApiError
  );
  EXPECT_EQ(
      exit_of(
          R"("is_error":true,"terminal_reason":"api_error","api_error_status":429,"result":"API Error: 429 insufficient_quota")"
      ),
      kBudgetExceeded
  );
  EXPECT_EQ(exit_of(R"("is_error":true,"terminal_reason":"max_turns")"), kMaxTurns);
  EXPECT_EQ(exit_of(R"("is_error":true,"terminal_reason":"budget_exhausted")"), kBudgetExceeded);
  EXPECT_EQ(
      exit_of(R"("is_error":true,"result":"no","permission_denials":[{"tool_name":"Edit"}])"),
      kDenied
  );
  EXPECT_EQ(
      exit_of(
          R"("is_error":false,"terminal_reason":"completed","permission_denials":[{"tool_name":"AskUserQuestion"}])"
      ),
      kNeedsInput
  );
  EXPECT_EQ(exit_of(R"("is_error":true)"), kAgentFailed);
}

TEST(AgentCliResult, ClaudeThatDiesHasNoResultButASession) {
  const AgentResult result =
      result_of(Dialect::Claude, {R"({"type":"system","session_id":"s-0"})"}, 137);
  EXPECT_EQ(result.exit_text, kAgentFailed);
  EXPECT_EQ(result.session, "s-0");
  EXPECT_NE(result.reason.find("137"), std::string::npos);
}

TEST(AgentCliResult, PeopleAreToldWhatClaudeDoes) {
  const auto reader = make_reader(Dialect::Claude);
  const std::vector<std::string> lines = reader->take(
      R"({"type":"assistant","message":{"content":[{"type":"text","text":"I\nlook"},{"type":"tool_use","name":"Read","input":{"p":1}}]}})"
  );
  EXPECT_EQ(lines, (std::vector<std::string>{"I look", R"(tool Read {"p":1})"}));
  EXPECT_EQ(reader->take("warning: x"), std::vector<std::string>{"warning: x"});
}

TEST(AgentCliResult, CodexTellsByItsTurns) {
  const AgentResult good = result_of(
      Dialect::Codex,
      {R"({"type":"thread.started","thread_id":"t-1"})",
       R"({"type":"turn.started"})",
       R"({"type":"item.completed","item":{"type":"command_execution","command":"ls","exit_code":0,"aggregated_output":"a"}})",
       R"({"type":"item.completed","item":{"type":"agent_message","text":"done"}})",
       R"({"type":"turn.completed","usage":{"input_tokens":7,"output_tokens":2}})"},
      0,
      "done, whole"
  );
  EXPECT_TRUE(good.succeeded()) << good.reason;
  EXPECT_EQ(good.text, "done, whole");
  EXPECT_EQ(good.session, "t-1");
  EXPECT_EQ(good.input_tokens + good.output_tokens, 9U);
  const AgentResult spent = result_of(
      Dialect::Codex,
      {R"({"type":"turn.failed","error":{"message":"Quota exceeded. Check your plan"}})"},
      1
  );
  EXPECT_EQ(spent.exit_text, kBudgetExceeded);
  const AgentResult cut =
      result_of(Dialect::Codex, {R"({"type":"error","message":"stream disconnected"})"}, 1);
  EXPECT_EQ(cut.exit_text, kApiError);
  EXPECT_EQ(result_of(Dialect::Codex, {}, 0).exit_text, kAgentFailed) << "no turn was completed";
}

TEST(AgentCliResult, OpenCodeTellsByItsSteps) {
  const AgentResult good = result_of(
      Dialect::OpenCode,
      {R"({"type":"text","sessionID":"ses_1","part":{"text":"done"}})",
       R"({"type":"step_finish","sessionID":"ses_1","part":{"tokens":{"input":3,"output":1}}})"}
  );
  EXPECT_TRUE(good.succeeded()) << good.reason;
  EXPECT_EQ(good.session, "ses_1");
  EXPECT_EQ(good.text, "done");
  const AgentResult bad = result_of(
      Dialect::OpenCode,
      {R"({"type":"error","error":{"name":"APIError","data":{"message":"boom"}}})"}
  );
  EXPECT_EQ(bad.exit_text, kApiError);
  EXPECT_EQ(bad.reason, "boom");
}

TEST(AgentCliResult, OfAnyOtherCommandWhatItPrintsIsTheResult) {
  EXPECT_EQ(result_of(Dialect::Text, {"a", "b"}).text, "a\nb");
  EXPECT_EQ(result_of(Dialect::Text, {"a"}, 0, "from the file\n").text, "from the file");
  EXPECT_EQ(result_of(Dialect::Text, {"a"}, 3).exit_text, kAgentFailed);
}

TEST(AgentCliResult, FindsTheJsonInAText) {
  EXPECT_EQ(json_in(" {\"a\":1} ")->dump(), R"({"a":1})");
  EXPECT_EQ(json_in("Here:\n```json\n[1]\n```\nbye")->dump(), "[1]");
  EXPECT_FALSE(json_in("```\n1\n```\n```\n2\n```"));
  EXPECT_FALSE(json_in("nothing"));
}

}  // namespace
}  // namespace reeve::executor::agent
