#include "api/compat/fractal.h"

#include <tuple>

#include <gtest/gtest.h>

namespace reeve::api::fractal {
namespace {

Json json(std::string_view text) {
  const Result<Json> parsed = parse_json(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed ? *parsed : Json();
}

const Kind& kind(std::string_view name) {
  const Kind* found = find_kind(kGroup, name);
  EXPECT_NE(found, nullptr) << name;
  return *found;
}

Result<Json> ours(std::string_view name, std::string_view text, const Json* current = nullptr) {
  return to_ours(kind(name), json(text), current);
}

constexpr std::string_view kShard = R"({
  "apiVersion": "fractal.ai/v1alpha1", "kind": "Shard", "metadata": {"name": "s"},
  "spec": {"task": "analyse", "agentRef": {"name": "researcher"}, "input": {"repo": "x"},
           "maxRetries": 2, "timeout": "10m"}})";

TEST(FractalShards, AreMissionsOfOneTaskAndReadBack) {
  const Result<Json> mission = ours("Shard", kShard);
  ASSERT_TRUE(mission.ok()) << mission.error().describe();
  EXPECT_EQ(mission->get_string("kind"), "Mission");
  EXPECT_EQ(mission->find("metadata")->find("labels")->get_string(kKindLabel), "Shard");
  const Json shard = from_ours(kind("Shard"), *mission);
  EXPECT_EQ(shard.get_string("apiVersion"), "fractal.ai/v1alpha1");
  EXPECT_EQ(*shard.find("spec")->find("input"), *json(kShard).find("spec")->find("input"));
  EXPECT_EQ(shard.find("spec")->get_string("task"), "analyse");
  EXPECT_EQ(shard.find("spec")->find("agentRef")->get_string("name"), "researcher");
  EXPECT_EQ(shard.find("spec")->get_int("maxRetries"), 2);
  EXPECT_EQ(shard.find("spec")->get_string("timeout"), "10m");
}

TEST(FractalShards, NameTheFieldThatHasNoCounterpart) {
  EXPECT_EQ(
      ours("Shard", R"({"kind":"Shard","spec":{"task":"t","agentRef":{"name":"a"},"gpu":1}})")
          .error()
          .subject,
      "spec.gpu"
  );
  EXPECT_EQ(
      ours("Shard", R"({"kind":"Shard","spec":{"task":"t"}})").error().subject, "spec.agentRef.name"
  );
  EXPECT_EQ(ours("Shard", R"({"kind":"Pod"})").error().subject, "kind");
  EXPECT_EQ(ours("ShardRun", R"({"kind":"ShardRun"})").error().subject, "kind");
}

TEST(FractalShards, DoNotShowWhatOnlyMakesThemShards) {
  const Result<Json> mission = ours("Shard", kShard);
  ASSERT_TRUE(mission.ok());
  EXPECT_TRUE(is_shard(*mission->find("metadata")));
  EXPECT_FALSE(is_shard(json(kShard)));
  const Json shard = from_ours(kind("Shard"), *mission);
  EXPECT_EQ(*shard.find("metadata"), json(R"({"name":"s"})"));
}

TEST(FractalShards, HaveAPhaseForEachStateOfTheirMission) {
  for (const auto& [state, phase] :
       {std::pair("PREP", "Pending"),
        std::pair("QUEUED", "Pending"),
        std::pair("LAUNCHING", "Pending"),
        std::pair("HELD", "Paused"),
        std::pair("ACTIVE", "Running"),
        std::pair("COMPENSATING", "Running"),
        std::pair("COMPLETE", "Succeeded"),
        std::pair("FAILED", "Failed"),
        std::pair("ABORTED", "Terminated")}) {
    Json mission =
        json(R"({"metadata":{"name":"s"},"status":{"epoch":1,"tasks":[{"run":{"attempt":2}}]}})");
    mission.find("status")->set("state", state);
    const Json shard = from_ours(kind("Shard"), mission);
    const Json& status = *shard.find("status");
    EXPECT_EQ(status.get_string("phase"), phase) << state;
    EXPECT_EQ(status.get_int("attempts"), 2);
    const bool final = phase == std::string_view("Succeeded") ||
                       phase == std::string_view("Failed") ||
                       phase == std::string_view("Terminated");
    EXPECT_EQ(status.get_string("activeRun"), final ? "" : "s-2") << state;
  }
}

TEST(FractalShardRuns, AreAttempts) {
  const Json run = from_ours(
      kind("ShardRun"),
      json(R"({"metadata":{"name":"s.1.a.2","ownerReferences":[{"kind":"Mission","name":"s"}]},
               "spec":{"mission":"s","epoch":1,"attempt":2},
               "status":{"state":"LOST","startedAt":"x","message":"gone"}})")
  );
  EXPECT_EQ(run.find("metadata")->get_string("name"), "s-2");
  const Json& owner = run.find("metadata")->find("ownerReferences")->as_array().front();
  EXPECT_EQ(owner.get_string("kind"), "Shard");
  EXPECT_EQ(owner.get_string("apiVersion"), "fractal.ai/v1alpha1");
  EXPECT_EQ(run.find("spec")->find("shardRef")->get_string("name"), "s");
  EXPECT_EQ(run.find("spec")->get_int("attempt"), 2);
  EXPECT_EQ(run.find("status")->get_string("phase"), "Failed");
  EXPECT_EQ(run.find("status")->get_string("lastError"), "gone");
  const Json later = from_ours(
      kind("ShardRun"), json(R"({"metadata":{},"spec":{"mission":"s","epoch":2,"attempt":1}})")
  );
  EXPECT_EQ(later.find("metadata")->get_string("name"), "s-2-1");
}

