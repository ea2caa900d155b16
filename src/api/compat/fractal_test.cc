#include "api/compat/fractal.h"

#include <gtest/gtest.h>

namespace reeve::api::fractal {
namespace {

Json json(std::string_view text) {
  const Result<Json> parsed = parse_json(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed ? *parsed : Json();
}

Result<Json> ours(std::string_view plural, std::string_view text) {
  return to_ours(*find_kind(plural), json(text));
}

constexpr std::string_view kShard = R"({
  "apiVersion": "fractal.ai/v1alpha1", "kind": "Shard", "metadata": {"name": "s"},
  "spec": {"task": "analyse", "agentRef": {"name": "researcher"}, "input": {"repo": "x"},
           "maxRetries": 2, "timeout": "10m"}})";

TEST(FractalShards, AreMissionsOfOneTaskAndReadBack) {
  const Result<Json> mission = ours("shards", kShard);
  ASSERT_TRUE(mission.ok()) << mission.error().describe();
  EXPECT_EQ(mission->get_string("kind"), "Mission");
  EXPECT_EQ(mission->find("metadata")->find("labels")->get_string(kKindLabel), "Shard");
  const Json shard = from_ours(*find_kind("shards"), *mission);
  EXPECT_EQ(shard.get_string("apiVersion"), "fractal.ai/v1alpha1");
  EXPECT_EQ(*shard.find("spec")->find("input"), *json(kShard).find("spec")->find("input"));
  EXPECT_EQ(shard.find("spec")->get_string("task"), "analyse");
  EXPECT_EQ(shard.find("spec")->find("agentRef")->get_string("name"), "researcher");
  EXPECT_EQ(shard.find("spec")->get_int("maxRetries"), 2);
  EXPECT_EQ(shard.find("spec")->get_string("timeout"), "10m");
}

TEST(FractalShards, NameTheFieldThatHasNoCounterpart) {
  EXPECT_EQ(
      ours("shards", R"({"kind":"Shard","spec":{"task":"t","agentRef":{"name":"a"},"gpu":1}})")
          .error()
          .subject,
      "spec.gpu"
  );
  EXPECT_EQ(
      ours("shards", R"({"kind":"Shard","spec":{"task":"t"}})").error().subject,
      "spec.agentRef.name"
  );
  EXPECT_EQ(ours("shards", R"({"kind":"Pod"})").error().subject, "kind");
  EXPECT_EQ(ours("shardruns", R"({"kind":"ShardRun"})").error().subject, "kind");
}

TEST(FractalShardRuns, ShowRuns) {
  const Json run = from_ours(
      *find_kind("shardruns"),
      json(R"({"metadata":{"name":"s.1.a.2"},"spec":{"mission":"s","attempt":2},
               "status":{"state":"LOST","startedAt":"x"}})")
  );
  EXPECT_EQ(run.find("spec")->find("shardRef")->get_string("name"), "s");
  EXPECT_EQ(run.find("spec")->get_int("attempt"), 2);
  EXPECT_EQ(run.find("status")->get_string("phase"), "Failed");
}

TEST(FractalQuotas, HaveAmountsWithASign) {
  const Result<Json> quota = ours("budgetquotas", R"({
    "kind": "BudgetQuota", "metadata": {"name": "q"},
    "spec": {"limits": {"maxTotalTokens": 1000000, "maxTotalCost": "$100.00"},
             "enforcement": {"onTokenLimit": "terminate"},
             "notifications": {"slack": "#ops", "threshold": 0.8},
             "escalation": {"notifyOnWarning": ["slack"], "notifyOnLimit": ["pagerduty"]}}})");
  ASSERT_TRUE(quota.ok()) << quota.error().describe();
  const Json& spec = *quota->find("spec");
  EXPECT_EQ(spec.find("limits")->get_string("maxTotalCost"), "100.00");
  EXPECT_EQ(spec.find("warnings")->find("costThreshold")->as_double(), 0.8);
  EXPECT_EQ(spec.find("notifications")->find("onWarning")->dump(), R"(["slack","slack:#ops"])");
  const Json back = from_ours(*find_kind("budgetquotas"), *quota);
  EXPECT_EQ(back.find("spec")->find("limits")->get_string("maxTotalCost"), "$100.00");
  EXPECT_EQ(
      back.find("spec")->find("escalation")->find("notifyOnLimit")->dump(), R"(["pagerduty"])"
  );
}

TEST(FractalEntries, DoNotSayWhoWroteThem) {
  const Result<Json> entry = ours("blackboardentries", R"({
    "kind": "BlackboardEntry", "metadata": {"name": "e"},
    "spec": {"type": "decision", "phase": "research", "author": "somebody",
             "content": {"findings": ["f"], "confidence": 0.9}, "timestamp": "then"}})");
  ASSERT_TRUE(entry.ok()) << entry.error().describe();
  EXPECT_EQ(entry->find("spec")->find("author"), nullptr);
  EXPECT_EQ(entry->find("spec")->find("confidence")->as_double(), 0.9);
}

TEST(FractalKinds, ThatAreMissingHaveAnAlternative) {
  EXPECT_EQ(find_kind("kagents"), nullptr);
  EXPECT_NE(instead_of("kagents"), "");
  EXPECT_NE(instead_of("toolcalls"), "");
  EXPECT_EQ(instead_of("unknown"), "");
  EXPECT_EQ(resources().find("resources")->as_array().size(), 4U);
}

}  // namespace
}  // namespace reeve::api::fractal
