#include "engine/endpoint_book.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::engine {
namespace {

class EndpointBookTest : public ::testing::Test {
 protected:
  EndpointBookTest() : engine_(Limits{}, "test", {}) {}

  Result<Reply> send(std::string verb, Json body, std::string_view actor = "user:ann") {
    Scope scope;
    scope.now = now_;
    scope.next = next_;
    scope.actor = Principal(std::string(actor));
    const ObjectCommand command{.object = key_, .verb = std::move(verb), .body = std::move(body)};
    auto reply = engine_.turn(command, scope);
    take(scope);
    return reply;
  }

  Result<Reply> create(std::string_view spec, std::string_view actor = "user:ann") {
    return send("create", with_object(spec), actor);
  }

  Result<Reply> update(std::string_view spec, std::string_view actor = "user:ann") {
    return send("update", with_object(spec), actor);
  }

  static Json with_object(std::string_view spec) {
    Json metadata = Json::object();
    metadata.set("name", "reviewer").set("namespace", "default");
    Json object = Json::object();
    object.set("apiVersion", "reeve.dev/v1").set("kind", "Endpoint");
    object.set("metadata", std::move(metadata)).set("spec", *parse_json(spec));
    return Json::object().set("object", std::move(object));
  }

  /// Time passes, and the timer fires if it was due.
  void pass(Duration time) {
    now_ += time;
    if (due_ && *due_ <= now_) {
      due_.reset();
      Scope scope;
      scope.now = now_;
      scope.next = next_;
      scope.actor = Principal("system:kernel");
      EXPECT_TRUE(engine_.turn(TimerFired{.owner = key_, .key = "expire"}, scope).ok());
      take(scope);
    }
  }

  void take(const Scope& scope) {
    for (const journal::Event& event : scope.events) {
      types_.push_back(event.type);
      EXPECT_TRUE(fold_.apply(event).ok()) << event.type;
    }
    for (const TimerChange& timer : scope.timers) {
      due_ = timer.due;
    }
    next_ = scope.next;
  }

  Json object() const {
    const Resource* found = fold_.find(key_);
    return found == nullptr ? Json() : *parse_json(found->text);
  }

  std::string state() const {
    const Json now = object();
    return now.is_null() ? "gone" : now.find("status")->get_string("state");
  }

  static constexpr std::string_view kSpec =
      R"({"url":"http://h/","capabilities":["review","go"],"ttl":"15s"})";

