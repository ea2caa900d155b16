#include "gateway/model/format/errors.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace reeve::gateway::model {
namespace {

std::string header(const ErrorAnswer& answer, std::string_view name) {
  for (const auto& [key, value] : answer.headers) {
    if (key == name) {
      return value;
    }
  }
  return "-";
}

Json body_of(const ErrorAnswer& answer) {
  Result<Json> json = parse_json(answer.body);
  EXPECT_TRUE(json.ok()) << answer.body;
  return json.ok() ? *json : Json();
}

TEST(GatewayError, StopsClaudeCodeWhenTheBudgetIsGone) {
  for (const GatewayErrorKind kind : {GatewayErrorKind::BudgetExhausted, GatewayErrorKind::Held}) {
    const ErrorAnswer answer = error_answer(
        Operation::Messages, Dialect::Anthropic, {.kind = kind, .message = "no \"money\""}
    );
    EXPECT_EQ(answer.status, 429);
    EXPECT_EQ(header(answer, "x-should-retry"), "false");
    EXPECT_EQ(header(answer, "retry-after"), "-");
    EXPECT_EQ(
        answer.body,
        R"({"type":"error","error":{"type":"rate_limit_error","message":"no \"money\"",)"
        R"("details":{"error_code":"enforced_spend_limit_reached"}}})"
    );
  }
}

TEST(GatewayError, StopsCodexAndOpencodeWhenTheBudgetIsGone) {
  for (const Operation operation : {Operation::Responses, Operation::ChatCompletions}) {
    const ErrorAnswer answer = error_answer(
        operation,
        Dialect::OpenAi,
        {.kind = GatewayErrorKind::BudgetExhausted, .message = "quota core is used up"}
    );
    EXPECT_EQ(answer.status, 429);
    EXPECT_EQ(header(answer, "x-should-retry"), "false");
    EXPECT_EQ(
        answer.body,
        R"({"error":{"message":"quota core is used up","type":"insufficient_quota","param":null,)"
        R"("code":"insufficient_quota"}})"
    );
  }
}

TEST(GatewayError, LetsClientsWaitWhereThatHelps) {
  const ErrorAnswer answer = error_answer(
      Operation::Messages,
      Dialect::Anthropic,
      {.kind = GatewayErrorKind::RateLimited, .message = "m", .retry_after_seconds = 7}
  );
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(header(answer, "retry-after"), "7");
  EXPECT_EQ(header(answer, "x-should-retry"), "-");
  EXPECT_EQ(body_of(answer).find("error")->find("details"), nullptr);
  const ErrorAnswer failed = error_answer(
      Operation::Responses, Dialect::OpenAi, {.kind = GatewayErrorKind::UpstreamFailed}
  );
  EXPECT_EQ(failed.status, 502);
  EXPECT_EQ(header(failed, "retry-after"), "-");
}

TEST(GatewayError, HasTheStatusThatTheDialectKnows) {
  const struct {
    GatewayErrorKind kind;
    Operation operation;
    Dialect dialect;
    int status;
    std::string_view word;
  } cases[] = {
      {GatewayErrorKind::Unauthorised,
       Operation::Messages,
       Dialect::Anthropic,
       401,
       "authentication_error"},
      {GatewayErrorKind::Unauthorised,
       Operation::Responses,
       Dialect::OpenAi,
       401,
       "invalid_request_error"},
      {GatewayErrorKind::UnknownModel,
       Operation::Messages,
       Dialect::Anthropic,
       404,
       "not_found_error"},
      {GatewayErrorKind::UnknownModel,
       Operation::ChatCompletions,
       Dialect::OpenAi,
       404,
       "invalid_request_error"},
      {GatewayErrorKind::UnknownModel,
       Operation::Responses,
       Dialect::OpenAi,
       400,
       "invalid_request_error"},
      {GatewayErrorKind::TooLarge,
       Operation::Messages,
       Dialect::Anthropic,
       413,
       "request_too_large"},
      {GatewayErrorKind::ContextTooLong,
       Operation::Messages,
       Dialect::Anthropic,
       400,
       "invalid_request_error"},
      {GatewayErrorKind::Guardrail,
       Operation::Messages,
       Dialect::Anthropic,
       403,
       "permission_error"},
      {GatewayErrorKind::Guardrail,
       Operation::Responses,
       Dialect::OpenAi,
       400,
       "invalid_request_error"},
      {GatewayErrorKind::Busy, Operation::Messages, Dialect::Anthropic, 503, "overloaded_error"},
      {GatewayErrorKind::UpstreamTimeout,
       Operation::ChatCompletions,
       Dialect::OpenAi,
       504,
       "server_error"},
      {GatewayErrorKind::UpgradeRequired,
       Operation::Responses,
       Dialect::OpenAi,
       426,
       "invalid_request_error"}};

  for (const auto& each : cases) {
    const ErrorAnswer answer =
        error_answer(each.operation, each.dialect, {.kind = each.kind, .message = "m"});
    EXPECT_EQ(answer.status, each.status) << to_string(each.kind);
    EXPECT_EQ(body_of(answer).find("error")->get_string("type"), each.word);
    EXPECT_EQ(header(answer, "Content-Type"), "application/json");
  }
}

TEST(GatewayError, EndsAStreamInItsOwnWords) {
  const GatewayError error{.kind = GatewayErrorKind::BudgetExhausted, .message = "a\nb"};
  EXPECT_EQ(
      error_event(Operation::Messages, error),
      "event: error\ndata: "
      "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":"
      "\"a\\nb\",\"details\":{\"error_code\":\"enforced_spend_limit_reached\"}}}\n\n"
  );
  EXPECT_EQ(
      error_event(Operation::ChatCompletions, error),
      "data: {\"error\":{\"message\":\"a\\nb\",\"type\":\"insufficient_quota\",\"param\":null,"
      "\"code\":\"insufficient_quota\"}}\n\n"
  );
  const std::string event = error_event(Operation::Responses, error, 4);
  ASSERT_TRUE(event.starts_with("event: response.failed\ndata: {\"type\":\"response.failed\","));
  EXPECT_NE(event.find("\"sequence_number\":4"), std::string::npos);
  EXPECT_NE(event.find("\"code\":\"insufficient_quota\""), std::string::npos);
}

TEST(GatewayError, IsToldByTheStatusOfARefusal) {
  EXPECT_EQ(error_kind_of_status(401), GatewayErrorKind::Unauthorised);
  EXPECT_EQ(error_kind_of_status(421), GatewayErrorKind::Forbidden);
  EXPECT_EQ(error_kind_of_status(429), GatewayErrorKind::RateLimited);
  EXPECT_EQ(error_kind_of_status(503), GatewayErrorKind::Busy);
  EXPECT_EQ(error_kind_of_status(500), GatewayErrorKind::Internal);
}

}  // namespace
}  // namespace reeve::gateway::model