TEST(FractalQuotas, KeepWhatTheyHaveNoWordFor) {
  const Json current = json(R"({"spec":{"currency":"EUR","notifications":{"channel":"c"}}})");
  const Result<Json> quota =
      ours("BudgetQuota", R"({"kind":"BudgetQuota","spec":{"limits":{"maxRetries":1}}})", &current);
  ASSERT_TRUE(quota.ok()) << quota.error().describe();
  EXPECT_EQ(quota->find("spec")->get_string("currency"), "EUR");
  EXPECT_EQ(quota->find("spec")->find("notifications")->get_string("channel"), "c");
}

TEST(FractalQuotas, HaveAmountsWithASign) {
  const Result<Json> quota = ours("BudgetQuota", R"({
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
  const Json back = from_ours(kind("BudgetQuota"), *quota);
  EXPECT_EQ(back.find("spec")->find("limits")->get_string("maxTotalCost"), "$100.00");
  EXPECT_EQ(
      back.find("spec")->find("escalation")->find("notifyOnLimit")->dump(), R"(["pagerduty"])"
  );
}

TEST(FractalEntries, DoNotSayWhoWroteThem) {
  const Result<Json> entry = ours("BlackboardEntry", R"({
    "kind": "BlackboardEntry", "metadata": {"name": "e"},
    "spec": {"type": "decision", "phase": "research", "author": "somebody",
             "content": {"findings": ["f"], "confidence": 0.9}, "timestamp": "then"}})");
  ASSERT_TRUE(entry.ok()) << entry.error().describe();
  EXPECT_EQ(entry->find("spec")->find("author"), nullptr);
  EXPECT_EQ(entry->find("spec")->find("confidence")->as_double(), 0.9);
}

TEST(FractalEntries, KeepTheirBoardAndWhatTheServerSays) {
  const Json current = json(R"({"spec":{"mission":"m","expiresAfter":"1h"}})");
  const Result<Json> entry = ours(
      "BlackboardEntry",
      R"({"kind":"BlackboardEntry","spec":{"type":"directive","content":{"confidence":"high"}}})",
      &current
  );
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(entry->find("spec")->get_string("mission"), "m");
  EXPECT_EQ(entry->find("spec")->get_string("expiresAfter"), "1h");
  EXPECT_EQ(entry->find("spec")->find("confidence"), nullptr);
  Json after = json(R"({"spec":{"type":"directive","author":"me","lastUpdated":"now"}})");
  put_back(kind("BlackboardEntry"), json(R"({"spec":{"author":"you"}})"), after);
  EXPECT_EQ(*after.find("spec"), json(R"({"type":"directive","author":"you"})"));
}

TEST(FractalKinds, ThatAreMissingHaveAnAlternative) {
  for (const auto& [group, name, field] :
       {std::tuple("fractal.ai", "KAgent", "kind"),
        std::tuple("fractal.ai", "ToolCall", "spec.tool"),
        std::tuple("kagent.dev", "Agent", "kind"),
        std::tuple("houston.ai", "GateContext", "spec.gate")}) {
    EXPECT_EQ(find_kind(group, name), nullptr);
    ASSERT_NE(refusal_of(group, name), nullptr) << name;
    EXPECT_EQ(refusal_of(group, name)->field, field);
  }
  EXPECT_EQ(refusal_of("fractal.ai", "Shard"), nullptr);
  EXPECT_EQ(find_kind("reeve.dev", "BudgetQuota"), nullptr);
}

}  // namespace
}  // namespace reeve::api::fractal
