#include "executor/agent/loop.h"

#include <deque>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::executor::agent {
namespace {

constexpr std::string_view kTools =
    R"({"tools":[{"name":"repo__read","description":"reads","inputSchema":{"type":"object"}},)"
    R"({"name":"bank__pay","inputSchema":{"type":"object"}}]})";

std::string says(std::string_view text) {
  Json block = Json::object();
  block.set("type", "text").set("text", text);
  Json content = Json::array();
  content.push(std::move(block));
  Json json = Json::object();
  json.set("content", std::move(content)).set("stop_reason", "end_turn");
  json.set("usage", *parse_json(R"({"input_tokens":10,"output_tokens":2})"));
  return json.dump();
}

std::string calls(std::string_view id, std::string_view tool) {
  return concat(
      R"({"content":[{"type":"tool_use","id":")",
      id,
      R"(","name":")",
      tool,
      R"(","input":{"path":"a"}}],"stop_reason":"tool_use","usage":{"input_tokens":10,"output_tokens":2}})"
  );
}

/// A machine that dies at a given write, with what it had written.
class Paper final : public Journal {
 public:
  Result<void> append(const Record& record) override {
    if (writes_left == 0) {
      return make_error(ErrorCode::Io, "the machine died");
    }
    if (lines.size() >= lines_max && record.kind != Record::Kind::End) {
      return make_error(ErrorCode::LimitExceeded, "the journal is full");
    }
    --writes_left;
    lines.push_back(encode(record));
    return {};
  }

  std::vector<std::string> lines;
  std::size_t writes_left = SIZE_MAX;
  std::size_t lines_max = SIZE_MAX;
};

/// Both gateways: what was answered under a name is answered again and not paid twice.
class Gateways final : public Server {
 public:
  Result<ServerAnswer> post(const ServerRequest& request) override {
    if (request.path == kMcp) {
      return tool(*parse_json(request.body));
    }
    std::string id;
    for (const auto& [name, value] : request.headers) {
      id = name == "Reeve-Call-Id" ? value : id;
    }
    bodies.emplace_back(request.body);
    const auto known = paid.find(id);
    if (known != paid.end()) {
      return answer(kOk, known->second);
    }
    if (troubles > 0) {
      --troubles;
      return make_error(ErrorCode::Unavailable, "connection refused");
    }
    if (replies.empty()) {
      return answer(status, refusal);
    }
    paid[id] = replies.front();
    replies.pop_front();
    return answer(kOk, paid[id]);
  }

  static constexpr std::string_view kMcp = "/mcp";
  static constexpr int kOk = 200;

  static ServerAnswer answer(int status, std::string body) {
    return {.status = status, .content_type = "application/json", .body = std::move(body)};
  }

  Result<ServerAnswer> tool(const Json& asked) {
    Json answered = Json::object();
    answered.set("jsonrpc", "2.0").set("id", asked.get_int("id"));
    if (asked.get_string("method") == "tools/list") {
      answered.set("result", *parse_json(kTools));
      return answer(kOk, answered.dump());
    }
    const Json& params = *asked.find("params");
    const std::string key = params.find("_meta")->get_string("reeve.dev/idempotencyKey");
    if (undecided) {
      EXPECT_EQ(params.find("_meta")->get_string("reeve.dev/decisionWait"), "5s");
      asked_about.insert(key);
      answered.set("error", *parse_json(R"({"code":-32050,"message":"bob decides"})"));
      return answer(kOk, answered.dump());
    }
    executions += done.insert(key).second ? 1 : 0;
    answered.set("result", *parse_json(R"({"content":[{"type":"text","text":"contents"}]})"));
    return answer(kOk, answered.dump());
  }

  std::deque<std::string> replies;
  std::map<std::string, std::string> paid;
  std::set<std::string> done;
  std::vector<std::string> bodies;
  std::string refusal = R"({"error":{"type":"overloaded_error","message":"busy"}})";
  int status = 529;
  int executions = 0;
  int troubles = 0;
  /// People decide about every call, and have not.
  bool undecided = false;
  std::set<std::string> asked_about;
};

struct Fixture {
  Fixture() {
    work.agent = "coder";
    work.prompt = "the task";
    work.model = "m";
    work.system = "be brief";
    work.tools = {"repo__*"};
    work.loop = LoopSpec{};
  }

