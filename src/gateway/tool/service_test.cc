#include "gateway/tool/service.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "gateway/tool/tool_world.h"

namespace reeve::gateway {
namespace {

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() {
    world_.workspace = std::filesystem::temp_directory_path() /
                       concat("reeve-tools-", static_cast<std::int64_t>(::getpid()));
    std::filesystem::create_directories(world_.workspace);
  }

  ~ServiceTest() override { std::filesystem::remove_all(world_.workspace); }

  std::string content(const std::string& name) {
    std::ifstream file(world_.workspace / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  ToolWorld world_;
};

int code_of(const std::shared_ptr<net::FakeAnswer>& answer) {
  const Json body = ToolWorld::body_of(answer);
  const Json* error = body.find("error");
  return error == nullptr ? 0 : static_cast<int>(error->get_int("code"));
}

int status_of(const std::shared_ptr<net::FakeAnswer>& answer) {
  return answer->response ? answer->response->status : 0;
}

std::string_view header_of(const std::shared_ptr<net::FakeAnswer>& answer, std::string_view name) {
  for (const net::Header& header : answer->response->headers) {
    if (header.name == name) {
      return header.value;
    }
  }
  return {};
}

// --- with sessions ------------------------------------------------------------------------------

const std::string kInitialize =
    R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
    R"("capabilities":{},"clientInfo":{"name":"c","version":"1"}}})";
const std::string kPing = R"({"jsonrpc":"2.0","id":"a","method":"ping"})";

TEST_F(ServiceTest, SpeaksRevisionsWithSessions) {
  const auto answer = world_.post(kInitialize);
  const Json body = ToolWorld::body_of(answer);
  EXPECT_EQ(body.find("result")->get_string("protocolVersion"), "2025-06-18");
  const std::string session(header_of(answer, "Mcp-Session-Id"));
  ASSERT_FALSE(session.empty());
  const net::Header with{"Mcp-Session-Id", session};
  EXPECT_EQ(
      ToolWorld::body_of(world_.post(kPing, {with})).dump(),
      R"({"jsonrpc":"2.0","id":"a","result":{}})"
  );
  EXPECT_EQ(
      status_of(world_.post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", {with})),
      202
  );
  EXPECT_EQ(
      status_of(world_.post(
          R"({"jsonrpc":"2.0","id":3,"method":"logging/setLevel","params":{"level":"info"}})",
          {with}
      )),
      200
  );
  EXPECT_EQ(
      code_of(world_.post(R"({"jsonrpc":"2.0","id":3,"method":"resources/list"})", {with})),
      kMethodNotFound
  );
}

TEST_F(ServiceTest, KnowsItsSessions) {
  EXPECT_EQ(status_of(world_.post(kPing)), 400);
  EXPECT_EQ(status_of(world_.post(kPing, {{"Mcp-Session-Id", "made-up"}})), 404);
  const std::string session(header_of(world_.post(kInitialize), "Mcp-Session-Id"));
  world_.advance(kSessionIdle + Duration(1));
  EXPECT_EQ(status_of(world_.post(kPing, {{"Mcp-Session-Id", session}})), 404);
}

TEST_F(ServiceTest, AnswersAnUnknownRevisionWithItsOwn) {
  const auto answer = world_.post(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"1999-01-01"}})"
  );
  EXPECT_EQ(
      ToolWorld::body_of(answer).find("result")->get_string("protocolVersion"), kSessionVersion
  );
}

TEST_F(ServiceTest, RefusesWhatIsNoMessage) {
  EXPECT_EQ(code_of(world_.post("{")), kParseError);
  EXPECT_EQ(code_of(world_.post("[]")), kInvalidRequest);
  EXPECT_EQ(code_of(world_.post(R"({"jsonrpc":"2.0","id":{},"method":"ping"})")), kInvalidRequest);
  EXPECT_EQ(
      code_of(world_.post(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[]})")),
      kInvalidParams
  );
}

// --- without sessions ---------------------------------------------------------------------------

std::string stateless(std::string_view method, std::string_view version = "2026-07-28") {
  return concat(
      R"({"jsonrpc":"2.0","id":1,"method":")",
      method,
      R"(","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":")",
      version,
      R"(","io.modelcontextprotocol/clientCapabilities":{}}}})"
  );
}

