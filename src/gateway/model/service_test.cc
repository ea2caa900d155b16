#include "gateway/model/service.h"

#include <gtest/gtest.h>

#include "gateway/model/model_world.h"

namespace reeve::gateway::model {
namespace {

constexpr std::string_view kSpec =
    R"({"providers":[{"name":"one","kind":"openai","baseUrl":"https://one.example.com/v1",)"
    R"("credential":"key"},{"name":"two","kind":"openai","baseUrl":"https://two.example.com/v1"},)"
    R"({"name":"anth","kind":"anthropic","baseUrl":"https://anth.example.com","credential":"key"}],)"
    R"("models":[{"name":"large","provider":"one","model":"upstream-large","contextWindow":1000,)"
    R"("maxOutputTokens":100,"reasoning":false,"prices":{"input":"1","output":"10"}},)"
    R"({"name":"small","provider":"two","contextWindow":1000,"maxOutputTokens":100,)"
    R"("reasoning":false,"prices":{"input":"0.1","output":"1"}},)"
    R"({"name":"claude","provider":"anth","contextWindow":1000,"maxOutputTokens":100,)"
    R"("reasoning":false,"prices":{"input":"1","output":"10"}}],)"
    R"("fallback":["small"],"downgrade":"small","retries":{"max":2,"backoff":"100ms","jitter":0})";

constexpr std::string_view kChat = "/llm/openai/v1/chat/completions";
constexpr std::string_view kMessages = "/llm/anthropic/v1/messages";
constexpr std::string_view kAsk =
    R"({"model":"large","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":50})";
constexpr std::string_view kAskStream =
    R"({"model":"large","messages":[{"role":"user","content":"hi"}],"stream":true,)"
    R"("stream_options":{"include_usage":true},"max_completion_tokens":50})";
constexpr std::string_view kAnswer =
    R"({"id":"c1","object":"chat.completion","model":"upstream-large","choices":[{"index":0,)"
    R"("finish_reason":"stop","message":{"role":"assistant","content":"ho"}}],)"
    R"("usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}})";
constexpr std::string_view kFirst =
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"upstream-large\","
    "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"ho\"},"
    "\"finish_reason\":null}]}\n\n";
constexpr std::string_view kLast =
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"upstream-large\","
    "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"upstream-large\","
    "\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":12}}"
    "\n\n"
    "data: [DONE]\n\n";

using Outcomes = std::vector<std::string>;

class ModelServiceTest : public ::testing::Test {
 protected:
  ModelServiceTest() { route(); }

  void route(std::string_view more = {}) { world_.route(concat(kSpec, more, "}")); }

  std::shared_ptr<net::FakeAnswer> ask(std::vector<net::Header> headers = {}) {
    return world_.post(std::string(kChat), std::string(kAsk), std::move(headers));
  }

  std::shared_ptr<net::FakeAnswer> ask_stream() {
    return world_.post(std::string(kChat), std::string(kAskStream));
  }

  void begin_stream(std::size_t index = 0) {
    world_.asked(index).head(200, {{"Content-Type", "text/event-stream"}, {"x-up", "yes"}});
    world_.asked(index).data(kFirst);
  }

  ModelWorld world_;
};

int status_of(const std::shared_ptr<net::FakeAnswer>& answer) {
  return answer->response ? answer->response->status : 0;
}

std::string body_of(const std::shared_ptr<net::FakeAnswer>& answer) {
  return answer->response ? std::string(answer->response->body.view()) : "no answer";
}

std::string header_of(const std::shared_ptr<net::FakeAnswer>& answer, std::string_view name) {
  const auto& headers = answer->response ? answer->response->headers : answer->head->headers;
  for (const net::Header& header : headers) {
    if (to_lower(header.name) == to_lower(name)) {
      return header.value;
    }
  }
  return {};
}

// --- one call -----------------------------------------------------------------------------------

TEST_F(ModelServiceTest, ReservesBeforeAnythingIsSent) {
  world_.meter_failure = make_error(ErrorCode::Unavailable, "the kernel is busy", "kernel");
  const auto answer = ask();
  EXPECT_EQ(status_of(answer), 503);
  EXPECT_TRUE(world_.upstream.empty());
}

