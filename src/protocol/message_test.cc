#include "protocol/message.h"

#include <gtest/gtest.h>

namespace reeve::protocol {
namespace {

TEST(Message, ARequestComesBackAsItWas) {
  Request request{.verb = "gate.approve", .id = InputId("cli-1"), .args = Json::object()};
  request.args.set("text", "line\nend").set("n", 7);
  const std::string line = encode(request);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const Result<Request> back = decode_request(std::string_view(line).substr(0, line.size() - 1));
  ASSERT_TRUE(back.ok()) << back.error().describe();
  EXPECT_EQ(back->verb, request.verb);
  EXPECT_EQ(back->id, request.id);
  EXPECT_EQ(back->args, request.args);
  EXPECT_TRUE(back->ns.empty());
}

TEST(Message, ARequestKeepsItsNamespace) {
  Request request{.verb = "abort", .id = {}};
  request.ns = Namespace("team-a");
  std::string line = encode(request);
  line.pop_back();
  EXPECT_EQ(decode_request(line)->ns, Namespace("team-a"));
  for (const char* bad : {"Team", "a~b", "-a"}) {
    request.ns = Namespace(bad);
    line = encode(request);
    line.pop_back();
    EXPECT_FALSE(decode_request(line).ok()) << bad;
  }
}

TEST(Message, AnAnswerComesBackAsItWas) {
  Json body = Json::object();
  body.set("mission", "m");
  const Result<Response> back = decode_response(encode(Response(body)));
  ASSERT_TRUE(back.ok() && back->ok());
  EXPECT_EQ(**back, body);
}

TEST(Message, AnErrorKeepsItsCodePlaceAndWayOut) {
  Error error = make_error(ErrorCode::StaleFence, "too late", "run");
  error.hint = "ask again";
  error.file = "w.yaml";
  error.position = {.line = 3, .column = 9};
  const Result<Response> back = decode_response(encode(Response(error)));
  ASSERT_TRUE(back.ok() && !back->ok());
  EXPECT_EQ(back->error().code, ErrorCode::StaleFence);
  EXPECT_EQ(back->error().describe(), error.describe());
}

TEST(Message, EveryErrorCodeComesBack) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::Io); ++code) {
    const Error error = make_error(static_cast<ErrorCode>(code), "x");
    const Result<Response> back = decode_response(encode(Response(error)));
    ASSERT_TRUE(back.ok() && !back->ok()) << to_string(error.code);
    EXPECT_EQ(back->error().code, error.code);
  }
}

TEST(Message, RefusesWhatIsNoRequest) {
  const char* lines[] = {
      "",
      "x",
      "[]",
      "{}",
      R"({"verb":"abort"})",
      R"({"v":2,"verb":"abort"})",
      R"({"v":"1","verb":"abort"})",
      R"({"v":1})",
      R"({"v":1,"verb":""})",
      R"({"v":1,"verb":"Abort"})",
      R"({"v":1,"verb":"abort","args":[]})",
      R"({"v":1,"verb":"abort","id":7})",
      R"({"v":1,"verb":"abort","more":1})",
      R"({"v":1,"verb":"abort"} {})"};
  for (const char* line : lines) {
    EXPECT_FALSE(decode_request(line).ok()) << line;
  }
  const std::string id(kInputIdBytesMax + 1, 'i');
  EXPECT_FALSE(decode_request(encode(Request{.verb = "abort", .id = InputId(id)})).ok());
  const std::string verb(kVerbBytesMax + 1, 'v');
  EXPECT_FALSE(decode_request(encode(Request{.verb = verb, .id = {}})).ok());
}

TEST(Message, RefusesWhatIsNoAnswer) {
  const char* lines[] = {
      "",
      R"({"v":1})",
      R"({"v":1,"ok":1})",
      R"({"v":1,"ok":{},"error":{"code":"io","message":"x"}})",
      R"({"v":1,"error":{"code":"unheard","message":"x"}})",
      R"({"v":1,"error":{"code":"io"}})",
      R"({"v":1,"error":{"code":"io","message":"x","line":-1}})"};
  for (const char* line : lines) {
    EXPECT_FALSE(decode_response(line).ok()) << line;
  }
}

}  // namespace
}  // namespace reeve::protocol
