// What a request is about, and how its answer is told.

#include "owner/verbs.h"

#include <gtest/gtest.h>

namespace reeve::owner {
namespace {

Caller caller(const char* principal) {
  return {.principal = Principal(principal), .groups = {}};
}

protocol::Request request(const char* ns) {
  protocol::Request request{.verb = "abort", .id = {}};
  request.ns = Namespace(ns);
  return request;
}

TEST(Verbs, APersonIsInTheDefaultNamespaceOrTheOneThatTheyName) {
  EXPECT_EQ(*namespace_of(request(""), caller("user:ann")), Namespace("default"));
  EXPECT_EQ(*namespace_of(request("team"), caller("user:ann")), Namespace("team"));
}

TEST(Verbs, ARunIsInItsOwnNamespaceAndNoOther) {
  EXPECT_EQ(*namespace_of(request(""), caller("run:team~m.1.t.1")), Namespace("team"));
  EXPECT_EQ(*namespace_of(request("team"), caller("run:team~m.1.t.1")), Namespace("team"));
  EXPECT_EQ(*namespace_of(request(""), caller("run:m.1.t~compensate.1")), Namespace("default"));
  for (const char* other : {"default", "teams"}) {
    const Result<Namespace> refused = namespace_of(request(other), caller("run:team~m.1.t.1"));
    ASSERT_FALSE(refused.ok()) << other;
    EXPECT_EQ(refused.error().code, ErrorCode::PermissionDenied);
  }
  EXPECT_FALSE(namespace_of(request("team"), caller("run:m.1.t.1")).ok());
}

TEST(Verbs, AnAnswerNamesTheMissionAsItsNamespaceDoes) {
  engine::Reply reply;
  reply.mission = MissionName("team~m");
  Json told = to_json(reply);
  EXPECT_EQ(told.get_string("mission"), "m");
  EXPECT_EQ(told.get_string("namespace"), "team");
  reply.mission = MissionName("m");
  told = to_json(reply);
  EXPECT_EQ(told.get_string("mission"), "m");
  EXPECT_EQ(told.find("namespace"), nullptr);
}

}  // namespace
}  // namespace reeve::owner