TEST_F(ModelServiceTest, SendsWithTheRealKeyAndPassesTheAnswerOn) {
  const auto answer = ask(
      {{"Authorization", "Bearer rvr_run"},
       {"x-custom", "1"},
       {"Cookie", "c"},
       {"Reeve-Call-Id", "q1"}}
  );
  ASSERT_EQ(world_.upstream.size(), 1U);
  FakeUpstream& asked = world_.asked(0);
  EXPECT_EQ(asked.request.endpoint.host, "one.example.com");
  EXPECT_EQ(asked.request.target, "/v1/chat/completions");
  EXPECT_EQ(asked.header("Authorization"), "Bearer key-of-key");
  EXPECT_EQ(asked.header("x-custom"), "1");
  EXPECT_EQ(asked.header("Cookie"), "");
  EXPECT_EQ(asked.header("Reeve-Call-Id"), "");
  EXPECT_EQ(asked.header("Accept-Encoding"), "identity");
  EXPECT_NE(asked.request.body.view().find(R"("model":"upstream-large")"), std::string_view::npos);
  EXPECT_EQ(world_.outcomes(), Outcomes{"Open"});
  asked.answer(200, kAnswer, {{"x-up", "yes"}, {"Set-Cookie", "c"}});
  world_.settle();
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_EQ(body_of(answer), kAnswer);
  EXPECT_EQ(header_of(answer, "x-up"), "yes");
  EXPECT_EQ(header_of(answer, "Set-Cookie"), "");
  EXPECT_EQ(world_.outcomes(), Outcomes{"Settled completed"});
  const Json record = world_.records().front();
  EXPECT_EQ(record.find("metadata")->get_string("name"), header_of(answer, "Reeve-Call-Id"));
  const Json& end = *record.find("status")->find("end");
  EXPECT_EQ(end.get_int("inputTokens"), 9);
  EXPECT_EQ(end.get_int("outputTokens"), 3);
  EXPECT_EQ(end.get_string("cost"), "0.000039");
  EXPECT_EQ(end.get_string("stopReason"), "stop");
  EXPECT_EQ(record.find("spec")->get_string("model"), "upstream-large");
  EXPECT_EQ(world_.service().calls(), 0U);
  EXPECT_EQ(world_.service().unsettled(), 0U);
}

TEST_F(ModelServiceTest, KeysAreReadOnceForEachStateOfTheirCredential) {
  for (int i = 0; i < 3; ++i) {
    ask();
    world_.upstream.back()->answer(200, kAnswer);
  }
  EXPECT_EQ(world_.revealed, 1U);
  world_.put("credentials", "key", R"({"metadata":{"name":"key"}})");
  ask();
  EXPECT_EQ(world_.revealed, 2U);
}

TEST_F(ModelServiceTest, StreamsPassPieceByPiece) {
  const auto answer = ask_stream();
  begin_stream();
  ASSERT_TRUE(answer->head);
  EXPECT_EQ(header_of(answer, "x-up"), "yes");
  EXPECT_EQ(answer->body, kFirst);
  EXPECT_FALSE(answer->closed);
  world_.asked(0).data(kLast);
  world_.asked(0).end();
  world_.settle();
  EXPECT_EQ(answer->body, concat(kFirst, kLast));
  EXPECT_TRUE(answer->closed);
  EXPECT_EQ(world_.outcomes(), Outcomes{"Settled completed"});
}

TEST_F(ModelServiceTest, ASlowReaderHoldsTheProviderBack) {
  const auto answer = ask_stream();
  begin_stream();
  EXPECT_FALSE(world_.asked(0).paused);
  answer->buffered_bytes = kUntakenBytesMax + 1;
  world_.asked(0).data(kFirst);
  EXPECT_TRUE(world_.asked(0).paused);
  answer->drain_to(kUntakenBytesLow);
  EXPECT_FALSE(world_.asked(0).paused);
}

// --- what goes wrong ----------------------------------------------------------------------------

