#include "gateway/model/route_status.h"

#include <gtest/gtest.h>

#include "gateway/model/model_world.h"

namespace reeve::gateway::model {
namespace {

constexpr std::string_view kSpec =
    R"({"providers":[{"name":"one","kind":"openai","baseUrl":"https://one.example.com/v1",)"
    R"("credential":"key","breaker":{"failures":1,"openFor":"30s"}},)"
    R"({"name":"two","kind":"openai","baseUrl":"https://two.example.com/v1"}],)"
    R"("models":[{"name":"large","provider":"one","contextWindow":1000,"maxOutputTokens":100,)"
    R"("free":true},{"name":"small","provider":"two","contextWindow":1000,"maxOutputTokens":100,)"
    R"("free":true}],"retries":{"max":0}})";
constexpr std::string_view kOnlyOne =
    R"({"providers":[{"name":"one","kind":"openai","baseUrl":"https://one.example.com/v1",)"
    R"("credential":"key","breaker":{"failures":1,"openFor":"30s"}}],)"
    R"("models":[{"name":"large","provider":"one","contextWindow":1000,"maxOutputTokens":100,)"
    R"("free":true}],"retries":{"max":0}})";
constexpr std::string_view kAsk =
    R"({"model":"large","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":50})";
constexpr std::string_view kAnswer =
    R"({"id":"c1","object":"chat.completion","model":"large","choices":[{"index":0,)"
    R"("finish_reason":"stop","message":{"role":"assistant","content":"ho"}}],)"
    R"("usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}})";

class RouteStatusTest : public ::testing::Test {
 protected:
  /// Asks `one`, which answers or fails.
  void ask(bool works) {
    world_.post("/llm/openai/v1/chat/completions", std::string(kAsk));
    if (works) {
      world_.upstream.back()->answer(200, kAnswer);
    } else {
      world_.upstream.back()->answer(500, "{}");
    }
    world_.settle();
  }

  /// Time for a look, and for what is written then to be seen.
  void look(Duration time = kStatusPause) {
    world_.advance(time);
    world_.see(journal::Kind::ModelRoute, "modelroutes");
    world_.see(journal::Kind::Incident, "incidents");
  }

  Json status() { return world_.seen("modelroutes", "r").get_object("status"); }

  /// "True Ready" …
  std::string ready() {
    const Json now = status();
    for (const Json& each : now.get_array("conditions")) {
      return concat(each.get_string("status"), " ", each.get_string("reason"));
    }
    return {};
  }

  Json provider(std::size_t index = 0) { return status().get_array("providers").at(index); }

  /// States of incidents.
  std::vector<std::string> incidents() {
    std::vector<std::string> found;
    for (const std::string& name : world_.names("incidents")) {
      found.push_back(world_.seen("incidents", name).get_object("status").get_string("state"));
    }
    return found;
  }

  std::size_t written() const {
    return static_cast<std::size_t>(std::count_if(
        world_.events.begin(),
        world_.events.end(),
        [](const journal::Event& event) {
          return event.object.kind == journal::Kind::ModelRoute && event.type == "resource.updated";
        }
    ));
  }

  ModelWorld world_;
};

using States = std::vector<std::string>;

TEST_F(RouteStatusTest, SaysThatARouteCanBeAsked) {
  world_.declare_route(kSpec);
  EXPECT_EQ(ready(), "");
  look();
  EXPECT_EQ(ready(), "True Ready");
  EXPECT_EQ(status().get_int("openBreakers"), 0);
  EXPECT_EQ(status().get_int("observedGeneration"), 1);
  EXPECT_EQ(provider(0).get_string("breaker"), "closed");
  EXPECT_EQ(provider(1).get_string("name"), "two");
  EXPECT_EQ(provider(0).get_string("lastSuccessAt"), "");
}

TEST_F(RouteStatusTest, MissesCredentials) {
  world_.declare_route(kSpec);
  world_.drop("credentials", "key");
  look();
  EXPECT_EQ(ready(), "True Degraded");
  world_.put("credentials", "key", "{}");
  look();
  EXPECT_EQ(ready(), "True Ready");
}

