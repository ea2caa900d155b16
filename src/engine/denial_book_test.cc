#include "engine/denial_book.h"

#include <gtest/gtest.h>

namespace reeve::engine {
namespace {

class DenialBookTest : public ::testing::Test {
 protected:
  DenialBookTest() : engine_(Limits{}, "test", {}) {}

  Result<Reply> send(const Namespace& ns, std::string verb, Json body, std::string_view actor) {
    Scope scope;
    scope.now = from_unix_millis(1'800'000'000'000);
    scope.next = next_;
    scope.actor = Principal(std::string(actor));
    const ObjectCommand command{
        .object = denials_key(ns), .verb = std::move(verb), .body = std::move(body)};
    auto reply = engine_.turn(command, scope);
    for (const journal::Event& event : scope.events) {
      types_.push_back(event.type);
      if (event.object.kind == journal::Kind::Denial) {
        EXPECT_TRUE(fold_.apply(event).ok());
      }
    }
    next_ = scope.next;
    return reply;
  }

  Result<Reply> record(std::string_view text, std::string_view actor = kDenialsRecorder) {
    return send(kDefault, "record", *parse_json(text), actor);
  }

  static constexpr std::string_view kTwo =
      R"({"from":"2027-01-15T08:00:00.000Z","to":"2027-01-15T08:01:00.000Z",)"
      R"("denials":[{"user":"user:bob","verb":"get","resource":"missions","count":3}],"others":2})";

  const Namespace kDefault{"default"};
  Engine engine_;
  DenialBook fold_;
  Revision next_{1};
  std::vector<std::string> types_;
};

TEST_F(DenialBookTest, AddsUpWhatIsRecorded) {
  ASSERT_TRUE(record(kTwo).ok());
  ASSERT_TRUE(record(kTwo).ok());
  ASSERT_TRUE(send(Namespace(), "record", *parse_json(kTwo), kDenialsRecorder).ok());
  EXPECT_EQ(types_, (std::vector<std::string>(3, "access.denied")));
  std::string body;
  EXPECT_TRUE(fold_.encode(denials_key(kDefault), body));
  EXPECT_NE(body.find("\"total\":10"), std::string::npos) << body;
  DenialBook loaded;
  ASSERT_TRUE(loaded.load(denials_key(kDefault), *parse_json(body)).ok());
  std::string again;
  loaded.encode(denials_key(kDefault), again);
  EXPECT_EQ(body, again);
  EXPECT_FALSE(loaded.load(denials_key(Namespace()), *parse_json(body)).ok());
}

TEST_F(DenialBookTest, IsWrittenByTheApiAlone) {
  EXPECT_EQ(record(kTwo, "user:bob").error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(record(kTwo, "run:m.1.t.1").error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(
      send(kDefault, "set", Json::object(), kDenialsRecorder).error().code, ErrorCode::Invalid
  );
  EXPECT_TRUE(types_.empty());
}

TEST_F(DenialBookTest, RefusesWhatIsNoRecord) {
  for (const std::string_view wrong :
       {R"({})",
        R"({"from":"2027-01-15T08:00:00.000Z","to":"x","denials":[],"others":0})",
        R"({"from":"2027-01-15T08:00:00.000Z","to":"2027-01-15T08:00:00.000Z","denials":[{}],"others":0})",
        R"({"from":"2027-01-15T08:00:00.000Z","to":"2027-01-15T08:00:00.000Z","denials":[],"others":-1})"}) {
    EXPECT_EQ(record(wrong).error().code, ErrorCode::Invalid) << wrong;
  }
}

TEST_F(DenialBookTest, KnowsNoNamespaceThatIsNotThere) {
  EXPECT_EQ(
      send(Namespace("gone"), "record", *parse_json(kTwo), kDenialsRecorder).error().code,
      ErrorCode::NotFound
  );
}

TEST_F(DenialBookTest, GoesWithItsNamespace) {
  ASSERT_TRUE(record(kTwo).ok());
  ASSERT_TRUE(send(kDefault, "delete", Json::object(), "system:kernel").ok());
  std::string body;
  EXPECT_FALSE(fold_.encode(denials_key(kDefault), body));
  EXPECT_FALSE(send(kDefault, "delete", Json::object(), "system:kernel").ok());
}

}  // namespace
}  // namespace reeve::engine
