#include "executor/message/message_tool.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "protocol/commands.h"

namespace reeve::executor::message {
namespace {

class RecordedOutput final : public ToolOutput {
 public:
  void write(std::string_view bytes) override { written += bytes; }

  void note(std::string_view line) override { notes.emplace_back(line); }

  Result<void> publish(std::string_view name, std::string_view value) override {
    published += concat(name, "=", value, ";");
    return {};
  }

  void warn(std::string /*text*/) override {}

  std::string written;
  std::vector<std::string> notes;
  std::string published;
};

/// A tool whose owner answers from a list, and remembers what it was asked.
struct Fixture {
  std::vector<std::string> asked;
  std::vector<Result<Json>> receives;
  std::vector<Error> troubles;
  int waits = 0;
  RecordedOutput output;

  Result<ToolEnd> run(std::string_view input) {
    MessageTool tool(
        [this](const std::filesystem::path& /*dir*/, const protocol::Request& request) {
          return answer(request);
        },
        [this](Duration) { ++waits; }
    );
    return tool.run(
        {.input = *parse_json(input),
         .run_dir = {},
         .working_dir = {},
         .data_dir = "/data",
         .environment = {{"REEVE_RUN", "m.1.a.1"}}},
        output
    );
  }

  Result<Json> answer(const protocol::Request& request) {
    if (!troubles.empty()) {
      Error trouble = troubles.front();
      troubles.erase(troubles.begin());
      return trouble;
    }
    const auto object = protocol::object_from_json(request.args);
    EXPECT_TRUE(object.ok());
    EXPECT_EQ(object->kind, "channel");
    asked.push_back(concat(object->verb, " ", object->name));
    if (object->verb == "send") {
      asked.back() += concat(" ", object->body.dump());
    }
    if (object->verb == "receive" || object->verb == "subscribe") {
      EXPECT_EQ(object->body.get_string("lifetime"), "10m") << "a killed run leaves it behind";
    }
    if (object->verb == "receive" && !receives.empty()) {
      Result<Json> next = receives.front();
      receives.erase(receives.begin());
      return next;
    }
    return Json::object();
  }

  static Json handed_out(std::string_view correlation, std::string_view body) {
    Json message = Json::object();
    Json properties = Json::object();
    if (!correlation.empty()) {
      properties.set("correlationId", correlation);
    }
    message.set("sequence", 1).set("token", 2).set("body", body);
    message.set("properties", std::move(properties));
    Json detail = Json::object();
    detail.set("messages", Json(Json::Array{std::move(message)}));
    Json answer = Json::object();
    answer.set("detail", std::move(detail));
    return answer;
  }
};

TEST(MessageTool, SendsAndIsDoneWithoutAReplyChannel) {
  Fixture f;
  ASSERT_TRUE(f.run(R"({"channel":"req","body":"hello"})").ok());
  EXPECT_EQ(
      f.asked,
      (std::vector<std::string>{
          R"(send req {"body":"hello","properties":{"correlationId":"m.1.a.1"}})"})
  );
}

TEST(MessageTool, WaitsForTheReplyToItsOwnMessage) {
  Fixture f;
  f.receives = {
      Json::object(),
      Fixture::handed_out("other", "not for us"),
      Fixture::handed_out("m.1.a.1", "answer")};
  ASSERT_TRUE(f.run(R"({"channel":"req","replyChannel":"rep","body":"hello"})").ok());
  EXPECT_EQ(f.output.published, "reply=answer;");
  EXPECT_EQ(f.output.written, "answer\n");
  EXPECT_EQ(f.waits, 2);
  EXPECT_EQ(f.asked[0], "set rep");
  EXPECT_EQ(f.asked[1], "subscribe rep");
  EXPECT_TRUE(f.asked[2].starts_with("send req")) << f.asked[2];
  EXPECT_EQ(f.asked.back(), "unsubscribe rep");
}

TEST(MessageTool, TakesAReplyThatNamesNobody) {
  Fixture f;
  f.receives = {Fixture::handed_out("", "answer")};
  ASSERT_TRUE(f.run(R"({"channel":"req","replyChannel":"rep"})").ok());
  EXPECT_EQ(f.output.published, "reply=answer;");
}

TEST(MessageTool, WaitsForAnOwnerThatIsAwayAndGivesUpOnARefusal) {
  Fixture f;
  f.troubles = {
      make_error(ErrorCode::NotFound, "nobody listens", "control socket"),
      make_error(ErrorCode::Ambiguous, "no answer")};
  ASSERT_TRUE(f.run(R"({"channel":"req"})").ok());
  EXPECT_EQ(f.waits, 2);
  f.troubles = {make_error(ErrorCode::LimitExceeded, "the channel is full", "channel")};
  const auto full = f.run(R"({"channel":"req"})");
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code, ErrorCode::LimitExceeded);
}

TEST(MessageTool, RefusesInputsThatItDoesNotKnow) {
  Fixture f;
  EXPECT_FALSE(f.run("{}").ok());
  EXPECT_FALSE(f.run(R"({"channel":"req","chanel":"x"})").ok());
  EXPECT_TRUE(f.asked.empty());
}

}  // namespace
}  // namespace reeve::executor::message
