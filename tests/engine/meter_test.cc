#include <string>
#include <vector>

#include "base/strings.h"
#include "engine/meter_book.h"
#include "meter_fixture.h"

namespace reeve::kernel {
namespace {

using engine::Reply;
using journal::Kind;
using namespace std::chrono_literals;

const std::string kThousand = R"("limits":{"maxTotalTokens":1000})";

// --- reserve before, settle after ---------------------------------------------------------------

TEST_F(MeterTest, NothingIsGrantedThatDoesNotFitAndWhatWasNotUsedIsFreeAgain) {
  quota("q", kThousand);
  for (const char* mission : {"a", "b", "c", "d"}) {
    start(mission);
  }
  EXPECT_EQ(ask("1", "a", 300), "granted");
  EXPECT_EQ(ask("2", "b", 300), "granted");
  EXPECT_EQ(ask("3", "c", 300), "granted");
  EXPECT_EQ(used("q"), "0+900");
  EXPECT_EQ(ask("4", "d", 300), "default/q maxTotalTokens terminate");
  EXPECT_EQ(used("q"), "0+900") << "a refusal promises nothing";
  EXPECT_EQ(settle("1", 100), "done");
  EXPECT_EQ(used("q"), "100+600");
  EXPECT_EQ(refund("2"), "done");
  EXPECT_EQ(used("q"), "100+300");
  EXPECT_EQ(ask("5", "a", 600), "granted");
  EXPECT_EQ(ask("6", "a", 1), "default/q maxTotalTokens terminate");
  EXPECT_EQ(settle("3", 300), "done");
  EXPECT_EQ(settle("5", 600), "done");
  EXPECT_EQ(used("q"), "1000+0");
}

TEST_F(MeterTest, TheSameCallIsReservedAndSettledOnce) {
  quota("q", kThousand);
  start("m");
  EXPECT_EQ(ask("1", "m", 300), "granted");
  EXPECT_EQ(ask("1", "m", 300), "granted") << "the answer may have been lost";
  EXPECT_EQ(used("q"), "0+300");
  EXPECT_EQ(settle("1", 10), "done");
  EXPECT_EQ(settle("1", 300), "done");
  EXPECT_EQ(refund("1"), "done");
  EXPECT_EQ(used("q"), "10+0");
  EXPECT_EQ(ask("1", "m", 300), "already_exists") << "nothing is promised to it any more";
  EXPECT_EQ(ask("2", "m", 5), "granted");
  EXPECT_EQ(refund("2"), "done");
  EXPECT_EQ(settle("2", 5), "done");
  EXPECT_EQ(used("q"), "10+0");
  EXPECT_EQ(settle("none", 5), "not_found");
  EXPECT_EQ(refund("none"), "not_found");
}

TEST_F(MeterTest, CallsThatWereUnderWayWhenTheServerStoppedHaveUsedAllTheyMight) {
  quota("q", kThousand);
  start("m");
  EXPECT_EQ(ask("1", "m", 300, "0.30"), "granted");
  EXPECT_EQ(ask("2", "m", 200), "granted");
  EXPECT_EQ(settle("2", 20), "done");
  bench_.restart();
  bench_.commit();
  EXPECT_EQ(used("q"), "320+0");
  EXPECT_EQ(stored(call_key("1")).find("status")->find("end")->get_string("outcome"), "unknown");
  EXPECT_EQ(settle("1", 1), "done") << "late, and without effect";
  EXPECT_EQ(used("q"), "320+0");
  EXPECT_EQ(ask("1", "m", 300), "already_exists");
}

TEST_F(MeterTest, AnUnknownEndCountsAllThatWasPromised) {
  quota("q", kThousand);
  start("m");
  EXPECT_EQ(ask("1", "m", 300, "0.25"), "granted");
  EXPECT_EQ(outcome(meter("1", "settle", R"({"outcome":"unknown"})")), "done");
  EXPECT_EQ(used("q"), "300+0");
  EXPECT_EQ(usage("quota.q").find("costs")->get_string("USD"), "0.25");
}

TEST_F(MeterTest, OnlyWhoCarriesTheCallsMetersThem) {
  for (const std::string_view who : {"user:ann", "run:m.1.a.1", "agent:x"}) {
    const auto reply =
        meter("1", "reserve", R"({"provider":"p","model":"m","cost":"0"})", "default", who);
    ASSERT_FALSE(reply.ok());
    EXPECT_EQ(reply.error().code, ErrorCode::PermissionDenied) << who;
  }
  EXPECT_FALSE(meter("1", "forget", "{}").ok());
}

TEST_F(MeterTest, ARunThatIsOverAndAMissionThatIsNotThereSpendNothing) {
  const model::LaunchRun launch = start("m");
  EXPECT_EQ(ask("1", "none", 1), "not_found");
  EXPECT_EQ(outcome(bench_.call(finished(launch, 0))), "done");
  const std::string over = ask("2", "m", 1);
  EXPECT_TRUE(over == "invalid_transition" || over == "not_found") << over;
}

TEST_F(MeterTest, ACallThatIsSettledAfterItsRunHasEndedCountsToo) {
  quota("q", kThousand);
  const model::LaunchRun launch = start("m");
  EXPECT_EQ(ask("1", "m", 300), "granted");
  EXPECT_EQ(outcome(bench_.call(finished(launch, 0))), "done");
  EXPECT_EQ(settle("1", 120), "done");
  EXPECT_EQ(used("q"), "120+0");
  EXPECT_EQ(usage("run.m.1.a.1").get_int("tokens"), 120);
}

TEST_F(MeterTest, UsageIsKeptByEverythingPeopleAskFor) {
  start("m");
  EXPECT_EQ(ask("1", "m", 300, "0.30"), "granted") << "no quota is needed to be metered";
  EXPECT_EQ(settle("1", 120, "0.123456789"), "done");
  EXPECT_EQ(ask("2", "", 10, "0.1"), "granted") << "people have no missions";
  EXPECT_EQ(settle("2", 10, "0.1"), "done");
  EXPECT_EQ(usage("run.m.1.a.1").get_string("cost"), "0.123456789 USD");
  EXPECT_EQ(usage("mission.m").get_string("cost"), "0.123456789 USD");
  EXPECT_EQ(usage("workflow.w").get_string("cost"), "0.123456789 USD");
  EXPECT_EQ(usage("agent.coder").get_string("cost"), "0.223456789 USD");
  EXPECT_EQ(usage("model.acme.large").get_string("cost"), "0.223456789 USD");
  EXPECT_EQ(usage("day.2027-01-15").get_int("calls"), 2);
}

// --- the tree of scopes --------------------------------------------------------------------------

TEST_F(MeterTest, TheNarrowestOfAllScopesWins) {
  make_namespace("team");
  Json labelled = object(cluster_key(Kind::Namespace, "team"));
  labelled.find("metadata")->set("labels", *parse_json(R"({"tenant":"acme"})"));
  ASSERT_EQ(outcome(update(cluster_key(Kind::Namespace, "team"), labelled)), "done");
  start("m", "team");

  struct Scope {
    const char* name;
    const char* selector;
    bool cluster;
  };

  const std::vector<Scope> scopes = {
      {"organisation", "", true},
      {"tenant", R"("tenant":"acme")", true},
      {"namespaces", R"("namespaces":["team"])", true},
      {"namespace", "", false},
      {"workflow", R"("workflow":"w")", false},
      {"agent", R"("agent":"coder")", false},
      {"mission", R"("mission":"m")", false},
      {"task", R"("task":"a")", false}};
  const auto set = [&](const Scope& scope, int tokens) {
    quota(
        scope.name,
        concat(
            R"("limits":{"maxTotalTokens":)",
            tokens,
            R"(},"enforcement":{"onTokenLimit":"queue"},"selector":{)",
            scope.selector,
            "}"
        ),
        scope.cluster ? "" : "team"
    );
  };
  for (const Scope& scope : scopes) {
    set(scope, 1000);
  }
  int number = 0;
  for (const Scope& scope : scopes) {
    set(scope, 99);
    EXPECT_EQ(
        ask(concat("c", ++number), "m", 100, "0", "team"),
        concat(scope.cluster ? "" : "team/", scope.name, " maxTotalTokens queue")
    );
    set(scope, 1000);
  }
  EXPECT_EQ(ask("fits", "m", 1000, "0", "team"), "granted");
  for (const Scope& scope : scopes) {
    EXPECT_EQ(used(scope.name, scope.cluster ? "" : "team"), "0+1000") << scope.name;
  }
  EXPECT_EQ(ask("other", "", 500, "0", "default"), "organisation maxTotalTokens queue");
  set(scopes[0], 10'000);
  EXPECT_EQ(ask("other", "", 500, "0", "default"), "granted") << "of another tenant";
}

TEST_F(MeterTest, ANamespaceThatChangesItsTenantIsCountedThereFromThenOn) {
  make_namespace("team");
  quota("acme", R"("limits":{"maxTotalTokens":10},"selector":{"tenant":"acme"})", "");
  EXPECT_EQ(ask("1", "", 50, "0", "team"), "granted");
  Json labelled = object(cluster_key(Kind::Namespace, "team"));
  labelled.find("metadata")->set("labels", *parse_json(R"({"tenant":"acme"})"));
  ASSERT_EQ(outcome(update(cluster_key(Kind::Namespace, "team"), labelled)), "done");
  EXPECT_EQ(ask("2", "", 50, "0", "team"), "acme maxTotalTokens terminate");
}

TEST_F(MeterTest, LabelsOfMissionsSelectThem) {
  quota("dear", R"("limits":{"maxTotalTokens":10},"selector":{"matchLabels":{"cost":"high"}})");
  start("m", "default", *parse_json(R"({"labels":{"cost":"high"}})"));
  start("n");
  EXPECT_EQ(ask("1", "m", 11), "default/dear maxTotalTokens terminate");
  EXPECT_EQ(ask("2", "n", 11), "granted");
}

TEST_F(MeterTest, RunsHaveLimitsOfTheirOwn) {
  quota("q", R"("limits":{"maxTokensPerRun":100,"maxCostPerRun":"1.00"})");
  start("m");
  start("n");
  EXPECT_EQ(ask("1", "m", 100), "granted");
  EXPECT_EQ(ask("2", "m", 1), "default/q maxTokensPerRun terminate");
  EXPECT_EQ(ask("3", "n", 50, "1.000000001"), "default/q maxCostPerRun terminate");
  EXPECT_EQ(count_events("budget.exceeded"), 2U);
}

// --- what cannot be known is refused ------------------------------------------------------------

TEST_F(MeterTest, AQuotaThatCannotBeReadGrantsNothing) {
  quota("q", R"("limits":{"maxTotalTokens":"many"})");
  EXPECT_EQ(ask("1", "", 1), "default/q quota_unknown terminate");
  quota("q", kThousand);
  EXPECT_EQ(ask("2", "", 1), "granted");
}

TEST_F(MeterTest, APriceInAnotherCurrencyGrantsNothingWhereCostIsLimited) {
  quota("q", R"("limits":{"maxTotalCost":"5"},"currency":"EUR")");
  EXPECT_EQ(ask("1", "", 1, "0.01"), "default/q currency terminate");
  EXPECT_FALSE(meter("2", "reserve", R"({"provider":"p","model":"m"})").ok()) << "no price";
}

// --- periods -------------------------------------------------------------------------------------

TEST_F(MeterTest, APeriodEndsAtMidnightAlsoWhileTheServerIsDown) {
  quota("q", R"("limits":{"maxTotalTokens":100},"period":"day")");
  start("m");
  EXPECT_EQ(ask("1", "m", 100), "granted");
  EXPECT_EQ(settle("1", 100), "done");
  EXPECT_EQ(ask("2", "", 1), "default/q maxTotalTokens terminate");
  bench_.advance(24h);
  EXPECT_EQ(used("q"), "0+0");
  EXPECT_EQ(usage("quota.q").get_int("tokens"), 100) << "of all time";
  EXPECT_EQ(ask("3", "", 100), "granted");
  EXPECT_EQ(settle("3", 100), "done");
  bench_.restart(24h);
  bench_.advance(0ms);
  EXPECT_EQ(used("q"), "0+0");
  EXPECT_EQ(ask("4", "", 100), "granted");
}

TEST_F(MeterTest, WhatIsPromisedStaysPromisedInTheNextPeriod) {
  quota("q", R"("limits":{"maxTotalTokens":100},"period":"day")");
  EXPECT_EQ(ask("1", "", 60), "granted");
  bench_.advance(24h);
  EXPECT_EQ(used("q"), "0+60");
  EXPECT_EQ(ask("2", "", 41), "default/q maxTotalTokens terminate");
  EXPECT_EQ(settle("1", 60), "done");
  EXPECT_EQ(used("q"), "60+0") << "it counts when it is settled";
}

TEST_F(MeterTest, AQuotaThatGetsAPeriodLaterKeepsIt) {
  quota("q", R"("limits":{"maxTotalTokens":100})");
  EXPECT_EQ(ask("1", "", 60), "granted");
  EXPECT_EQ(settle("1", 60), "done");
  bench_.advance(48h);
  EXPECT_EQ(used("q"), "60+0");
  quota("q", R"("limits":{"maxTotalTokens":100},"period":"day")");
  bench_.advance(1ms);
  EXPECT_EQ(used("q"), "0+0") << "it was used on another day";
  EXPECT_EQ(ask("2", "", 70), "granted");
  EXPECT_EQ(settle("2", 70), "done");
  bench_.advance(24h);
  EXPECT_EQ(used("q"), "0+0");
}

TEST_F(MeterTest, AResetBeginsAPeriodNowAndIsNotForRuns) {
  quota("q", kThousand);
  EXPECT_EQ(ask("1", "", 1000), "granted");
  EXPECT_EQ(settle("1", 1000), "done");
  const auto row = key(Kind::BudgetUsage, "quota.q");
  EXPECT_EQ(
      command(row, "reset", Json::object(), "run:m.1.a.1").error().code, ErrorCode::PermissionDenied
  );
  EXPECT_EQ(outcome(command(row, "reset", Json::object())), "done");
  EXPECT_EQ(used("q"), "0+0");
  EXPECT_EQ(ask("2", "", 1000), "granted");
  const auto none = key(Kind::BudgetUsage, "quota.none");
  EXPECT_EQ(command(none, "reset", Json::object()).error().code, ErrorCode::NotFound);
  const auto day = key(Kind::BudgetUsage, "day.2027-01-15");
  EXPECT_EQ(command(day, "reset", Json::object()).error().code, ErrorCode::Invalid);
}

// --- rates ---------------------------------------------------------------------------------------

TEST_F(MeterTest, NoMinuteSeesMoreThanIsAllowedAlsoAcrossARestart) {
  quota("q", R"("limits":{"maxTokensPerMinute":100,"maxRequestsPerMinute":3})");
  EXPECT_EQ(ask("1", "", 60), "granted");
  EXPECT_EQ(ask("2", "", 60), "default/q maxTokensPerMinute queue");
  EXPECT_EQ(settle("1", 30), "done");
  EXPECT_EQ(ask("2", "", 60), "granted") << "what was not used is free at once";
  bench_.advance(10s);
  bench_.restart();
  EXPECT_EQ(ask("3", "", 11), "default/q maxTokensPerMinute queue");
  EXPECT_EQ(ask("3", "", 10), "granted");
  EXPECT_EQ(ask("4", "", 0), "default/q maxRequestsPerMinute queue");
  bench_.advance(51s);
  EXPECT_EQ(ask("4", "", 60), "granted");
  bench_.restart(1h);
  EXPECT_EQ(ask("5", "", 100), "granted") << "what was long ago does not count";
}

// --- who is told ---------------------------------------------------------------------------------

TEST_F(MeterTest, AThresholdIsToldOnceForEachCrossing) {
  quota("q", R"("limits":{"maxTotalTokens":1000},"enforcement":{"onTokenLimit":"queue"})");
  int number = 0;
  const auto spend = [&](std::uint64_t tokens) {
    const std::string call = concat("c", ++number);
    ASSERT_EQ(ask(call, "", tokens), "granted");
    ASSERT_EQ(settle(call, tokens), "done");
  };
  spend(799);
  EXPECT_EQ(count_events("budget.warned"), 0U);
  spend(1);
  EXPECT_EQ(count_events("budget.warned"), 1U);
  spend(100);
  bench_.restart();
  spend(50);
  EXPECT_EQ(count_events("budget.warned"), 1U);
  quota("q", R"("limits":{"maxTotalTokens":2000},"enforcement":{"onTokenLimit":"queue"})");
  spend(649);
  EXPECT_EQ(count_events("budget.warned"), 1U);
  spend(1);
  EXPECT_EQ(count_events("budget.warned"), 2U) << "it was raised and is near again";
  ASSERT_EQ(outcome(command(key(Kind::BudgetUsage, "quota.q"), "reset", Json::object())), "done");
  spend(1600);
  EXPECT_EQ(count_events("budget.warned"), 3U);
}

TEST_F(MeterTest, ALimitThatIsReachedIsToldOnce) {
  quota("q", R"("limits":{"maxTotalTokens":10},"enforcement":{"onTokenLimit":"alert"})");
  for (int i = 0; i < 5; ++i) {
    const std::string call = concat("c", i);
    EXPECT_EQ(ask(call, "", 8), "granted") << "an alert lets it go on";
    EXPECT_EQ(settle(call, 8), "done");
  }
  EXPECT_EQ(count_events("budget.exceeded"), 1U);
  EXPECT_EQ(used("q"), "40+0");
}

TEST_F(MeterTest, ALimitThatIsRaisedEnoughIsNotInTheWayAnyMore) {
  quota("q", R"("limits":{"maxTotalTokens":1000,"maxTotalCost":"1"})");
  const auto in_the_way = [&] {
    return usage("quota.q").get_object("exceeded").dump();
  };
  EXPECT_EQ(ask("1", "", 900), "granted");
  EXPECT_EQ(settle("1", 900), "done");
  EXPECT_EQ(ask("2", "", 101), "default/q maxTotalTokens terminate");
  EXPECT_EQ(ask("3", "", 1, "2"), "default/q maxTotalCost terminate");
  quota("q", R"("limits":{"maxTotalTokens":1000,"maxTotalCost":"1"},"period":"day")");
  EXPECT_EQ(count_events("budget.relieved"), 0U) << "it is what it was";
  quota("q", R"("limits":{"maxTotalTokens":1100,"maxTotalCost":"1"})");
  EXPECT_EQ(count_events("budget.relieved"), 1U);
  EXPECT_EQ(in_the_way(), R"({"maxTotalCost":"1.00"})");
  EXPECT_EQ(ask("4", "", 201), "default/q maxTotalTokens terminate") << "and is told of anew";
  EXPECT_EQ(in_the_way(), R"({"maxTotalCost":"1.00","maxTotalTokens":"1100"})");
  quota("q", R"("limits":{"maxTotalTokens":1200})");
  EXPECT_EQ(in_the_way(), "{}");
}

TEST_F(MeterTest, ALimitThatIsUsedUpStaysInTheWayUntilThereIsRoom) {
  quota("q", R"("limits":{"maxTotalTokens":1000})");
  EXPECT_EQ(ask("1", "", 400), "granted");
  EXPECT_EQ(settle("1", 400), "done");
  EXPECT_EQ(ask("2", "", 600), "granted");
  EXPECT_EQ(ask("3", "", 1), "default/q maxTotalTokens terminate");
  quota("q", R"("limits":{"maxTotalTokens":1001},"enforcement":{"onTokenLimit":"queue"})");
  EXPECT_EQ(ask("3", "", 1), "granted");
  quota("q", R"("limits":{"maxTotalTokens":1001})");
  EXPECT_EQ(count_events("budget.relieved"), 1U);
  EXPECT_EQ(ask("4", "", 1), "default/q maxTotalTokens terminate");
  EXPECT_EQ(settle("2", 100), "done");
  EXPECT_EQ(count_events("budget.relieved"), 1U) << "it was not raised";
}

TEST_F(MeterTest, AQuotaThatIsDeletedIsNotInTheWayAnyMore) {
  quota("q", R"("limits":{"maxTotalTokens":10})");
  EXPECT_EQ(ask("1", "", 11), "default/q maxTotalTokens terminate");
  ASSERT_EQ(outcome(command(quota_key("q"), "delete", Json::object())), "done");
  EXPECT_EQ(count_events("budget.relieved"), 1U);
  quota("q", R"("limits":{"maxTotalTokens":10})");
  EXPECT_EQ(ask("1", "", 11), "default/q maxTotalTokens terminate");
  EXPECT_EQ(count_events("budget.exceeded"), 2U) << "it is another one";
}

TEST_F(MeterTest, ADowngradeIsAnAnswer) {
  quota("q", R"("limits":{"maxTotalCost":"1"},"enforcement":{"onCostLimit":"downgrade"})");
  EXPECT_EQ(ask("1", "", 8, "2"), "default/q maxTotalCost downgrade");
  EXPECT_EQ(ask("1", "", 8, "0.5"), "granted") << "the same call, of a cheaper model";
}

// --- what was spent was spent
// ---------------------------------------------------------------------

TEST_F(MeterTest, NothingThatIsDeletedRefillsAQuota) {
  quota("q", kThousand);
  const model::LaunchRun launch = start("m");
  EXPECT_EQ(ask("1", "m", 900), "granted");
  EXPECT_EQ(settle("1", 900), "done");
  EXPECT_EQ(outcome(bench_.call(finished(launch, 0))), "done");
  ASSERT_EQ(outcome(command(about(Kind::Mission, "m"), "delete", Json::object())), "done");
  EXPECT_EQ(used("q"), "900+0");
  EXPECT_EQ(usage("mission.m").get_int("tokens"), 900);
  ASSERT_EQ(outcome(remove(quota_key("q"))), "done");
  bench_.restart();
  EXPECT_EQ(used("q"), "900+0");
  quota("q", kThousand);
  EXPECT_EQ(ask("2", "", 101), "default/q maxTotalTokens terminate") << "a new one of that name";
}

TEST_F(MeterTest, UsageOfANamespaceThatGoesIsKept) {
  make_namespace("team");
  quota("q", kThousand, "team");
  EXPECT_EQ(ask("1", "", 900, "0.9", "team"), "granted");
  EXPECT_EQ(settle("1", 900, "0.9", "team"), "done");
  ASSERT_EQ(outcome(remove(cluster_key(Kind::Namespace, "team"))), "done");
  collect();
  EXPECT_FALSE(there(cluster_key(Kind::Namespace, "team")));
  EXPECT_EQ(used("q", "team"), "900+0");
}

TEST_F(MeterTest, ARestartChangesNoSum) {
  quota("q", R"("limits":{"maxTotalTokens":100000,"maxTotalCost":"10"})");
  start("m");
  for (int i = 0; i < 20; ++i) {
    const std::string call = concat("c", i);
    ASSERT_EQ(ask(call, "m", 100, "0.1"), "granted");
    ASSERT_EQ(settle(call, 33, "0.033333333"), "done");
  }
  const std::string before = usage("quota.q").dump();
  bench_.restart();
  EXPECT_EQ(usage("quota.q").dump(), before);
  EXPECT_EQ(ask("more", "", 1, "9.333333341"), "default/q maxTotalCost terminate");
  EXPECT_EQ(ask("all", "", 1, "9.33333334"), "granted") << "exactly what is left";
}

TEST_F(MeterTest, ThatAreLongOverAreForgottenAndTheirSumsAreNot) {
  quota("q", R"("limits":{"maxTotalTokens":100000000})");
  for (std::size_t i = 0; i < engine::kEndedCallsMax + 10; ++i) {
    const std::string call = concat("c", i);
    ASSERT_EQ(ask(call, "", 10), "granted");
    ASSERT_EQ(settle(call, 7), "done");
  }
  EXPECT_FALSE(there(call_key("c0")));
  EXPECT_FALSE(there(call_key("c9")));
  EXPECT_TRUE(there(call_key("c10")));
  EXPECT_EQ(used("q"), concat(7 * (engine::kEndedCallsMax + 10), "+0"));
  bench_.restart();
  EXPECT_FALSE(there(call_key("c0")));
  EXPECT_TRUE(there(call_key("c10")));
}

}  // namespace
}  // namespace reeve::kernel