  /// As the tool does it: what is on the paper is read again.
  Result<AgentResult> run() {
    LoopState state(work.prompt);
    for (const std::string& line : paper.lines) {
      EXPECT_TRUE(state.apply(decode_record(line).value()).ok()) << line;
    }
    if (paper.lines.empty()) {
      const Record begin = begin_record("m.1.a.1", "digest");
      REEVE_CHECK(paper.append(begin));
      REEVE_CHECK(state.apply(begin));
    }
    Result<AgentResult> result = run_loop(
        work,
        state,
        {.server = gateways,
         .journal = paper,
         .note = [](std::string_view) {},
         .warn = [](std::string) {},
         .wait = [this](Duration) { ++waits; },
         .elapsed =
             [this] {
               return now;
             }}
    );
    phase = state.phase();
    return result;
  }

  Work work;
  Paper paper;
  Gateways gateways;
  Phase phase = Phase::Idle;
  Duration now{0};
  int waits = 0;
};

TEST(AgentLoop, AsksCallsAndAnswers) {
  Fixture f;
  f.gateways.replies = {calls("t1", "repo__read"), says("done")};
  const AgentResult result = f.run().value();
  EXPECT_TRUE(result.succeeded()) << result.reason;
  EXPECT_EQ(result.text, "done");
  EXPECT_EQ(result.turns, 2U);
  EXPECT_EQ(result.input_tokens, 20U);
  EXPECT_EQ(f.phase, Phase::Idle);
  EXPECT_EQ(f.gateways.executions, 1);
  EXPECT_NE(f.gateways.bodies[0].find("repo__read"), std::string::npos);
  EXPECT_EQ(f.gateways.bodies[0].find("bank__pay"), std::string::npos) << "it may not call that";
  EXPECT_NE(f.gateways.bodies[1].find("contents"), std::string::npos);
}

TEST(AgentLoop, AToolThatIsNotItsOwnIsNotCalled) {
  Fixture f;
  f.gateways.replies = {calls("t1", "bank__pay"), says("well")};
  EXPECT_TRUE(f.run().value().succeeded());
  EXPECT_EQ(f.gateways.executions, 0);
  EXPECT_NE(f.gateways.bodies[1].find("there is no tool bank__pay"), std::string::npos);
}

TEST(AgentLoop, EndsAfterItsIterations) {
  Fixture f;
  f.gateways.replies.assign(20, calls("t1", "repo__read"));
  const AgentResult result = f.run().value();
  EXPECT_EQ(result.exit_text, kMaxTurns);
  EXPECT_EQ(f.gateways.paid.size(), 5U);
  f.paper.lines.clear();
  f.work.limits.iterations = 3;
  EXPECT_EQ(f.run().value().turns, 3U);
}

TEST(AgentLoop, EndsAtItsTokensAndItsTime) {
  Fixture f;
  f.work.limits.tokens = 20;
  f.gateways.replies.assign(20, calls("t1", "repo__read"));
  EXPECT_EQ(f.run().value().exit_text, kBudgetExceeded);
  EXPECT_EQ(f.gateways.paid.size(), 2U);
  Fixture late;
  late.work.limits.duration = Duration(1000);
  late.gateways.replies = {says("too late")};
  LoopState state(late.work.prompt);
  ASSERT_TRUE(state.apply(begin_record("k", "d")).ok());
  int asked = 0;
  const AgentResult result = run_loop(
                                 late.work,
                                 state,
                                 {.server = late.gateways,
                                  .journal = late.paper,
                                  .note = [](std::string_view) {},
                                  .warn = [](std::string) {},
                                  .wait = [](Duration) {},
                                  .elapsed =
                                      [&asked] {
                                        return Duration(2000 * asked++);
                                      }}
  ).value();
  EXPECT_EQ(result.exit_text, kTimedOut);
  EXPECT_TRUE(late.gateways.paid.empty());
}

TEST(AgentLoop, ABudgetThatIsUsedUpStopsItAtOnceAndItGoesOnWhenThereIsMore) {
  Fixture f;
  f.gateways.replies = {calls("t1", "repo__read")};
  f.gateways.status = 429;
  f.gateways.refusal = R"({"error":{"type":"insufficient_quota","message":"spent"}})";
  EXPECT_EQ(f.run().value().exit_text, kBudgetExceeded);
  EXPECT_EQ(f.waits, 0);
  EXPECT_EQ(f.gateways.bodies.size(), 2U);
  f.gateways.replies = {says("done")};
  const AgentResult result = f.run().value();
  EXPECT_EQ(result.text, "done");
  EXPECT_EQ(result.turns, 2U) << "the question that was refused was asked again";
  EXPECT_EQ(f.gateways.paid.size(), 2U);
}