TEST_F(RouteStatusTest, SaysThatNoModelCanBeAsked) {
  world_.declare_route(kOnlyOne);
  world_.drop("credentials", "key");
  look();
  EXPECT_EQ(ready(), "False CredentialMissing");
  world_.put("credentials", "key", "{}");
  look();
  ask(false);
  look();
  EXPECT_EQ(ready(), "False BreakersOpen");
  EXPECT_EQ(provider().get_string("breaker"), "open");
  EXPECT_EQ(provider().get_string("lastError"), "status_5xx");
  EXPECT_EQ(status().get_int("openBreakers"), 1);
  world_.advance(Duration(30'000));
  ask(true);
  look();
  EXPECT_EQ(ready(), "True Ready");
  EXPECT_EQ(provider().get_string("breaker"), "closed");
  EXPECT_NE(provider().get_string("lastSuccessAt"), "");
}

TEST_F(RouteStatusTest, WhatCannotBeReadIsToldWithItsReason) {
  const StatusFacts facts{};
  const auto reason = [&](std::string_view subject) {
    const Result<Route> route = make_error(ErrorCode::Invalid, "is wrong", std::string(subject));
    const Json status = route_status(route, facts, Json::object());
    return status.get_array("conditions").at(0).get_string("reason");
  };
  EXPECT_EQ(reason("spec.models[0].prices"), "PriceUnknown");
  EXPECT_EQ(reason("spec.providers"), "Invalid");
}

TEST_F(RouteStatusTest, CallsAloneAreNoReasonToWriteOften) {
  world_.declare_route(kSpec);
  look();
  EXPECT_EQ(written(), 1U);
  for (int i = 0; i < 20; ++i) {
    ask(true);
    look(Duration(2'000));
  }
  EXPECT_EQ(written(), 1U);
  look(kStatusAgeMax);
  EXPECT_EQ(written(), 2U);
  EXPECT_NE(provider().get_string("lastSuccessAt"), "");
  look(kStatusAgeMax * 3);
  EXPECT_EQ(written(), 2U);
}

TEST_F(RouteStatusTest, AProviderThatDoesNotWorkIsOneIncidentUntilItDoes) {
  world_.declare_route(kSpec);
  look();
  ask(false);
  look();
  EXPECT_EQ(incidents(), States{"open"});
  // It fails once more when it is tried.
  world_.advance(Duration(30'000));
  ask(false);
  look();
  EXPECT_EQ(world_.count_events("incident.opened"), 1U);
  EXPECT_EQ(world_.count_events("incident.reopened"), 0U);
  world_.advance(Duration(30'000));
  ask(true);
  look();
  EXPECT_EQ(incidents(), States{"closed"});
  ask(false);
  look();
  EXPECT_EQ(incidents(), States{"open"});
  EXPECT_EQ(world_.count_events("incident.reopened"), 1U);
}

TEST_F(RouteStatusTest, AnIncidentOfAnEarlierProcessIsClosed) {
  world_.declare_route(kSpec);
  look();
  ask(false);
  look();
  EXPECT_EQ(incidents(), States{"open"});
  world_.restart();
  look();
  EXPECT_EQ(incidents(), States{"closed"});
  EXPECT_EQ(provider().get_string("breaker"), "closed");
  EXPECT_EQ(provider().get_string("lastError"), "status_5xx");
}

TEST_F(RouteStatusTest, AnIncidentOfAnEarlierProcessIsFoundAmongMany) {
  world_.declare_route(kSpec);
  look();
  ask(false);
  look();
  EXPECT_EQ(incidents(), States{"open"});
  constexpr int kMany = 10'000;
  for (int i = 0; i < kMany; ++i) {
    world_.put("incidents", concat("0-", i), R"({"spec":{},"status":{"state":"closed"}})");
  }
  world_.restart();
  look();
  EXPECT_EQ(world_.count_events("incident.closed"), 1U);
}

TEST_F(RouteStatusTest, AnIncidentGoesWithItsRoute) {
  world_.declare_route(kSpec);
  look();
  ask(false);
  look();
  world_.drop("modelroutes", "r");
  world_.advance(kStatusLook);
  world_.see(journal::Kind::Incident, "incidents");
  EXPECT_EQ(incidents(), States{"closed"});
}

TEST_F(RouteStatusTest, WhatCouldNotBeWrittenIsWrittenLater) {
  world_.declare_route(kSpec);
  ask(false);
  world_.meter_failure = make_error(ErrorCode::Unavailable, "the kernel is busy", "kernel");
  look();
  EXPECT_EQ(incidents(), States{});
  EXPECT_EQ(written(), 0U);
  world_.meter_failure.reset();
  look();
  EXPECT_EQ(incidents(), States{"open"});
  EXPECT_EQ(written(), 1U);
}

}  // namespace
}  // namespace reeve::gateway::model
