#include "gateway/model/replies.h"

#include <gtest/gtest.h>

#include "gateway/model/model_world.h"

namespace reeve::gateway::model {
namespace {

constexpr std::string_view kSpec =
    R"({"providers":[{"name":"one","kind":"openai","baseUrl":"https://one.example.com/v1",)"
    R"("concurrency":10000},{"name":"two","kind":"openai","baseUrl":"https://two.example.com/v1"}],)"
    R"("models":[{"name":"large","provider":"one","contextWindow":1000,"maxOutputTokens":100,)"
    R"("reasoning":false,"prices":{"input":"1","output":"10"}},)"
    R"({"name":"small","provider":"two","contextWindow":1000,"maxOutputTokens":100,)"
    R"("reasoning":false,"prices":{"input":"0.1","output":"1"}}],)"
    R"("fallback":["small"],"retries":{"max":2,"backoff":"100ms","jitter":0}})";
constexpr std::string_view kChat = "/llm/openai/v1/chat/completions";
constexpr std::string_view kAsk =
    R"({"model":"large","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":50})";
constexpr std::string_view kAskOther =
    R"({"model":"large","messages":[{"role":"user","content":"ho"}],"max_completion_tokens":50})";
constexpr std::string_view kAskStream =
    R"({"model":"large","messages":[{"role":"user","content":"hi"}],"stream":true,)"
    R"("stream_options":{"include_usage":true},"max_completion_tokens":50})";
constexpr std::string_view kAnswer =
    R"({"id":"c1","object":"chat.completion","model":"large","choices":[{"index":0,)"
    R"("finish_reason":"stop","message":{"role":"assistant","content":"ho"}}],)"
    R"("usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}})";
constexpr std::string_view kFirst =
    "data: "
    "{\"id\":\"c1\",\"model\":\"large\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ho\"},"
    "\"finish_reason\":null}]}\n\n";
constexpr std::string_view kLast =
    "data: {\"id\":\"c1\",\"model\":\"large\",\"choices\":[{\"index\":0,\"delta\":{},"
    "\"finish_reason\":\"stop\"}]}\n\n"
    "data: {\"id\":\"c1\",\"model\":\"large\",\"choices\":[],"
    "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":12}}\n\n"
    "data: [DONE]\n\n";

/// A call at a time, and a long pause before the next attempt.
constexpr std::string_view kSlow =
    R"({"providers":[{"name":"one","kind":"openai","baseUrl":"https://one.example.com/v1",)"
    R"("concurrency":1}],)"
    R"("models":[{"name":"large","provider":"one","contextWindow":1000,"maxOutputTokens":100,)"
    R"("reasoning":false,"prices":{"input":"1","output":"10"}}],)"
    R"("retries":{"max":2,"backoff":"12s","maxBackoff":"12s","jitter":0}})";

using Outcomes = std::vector<std::string>;

class RepliesTest : public ::testing::Test {
 protected:
  RepliesTest() { world_.route(kSpec); }

  std::shared_ptr<net::FakeAnswer> ask(
      std::string_view id = "q1", std::string_view body = kAsk, Caller caller = ModelWorld::who()
  ) {
    return world_.post(
        std::string(kChat), std::string(body), {{"Reeve-Call-Id", std::string(id)}}, caller
    );
  }

  void answer(std::size_t index = 0) {
    world_.asked(index).answer(200, kAnswer);
    world_.settle();
  }

  /// Its client has gone, and is not waited for any more.
  void leave() {
    world_.last->disconnect();
    world_.advance(kDrainTime * 3);
  }

  /// A call of a mission whose client has gone fails, and is to be made again; somebody waits for
  /// it.
  std::shared_ptr<net::FakeAnswer> begin_again() {
    world_.without_runs = true;
    world_.route(kSlow);
    mission("ACTIVE");
    ask("q1", kAsk, ModelWorld::run_of());
    world_.last->disconnect();
    auto waiting = ask("q1", kAsk, ModelWorld::run_of());
    world_.asked(0).fail(net::ClientStage::Connect);
    world_.settle();
    return waiting;
  }