TEST_F(ServiceTest, SaysWhatItIsWithoutASession) {
  const auto answer = world_.post(
      stateless("server/discover"),
      {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "server/discover"}}
  );
  const Json body = ToolWorld::body_of(answer);
  const Json& result = *body.find("result");
  EXPECT_EQ(result.find("supportedVersions")->dump(), R"(["2026-07-28"])");
  EXPECT_EQ(result.get_string("resultType"), "complete");
  EXPECT_EQ(result.get_string("cacheScope"), "private");
  EXPECT_GT(result.get_int("ttlMs"), 0);
}

TEST_F(ServiceTest, ComparesHeadersWithTheBody) {
  const net::Header version{"MCP-Protocol-Version", "2026-07-28"};
  const net::Header method{"Mcp-Method", "tools/list"};
  const auto list = stateless("tools/list");
  EXPECT_EQ(status_of(world_.post(list, {version, method})), 200);
  for (const auto& headers : std::vector<std::vector<net::Header>>{
           {},
           {version},
           {method},
           {{"MCP-Protocol-Version", "2025-11-25"}, method},
           {version, {"Mcp-Method", "tools/call"}}}) {
    const auto answer = world_.post(list, headers);
    EXPECT_EQ(status_of(answer), 400);
    EXPECT_EQ(code_of(answer), kHeaderMismatch);
  }
  EXPECT_EQ(status_of(world_.post(kPing, {version})), 400);
  EXPECT_EQ(code_of(world_.post(kPing, {version})), kInvalidParams) << "_meta is missing";
  const auto other = world_.post(
      stateless("tools/list", "2030-01-01"), {{"MCP-Protocol-Version", "2030-01-01"}, method}
  );
  EXPECT_EQ(status_of(other), 400);
  EXPECT_EQ(code_of(other), kUnsupportedVersion);
  EXPECT_EQ(
      ToolWorld::body_of(other).find("error")->find("data")->dump(),
      R"({"requested":"2030-01-01","supported":["2026-07-28"]})"
  );
}

TEST_F(ServiceTest, ComparesTheNameOfATool) {
  const std::string body =
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__b","_meta":{)"
      R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
      R"("io.modelcontextprotocol/clientCapabilities":{}}}})";
  const net::Header version{"MCP-Protocol-Version", "2026-07-28"};
  const net::Header method{"Mcp-Method", "tools/call"};
  EXPECT_EQ(code_of(world_.post(body, {version, method})), kHeaderMismatch);
  EXPECT_EQ(code_of(world_.post(body, {version, method, {"Mcp-Name", "a__c"}})), kHeaderMismatch);
  EXPECT_EQ(code_of(world_.post(body, {version, method, {"Mcp-Name", "a__b"}})), kInvalidParams);
}