TEST_F(ModelServiceTest, WhatDoesNotConnectGoesElsewhere) {
  const auto answer = ask();
  world_.asked(0).fail(net::ClientStage::Connect);
  world_.settle();
  world_.advance(Duration(1'000));
  ASSERT_EQ(world_.upstream.size(), 2U);
  EXPECT_EQ(world_.asked(1).request.endpoint.host, "two.example.com");
  EXPECT_EQ(world_.asked(1).header("Authorization"), "");
  world_.asked(1).answer(200, kAnswer);
  world_.settle();
  EXPECT_EQ(status_of(answer), 200);
  Outcomes outcomes = world_.outcomes();
  std::sort(outcomes.begin(), outcomes.end());
  EXPECT_EQ(outcomes, (Outcomes{"Refunded", "Settled completed"}));
}

TEST_F(ModelServiceTest, NothingIsTriedAgainOnceTheClientHasAByte) {
  const auto answer = ask_stream();
  begin_stream();
  world_.asked(0).fail(net::ClientStage::Answer);
  world_.settle();
  world_.advance(Duration(60'000));
  EXPECT_EQ(world_.upstream.size(), 1U);
  EXPECT_NE(answer->body.find("error"), std::string::npos);
  // Streams of this API say what they have used at their end only.
  EXPECT_EQ(world_.outcomes(), Outcomes{"Settled unknown"});
}

TEST_F(ModelServiceTest, WhatMayHaveBeenWorkedOnCountsAsAWhole) {
  const auto answer = ask();
  world_.asked(0).fail(net::ClientStage::Sent, ErrorCode::DeadlineExceeded);
  world_.settle();
  Outcomes outcomes = world_.outcomes();
  ASSERT_FALSE(outcomes.empty());
  EXPECT_EQ(outcomes.front(), "Settled unknown");
}

TEST_F(ModelServiceTest, AWrongRequestIsAnsweredInTheProvidersWords) {
  const auto answer = ask();
  world_.asked(0).answer(400, R"({"error":{"message":"bad"}})");
  world_.settle();
  EXPECT_EQ(status_of(answer), 400);
  EXPECT_EQ(body_of(answer), R"({"error":{"message":"bad"}})");
  EXPECT_EQ(world_.outcomes(), Outcomes{"Settled refused"});
}

TEST_F(ModelServiceTest, AnAnswerThatHasTheKeyInItIsNotPassedOn) {
  const auto answer = ask();
  world_.asked(0).answer(400, R"({"error":{"message":"you sent key-of-key"}})");
  world_.settle();
  EXPECT_EQ(body_of(answer).find("key-of-key"), std::string::npos);
  EXPECT_EQ(status_of(answer), 502);
}

TEST_F(ModelServiceTest, RedirectsAreNotFollowed) {
  const auto answer = ask();
  world_.asked(0).answer(302, "", {{"Location", "http://169.254.169.254/"}});
  world_.settle();
  world_.advance(Duration(10'000));
  EXPECT_NE(status_of(answer), 302);
  for (const auto& each : world_.upstream) {
    EXPECT_TRUE(each->request.endpoint.host.ends_with(".example.com"));
  }
}

TEST_F(ModelServiceTest, AClientThatGoesIsReadForAWhile) {
  ask_stream();
  begin_stream();
  world_.last->answer()->closed = true;
  world_.asked(0).data(kFirst);
  EXPECT_FALSE(world_.asked(0).cancelled);
  world_.asked(0).data(kLast);
  world_.asked(0).end();
  world_.settle();
  EXPECT_EQ(world_.outcomes(), Outcomes{"Settled completed"});
}

TEST_F(ModelServiceTest, AClientThatGoesIsNotReadForEver) {
  ask_stream();
  begin_stream();
  world_.last->answer()->closed = true;
  world_.asked(0).data(kFirst);
  world_.advance(kDrainTime);
  world_.settle();
  EXPECT_TRUE(world_.asked(0).cancelled);
  EXPECT_EQ(world_.outcomes(), Outcomes{"Settled unknown"});
  EXPECT_EQ(world_.service().calls(), 0U);
}

TEST_F(ModelServiceTest, AClientThatGoesBeforeItIsSentPaysNothing) {
  route(R"(,"cache":{"ttl":"1m"})");
  // Asked by hand: the meter has not answered yet.
  net::Request request;
  request.method = "POST";
  request.target = request.path = std::string(kChat);
  request.body = std::string(kAsk);
  const auto exchange = std::make_shared<net::FakeExchange>(std::move(request));
  world_.service().serve(exchange, ModelWorld::who());
  exchange->disconnect();
  world_.settle();
  EXPECT_TRUE(world_.upstream.empty());
  EXPECT_EQ(world_.outcomes(), Outcomes{"Refunded"});
  EXPECT_EQ(world_.service().calls(), 0U);
}

TEST_F(ModelServiceTest, WhatCannotBeSettledNowIsSettledLater) {
  ask();
  world_.meter_failure = make_error(ErrorCode::Unavailable, "the kernel is busy", "kernel");
  world_.asked(0).answer(200, kAnswer);
  world_.settle();
  EXPECT_EQ(world_.outcomes(), Outcomes{"Open"});
  world_.advance(Duration(5'000));
  EXPECT_EQ(world_.service().unsettled(), 1U);
  world_.meter_failure.reset();
  world_.advance(kSettleRetryMax);
  EXPECT_EQ(world_.outcomes(), Outcomes{"Settled completed"});
  EXPECT_EQ(world_.service().unsettled(), 0U);
}

TEST_F(ModelServiceTest, WhatIsUnderWayAtTheEndIsSettled) {
  const auto answer = ask_stream();
  begin_stream();
  ask();
  world_.close();
  world_.settle();
  EXPECT_TRUE(world_.asked(0).cancelled);
  EXPECT_EQ(world_.count_events("model_call.settled"), 2U);
  EXPECT_NE(status_of(world_.last->answer()), 0);
}

// --- budgets ------------------------------------------------------------------------------------

TEST_F(ModelServiceTest, ABudgetThatIsGoneStopsClients) {
  world_.quota(R"({"limits":{"maxTotalTokens":100}})");
  const auto answer = ask();
  EXPECT_EQ(status_of(answer), 429);
  EXPECT_EQ(header_of(answer, "x-should-retry"), "false");
  EXPECT_NE(body_of(answer).find("insufficient_quota"), std::string::npos);
  EXPECT_TRUE(world_.upstream.empty());
  const auto other =
      world_.post(std::string(kMessages), R"({"model":"claude","max_tokens":90,"messages":[]})");
  EXPECT_EQ(status_of(other), 429);
  EXPECT_NE(body_of(other).find("enforced_spend_limit_reached"), std::string::npos);
}

TEST_F(ModelServiceTest, ACheaperModelIsAskedWhereAQuotaSaysSo) {
  world_.quota(R"({"limits":{"maxTotalCost":"0.0003"},"enforcement":{"onCostLimit":"downgrade"}})");
  ask();
  ASSERT_EQ(world_.upstream.size(), 1U);
  EXPECT_EQ(world_.asked(0).request.endpoint.host, "two.example.com");
}

TEST_F(ModelServiceTest, OneWaitsWhereAQuotaSaysSo) {
  world_.quota(R"({"limits":{"maxRequestsPerMinute":1},"enforcement":{"onTokenLimit":"queue"}})");
  ask();
  ASSERT_EQ(world_.upstream.size(), 1U);
  const auto answer = ask();
  EXPECT_EQ(world_.upstream.size(), 1U);
  EXPECT_EQ(status_of(answer), 0);
  world_.advance(Duration(120'000));
  EXPECT_TRUE(world_.upstream.size() == 2U || status_of(answer) == 429);
}

// --- who, and what ------------------------------------------------------------------------------

TEST_F(ModelServiceTest, AgentsAskWhatTheyMayAskOnly) {
  world_.put("agents", "coder", R"({"metadata":{"name":"coder"},"spec":{"model":"small"}})");
  world_.put("agents", "free", R"({"metadata":{"name":"free"},"spec":{"model":"r"}})");
  const auto refused =
      world_.post(std::string(kChat), std::string(kAsk), {}, ModelWorld::run_of("coder"));
  EXPECT_EQ(status_of(refused), 404);
  EXPECT_NE(body_of(refused).find("small"), std::string::npos);
  const auto gone =
      world_.post(std::string(kChat), std::string(kAsk), {}, ModelWorld::run_of("nobody"));
  EXPECT_EQ(status_of(gone), 403);
  EXPECT_TRUE(world_.upstream.empty());
  const auto listed = world_.get("/llm/openai/v1/models", ModelWorld::run_of("coder"));
  EXPECT_NE(body_of(listed).find(R"("small")"), std::string::npos);
  EXPECT_EQ(body_of(listed).find(R"("large")"), std::string::npos);
}

TEST_F(ModelServiceTest, ARunThatIsOverIsRefused) {
  const auto answer = world_.post(std::string(kChat), std::string(kAsk), {}, ModelWorld::run_of());
  EXPECT_EQ(status_of(answer), 403);
  EXPECT_TRUE(world_.upstream.empty());
}

TEST_F(ModelServiceTest, UnknownModelsAreToldWithThoseThereAre) {
  const auto answer = world_.post(std::string(kChat), R"({"model":"gpt-9","messages":[]})");
  EXPECT_EQ(status_of(answer), 404);
  EXPECT_NE(body_of(answer).find("large"), std::string::npos) << body_of(answer);
}

TEST_F(ModelServiceTest, ARouteThatCannotBeReadIsTold) {
  world_.route(R"({"providers":[],"models":[]})");
  const auto answer = ask();
  EXPECT_EQ(status_of(answer), 404);
  EXPECT_NE(body_of(answer).find("route r"), std::string::npos) << body_of(answer);
}

TEST_F(ModelServiceTest, RefusalsAreInTheWordsOfTheDialect) {
  net::Request request;
  request.method = "POST";
  request.target = request.path = std::string(kMessages);
  const auto exchange = std::make_shared<net::FakeExchange>(std::move(request));
  ModelService::refuse(exchange, {.status = 401, .message = "no token"});
  EXPECT_EQ(status_of(exchange->answer()), 401);
  EXPECT_NE(body_of(exchange->answer()).find("authentication_error"), std::string::npos);
}

// --- guardrails and the cache -------------------------------------------------------------------

TEST_F(ModelServiceTest, GuardrailsBlockAndRedactRequests) {
  route(
      R"(,"guardrails":[{"name":"secret-word","pattern":"swordfish","action":"block","direction":"request"},)"
      R"({"name":"number","pattern":"\\d{4}","action":"redact","direction":"request"}])"
  );
  const auto blocked = world_.post(
      std::string(kChat), R"({"model":"large","messages":[{"role":"user","content":"swordfish"}]})"
  );
  EXPECT_EQ(status_of(blocked) / 100, 4);
  EXPECT_TRUE(world_.upstream.empty());
  world_.post(
      std::string(kChat),
      R"({"model":"large","messages":[{"role":"user","content":"my pin is 4711, ok"}]})"
  );
  ASSERT_EQ(world_.upstream.size(), 1U);
  const std::string sent(world_.asked(0).request.body.view());
  EXPECT_EQ(sent.find("4711"), std::string::npos);
  EXPECT_NE(sent.find("my pin is [redacted:number], ok"), std::string::npos) << sent;
}

TEST_F(ModelServiceTest, GuardrailsStopAnswers) {
  route(R"(,"guardrails":[{"name":"w","pattern":"ho","action":"block","direction":"response"}])");
  const auto answer = ask();
  world_.asked(0).answer(200, kAnswer);
  world_.settle();
  EXPECT_EQ(status_of(answer) / 100, 4);
  EXPECT_EQ(world_.outcomes(), Outcomes{"Settled completed"});
  const auto stream = ask_stream();
  begin_stream(1);
  world_.settle();
  EXPECT_EQ(stream->body.find("\"ho\""), std::string::npos);
  EXPECT_TRUE(world_.asked(1).cancelled);
}

TEST_F(ModelServiceTest, AnAnswerIsGivenAgainWhereTheRouteSaysSo) {
  route(R"(,"cache":{"ttl":"1m"})");
  ask();
  world_.asked(0).answer(200, kAnswer);
  world_.settle();
  const auto again = ask();
  EXPECT_EQ(status_of(again), 200);
  EXPECT_EQ(body_of(again), kAnswer);
  EXPECT_EQ(header_of(again, "Reeve-Cache"), "hit");
  EXPECT_EQ(world_.upstream.size(), 1U);
  world_.advance(Duration(61'000));
  ask();
  EXPECT_EQ(world_.upstream.size(), 2U);
}

// --- providers that do not work -----------------------------------------------------------------

TEST_F(ModelServiceTest, AProviderThatDoesNotWorkIsNotAsked) {
  world_.route(
      R"({"providers":[{"name":"one","kind":"openai","baseUrl":"https://one.example.com/v1",)"
      R"("breaker":{"failures":3,"openFor":"30s"}}],"models":[{"name":"large","provider":"one",)"
      R"("contextWindow":1000,"maxOutputTokens":100,"free":true}],"retries":{"max":0}})"
  );
  for (int i = 0; i < 3; ++i) {
    ask();
    world_.upstream.back()->answer(500, "{}");
    world_.settle();
  }
  EXPECT_EQ(status_of(ask()), 503);
  EXPECT_EQ(world_.upstream.size(), 3U);
  world_.advance(Duration(31'000));
  ask();
  EXPECT_EQ(world_.upstream.size(), 4U);
  ask();
  EXPECT_EQ(world_.upstream.size(), 4U);
  EXPECT_NE(world_.metrics().find("reeve_model_breaker_state"), std::string::npos);
}

TEST_F(ModelServiceTest, PlacesAtAProviderAreWaitedFor) {
  world_.route(
      R"({"providers":[{"name":"one","kind":"openai","baseUrl":"https://one.example.com/v1",)"
      R"("concurrency":1}],"models":[{"name":"large","provider":"one","contextWindow":1000,)"
      R"("maxOutputTokens":100,"free":true}],"retries":{"max":0}})"
  );
  ask();
  const auto second = ask();
  const auto third = ask();
  EXPECT_EQ(world_.upstream.size(), 1U);
  world_.asked(0).answer(200, kAnswer);
  EXPECT_EQ(world_.upstream.size(), 2U);
  world_.advance(kPlaceWaitMax);
  EXPECT_EQ(status_of(third), 503);
  world_.asked(1).answer(200, kAnswer);
  EXPECT_EQ(status_of(second), 200);
  world_.settle();
  EXPECT_EQ(world_.count_events("model_call.refunded"), 1U);
}

}  // namespace
}  // namespace reeve::gateway::model