  void mission(std::string_view state) {
    world_.put(
        "missions",
        "m",
        concat(R"({"metadata":{"name":"m","uid":"u1"},"status":{"state":")", state, R"("}})")
    );
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
  for (const net::Header& header :
       answer->response ? answer->response->headers : std::vector<net::Header>()) {
    if (to_lower(header.name) == to_lower(name)) {
      return header.value;
    }
  }
  return {};
}

TEST_F(RepliesTest, AReplyIsGivenAgainForNothing) {
  const auto first = ask();
  answer();
  EXPECT_EQ(header_of(first, "Reeve-Replayed"), "");
  const auto again = ask();
  EXPECT_EQ(world_.upstream.size(), 1U);
  EXPECT_EQ(status_of(again), 200);
  EXPECT_EQ(body_of(again), kAnswer);
  EXPECT_EQ(header_of(again, "Content-Type"), "application/json");
  EXPECT_EQ(header_of(again, "Reeve-Replayed"), "true");
  EXPECT_EQ(header_of(again, "Reeve-Call-Id"), header_of(first, "Reeve-Call-Id"));
  EXPECT_EQ(world_.outcomes(), Outcomes{"Settled completed"});
}

TEST_F(RepliesTest, AClientThatGoesIsWorkedForToTheEnd) {
  ask();
  leave();
  EXPECT_FALSE(world_.asked(0).cancelled);
  answer();
  EXPECT_EQ(world_.outcomes(), Outcomes{"Settled completed"});
  EXPECT_EQ(world_.service().calls(), 0U);
  EXPECT_EQ(body_of(ask()), kAnswer);
  EXPECT_EQ(world_.upstream.size(), 1U);
}

TEST_F(RepliesTest, AStreamIsKeptWhoseClientGoesInItsMiddle) {
  const auto first = ask("q1", kAskStream);
  world_.asked(0).head(200, {{"Content-Type", "text/event-stream"}});
  world_.asked(0).data(kFirst);
  net::FakeStream(first).close();
  world_.advance(kDrainTime * 3);
  EXPECT_FALSE(world_.asked(0).cancelled);
  world_.asked(0).data(kLast);
  world_.asked(0).end();
  world_.settle();
  EXPECT_EQ(world_.outcomes(), Outcomes{"Settled completed"});
  const auto again = ask("q1", kAskStream);
  EXPECT_EQ(body_of(again), concat(kFirst, kLast));
  EXPECT_EQ(header_of(again, "Content-Type"), "text/event-stream");
  EXPECT_EQ(world_.upstream.size(), 1U);
}

TEST_F(RepliesTest, WhoAsksAgainMeanwhileWaitsForTheEnd) {
  ask();
  leave();
  const auto second = ask();
  const auto third = ask();
  EXPECT_EQ(world_.upstream.size(), 1U);
  EXPECT_EQ(status_of(second), 0);
  answer();
  for (const auto& each : {second, third}) {
    EXPECT_EQ(body_of(each), kAnswer);
    EXPECT_EQ(header_of(each, "Reeve-Replayed"), "true");
  }
  EXPECT_EQ(world_.outcomes(), Outcomes{"Settled completed"});
}

TEST_F(RepliesTest, BothGetTheReplyIfTheFirstIsStillThere) {
  const auto first = ask();
  const auto second = ask();
  answer();
  EXPECT_EQ(body_of(first), kAnswer);
  EXPECT_EQ(body_of(second), kAnswer);
  EXPECT_EQ(world_.upstream.size(), 1U);
}

TEST_F(RepliesTest, ANameStandsForOneRequest) {
  ask();
  const auto meanwhile = ask("q1", kAskOther);
  EXPECT_EQ(status_of(meanwhile), 422);
  EXPECT_NE(body_of(meanwhile).find("call_id_reused"), std::string::npos) << body_of(meanwhile);
  answer();
  EXPECT_EQ(status_of(ask("q1", kAskOther)), 422);
  EXPECT_EQ(world_.upstream.size(), 1U);
  ask("q2", kAskOther);
  EXPECT_EQ(world_.upstream.size(), 2U);
}

TEST_F(RepliesTest, NobodyGetsTheRepliesOfOthers) {
  ask();
  answer();
  Caller bob = ModelWorld::who();
  bob.principal = Principal("user:bob");
  EXPECT_EQ(status_of(ask("q1", kAskOther, bob)), 0);
  EXPECT_EQ(world_.upstream.size(), 2U);
}

TEST_F(RepliesTest, OneThatIsWaitedForIsTriedElsewhere) {
  ask();
  world_.last->disconnect();
  const auto second = ask();
  world_.asked(0).fail(net::ClientStage::Connect);
  world_.settle();
  world_.advance(Duration(1'000));
  ASSERT_EQ(world_.upstream.size(), 2U);
  answer(1);
  EXPECT_EQ(body_of(second), kAnswer);
}

TEST_F(RepliesTest, OneThatNobodyWaitsForIsNot) {
  ask();
  world_.last->disconnect();
  world_.asked(0).fail(net::ClientStage::Connect);
  world_.settle();
  world_.advance(Duration(10'000));
  EXPECT_EQ(world_.upstream.size(), 1U);
  EXPECT_EQ(world_.outcomes(), Outcomes{"Refunded"});
  // It is another call, since nothing was paid for this one.
  ask();
  EXPECT_EQ(world_.upstream.size(), 2U);
}

TEST_F(RepliesTest, WhoWaitsIsToldThatItHasFailed) {
  ask();
  world_.last->disconnect();
  const auto second = ask();
  world_.asked(0).answer(400, R"({"error":{"message":"bad"}})");
  world_.settle();
  EXPECT_EQ(status_of(second), 400);
  EXPECT_EQ(body_of(second), R"({"error":{"message":"bad"}})");
}

TEST_F(RepliesTest, WhoWaitsIsNotRefusedForARunThatIsOver) {
  ask();
  world_.last->disconnect();
  const auto second = ask();
  world_.asked(0).fail(net::ClientStage::Connect);
  world_.settle();
  world_.meter_failure = make_error(ErrorCode::IllegalTransition, "run r is over", "r");
  world_.advance(Duration(1'000));
  EXPECT_EQ(status_of(second), 503);
  EXPECT_NE(header_of(second, "Retry-After"), "");
  world_.meter_failure.reset();
  ask();
  EXPECT_EQ(world_.upstream.size(), 2U);
}

TEST_F(RepliesTest, NoMoreThanSoManyWaitForOne) {
  const auto first = ask();
  const auto second = ask();
  for (std::size_t i = 1; i < kAttachedMax; ++i) {
    ask();
  }
  const auto too_many = ask();
  EXPECT_EQ(status_of(too_many), 503);
  EXPECT_NE(header_of(too_many, "Retry-After"), "");
  EXPECT_EQ(status_of(ask("q1", kAskOther)), 422);
  EXPECT_EQ(world_.upstream.size(), 1U);
  answer();
  EXPECT_EQ(body_of(first), kAnswer);
  EXPECT_EQ(body_of(second), kAnswer);
  EXPECT_EQ(body_of(ask()), kAnswer);
}

TEST_F(RepliesTest, ACallThatPausesEndsWithItsMission) {
  const auto waiting = begin_again();
  mission("COMPLETE");
  world_.advance(kCarriedLook);
  EXPECT_EQ(status_of(waiting), 503);
  EXPECT_EQ(world_.service().calls(), 0U);
  world_.advance(kDrainTime * 3);
  EXPECT_EQ(world_.upstream.size(), 1U);
  EXPECT_EQ(world_.outcomes(), Outcomes{"Refunded"});
}

TEST_F(RepliesTest, ACallThatWaitsForAPlaceEndsWithItsMissionForNothing) {
  const auto waiting = begin_again();
  const auto other = world_.post(std::string(kChat), std::string(kAskOther));
  world_.advance(kCarriedLook + Duration(5'000));
  mission("COMPLETE");
  world_.advance(kCarriedLook);
  EXPECT_EQ(status_of(waiting), 503);
  EXPECT_EQ(world_.service().calls(), 1U);
  EXPECT_EQ(world_.upstream.size(), 2U);
  answer(1);
  EXPECT_EQ(body_of(other), kAnswer);
  world_.advance(kDrainTime * 3);
  EXPECT_EQ(world_.upstream.size(), 2U);
  Outcomes outcomes = world_.outcomes();
  std::sort(outcomes.begin(), outcomes.end());
  EXPECT_EQ(outcomes, (Outcomes{"Refunded", "Refunded", "Settled completed"}));
}

TEST_F(RepliesTest, TheirWaitingEndsWithTheService) {
  ask();
  const auto second = ask();
  world_.close();
  EXPECT_NE(status_of(second), 0);
}

TEST_F(RepliesTest, TheyOutliveTheProcess) {
  const auto first = ask();
  answer();
  world_.restart();
  const auto again = ask();
  EXPECT_EQ(world_.upstream.size(), 1U);
  EXPECT_EQ(body_of(again), kAnswer);
  EXPECT_EQ(header_of(again, "Reeve-Call-Id"), header_of(first, "Reeve-Call-Id"));
}

TEST_F(RepliesTest, WhatWasUnderWayWhenTheProcessDiedIsAskedAnew) {
  ask();
  world_.restart();
  ask();
  EXPECT_EQ(world_.upstream.size(), 2U);
}

TEST_F(RepliesTest, OneThatIsTooLargeIsNotKept) {
  const auto first = ask();
  leave();
  world_.asked(0).head(200, {{"Content-Type", "application/json"}});
  world_.asked(0).data(std::string(kReplyBytesMax + 1, ' '));
  EXPECT_EQ(status_of(first), 0);
  // From here on it is read to know what it costs.
  world_.advance(kDrainTime);
  world_.settle();
  EXPECT_TRUE(world_.asked(0).cancelled);
  ask();
  EXPECT_EQ(world_.upstream.size(), 2U);
}

TEST_F(RepliesTest, NoMoreThanSoManyGoOnWithoutAClient) {
  for (std::size_t i = 0; i <= kCarriedMax; ++i) {
    ask(concat("q", i));
    world_.last->disconnect();
  }
  world_.advance(kDrainTime);
  EXPECT_FALSE(world_.asked(kCarriedMax - 1).cancelled);
  EXPECT_TRUE(world_.asked(kCarriedMax).cancelled);
  EXPECT_EQ(world_.service().calls(), kCarriedMax);
}

// --- alone --------------------------------------------------------------------------------------

class RepliesAloneTest : public ::testing::Test {
 protected:
  RepliesAloneTest() { world_.close(); }

  static ReplyKey key(std::string_view run, std::string_view ns = "default") {
    return reply_key(Namespace(std::string(ns)), run, concat("run:", run), "q1");
  }

  static KeptReply reply(std::string text) {
    return {
        .question = Digest("q"),
        .call = "c-1",
        .mission = "m",
        .mission_uid = Uid("u1"),
        .answer = {.body = std::make_shared<const std::string>(std::move(text))}};
  }

  void mission(std::string_view uid, std::string_view state) {
    world_.put(
        "missions",
        "m",
        concat(
            R"({"metadata":{"name":"m","uid":")", uid, R"("},"status":{"state":")", state, R"("}})"
        )
    );
  }

  ModelWorld world_;
  telemetry::Logger log_;
};

TEST_F(RepliesAloneTest, AnotherAttemptAtATaskAsksForTheSame) {
  EXPECT_EQ(key("m.1.build.1"), key("m.1.build.2"));
  EXPECT_NE(key("m.1.build.1"), key("m.1.test.1"));
  EXPECT_NE(key("m.1.build.1"), key("m.2.build.1"));
}

TEST_F(RepliesAloneTest, TheyGoWithTheirMission) {
  for (const auto& [uid, state] : {std::pair("u1", "COMPLETE"), std::pair("u2", "ACTIVE")}) {
    Replies replies(world_.ports(), log_);
    mission("u1", "ACTIVE");
    replies.put(key("m.1.build.1"), reply("one"));
    ASSERT_NE(replies.find(key("m.1.build.2")), nullptr);
    mission(uid, state);
    world_.advance(kReplySweep);
    EXPECT_EQ(replies.size(), 0U);
    EXPECT_TRUE(world_.saved.empty());
  }
}

TEST_F(RepliesAloneTest, ADayIsEnough) {
  mission("u1", "ACTIVE");
  Replies replies(world_.ports(), log_);
  replies.put(key("m.1.build.1"), reply("one"));
  world_.advance(kReplyKept - kReplySweep);
  EXPECT_NE(replies.find(key("m.1.build.1")), nullptr);
  world_.advance(kReplySweep);
  EXPECT_EQ(replies.size(), 0U);
  EXPECT_TRUE(world_.saved.empty());
}

TEST_F(RepliesAloneTest, TheOldestGoFirst) {
  mission("u1", "ACTIVE");
  Replies replies(world_.ports(), log_);
  const std::size_t most = kRepliesBytesMax / kReplyBytesMax;
  for (std::size_t i = 0; i < most; ++i) {
    replies.put(key(concat("m.1.t", i, ".1")), reply(std::string(kReplyBytesMax, 'x')));
  }
  EXPECT_LT(replies.size(), most);
  EXPECT_EQ(replies.find(key("m.1.t0.1")), nullptr);
  EXPECT_NE(replies.find(key(concat("m.1.t", most - 1, ".1"))), nullptr);
  EXPECT_EQ(world_.saved.size(), replies.size());
}

TEST_F(RepliesAloneTest, NoNamespaceThrowsOutWhatOthersKeep) {
  mission("u1", "ACTIVE");
  Replies replies(world_.ports(), log_);
  replies.put(key("m.1.build.1"), reply("one"));
  const std::size_t most = kRepliesBytesMax / kReplyBytesMax;
  for (std::size_t i = 0; i <= most; ++i) {
    replies.put(key(concat("m.1.t", i, ".1"), "other"), reply(std::string(kReplyBytesMax, 'x')));
  }
  EXPECT_NE(replies.find(key("m.1.build.1")), nullptr);
  EXPECT_EQ(replies.find(key("m.1.t0.1", "other")), nullptr);
  EXPECT_NE(replies.find(key(concat("m.1.t", most, ".1"), "other")), nullptr);
  EXPECT_EQ(world_.saved.size(), replies.size());
}

TEST_F(RepliesAloneTest, WhatCanNeverBeSavedIsTriedOnce) {
  mission("u1", "ACTIVE");
  std::size_t tried = 0;
  ErrorCode code = ErrorCode::Io;
  ModelPorts ports = world_.ports();
  ports.save_reply = [&](std::string_view /*name*/, std::string_view /*text*/) -> Result<void> {
    ++tried;
    return make_error(code, "the test says so", "replies");
  };
  Replies replies(ports, log_);
  replies.put(key("m.1.build.1"), reply("one"));
  code = ErrorCode::Unavailable;
  for (const std::string_view run : {"m.1.test.1", "m.1.pack.1", "m.1.ship.1"}) {
    replies.put(key(run), reply("one"));
    EXPECT_NE(replies.find(key(run)), nullptr);
  }
  EXPECT_EQ(tried, 2U);
}

TEST_F(RepliesAloneTest, WhatCannotBeReadIsDropped) {
  world_.saved["00"] = "{";
  world_.saved["01"] = "{}\nbody";
  const Replies replies(world_.ports(), log_);
  EXPECT_EQ(replies.size(), 0U);
  EXPECT_TRUE(world_.saved.empty());
}

}  // namespace
}  // namespace reeve::gateway::model
