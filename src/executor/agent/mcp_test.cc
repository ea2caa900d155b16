#include "executor/agent/mcp.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::executor::agent {
namespace {

TEST(AgentMcp, ACallNamesItsRevisionAndItsKey) {
  const McpRequest request =
      call_request(4, "repo__read", *parse_json(R"({"a":1})"), "key-1", Duration(90'000));
  const Json body = *parse_json(request.body);
  EXPECT_EQ(body.get_string("method"), "tools/call");
  const Json& params = *body.find("params");
  EXPECT_EQ(params.find("arguments")->dump(), R"({"a":1})");
  EXPECT_EQ(params.find("_meta")->get_string(kIdempotencyMeta), "key-1");
  EXPECT_EQ(
      params.find("_meta")->get_string("io.modelcontextprotocol/protocolVersion"), kMcpRevision
  );
  std::string headers;
  for (const auto& [name, value] : request.headers) {
    headers += concat(name, "=", value, ";");
  }
  EXPECT_NE(
      headers.find("MCP-Protocol-Version=2026-07-28;Mcp-Method=tools/call;Mcp-Name=repo__read;"),
      std::string::npos
  ) << headers;
}

TEST(AgentMcp, TakesTheAnswerOutOfAStreamWithProgress) {
  constexpr std::string_view kStream =
      "event: message\r\n"
      "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}\r\n\r\n"
      ": still waiting\n\n"
      "data: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"other\":1}}\n\n"
      "data: {\"jsonrpc\":\"2.0\",\"id\":4,\n"
      "data: \"result\":{\"content\":[]}}\n\n";
  const Result<Json> answer = read_answer(4, "text/event-stream; charset=utf-8", kStream);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->dump(), R"({"content":[]})");
  EXPECT_EQ(read_answer(5, "text/event-stream", kStream).error().code, ErrorCode::Unavailable);
}

TEST(AgentMcp, TellsWhatTheGatewayRefuses) {
  const Result<Json> refused = read_answer(
      1,
      "application/json",
      R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"not yours"}})"
  );
  EXPECT_NE(refused.error().message.find("not yours"), std::string::npos);
  EXPECT_FALSE(read_answer(1, "text/html", "<html>").ok());
}

TEST(AgentMcp, ReadsPagesOfTools) {
  const ToolPage page =
      read_tools(
          *parse_json(
              R"({"tools":[{"name":"a__b","description":"d","inputSchema":{"type":"object","x":1}},)"
              R"({"name":"c__d"}],"nextCursor":"p2"})"
          )
      )
          .value();
  ASSERT_EQ(page.tools.size(), 2U);
  EXPECT_EQ(page.tools[0].schema.dump(), R"({"type":"object","x":1})");
  EXPECT_EQ(page.tools[1].schema.dump(), R"({"type":"object"})");
  EXPECT_EQ(page.next, "p2");
  EXPECT_FALSE(read_tools(*parse_json("{}")).ok());
}

TEST(AgentMcp, ResultsAreTextOfABoundedLength) {
  const ToolResult result = read_result(*parse_json(
      R"({"isError":true,"content":[{"type":"text","text":"a"},{"type":"image","data":"x"},)"
      R"({"type":"resource","resource":{"text":"b"}}]})"
  ));
  EXPECT_TRUE(result.failed);
  EXPECT_EQ(result.text, "a\n[image that cannot be shown as text]\nb");
  EXPECT_EQ(
      read_result(*parse_json(R"({"content":[],"structuredContent":{"x":1}})")).text, R"({"x":1})"
  );
  EXPECT_EQ(cut_text("abcdef", 6), "abcdef");
  EXPECT_EQ(cut_text("abc\xc3\xa4", 4), "abc\n[2 more bytes are left out]");
}

}  // namespace
}  // namespace reeve::executor::agent
