#include "gateway/model/format/request_scan.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"

namespace reeve::gateway::model {
namespace {

constexpr auto kChat = Operation::ChatCompletions;

RequestScan scanned(Operation operation, std::string_view body) {
  Result<RequestScan> scan = scan_request(operation, body);
  EXPECT_TRUE(scan.ok()) << (scan.ok() ? "" : scan.error().describe());
  return scan.ok() ? *scan : RequestScan{};
}

std::string refused(std::string_view body, Operation operation = kChat) {
  const Result<RequestScan> scan = scan_request(operation, body);
  return scan.ok() ? "" : concat(scan.error().subject, ": ", scan.error().message);
}

TEST(RequestScan, ReadsWhatTheGatewayActsUpon) {
  const std::string body =
      R"({"model":"gpt-5","stream":true,"n":2,"max_tokens":10,"max_completion_tokens":30,)"
      R"("stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"},{}],)"
      R"("tools":[{"type":"function","function":{"name":"f"}}],"user":"u-1","unknown":{"a":[1]}})";
  const RequestScan scan = scanned(kChat, body);
  EXPECT_EQ(scan.model, "gpt-5");
  EXPECT_EQ(body.substr(scan.model_at.begin, scan.model_at.size()), "\"gpt-5\"");
  EXPECT_TRUE(scan.stream);
  EXPECT_EQ(scan.n, 2U);
  EXPECT_EQ(scan.output_limit(), 30U);
  EXPECT_TRUE(scan.include_usage);
  EXPECT_EQ(scan.tools, 1U);
  EXPECT_EQ(scan.text_bytes(), body.size());
  EXPECT_TRUE(scan.unbounded.empty());
  EXPECT_FALSE(scan.thinking);
}

TEST(RequestScan, ReadsWhatClaudeCodeSends) {
  const RequestScan scan = scanned(
      Operation::Messages,
      R"({"model":"claude-sonnet-4-5","max_tokens":128000,"stream":true,"system":[{"type":"text",)"
      R"("text":"s","cache_control":{"type":"ephemeral"}}],"metadata":{"user_id":"session-7"},)"
      R"("thinking":{"type":"adaptive"},"context_management":{"edits":[{"type":)"
      R"("clear_thinking_20251015","keep":"all"}]},"output_config":{"effort":"medium"},)"
      R"("tools":[{"name":"Bash","input_schema":{"type":"object"}}],"messages":[]})"
  );
  EXPECT_EQ(scan.max_tokens, 128'000U);
  EXPECT_TRUE(scan.thinking);
  EXPECT_EQ(scan.tools, 1U);
  EXPECT_TRUE(scan.unbounded.empty());
}

TEST(RequestScan, RefusesMembersThatOccurTwice) {
  EXPECT_EQ(refused(R"({"model":"a","model":"b"})"), "model: occurs twice");
  EXPECT_EQ(refused(R"({"model":"a","mod\u0065l":"b"})"), "model: occurs twice");
  EXPECT_EQ(refused(R"({"max_tokens":1,"max_tokens":9})"), "max_tokens: occurs twice");
  EXPECT_EQ(
      refused(R"({"stream_options":{"include_usage":true,"include_usage":false}})"),
      "stream_options.include_usage: occurs twice"
  );
  EXPECT_EQ(refused(R"({"other":1,"other":2})"), "");
}

TEST(RequestScan, RefusesWrongTypesAndAbsurdNumbers) {
  for (const std::string_view body :
       {R"({"model":1})",
        R"({"model":null})",
        R"({"model":""})",
        R"({"model":["a"]})",
        R"({"stream":"true"})",
        R"({"stream":1})",
        R"({"max_tokens":-1})",
        R"({"max_tokens":1.5})",
        R"({"max_tokens":"9"})",
        R"({"max_tokens":1e3})",
        R"({"n":0})",
        R"({"n":129})",
        R"({"max_tokens":99999999999})",
        R"({"messages":{}})",
        R"({"stream_options":[]})",
        "[]",
        "7",
        "\"x\"",
        "{",
        "{}x",
        ""}) {
    EXPECT_NE(refused(body), "") << body;
  }
  EXPECT_EQ(refused(R"({"model":"a","max_tokens":null,"stream":null})"), "");
}

TEST(RequestScan, HasLimits) {
  const Result<RequestScan> large = scan_request(kChat, R"({"model":"a"})", {.size_bytes_max = 5});
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code, ErrorCode::LimitExceeded);
  const std::string deep = concat(R"({"a":)", std::string(200, '['), std::string(200, ']'), R"(})");
  EXPECT_FALSE(scan_request(kChat, deep).ok());
}

TEST(RequestScan, CountsPicturesAsPicturesOnlyWhereMessagesHaveThem) {
  const std::string data(10'000, 'A');
  const RequestScan picture = scanned(
      Operation::Messages,
      concat(
          R"({"model":"m","messages":[{"role":"user","content":[{"type":"image","source":)",
          R"({"type":"base64","media_type":"image/png","data":")",
          data,
          R"("}}]}]})"
      )
  );
  EXPECT_EQ(picture.images, 1U);
  EXPECT_EQ(picture.attachment_bytes, data.size() + 2);
  // In the arguments of a tool it is text, whatever it says.
  const RequestScan text = scanned(
      Operation::Messages,
      concat(
          R"({"model":"m","messages":[{"role":"assistant","content":[{"type":"tool_use","input":)",
          R"({"type":"image","source":{"type":"base64","data":")",
          data,
          R"("}}}]}]})"
      )
  );
  EXPECT_EQ(text.images, 0U);
  EXPECT_EQ(text.attachment_bytes, 0U);
  // As is a document that is plain text, and what says two things.
  const RequestScan plain = scanned(
      Operation::Messages,
      concat(
          R"({"model":"m","messages":[{"content":[{"type":"document","source":{"type":"text",)",
          R"("data":")",
          data,
          R"("}},{"type":"image","type":"text","source":{"data":")",
          data,
          R"("}}]}]})"
      )
  );
  EXPECT_EQ(plain.files, 1U);
  EXPECT_EQ(plain.images, 0U);
  EXPECT_EQ(plain.attachment_bytes, 0U);
}