  const journal::ObjectKey key_{
      .kind = journal::Kind::Endpoint, .ns = Namespace("default"), .name = "reviewer"};
  Engine engine_;
  EndpointBook fold_;
  Timestamp now_ = from_unix_millis(1'800'000'000'000);
  std::optional<Timestamp> due_;
  Revision next_{1};
  std::vector<std::string> types_;
};

TEST_F(EndpointBookTest, BelongsToWhoeverHasRegisteredIt) {
  ASSERT_TRUE(create(kSpec, "user:ann").ok());
  EXPECT_EQ(object().find("status")->get_string("owner"), "user:ann");
  EXPECT_EQ(create(kSpec, "user:bob").error().code, ErrorCode::AlreadyExists);
  EXPECT_EQ(update(kSpec, "user:bob").error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(send("renew", Json(), "user:bob").error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(send("renew", Json(), "run:m.1.t.1").error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(send("delete", Json(), "run:m.1.t.1").error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(types_, std::vector<std::string>{"resource.created"});
  EXPECT_TRUE(send("renew", Json(), "user:ann").ok());
  EXPECT_EQ(state(), "healthy");
}

TEST_F(EndpointBookTest, BelongsToATaskWhicheverItsAttempt) {
  ASSERT_TRUE(create(kSpec, "run:m.1.t.1").ok());
  EXPECT_TRUE(send("renew", Json(), "run:m.1.t.2").ok());
  EXPECT_FALSE(send("renew", Json(), "run:m.1.other.2").ok());
  EXPECT_FALSE(send("renew", Json(), "run:m.2.t.2").ok());
  EXPECT_TRUE(send("delete", Json(), "run:m.1.t.2").ok());
  EXPECT_EQ(state(), "gone");
}

TEST_F(EndpointBookTest, ExpiresWithoutASignOfLife) {
  ASSERT_TRUE(create(kSpec).ok());
  EXPECT_EQ(state(), "starting");
  pass(Duration(14'000));
  ASSERT_TRUE(send("renew", Json()).ok());
  pass(Duration(14'999));
  EXPECT_EQ(state(), "healthy");
  pass(Duration(1));
  EXPECT_EQ(state(), "expired");
  EXPECT_FALSE(object().find("status")->get_bool("healthy"));
  EXPECT_EQ(types_.back(), "endpoint.expired");
  // The name is still the owner's, who can come back.
  EXPECT_EQ(update(kSpec, "user:bob").error().code, ErrorCode::PermissionDenied);
  ASSERT_TRUE(send("renew", Json()).ok());
  EXPECT_EQ(state(), "healthy");
  pass(Duration(15'000));
  pass(kEndpointKept);
  EXPECT_EQ(state(), "gone");
  EXPECT_TRUE(create(kSpec, "user:bob").ok());
}

TEST_F(EndpointBookTest, SaysHowItIs) {
  ASSERT_TRUE(create(kSpec).ok());
  Json body = Json::object();
  body.set("state", "degraded").set("message", "slow");
  ASSERT_TRUE(send("renew", body).ok());
  EXPECT_EQ(state(), "degraded");
  EXPECT_EQ(send("renew", Json::object().set("state", "expired")).error().code, ErrorCode::Invalid);
  EXPECT_EQ(send("renew", Json::object().set("stat", "healthy")).error().code, ErrorCode::Invalid);
  // A change of what is registered says nothing about how it is.
  ASSERT_TRUE(update(R"({"url":"http://other/"})").ok());
  EXPECT_EQ(state(), "degraded");
}

TEST_F(EndpointBookTest, MakesLabelsOfCapabilities) {
  ASSERT_TRUE(create(kSpec).ok());
  const auto labels = [this] {
    const Json now = object();
    const Json* found = now.find("metadata")->find("labels");
    return found == nullptr ? std::string() : found->dump();
  };
  EXPECT_EQ(labels(), R"({"capability.reeve.dev/review":"true","capability.reeve.dev/go":"true"})");
  ASSERT_TRUE(update(R"({"url":"http://h/","capabilities":["rust"]})").ok());
  EXPECT_EQ(labels(), R"({"capability.reeve.dev/rust":"true"})");
  ASSERT_TRUE(update(R"({"url":"http://h/"})").ok());
  EXPECT_EQ(labels(), "");
}

TEST_F(EndpointBookTest, RefusesWhatCannotBe) {
  for (const std::string_view wrong :
       {R"({"url":"u","ttl":"10ms"})",
        R"({"url":"u","ttl":"25h"})",
        R"({"url":"u","ttl":"soon"})",
        R"({"url":"u","capabilities":["a b"]})",
        R"({"url":"u","capabilities":["-x"]})",
        R"({"url":"u","capabilities":[1]})"}) {
    EXPECT_EQ(create(wrong).error().code, ErrorCode::Invalid) << wrong;
  }
  EXPECT_EQ(send("renew", Json()).error().code, ErrorCode::NotFound);
}

TEST_F(EndpointBookTest, GivesTimeAfterARestart) {
  ASSERT_TRUE(create(kSpec).ok());
  now_ += Duration(60'000);
  Engine again(Limits{}, "test", {});
  std::string row;
  ASSERT_TRUE(fold_.encode(key_, row));
  ASSERT_TRUE(again.load_row(key_, row, fold_.revision_of(key_)).ok());
  Scope scope;
  scope.now = now_;
  scope.next = next_;
  scope.actor = Principal("system:kernel");
  again.recover(scope);
  std::optional<Timestamp> due;
  for (const TimerChange& timer : scope.timers) {
    due = timer.owner == key_ ? timer.due : due;
  }
  EXPECT_EQ(due, now_ + Duration(15'000));
}

}  // namespace
}  // namespace reeve::engine