TEST(AgentLoop, AsksAgainWhenTheServerIsAway) {
  Fixture f;
  f.gateways.troubles = 2;
  f.gateways.replies = {says("done")};
  EXPECT_TRUE(f.run().value().succeeded());
  EXPECT_EQ(f.waits, 2);
  Fixture busy;
  const AgentResult result = busy.run().value();
  EXPECT_EQ(result.exit_text, kApiError);
  EXPECT_NE(result.reason.find("529: busy"), std::string::npos) << result.reason;
  EXPECT_EQ(busy.gateways.bodies.size(), kTriesMax);
}

TEST(AgentLoop, AWrongFormIsAskedForAgainAndThenRefused) {
  Fixture f;
  f.work.tools.clear();
  f.work.schema = *parse_json(R"({"type":"object","required":["verdict"]})");
  f.gateways.replies = {says("fine"), says("{}"), says("```json\n{\"verdict\":\"good\"}\n```")};
  const AgentResult good = f.run().value();
  EXPECT_TRUE(good.succeeded()) << good.reason;
  EXPECT_EQ(good.structured.get_string("verdict"), "good");
  EXPECT_NE(f.gateways.bodies[2].find("/verdict: is missing"), std::string::npos);
  Fixture bad;
  bad.work.schema = f.work.schema;
  bad.gateways.replies.assign(9, says("never"));
  EXPECT_EQ(bad.run().value().exit_text, kInvalidOutput);
  EXPECT_EQ(bad.gateways.paid.size(), 3U);
}

TEST(AgentLoop, AReplyThatIsNoneEndsIt) {
  Fixture f;
  f.gateways.replies = {"event: message_start"};
  EXPECT_EQ(f.run().value().exit_text, kApiError);
  EXPECT_EQ(f.gateways.bodies.size(), 1U);
}

TEST(AgentLoop, AFullJournalIsAnEnd) {
  for (std::size_t lines = 1; lines < 5; ++lines) {
    Fixture f;
    f.paper.lines_max = lines;
    f.gateways.replies = {calls("t1", "repo__read"), says("done")};
    const Result<AgentResult> result = f.run();
    ASSERT_TRUE(result.ok()) << lines << result.error().describe();
    EXPECT_EQ(result->exit_text, kAgentFailed);
    EXPECT_NE(result->reason.find("the journal is full"), std::string::npos) << result->reason;
    EXPECT_EQ(decode_record(f.paper.lines.back())->kind, Record::Kind::End);
  }
}

TEST(AgentLoop, StopsWhilePeopleDecideAndGoesOnWithTheSameCall) {
  Fixture f;
  f.work.loop->decision_wait = Duration(5'000);
  f.gateways.replies = {calls("t1", "repo__read"), says("done")};
  f.gateways.undecided = true;
  for (int run = 0; run < 2; ++run) {
    const AgentResult parked = f.run().value();
    EXPECT_EQ(parked.exit_text, model::kWaitsForDecision);
    EXPECT_EQ(parked.reason, "bob decides");
    EXPECT_EQ(f.phase, Phase::ToolExecuting);
  }
  f.gateways.undecided = false;
  const AgentResult result = f.run().value();
  EXPECT_TRUE(result.succeeded()) << result.reason;
  EXPECT_EQ(f.gateways.paid.size(), 2U);
  EXPECT_EQ(f.gateways.done, f.gateways.asked_about) << "the call that people decided about";
}

/// The machine dies at every write in turn; what comes next pays for nothing twice, calls no tool
/// twice, and says the same in the end.
TEST(AgentLoop, AfterADeathAtAnyWriteNothingIsPaidTwice) {
  std::size_t writes = 1;
  for (bool died = true; died; ++writes) {
    Fixture f;
    f.work.schema = *parse_json(R"({"type":"object"})");
    f.gateways.replies = {
        calls("t1", "repo__read"), calls("t1", "repo__read"), says("no JSON"), says("{}")};
    f.paper.writes_left = writes;
    died = !f.run().ok();
    f.paper.writes_left = SIZE_MAX;
    if (died) {
      const Result<AgentResult> second = f.run();
      ASSERT_TRUE(second.ok());
      EXPECT_TRUE(second->succeeded()) << writes << second->reason;
      EXPECT_EQ(second->turns, 4U);
    }
    EXPECT_EQ(f.gateways.paid.size(), 4U) << writes;
    EXPECT_EQ(f.gateways.executions, 2) << writes;
    EXPECT_TRUE(f.gateways.replies.empty());
  }
  EXPECT_GT(writes, 14U);
}

}  // namespace
}  // namespace reeve::executor::agent