TEST(RequestScan, KnowsPicturesOfAllOperations) {
  const RequestScan chat = scanned(
      kChat,
      R"({"model":"m","messages":[{"content":[{"type":"image_url","image_url":{"url":)"
      R"("data:image/png;base64,AAAA"}},{"type":"image_url","image_url":{"url":"https://x/y"}},)"
      R"({"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA"}}]}]})"
  );
  EXPECT_EQ(chat.images, 2U);
  EXPECT_EQ(chat.files, 1U);
  EXPECT_EQ(chat.attachment_bytes, 28U + 34U);
  const RequestScan responses = scanned(
      Operation::Responses,
      R"({"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":)"
      R"("data:image/png;base64,AAAA"}]},{"type":"function_call_output","output":[{"type":)"
      R"("input_image","image_url":"data:image/png;base64,AAAA"}]}]})"
  );
  EXPECT_EQ(responses.images, 2U);
  EXPECT_EQ(responses.attachment_bytes, 56U);
}

TEST(RequestScan, NamesWhatCannotBeBounded) {
  const auto named = [](Operation operation, std::string_view body) {
    return join(scanned(operation, body).unbounded, "|");
  };
  EXPECT_EQ(
      named(
          Operation::Responses,
          R"({"tools":[{"type":"web_search"},{"type":"function","name":"f"},{"type":"custom"},)"
          R"({"type":"namespace","name":"mcp__s","tools":[{"type":"mcp"}]}]})"
      ),
      "web_search|mcp"
  );
  EXPECT_EQ(
      named(
          Operation::Messages,
          R"({"tools":[{"type":"bash_20250124","name":"bash"},{"type":"web_fetch_20250910"}],)"
          R"("speed":"fast","inference_geo":"us","mcp_servers":[{"url":"https://x"}]})"
      ),
      "web_fetch_20250910|speed: fast|inference_geo: us|mcp_servers"
  );
  EXPECT_EQ(
      named(
          kChat, R"({"service_tier":"priority","modalities":["text","audio"],"background":true})"
      ),
      "service_tier: priority|modalities: audio|background"
  );
  EXPECT_EQ(
      named(
          Operation::Messages,
          R"({"context_management":{"edits":[{"type":"compact_20260112"}]},"mcp_servers":[]})"
      ),
      "context_management: compact_20260112"
  );
  EXPECT_TRUE(scanned(Operation::Responses, R"({"previous_response_id":"r"})").stored_input);
  EXPECT_FALSE(scanned(Operation::Responses, R"({"previous_response_id":null})").stored_input);
}