TEST_F(ServiceTest, HasNoMethodsOfTheOtherEra) {
  for (const char* method :
       {"ping",
        "initialize",
        "logging/setLevel",
        "resources/list",
        "subscriptions/listen",
        "no/such"}) {
    const auto answer = world_.post(
        stateless(method), {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", method}}
    );
    EXPECT_EQ(status_of(answer), 404) << method;
    EXPECT_EQ(code_of(answer), kMethodNotFound) << method;
  }
}

// --- one server ---------------------------------------------------------------------------------

TEST_F(ServiceTest, ServesOneServerWithTheNamesOfItsOwn) {
  world_.server("files", R"({"builtin":"workspace","tools":[{"name":"*_file"}]})");
  world_.server("ask", R"({"builtin":"approvals","unlisted":"allow"})");
  world_.path = "/mcp/files";
  EXPECT_EQ(ToolWorld::tools_of(world_.list()), "delete_file read_file write_file");
  EXPECT_EQ(
      ToolWorld::text_of(world_.call("write_file", R"({"path":"a.txt","content":"x"})")),
      "wrote a.txt"
  );
  EXPECT_EQ(world_.records().at(0).find("spec")->get_string("server"), "files");
  (void)world_.call("files__write_file", R"({"path":"b.txt","content":"x"})");
  EXPECT_FALSE(std::filesystem::exists(world_.workspace / "b.txt"));
  world_.agent(R"({"tools":["files__read_*"]})");
  EXPECT_EQ(ToolWorld::tools_of(world_.list()), "read_file");
  for (const char* path : {"/mcp/nowhere", "/mcp/files/more", "/mcpfiles"}) {
    world_.path = path;
    EXPECT_EQ(status_of(world_.list()), 404) << path;
  }
  world_.path = "/mcp/";
  EXPECT_EQ(ToolWorld::tools_of(world_.list()), "approve files__read_file");
}

// --- agents -------------------------------------------------------------------------------------

TEST_F(ServiceTest, GivesAnAgentWhatItsListSaysAndWhatItHasToAsk) {
  world_.server("files", R"({"builtin":"workspace","tools":[{"name":"*"}]})");
  world_.agent("{}");
  EXPECT_EQ(ToolWorld::tools_of(world_.list()), "approve");
  EXPECT_EQ(code_of(world_.call("files__list_files", "{}")), kInvalidParams);
  EXPECT_NE(
      ToolWorld::text_of(world_.call("approve", R"({"tool_name":"Bash","input":{}})"))
          .find(R"("behavior":"deny")"),
      std::string::npos
  );
  world_.agent(R"({"tools":["files__read_*"]})");
  EXPECT_EQ(ToolWorld::tools_of(world_.list()), "approve files__read_file");
  EXPECT_EQ(code_of(world_.call("files__list_files", "{}")), kInvalidParams);
  EXPECT_TRUE(world_.records().empty());
}

// --- calls that are sent again ------------------------------------------------------------------

TEST_F(ServiceTest, CarriesOutACallOnceThatIsSentAgain) {
  world_.server("files", R"({"builtin":"workspace","tools":[{"name":"*"}]})");
  world_.meta = R"(,"reeve.dev/idempotencyKey":"c-1")";
  const std::string arguments = R"({"path":"a.txt","content":"one"})";
  EXPECT_EQ(ToolWorld::text_of(world_.call("files__write_file", arguments)), "wrote a.txt");
  std::ofstream(world_.workspace / "a.txt") << "changed since";
  world_.restart();
  EXPECT_EQ(ToolWorld::text_of(world_.call("files__write_file", arguments)), "wrote a.txt");
  EXPECT_EQ(content("a.txt"), "changed since");
  EXPECT_EQ(world_.records().size(), 1U);
  // The same key is not for something else.
  EXPECT_NE(
      ToolWorld::text_of(world_.call("files__write_file", R"({"path":"b.txt","content":"two"})"))
          .find("another call"),
      std::string::npos
  );
  world_.meta = R"(,"reeve.dev/idempotencyKey":"c-2")";
  (void)world_.call("files__write_file", arguments);
  EXPECT_EQ(content("a.txt"), "one");
  EXPECT_EQ(world_.records().size(), 2U);
}

TEST_F(ServiceTest, SaysOfACallThatIsSentAgainThatNobodyKnows) {
  world_.server(
      "there", R"({"url":"http://127.0.0.1:1/mcp","unlisted":"allow","protocol":"2026-07-28"})"
  );
  // It lists its tool and never answers a call.
  world_.upstream = [](const net::ClientRequest& request, net::ResponseSink& sink) {
    const Json message = *parse_json(request.body.view());
    const std::string method = message.get_string("method");
    if (method == "tools/call") {
      return;
    }
    Json result = Json::object();
    if (method == "tools/list") {
      result = *parse_json(R"({"tools":[{"name":"pay","inputSchema":{"type":"object"}}]})");
    }
    net::Headers headers;
    headers.add("Content-Type", "application/json");
    sink.on_head(200, headers);
    sink.on_data(result_message(*message.find("id"), std::move(result)).dump());
    sink.on_end();
  };
  world_.meta = R"(,"reeve.dev/idempotencyKey":"c-1")";
  (void)world_.call("there__pay", "{}");
  EXPECT_EQ(world_.state_of(0), "EXECUTING");
  // Whoever comes back while it is carried out waits for the same call.
  const auto second = world_.call("there__pay", "{}");
  EXPECT_FALSE(second->response);
  const auto paid = [this] {
    return std::count_if(
        world_.requests.begin(),
        world_.requests.end(),
        [](const net::ClientRequest& request) {
          return request.body.view().find("tools/call") != std::string_view::npos;
        }
    );
  };
  EXPECT_EQ(paid(), 1);
  world_.crash();
  const auto third = world_.call("there__pay", "{}");
  EXPECT_NE(ToolWorld::text_of(third).find("it may have been done"), std::string::npos);
  EXPECT_EQ(world_.state_of(0), "UNKNOWN");
  EXPECT_EQ(paid(), 1);
}

// --- calls --------------------------------------------------------------------------------------

TEST_F(ServiceTest, ListsWhatMayBeCalledAndNothingElse) {
  world_.server(
      "files",
      R"({"builtin":"workspace","tools":[{"name":"read_*"},{"name":"write_file","allow":false}]})"
  );
  world_.server("ask", R"({"builtin":"approvals","unlisted":"allow"})");
  EXPECT_EQ(ToolWorld::tools_of(world_.list()), "ask__request_approval files__read_file");
}

TEST_F(ServiceTest, RecordsBeforeItActsAndWhatCameOfIt) {
  world_.server("files", R"({"builtin":"workspace","tools":[{"name":"*"}]})");
  const auto answer = world_.call("files__write_file", R"({"path":"a.txt","content":"hello"})");
  EXPECT_EQ(ToolWorld::text_of(answer), "wrote a.txt");
  EXPECT_EQ(content("a.txt"), "hello");
  const Json record = world_.records().at(0);
  EXPECT_EQ(world_.state_of(0), "COMPLETED");
  EXPECT_EQ(
      record.find("spec")->find("correlation")->get_string("claudecode/toolUseId"), "toolu_1"
  );
  EXPECT_EQ(record.find("status")->find("result")->get_string("excerpt"), "wrote a.txt");
  EXPECT_EQ(world_.count_events("toolcall.recorded"), 1U);
}

TEST_F(ServiceTest, RefusesArgumentsThatDoNotFitBeforeAnythingHappens) {
  world_.server("files", R"({"builtin":"workspace","tools":[{"name":"*"}]})");
  const auto answer = world_.call("files__write_file", R"({"path":"a.txt","content":1})");
  EXPECT_NE(ToolWorld::text_of(answer).find("do not fit"), std::string::npos);
  EXPECT_EQ(world_.state_of(0), "REJECTED");
  EXPECT_FALSE(std::filesystem::exists(world_.workspace / "a.txt"));
}

TEST_F(ServiceTest, NeverCarriesOutWhatIsNotKnown) {
  world_.server("files", R"({"builtin":"workspace","tools":[{"name":"read_file"}]})");
  (void)world_.call("files__write_file", R"({"path":"a.txt","content":"x"})");
  (void)world_.call("files__format_disk", "{}");
  EXPECT_EQ(world_.state_of(0), "REJECTED");
  EXPECT_EQ(world_.state_of(1), "REJECTED");
  EXPECT_EQ(code_of(world_.call("nowhere__tool", "{}")), kInvalidParams);
  EXPECT_FALSE(std::filesystem::exists(world_.workspace / "a.txt"));
}

TEST_F(ServiceTest, LeavesTheWorkingDirectoryForNoPath) {
  world_.server("files", R"({"builtin":"workspace","tools":[{"name":"*"}]})");
  for (const char* path : {"../x", "/etc/passwd", "a/../../x"}) {
    const auto answer = world_.call("files__read_file", concat(R"({"path":")", path, R"("})"));
    EXPECT_NE(ToolWorld::text_of(answer).find("out of the directory"), std::string::npos) << path;
    world_.command(journal::Kind::Mission, "m", "x", {}, "user:bob").ok();
  }
}

constexpr std::string_view kCareful =
    R"({"builtin":"workspace","tools":[{"name":"write_file","risk":"medium","reversible":{"tool":"write_file"},)"
    R"("approval":{"required":true,"timeout":"10m"}},{"name":"*"}]})";

TEST_F(ServiceTest, HoldsACallUntilSomebodyApproves) {
  world_.server("files", kCareful);
  const auto answer = world_.call("files__write_file", R"({"path":"a.txt","content":"hello"})");
  EXPECT_EQ(world_.state_of(0), "PENDING");
  EXPECT_FALSE(answer->response || answer->head);
  world_.advance(Duration(60'000));
  ASSERT_TRUE(answer->head) << "a stream with beats";
  std::size_t beats = 0;
  for (std::size_t at = answer->body.find("notifications/progress"); at != std::string::npos;
       at = answer->body.find("notifications/progress", at + 1)) {
    ++beats;
  }
  EXPECT_EQ(beats, 6U);
  EXPECT_FALSE(std::filesystem::exists(world_.workspace / "a.txt"));
  ASSERT_TRUE(world_.decide("approve", "{}").ok());
  world_.notice();
  EXPECT_EQ(content("a.txt"), "hello");
  EXPECT_EQ(world_.state_of(0), "COMPLETED");
  EXPECT_NE(answer->body.find("wrote a.txt"), std::string::npos);
  EXPECT_TRUE(answer->closed);
  EXPECT_EQ(world_.records().at(0).find("status")->find("approval")->get_string("by"), "user:bob");
}

TEST_F(ServiceTest, TellsTheRunThatItWasRejected) {
  world_.server("files", kCareful);
  const auto answer = world_.call("files__write_file", R"({"path":"a.txt","content":"hello"})");
  ASSERT_TRUE(world_.decide("reject", R"({"message":"not that file"})").ok());
  world_.notice();
  EXPECT_EQ(ToolWorld::text_of(answer), "rejected by user:bob: not that file");
  EXPECT_TRUE(ToolWorld::body_of(answer).find("result")->get_bool("isError"));
  EXPECT_FALSE(std::filesystem::exists(world_.workspace / "a.txt"));
}

TEST_F(ServiceTest, CarriesOutEditedArgumentsAfterCheckingThem) {
  world_.server("files", kCareful);
  (void)world_.call("files__write_file", R"({"path":"a.txt","content":"hello"})");
  ASSERT_TRUE(world_.decide("approve", R"({"arguments":{"path":"b.txt","content":"safe"}})").ok());
  world_.notice();
  EXPECT_EQ(content("b.txt"), "safe");
  EXPECT_FALSE(std::filesystem::exists(world_.workspace / "a.txt"));

  (void)world_.call("files__write_file", R"({"path":"c.txt","content":"hello"})");
  ASSERT_TRUE(world_.decide("approve", R"({"arguments":{"path":"c.txt"}})").ok());
  world_.notice();
  EXPECT_EQ(world_.state_of(1), "FAILED");
  EXPECT_FALSE(std::filesystem::exists(world_.workspace / "c.txt"));
}

TEST_F(ServiceTest, FindsTheCallOfAClientThatComesBack) {
  world_.server("files", kCareful);
  const std::string arguments = R"({"path":"a.txt","content":"hello"})";
  (void)world_.call("files__write_file", arguments);
  world_.last->disconnect();
  const auto again = world_.call("files__write_file", arguments);
  EXPECT_EQ(world_.records().size(), 1U) << "nobody is asked twice";
  world_.last->disconnect();
  world_.restart();
  world_.notice();
  ASSERT_TRUE(world_.decide("approve", "{}").ok());
  world_.notice();
  EXPECT_FALSE(std::filesystem::exists(world_.workspace / "a.txt")) << "nobody waits for it";
  const auto back = world_.call("files__write_file", arguments);
  EXPECT_EQ(ToolWorld::text_of(back), "wrote a.txt");
  EXPECT_EQ(world_.records().size(), 1U);
}

TEST_F(ServiceTest, SendsAClientAwayThatDoesNotWaitForPeople) {
  world_.server("files", kCareful);
  world_.meta = R"(,"reeve.dev/decisionWait":"30s","reeve.dev/idempotencyKey":"k")";
  const std::string arguments = R"({"path":"a.txt","content":"hello"})";
  const auto answer = world_.call("files__write_file", arguments);
  world_.advance(Duration(29'000));
  EXPECT_EQ(answer->body.find("-32050"), std::string::npos);
  world_.advance(Duration(1'000));
  EXPECT_NE(answer->body.find("-32050"), std::string::npos) << answer->body;
  EXPECT_TRUE(answer->closed);
  EXPECT_EQ(world_.state_of(0), "PENDING");
  ASSERT_TRUE(world_.decide("approve", "{}").ok());
  world_.notice();
  EXPECT_FALSE(std::filesystem::exists(world_.workspace / "a.txt")) << "nobody waits for it";
  EXPECT_EQ(ToolWorld::text_of(world_.call("files__write_file", arguments)), "wrote a.txt");
  EXPECT_EQ(world_.records().size(), 1U);
}

TEST_F(ServiceTest, AClientThatIsAnsweredInTimeIsNotSentAway) {
  world_.server("files", kCareful);
  world_.meta = R"(,"reeve.dev/decisionWait":"30s")";
  const auto answer = world_.call("files__write_file", R"({"path":"a.txt","content":"hello"})");
  ASSERT_TRUE(world_.decide("approve", "{}").ok());
  world_.notice();
  world_.advance(Duration(60'000));
  EXPECT_EQ(ToolWorld::text_of(answer), "wrote a.txt");
}

TEST_F(ServiceTest, RefusesAWaitThatIsNone) {
  world_.server("files", kCareful);
  for (const std::string_view wait : {"soon", "61m"}) {
    world_.meta = concat(R"(,"reeve.dev/decisionWait":")", wait, R"(")");
    const auto answer = world_.call("files__write_file", R"({"path":"a.txt","content":"hello"})");
    EXPECT_EQ(ToolWorld::body_of(answer).find("error")->get_int("code"), -32602) << wait;
  }
  EXPECT_TRUE(world_.records().empty());
}

TEST_F(ServiceTest, RollsBackWhatAPersonWantsUndone) {
  std::ofstream(world_.workspace / "a.txt") << "before";
  world_.server(
      "files",
      R"({"builtin":"workspace","tools":[{"name":"*","reversible":{"tool":"write_file"}}]})"
  );
  (void)world_.call("files__write_file", R"({"path":"a.txt","content":"after"})");
  EXPECT_EQ(content("a.txt"), "after");
  ASSERT_TRUE(world_.decide("rollback", R"({"message":"wrong"})").ok());
  world_.notice();
  EXPECT_EQ(content("a.txt"), "before");
  ASSERT_EQ(world_.records().size(), 2U);
  EXPECT_EQ(world_.state_of(0), "ROLLED_BACK");
  EXPECT_EQ(world_.state_of(1), "COMPLETED");
}

TEST_F(ServiceTest, KeepsNoSecretsOfArguments) {
  world_.server(
      "files",
      R"({"builtin":"workspace","tools":[{"name":"*","redact":["content"],"reversible":{"tool":"write_file"}}]})"
  );
  const std::string secret = "sk-verysecretverysecret";
  (void)world_.call(
      "files__write_file", concat(R"({"path":")", secret, R"(","content":"plain-secret"})")
  );
  (void)world_.call("files__write_file", R"({"path":"a.txt","content":"plain-secret"})");
  EXPECT_EQ(content("a.txt"), "plain-secret");
  for (const journal::Event& event : world_.events) {
    EXPECT_EQ(event.data.find(secret), std::string::npos) << event.type;
    EXPECT_EQ(event.data.find("plain-secret"), std::string::npos) << event.type;
  }
}

TEST_F(ServiceTest, StopsARunThatGoesInCircles) {
  world_.server("files", R"({"builtin":"workspace","tools":[{"name":"*"}]})");
  for (int i = 0; i < 3; ++i) {
    (void)world_.call("files__read_file", R"({"path":"none"})");
  }
  EXPECT_EQ(world_.count_events("spiral.detected"), 1U);
  const auto answer = world_.call("files__list_files", "{}");
  EXPECT_NE(ToolWorld::text_of(answer).find("goes in circles"), std::string::npos)
      << ToolWorld::text_of(answer);
  EXPECT_EQ(world_.records().size(), 3U);
}

// --- an agent's own tools -----------------------------------------------------------------------

TEST_F(ServiceTest, DecidesAboutAnAgentsOwnTools) {
  const std::string ask =
      R"({"tool_name":"Bash","input":{"command":"ls"},"tool_use_id":"toolu_9"})";
  EXPECT_NE(
      ToolWorld::text_of(world_.call("approve", ask)).find(R"("behavior":"deny")"),
      std::string::npos
  );
  world_.server(
      "agent",
      R"({"builtin":"approvals","tools":[{"name":"Read"},{"name":"Bash","approval":{"required":true}}]})"
  );
  EXPECT_EQ(
      ToolWorld::text_of(world_.call("approve", R"({"tool_name":"Read","input":{"a":1}})")),
      R"({"behavior":"allow","updatedInput":{"a":1}})"
  );
  EXPECT_EQ(
      ToolWorld::text_of(world_.call("approve", R"({"tool_name":"Edit","input":{}})")),
      R"({"behavior":"deny","message":"policy does not allow the tool Edit"})"
  );
  const auto held = world_.call("approve", ask);
  ASSERT_TRUE(world_.decide("approve", R"({"arguments":{"command":"ls -l"}})").ok());
  world_.notice();
  EXPECT_EQ(ToolWorld::text_of(held), R"({"behavior":"allow","updatedInput":{"command":"ls -l"}})");
  EXPECT_EQ(world_.records().back().find("spec")->get_string("server"), "agent");
  EXPECT_EQ(world_.records().back().find("spec")->get_string("tool"), "Bash");
}

}  // namespace
}  // namespace reeve::gateway
