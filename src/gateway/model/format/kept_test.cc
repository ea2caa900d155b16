#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/strings.h"
#include "gateway/model/format/answer_cache.h"
#include "gateway/model/format/cache_key.h"
#include "gateway/model/format/capture.h"

namespace reeve::gateway::model {
namespace {

const CacheScope kScope{
    .ns = "team", .route = "models", .route_state = "7", .operation = Operation::Messages};

Digest key(std::string_view body, const CacheScope& scope = kScope) {
  return cache_key(scope, body).value();
}

TEST(CacheKey, IsTheSameForTheSameQuestion) {
  const Digest first = key(R"({"model":"m","messages":[1.0],"metadata":{"user_id":"a"}})");
  EXPECT_EQ(key(R"({ "messages":[1.0],"user":"b","model":"\u006d" })"), first);
  EXPECT_NE(key(R"({"model":"m","messages":[1.0],"temperature":0})"), first);
  EXPECT_NE(key(R"({"model":"n","messages":[1.0]})"), first);
  EXPECT_NE(key(R"({"model":"m","messages":[1.0],"stream":true})"), first);
  EXPECT_FALSE(cache_key(kScope, "{").ok());
  EXPECT_FALSE(cache_key(kScope, "[]").ok());
}

TEST(CacheKey, IsOfOneNamespaceRouteAndOperation) {
  CacheScope other = kScope;
  other.ns = "other";
  CacheScope revision = kScope;
  revision.route_state = "8";
  CacheScope shifted = kScope;
  shifted.ns = "teammodels";
  shifted.route = "";
  for (const CacheScope& scope : {other, revision, shifted}) {
    EXPECT_NE(key("{}", scope), key("{}"));
  }
}

WholeAnswer answer(std::string body) {
  return {.body = std::make_shared<const std::string>(std::move(body))};
}

constexpr Timestamp kNow = from_unix_millis(1'000'000);

TEST(AnswerCache, GivesAnAnswerAgainUntilItIsTooOld) {
  AnswerCache cache;
  EXPECT_TRUE(cache.put(Digest("a"), answer("one"), kNow, Duration(100)));
  ASSERT_NE(cache.find(Digest("a"), kNow + Duration(99)), nullptr);
  EXPECT_EQ(*cache.find(Digest("a"), kNow + Duration(99))->body, "one");
  EXPECT_EQ(cache.find(Digest("a"), kNow + Duration(100)), nullptr);
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_EQ(cache.bytes(), 0U);
  EXPECT_FALSE(cache.put(Digest("a"), answer("one"), kNow, Duration(0)));
}

TEST(AnswerCache, ForgetsWhatWasNotAskedForTheLongestTime) {
  AnswerCache cache({.entries_max = 2});
  (void)cache.put(Digest("a"), answer("1"), kNow, Duration(100));
  (void)cache.put(Digest("b"), answer("2"), kNow, Duration(100));
  EXPECT_NE(cache.find(Digest("a"), kNow), nullptr);
  (void)cache.put(Digest("c"), answer("3"), kNow, Duration(100));
  EXPECT_EQ(cache.find(Digest("b"), kNow), nullptr);
  EXPECT_NE(cache.find(Digest("a"), kNow), nullptr);
  EXPECT_NE(cache.find(Digest("c"), kNow), nullptr);
}

TEST(AnswerCache, HasALimitOfBytes) {
  AnswerCache cache({.bytes_max = 3'000, .answer_bytes_max = 2'000});
  EXPECT_FALSE(cache.put(Digest("x"), answer(std::string(2'001, 'x')), kNow, Duration(100)));
  for (char name = 'a'; name < 'f'; ++name) {
    EXPECT_TRUE(
        cache.put(Digest(std::string(1, name)), answer(std::string(900, 'x')), kNow, Duration(9))
    );
    EXPECT_LE(cache.bytes(), 3'000U);
  }
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_TRUE(cache.put(Digest("e"), answer("small"), kNow, Duration(9)));
  EXPECT_EQ(cache.size(), 2U);
}

Captured captured(CaptureKind kind, std::size_t most, std::string_view text, std::size_t piece) {
  BodyCapture capture(kind, most, nullptr);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    capture.feed(text.substr(at, piece));
  }
  return capture.finish();
}

TEST(BodyCapture, KeepsWhatThePolicySays) {
  const Captured none = captured(CaptureKind::None, 100, "hello", 2);
  EXPECT_EQ(none.size_bytes, 5U);
  EXPECT_TRUE(none.digest.empty() && none.text.empty());
  const Captured metadata = captured(CaptureKind::Metadata, 100, "hello", 2);
  EXPECT_EQ(metadata.digest, sha256("hello").str());
  EXPECT_TRUE(metadata.text.empty());
  const Captured body = captured(CaptureKind::Body, 100, "hello", 2);
  EXPECT_EQ(body.text, "hello");
  EXPECT_FALSE(body.cut);
}

TEST(BodyCapture, NeverKeepsASecret) {
  const std::string text = R"({"a":"key AKIAIOSFODNN7EXAMPLE, \u0041KIAIOSFODNN7EXAMPLE"})";
  for (const std::size_t piece : {1U, 9U, 1'000U}) {
    EXPECT_EQ(
        captured(CaptureKind::Body, 1'000, text, piece).text,
        R"({"a":"key [redacted:secrets:aws-access-key], [redacted:secrets:aws-access-key]"})"
    );
  }
  // Not even the part of one that is before the limit.
  for (std::size_t before = 0; before < 60; ++before) {
    const std::string long_text =
        concat(std::string(before, ' '), "AKIAIOSFODNN7EXAMPLE", std::string(20'000, ' '));
    const Captured kept = captured(CaptureKind::Body, 30, long_text, 4'096);
    EXPECT_EQ(kept.text.find("AKIA"), std::string::npos);
    EXPECT_TRUE(kept.cut);
    EXPECT_LE(kept.text.size(), 30U);
  }
}

TEST(BodyCapture, KeepsWholeCharacters) {
  EXPECT_EQ(captured(CaptureKind::Body, 3, "aéé", 1).text, "aé");
  EXPECT_TRUE(captured(CaptureKind::Body, 3, "aéé", 1).cut);
  EXPECT_EQ(
      captured(
          CaptureKind::Body,
          30,
          "a\xFF"
          "b",
          1
      )
          .text,
      "a\xEF\xBF\xBD"
      "b"
  );
}

}  // namespace
}  // namespace reeve::gateway::model