std::string edited(std::string_view body, const RequestEdits& edits, Operation operation = kChat) {
  const std::string made =
      edit_request(operation, body, scanned(operation, body), edits).value_or(std::string(body));
  EXPECT_TRUE(parse_json(made).ok()) << made;
  return made;
}

TEST(RequestEdit, LeavesEverythingElseAsItIs) {
  const std::string body = "{ \"beta\" : [1 , 2],\t\"model\": \"a\\u0062\" ,\"x\":1.0e1 }";
  EXPECT_EQ(edited(body, {}), body);
  EXPECT_EQ(
      edited(body, {.model = "up/\"stream"}),
      "{ \"beta\" : [1 , 2],\t\"model\": \"up/\\\"stream\" ,\"x\":1.0e1 }"
  );
}

TEST(RequestEdit, AsksForTheUsageOfStreamedChats) {
  const RequestEdits ask{.ask_for_usage = true};
  EXPECT_EQ(
      edited(R"({"model":"m","stream":true})", ask),
      R"({"stream_options":{"include_usage":true},"model":"m","stream":true})"
  );
  EXPECT_EQ(
      edited(R"({"stream":true,"stream_options":{}})", ask),
      R"({"stream":true,"stream_options":{"include_usage":true}})"
  );
  EXPECT_EQ(
      edited(R"({"stream":true,"stream_options":{"x":1}})", ask),
      R"({"stream":true,"stream_options":{"include_usage":true,"x":1}})"
  );
  EXPECT_EQ(
      edited(R"({"stream":true,"stream_options":{"include_usage":false}})", ask),
      R"({"stream":true,"stream_options":{"include_usage":true}})"
  );
  EXPECT_EQ(
      edited(R"({"stream":true,"stream_options":null})", ask),
      R"({"stream":true,"stream_options":{"include_usage":true}})"
  );
  for (const std::string_view body :
       {R"({"stream":false})", R"({"stream":true,"stream_options":{"include_usage":true}})"}) {
    EXPECT_EQ(edited(body, ask), body);
  }
  EXPECT_EQ(edited(R"({"stream":true})", ask, Operation::Responses), R"({"stream":true})");
}

TEST(RequestEdit, PutsALimitWhereThereIsNone) {
  const RequestEdits limit{.output_limit = 50};
  EXPECT_EQ(edited("{}", limit), R"({"max_completion_tokens":50})");
  EXPECT_EQ(edited(R"({"a":1})", limit, Operation::Responses), R"({"max_output_tokens":50,"a":1})");
  EXPECT_EQ(
      edited(R"({"a":1})", {.output_limit = 50, .output_limit_member = "max_tokens"}),
      R"({"max_tokens":50,"a":1})"
  );
  EXPECT_EQ(edited(R"({"max_completion_tokens":null})", limit), R"({"max_completion_tokens":50})");
  EXPECT_EQ(edited(R"({"max_tokens":7})", limit), R"({"max_tokens":7})");
  EXPECT_EQ(edited(R"({"input":"a"})", limit, Operation::Embeddings), R"({"input":"a"})");
}

TEST(RequestEdit, DoesAllOfItAtOnce) {
  const std::string body = R"({"stream":true,"model":"m","messages":[{"content":"key sk-1 !"}]})";
  const std::size_t at = body.find("sk-1");
  EXPECT_EQ(
      edited(
          body,
          {.model = "n",
           .ask_for_usage = true,
           .output_limit = 9,
           .splices = {{.at = {at, at + 4}, .text = "[gone]"}}}
      ),
      R"({"stream_options":{"include_usage":true},"max_completion_tokens":9,"stream":true,)"
      R"("model":"n","messages":[{"content":"key [gone] !"}]})"
  );
}

}  // namespace
}  // namespace reeve::gateway::model
