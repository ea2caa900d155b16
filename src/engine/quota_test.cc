#include "engine/quota.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::engine {
namespace {

using journal::Kind;
using namespace std::chrono_literals;

journal::ObjectKey key_of(Kind kind, std::string name, std::string ns = "team") {
  return {
      .kind = kind,
      .ns = Namespace(kind == Kind::BudgetQuota ? std::move(ns) : std::string()),
      .name = std::move(name)};
}

/// `spec` without its braces.
Quota quota_of(const std::string& spec, Kind kind = Kind::BudgetQuota) {
  return parse_quota(key_of(kind, "q"), *parse_json(concat(R"({"spec":{)", spec, "}}")));
}

Timestamp at(std::string_view text) {
  return *parse_date_time(text);
}

TEST(Quota, ReadsFractalsFields) {
  const Quota quota = quota_of(R"(
      "limits":{"maxTokensPerRun":100000,"maxTotalTokens":1000000,"maxCostPerRun":"$10.00",
                "maxTotalCost":"$100.00","maxConcurrentRuns":5,"maxDuration":"1h","maxRetries":3},
      "enforcement":{"onTokenLimit":"terminate","onCostLimit":"alert","onDurationLimit":"terminate",
                     "onConcurrencyLimit":"pause","scope":"highest"},
      "warnings":{"tokenThreshold":0.5,"costThreshold":1,"durationThreshold":0},
      "notifications":{"channel":"alerts"})");
  ASSERT_FALSE(quota.unreadable.has_value()) << *quota.unreadable;
  EXPECT_EQ(quota.limits.run_tokens, 100'000U);
  EXPECT_EQ(quota.limits.total_tokens, 1'000'000U);
  EXPECT_EQ(quota.limits.run_cost, Money::from_nanos(10 * Money::kNanos));
  EXPECT_EQ(quota.limits.total_cost, Money::from_nanos(100 * Money::kNanos));
  EXPECT_EQ(quota.limits.concurrent_runs, 5U);
  EXPECT_EQ(quota.limits.run_duration, Duration(1h));
  EXPECT_EQ(quota.limits.retries, 3U);
  EXPECT_EQ(quota.action_at(QuotaLimit::TotalTokens), QuotaAction::Terminate);
  EXPECT_EQ(quota.action_at(QuotaLimit::RunCost), QuotaAction::Alert);
  EXPECT_EQ(quota.action_at(QuotaLimit::RunDuration), QuotaAction::Terminate);
  EXPECT_EQ(quota.action_at(QuotaLimit::ConcurrentRuns), QuotaAction::Pause);
  EXPECT_EQ(quota.scope, QuotaScope::Highest);
  EXPECT_EQ(quota.warn_tokens, 0.5);
  EXPECT_EQ(quota.warn_cost, 1);
  EXPECT_EQ(quota.warn_duration, 0);
}

TEST(Quota, SaysNothingMoreThanItsLimitsByDefault) {
  const Quota quota = quota_of(R"("limits":{"maxTokensPerMinute":7,"maxRequestsPerMinute":2})");
  ASSERT_FALSE(quota.unreadable.has_value());
  EXPECT_FALSE(quota.limits.total_tokens.has_value());
  EXPECT_FALSE(quota.limits.of_cost());
  EXPECT_EQ(quota.period, QuotaPeriod::Never);
  EXPECT_EQ(quota.currency, "USD");
  EXPECT_EQ(quota.action_at(QuotaLimit::TotalCost), QuotaAction::Terminate);
  EXPECT_EQ(quota.action_at(QuotaLimit::RunDuration), QuotaAction::Pause);
  EXPECT_EQ(quota.action_at(QuotaLimit::ConcurrentRuns), QuotaAction::Queue);
  EXPECT_EQ(quota.action_at(QuotaLimit::MinuteTokens), QuotaAction::Queue);
  EXPECT_EQ(quota.scope, QuotaScope::Offender);
}

TEST(Quota, ThatCannotBeReadIsNeverWithoutLimits) {
  for (const std::string spec :
       {R"()",
        R"("limits":7)",
        R"("limits":{"maxTotalTokens":0})",
        R"("limits":{"maxTotalTokens":"many"})",
        R"("limits":{"maxTotalCost":"-1"})",
        R"("limits":{"maxTotalCost":"1.0000000001"})",
        R"("limits":{"maxDuration":"0s"})",
        R"("limits":{"maxDuration":"soon"})",
        R"("limits":{"maxTokens":1})",
        R"("limits":{},"more":1)",
        R"("limits":{},"period":"year")",
        R"("limits":{},"enforcement":{"onTokenLimit":"explode"})",
        R"("limits":{},"enforcement":{"scope":"some"})",
        R"("limits":{},"warnings":{"tokenThreshold":1.1})",
        R"("limits":{},"selector":{"tenant":"only of the cluster"})"}) {
    EXPECT_TRUE(quota_of(spec).unreadable.has_value()) << spec;
  }
  EXPECT_FALSE(quota_of(R"("limits":{},"selector":{"tenant":"a"})", Kind::ClusterBudgetQuota)
                   .unreadable.has_value());
}

TEST(Quota, CountsWhomItSelects) {
  const Spender who{
      .ns = Namespace("team"),
      .mission = "m",
      .run = "m.1.a.1",
      .task = "a",
      .workflow = "build",
      .agent = "coder"};
  const Json labels = *parse_json(R"({"cost":"high","n":1})");
  const SpenderFacts facts{.labels = &labels, .tenant = "acme"};
  const auto counted = [&](const std::string& selector, Kind kind = Kind::BudgetQuota) {
    const Quota quota = quota_of(concat(R"("limits":{},"selector":{)", selector, "}"), kind);
    EXPECT_FALSE(quota.unreadable.has_value()) << *quota.unreadable;
    return counts(quota, who, facts);
  };
  for (const char* selector :
       {"",
        R"("workflow":"build")",
        R"("agent":"coder")",
        R"("mission":"m")",
        R"("task":"a","workflow":"build")",
        R"("matchLabels":{"cost":"high"})"}) {
    EXPECT_TRUE(counted(selector)) << selector;
  }
  for (const char* selector :
       {R"("workflow":"other")",
        R"("agent":"other")",
        R"("mission":"n")",
        R"("task":"a","workflow":"other")",
        R"("matchLabels":{"cost":"low"})",
        R"("matchLabels":{"n":"1"})",
        R"("matchLabels":{"absent":""})"}) {
    EXPECT_FALSE(counted(selector)) << selector;
  }
  for (const char* selector :
       {"", R"("tenant":"acme")", R"("namespaces":["x","team"])", R"("agent":"coder")"}) {
    EXPECT_TRUE(counted(selector, Kind::ClusterBudgetQuota)) << selector;
  }
  for (const char* selector :
       {R"("tenant":"other")",
        R"("namespaces":["x"])",
        R"("tenant":"acme","namespaces":["x"])",
        R"("tenant":"acme","mission":"n")"}) {
    EXPECT_FALSE(counted(selector, Kind::ClusterBudgetQuota)) << selector;
  }
  const Quota elsewhere = parse_quota(
      key_of(Kind::BudgetQuota, "q", "other"), *parse_json(R"({"spec":{"limits":{}}})")
  );
  EXPECT_FALSE(counts(elsewhere, who, facts)) << "a quota counts its own namespace alone";
}

TEST(Quota, WithoutAMissionOnlyQuotasThatAskForNoneCount) {
  Spender user;
  user.ns = Namespace("team");
  user.agent = "coder";
  const SpenderFacts facts;
  EXPECT_TRUE(counts(quota_of(R"("limits":{})"), user, facts));
  EXPECT_TRUE(counts(quota_of(R"("limits":{},"selector":{"agent":"coder"})"), user, facts));
  EXPECT_FALSE(counts(quota_of(R"("limits":{},"selector":{"workflow":"w"})"), user, facts));
  EXPECT_FALSE(counts(quota_of(R"("limits":{},"selector":{"matchLabels":{"a":"b"}})"), user, facts)
  );
}

TEST(Quota, PeriodsBeginAtMidnightOnMondaysAndOnTheFirst) {
  const auto span = [](QuotaPeriod period, std::string_view time) {
    const std::optional<PeriodSpan> found = period_at(period, at(time));
    return found ? concat(format_timestamp(found->start), " ", format_timestamp(found->end))
                 : std::string("never");
  };
  EXPECT_EQ(span(QuotaPeriod::Never, "2026-11-27T10:00:00Z"), "never");
  EXPECT_EQ(
      span(QuotaPeriod::Day, "2026-11-27T23:59:59Z"),
      "2026-11-27T00:00:00.000Z 2026-11-28T00:00:00.000Z"
  );
  EXPECT_EQ(
      span(QuotaPeriod::Day, "2026-11-28T00:00:00Z"),
      "2026-11-28T00:00:00.000Z 2026-11-29T00:00:00.000Z"
  );
  EXPECT_EQ(
      span(QuotaPeriod::Week, "2026-11-29T12:00:00Z"),
      "2026-11-23T00:00:00.000Z 2026-11-30T00:00:00.000Z"
  );
  EXPECT_EQ(
      span(QuotaPeriod::Week, "2026-11-30T00:00:00Z"),
      "2026-11-30T00:00:00.000Z 2026-12-07T00:00:00.000Z"
  );
  EXPECT_EQ(
      span(QuotaPeriod::Month, "2026-12-31T23:00:00Z"),
      "2026-12-01T00:00:00.000Z 2027-01-01T00:00:00.000Z"
  );
  EXPECT_EQ(
      span(QuotaPeriod::Month, "2028-02-29T00:00:00Z"),
      "2028-02-01T00:00:00.000Z 2028-03-01T00:00:00.000Z"
  );
}

TEST(Quota, WarnsAtAPartThatIsRoundedUpAndNeverAtNothing) {
  EXPECT_EQ(warn_level(1000, 0.8), 800U);
  EXPECT_EQ(warn_level(1001, 0.8), 801U);
  EXPECT_EQ(warn_level(1, 0.1), 1U);
  EXPECT_EQ(warn_level(1000, 1), 1000U);
  EXPECT_EQ(warn_level(1000, 0), 0U);
  EXPECT_EQ(warn_level(UINT64_MAX, 1), UINT64_MAX);
}

TEST(Quota, KeepsItsUsageUnderItsName) {
  EXPECT_EQ(usage_key_of(key_of(Kind::BudgetQuota, "core")).name, "quota.core");
  EXPECT_EQ(usage_key_of(key_of(Kind::BudgetQuota, "core")).ns, Namespace("team"));
  EXPECT_TRUE(usage_key_of(key_of(Kind::ClusterBudgetQuota, "core")).ns.empty());
  EXPECT_EQ(quota_of(R"("limits":{})").label(), "team/q");
  EXPECT_EQ(quota_of(R"("limits":{})", Kind::ClusterBudgetQuota).label(), "q");
}

TEST(Quota, HaveTheirUsageInARowOfTheirNamespaceOrOfNone) {
  const auto quota_for = [](std::string ns, std::string name) {
    const auto found = quota_key_of(
        {.kind = journal::Kind::BudgetUsage,
         .ns = Namespace(std::move(ns)),
         .name = std::move(name)}
    );
    return found ? concat(to_string(found->kind), " ", found->ns.view(), "/", found->name)
                 : std::string("none");
  };
  EXPECT_EQ(quota_for("team", "quota.q"), concat(to_string(journal::Kind::BudgetQuota), " team/q"));
  EXPECT_EQ(quota_for("", "quota.q"), concat(to_string(journal::Kind::ClusterBudgetQuota), " /q"));
  EXPECT_EQ(quota_for("team", "agent.q"), "none");
}

}  // namespace
}  // namespace reeve::engine
