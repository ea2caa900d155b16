// What happens to missions at the limits of quotas, and who lets them go on.

#include <string>
#include <vector>

#include "base/strings.h"
#include "meter_fixture.h"

namespace reeve::kernel {
namespace {

using engine::Reply;
using journal::Kind;
using namespace std::chrono_literals;

using Asked = std::vector<std::string>;

const std::string kPausing =
    R"("limits":{"maxTotalTokens":1000},"enforcement":{"onTokenLimit":"pause")";

class QuotaHoldsTest : public MeterTest {
 protected:
  std::vector<std::string> holds(std::string_view mission) {
    std::vector<std::string> subjects;
    const Json status = mission_status(mission);
    const Json* found = status.find("holds");
    if (found != nullptr) {
      for (const Json& hold : found->as_array()) {
        subjects.push_back(concat(hold.get_string("kind"), " ", hold.get_string("subject")));
      }
    }
    return subjects;
  }

  Result<Reply> resume(const std::string& mission) {
    return bench_.call(engine::ResumeMission{.mission = MissionName(mission)});
  }
};

// --- terminate -----------------------------------------------------------------------------------

TEST_F(QuotaHoldsTest, ARunThatMayUseNothingMoreEndsAndIsNotTriedAgain) {
  quota("q", R"("limits":{"maxTotalTokens":1000})");
  start("m");
  EXPECT_EQ(ask("1", "m", 900), "granted");
  EXPECT_EQ(ask("2", "m", 101), "default/q maxTotalTokens terminate");
  EXPECT_EQ(ask("3", "m", 1), "invalid_transition") << "it is being stopped";
  EXPECT_EQ(state("m"), "ACTIVE");
  end_cancelled_runs();
  EXPECT_EQ(state("m"), "FAILED");
  const Json status = mission_status("m");
  EXPECT_EQ(status.get_string("errorCode"), "quota_exceeded");
  EXPECT_EQ(status.get_string("reason"), "quota_exceeded");
  EXPECT_NE(status.get_string("message").find("default/q"), std::string::npos)
      << status.get_string("message");
  EXPECT_EQ(settle("1", 400), "done");
  EXPECT_EQ(used("q"), "400+0");
}

TEST_F(QuotaHoldsTest, TheRestartedServerStopsARunThatItWasStopping) {
  quota("q", R"("limits":{"maxTotalTokens":1000})");
  start("m");
  EXPECT_EQ(ask("1", "m", 1001), "default/q maxTotalTokens terminate");
  bench_.take_other_effects();
  bench_.restart();
  bench_.commit();
  bench_.take_launches();
  EXPECT_EQ(asked_of_hosts(), Asked{"cancel m.1.a.1"});
  end_cancelled_runs();
  EXPECT_EQ(state("m"), "FAILED");
  EXPECT_EQ(mission_status("m").get_string("errorCode"), "quota_exceeded");
}

TEST_F(QuotaHoldsTest, WhoHasUsedMostEndsIfTheQuotaSaysSo) {
  quota("q", R"("limits":{"maxTotalTokens":1000},"enforcement":{"scope":"highest"})");
  for (const char* mission : {"a", "b", "c"}) {
    start(mission);
  }
  EXPECT_EQ(ask("1", "a", 200), "granted");
  EXPECT_EQ(ask("2", "b", 600), "granted");
  EXPECT_EQ(settle("2", 600), "done");
  EXPECT_EQ(ask("3", "c", 300), "default/q maxTotalTokens terminate");
  EXPECT_EQ(asked_of_hosts(), Asked{"cancel b.1.a.1"});
}

TEST_F(QuotaHoldsTest, EverybodyWhomTheQuotaCountsEndsIfItSaysSo) {
  quota(
      "q",
      R"("limits":{"maxTotalTokens":1000},"selector":{"matchLabels":{"team":"x"}},
         "enforcement":{"scope":"all"})"
  );
  const Json of_team = *parse_json(R"({"labels":{"team":"x"}})");
  start("a", "default", of_team);
  start("b", "default", of_team);
  start("other");
  EXPECT_EQ(ask("1", "a", 1001), "default/q maxTotalTokens terminate");
  EXPECT_EQ(asked_of_hosts(), (Asked{"cancel a.1.a.1", "cancel b.1.a.1"}));
  end_cancelled_runs();
  EXPECT_EQ(state("a"), "FAILED");
  EXPECT_EQ(state("b"), "FAILED");
  EXPECT_EQ(state("other"), "ACTIVE");
}

// --- pause ---------------------------------------------------------------------------------------

TEST_F(QuotaHoldsTest, AMissionIsHeldAndStandsStillUntilTheLimitIsRaised) {
  quota("q", concat(kPausing, "}"));
  start("m");
  EXPECT_EQ(ask("1", "m", 900), "granted");
  EXPECT_EQ(settle("1", 900), "done");
  EXPECT_EQ(ask("2", "m", 101), "default/q maxTotalTokens pause");
  EXPECT_EQ(asked_of_hosts(), Asked{"freeze m.1.a.1"});
  EXPECT_EQ(state("m"), "HELD");
  EXPECT_EQ(holds("m"), Asked{"quota default/q:maxTotalTokens"});
  EXPECT_NE(mission_status("m").dump().find("of which 900 are used"), std::string::npos);
  EXPECT_EQ(ask("3", "m", 1), "default/q held pause") << "also what would fit";
  const Result<Reply> by_hand = resume("m");
  ASSERT_FALSE(by_hand.ok()) << "nobody releases it but who raises the limit";
  EXPECT_NE(by_hand.error().hint.find("reeve quota raise"), std::string::npos);

  quota(
      "q",
      R"("limits":{"maxTotalTokens":1000},"enforcement":{"onTokenLimit":"pause"},"warnings":{})"
  );
  EXPECT_EQ(state("m"), "HELD") << "a change that gives no room";
  quota("q", R"("limits":{"maxTotalTokens":2000},"enforcement":{"onTokenLimit":"pause"})");
  EXPECT_EQ(state("m"), "ACTIVE");
  EXPECT_EQ(asked_of_hosts(), Asked{"thaw m.1.a.1"});
  EXPECT_TRUE(holds("m").empty());
  EXPECT_EQ(ask("2", "m", 101), "granted");
}

TEST_F(QuotaHoldsTest, AResetANewPeriodOrTheEndOfTheQuotaLetsItGoOn) {
  const std::string by_day = concat(kPausing, R"(},"period":"day")");
  quota("q", by_day);
  start("m");
  int number = 0;
  const auto hold = [&] {
    const std::string call = concat("c", ++number);
    ASSERT_EQ(ask(call, "m", 1000), "granted");
    ASSERT_EQ(settle(call, 1000), "done");
    ASSERT_EQ(ask(concat(call, "x"), "m", 1), "default/q maxTotalTokens pause");
    ASSERT_EQ(state("m"), "HELD");
  };
  hold();
  ASSERT_EQ(outcome(command(key(Kind::BudgetUsage, "quota.q"), "reset", Json::object())), "done");
  EXPECT_EQ(state("m"), "ACTIVE");
  hold();
  bench_.advance(24h);
  EXPECT_EQ(state("m"), "ACTIVE");
  hold();
  ASSERT_EQ(outcome(remove(quota_key("q"))), "done");
  EXPECT_EQ(state("m"), "ACTIVE");
}

TEST_F(QuotaHoldsTest, SettlingLessThanWasPromisedLetsItGoOn) {
  quota("q", concat(kPausing, "}"));
  start("m");
  start("n");
  EXPECT_EQ(ask("1", "n", 900), "granted");
  EXPECT_EQ(ask("2", "m", 200), "default/q maxTotalTokens pause");
  EXPECT_EQ(settle("1", 850), "done");
  EXPECT_EQ(state("m"), "HELD") << "200 do not fit yet";
  EXPECT_EQ(ask("3", "n", 100), "granted");
  EXPECT_EQ(refund("3"), "done");
  EXPECT_EQ(state("m"), "HELD");
  quota("q", R"("limits":{"maxTotalTokens":1050},"enforcement":{"onTokenLimit":"pause"})");
  EXPECT_EQ(state("m"), "ACTIVE");
}

TEST_F(QuotaHoldsTest, TheHoldSurvivesARestartAndSoDoesTheStandstill) {
  quota("q", concat(kPausing, "}"));
  start("m");
  EXPECT_EQ(ask("1", "m", 1000), "granted");
  EXPECT_EQ(settle("1", 1000), "done");
  EXPECT_EQ(ask("2", "m", 1), "default/q maxTotalTokens pause");
  asked_of_hosts();
  bench_.restart(10min);
  bench_.commit();
  EXPECT_EQ(state("m"), "HELD");
  EXPECT_EQ(asked_of_hosts(), Asked{"freeze m.1.a.1"});
  bench_.take_launches();
  quota("q", R"("limits":{"maxTotalTokens":2000},"enforcement":{"onTokenLimit":"pause"})");
  EXPECT_EQ(state("m"), "ACTIVE");
  EXPECT_EQ(asked_of_hosts(), Asked{"thaw m.1.a.1"});
}

TEST_F(QuotaHoldsTest, ARestartLetsNobodyGoWhoWouldBeHeldAgain) {
  quota("q", concat(kPausing, "}"));
  quota(
      "each",
      R"("limits":{"maxTokensPerRun":500,"maxCostPerRun":"2"},)"
      R"("enforcement":{"onTokenLimit":"pause","onCostLimit":"pause"},)"
      R"("selector":{"matchLabels":{"small":"yes"}})"
  );
  start("m");
  start("n", "default", *parse_json(R"({"labels":{"small":"yes"}})"));
  start("o", "default", *parse_json(R"({"labels":{"small":"yes"}})"));
  EXPECT_EQ(ask("1", "n", 400, "1"), "granted");
  EXPECT_EQ(settle("1", 400, "1"), "done");
  EXPECT_EQ(ask("2", "n", 101), "default/each maxTokensPerRun pause");
  EXPECT_EQ(ask("3", "o", 1, "2.5"), "default/each maxCostPerRun pause");
  EXPECT_EQ(ask("4", "m", 500), "granted");
  EXPECT_EQ(settle("4", 500), "done");
  EXPECT_EQ(ask("5", "m", 101), "default/q maxTotalTokens pause");
  const std::size_t told = count_events("budget.exceeded");
  bench_.restart();
  bench_.commit();
  for (const char* mission : {"m", "n", "o"}) {
    EXPECT_EQ(state(mission), "HELD") << mission;
  }
  EXPECT_EQ(count_events("budget.exceeded"), told);
  EXPECT_EQ(count_events("hold.released"), 0U);
  quota("q", R"("limits":{"maxTotalTokens":2000},"enforcement":{"onTokenLimit":"pause"})");
  EXPECT_EQ(state("m"), "ACTIVE");
  quota(
      "each",
      R"("limits":{"maxTokensPerRun":900,"maxCostPerRun":"9"},)"
      R"("enforcement":{"onTokenLimit":"pause","onCostLimit":"pause"},)"
      R"("selector":{"matchLabels":{"small":"yes"}})"
  );
  EXPECT_EQ(state("n"), "ACTIVE");
  EXPECT_EQ(state("o"), "ACTIVE");
}

TEST_F(QuotaHoldsTest, ASecondQuotaHoldsItFurther) {
  quota("q", concat(kPausing, "}"));
  quota("all", R"("limits":{"maxTotalCost":"1"},"enforcement":{"onCostLimit":"pause"})", "");
  start("m");
  EXPECT_EQ(ask("1", "m", 1001), "default/q maxTotalTokens pause");
  EXPECT_EQ(holds("m"), Asked{"quota default/q:maxTotalTokens"});
  quota("q", R"("limits":{"maxTotalTokens":2000},"enforcement":{"onTokenLimit":"pause"})");
  EXPECT_EQ(state("m"), "ACTIVE");
  EXPECT_EQ(ask("2", "m", 1, "2"), "all maxTotalCost pause");
  EXPECT_EQ(state("m"), "HELD");
}

TEST_F(QuotaHoldsTest, AHeldMissionCanBeAborted) {
  quota("q", concat(kPausing, "}"));
  start("m");
  EXPECT_EQ(ask("1", "m", 1001), "default/q maxTotalTokens pause");
  asked_of_hosts();
  EXPECT_EQ(
      outcome(bench_.call(engine::AbortMission{.mission = MissionName("m"), .message = "enough"})),
      "done"
  );
  end_cancelled_runs();
  EXPECT_EQ(state("m"), "ABORTED");
}

TEST_F(QuotaHoldsTest, ARunThatEndsWhileItsMissionIsHeldKeepsItsResult) {
  quota("q", concat(kPausing, "}"));
  const model::LaunchRun launch = start("m");
  EXPECT_EQ(ask("1", "m", 1001), "default/q maxTotalTokens pause");
  EXPECT_EQ(outcome(bench_.call(finished(launch, 0))), "done") << "it ended before it stood still";
  const std::string now = state("m");
  quota("q", R"("limits":{"maxTotalTokens":2000},"enforcement":{"onTokenLimit":"pause"})");
  EXPECT_EQ(state("m"), "COMPLETE") << "was " << now;
}

TEST_F(QuotaHoldsTest, TheTimeOfAStandstillCountsAgainstNobody) {
  quota("q", concat(kPausing, "}"));
  quota("time", R"("limits":{"maxDuration":"10m"})");
  start("m");
  bench_.advance(4min);
  EXPECT_EQ(ask("1", "m", 1001), "default/q maxTotalTokens pause");
  bench_.advance(1h);
  quota("q", R"("limits":{"maxTotalTokens":2000},"enforcement":{"onTokenLimit":"pause"})");
  EXPECT_EQ(state("m"), "ACTIVE");
  bench_.advance(6min - 1ms);
  EXPECT_EQ(state("m"), "ACTIVE");
  bench_.advance(1ms);
  EXPECT_EQ(state("m"), "HELD");
  EXPECT_EQ(holds("m"), Asked{"quota default/time:maxDuration"});
}

TEST_F(QuotaHoldsTest, HoldsEverybodyIfTheQuotaSaysSo) {
  quota("q", concat(kPausing, R"(,"scope":"all"})"));
  start("a");
  start("b");
  EXPECT_EQ(ask("1", "a", 1001), "default/q maxTotalTokens pause");
  EXPECT_EQ(state("a"), "HELD");
  EXPECT_EQ(state("b"), "HELD");
  quota("q", R"("limits":{"maxTotalTokens":2000},"enforcement":{"onTokenLimit":"pause"})");
  EXPECT_EQ(state("a"), "ACTIVE");
  EXPECT_EQ(state("b"), "ACTIVE");
}

TEST_F(QuotaHoldsTest, ALimitThatOnlyEndsRunsFromNowOnHoldsNobody) {
  quota("q", concat(kPausing, "}"));
  start("m");
  EXPECT_EQ(ask("1", "m", 1001), "default/q maxTotalTokens pause");
  quota("q", R"("limits":{"maxTotalTokens":1000})");
  EXPECT_EQ(state("m"), "ACTIVE");
  EXPECT_EQ(ask("2", "m", 1001), "default/q maxTotalTokens terminate");
}

TEST_F(QuotaHoldsTest, AQuotaSaysHowManyMissionsItHolds) {
  quota("q", concat(kPausing, R"(,"scope":"all"})"));
  const auto held = [&] {
    return usage("quota.q").get_int("held");
  };
  start("a");
  start("b");
  EXPECT_EQ(held(), 0);
  EXPECT_EQ(ask("1", "a", 1001), "default/q maxTotalTokens pause");
  EXPECT_EQ(held(), 2);
  bench_.restart();
  bench_.commit();
  EXPECT_EQ(held(), 2);
  EXPECT_EQ(count_events("budget.held"), 1U);
  ASSERT_EQ(
      outcome(bench_.call(engine::AbortMission{.mission = MissionName("a"), .message = "enough"})),
      "done"
  );
  end_cancelled_runs();
  EXPECT_EQ(state("a"), "ABORTED");
  EXPECT_EQ(held(), 1);
  quota("q", R"("limits":{"maxTotalTokens":2000},"enforcement":{"onTokenLimit":"pause"})");
  EXPECT_EQ(state("b"), "ACTIVE");
  EXPECT_EQ(held(), 0);
}

TEST_F(QuotaHoldsTest, ALimitOfOneRunIsInTheWayUntilItIsRaised) {
  quota("q", R"("limits":{"maxDuration":"1h","maxTokensPerRun":100})");
  start("m");
  EXPECT_EQ(ask("1", "m", 101), "default/q maxTokensPerRun terminate");
  end_cancelled_runs();
  start("n");
  bench_.advance(1h);
  EXPECT_EQ(state("n"), "HELD");
  EXPECT_EQ(
      usage("quota.q").get_object("exceeded").dump(),
      R"({"maxDuration":"1h","maxTokensPerRun":"100"})"
  );
  quota("q", R"("limits":{"maxDuration":"2h","maxTokensPerRun":100})");
  EXPECT_EQ(usage("quota.q").get_object("exceeded").dump(), R"({"maxTokensPerRun":"100"})");
  quota("q", R"("limits":{"maxDuration":"2h","maxTokensPerRun":200})");
  EXPECT_EQ(usage("quota.q").get_object("exceeded").dump(), "{}");
}

// --- how long, how many, how often
// ----------------------------------------------------------------

TEST_F(QuotaHoldsTest, ARunThatTakesTooLongIsPausedAndRaisingTheLimitReleasesIt) {
  quota("q", R"("limits":{"maxDuration":"1h"})");
  start("m");
  bench_.advance(45min - 1ms);
  EXPECT_EQ(count_events("budget.warned"), 0U);
  bench_.advance(1ms);
  EXPECT_EQ(count_events("budget.warned"), 1U);
  bench_.advance(15min);
  EXPECT_EQ(state("m"), "HELD");
  EXPECT_EQ(asked_of_hosts(), Asked{"freeze m.1.a.1"});
  EXPECT_EQ(count_events("budget.exceeded"), 1U);
  quota("q", R"("limits":{"maxDuration":"2h"})");
  EXPECT_EQ(state("m"), "ACTIVE");
  EXPECT_EQ(asked_of_hosts(), Asked{"thaw m.1.a.1"});
  bench_.advance(1h + 1ms);
  EXPECT_EQ(state("m"), "HELD");
}

TEST_F(QuotaHoldsTest, ARunThatTakesTooLongEndsIfTheQuotaSaysSo) {
  quota("q", R"("limits":{"maxDuration":"1h"},"enforcement":{"onDurationLimit":"terminate"})");
  start("m");
  bench_.restart(30min);
  bench_.commit();
  bench_.take_launches();
  bench_.advance(30min);
  EXPECT_EQ(asked_of_hosts(), Asked{"cancel m.1.a.1"});
  end_cancelled_runs();
  EXPECT_EQ(mission_status("m").get_string("errorCode"), "quota_exceeded");
}

TEST_F(QuotaHoldsTest, AQuotaThatComesLaterCountsTheTimeBefore) {
  start("m");
  bench_.advance(40min);
  quota("q", R"("limits":{"maxDuration":"30m"})");
  bench_.advance(0ms);
  EXPECT_EQ(state("m"), "HELD");
}

TEST_F(QuotaHoldsTest, NoMoreRunsGoOnAtATimeThanTheQuotaSays) {
  quota("q", R"("limits":{"maxConcurrentRuns":5})");
  for (int i = 0; i < 8; ++i) {
    submit(concat("m", i));
  }
  std::vector<model::LaunchRun> running = bench_.take_launches();
  ASSERT_EQ(running.size(), 5U);
  for (int i = 5; i < 8; ++i) {
    EXPECT_EQ(state(concat("m", i)), "QUEUED");
  }
  EXPECT_EQ(outcome(bench_.call(finished(running[0], 0))), "done");
  EXPECT_EQ(bench_.take_launches().size(), 1U);
  bench_.restart();
  bench_.commit();
  EXPECT_EQ(bench_.take_launches().size(), 5U) << "those that go on are asked for again";
  quota("q", R"("limits":{"maxConcurrentRuns":6})");
  EXPECT_EQ(bench_.take_launches().size(), 1U);
  ASSERT_EQ(outcome(remove(quota_key("q"))), "done");
  EXPECT_EQ(bench_.take_launches().size(), 1U);
  EXPECT_EQ(count_events("mission.failed"), 0U);
}

TEST_F(QuotaHoldsTest, ARunTooManyEndsAtOnceIfTheQuotaSaysSo) {
  quota(
      "q", R"("limits":{"maxConcurrentRuns":1},"enforcement":{"onConcurrencyLimit":"terminate"})"
  );
  start("m");
  submit("n");
  EXPECT_TRUE(bench_.take_launches().empty());
  EXPECT_EQ(state("n"), "FAILED");
  EXPECT_EQ(mission_status("n").get_string("errorCode"), "quota_exceeded");
}

TEST_F(QuotaHoldsTest, RetriesAreBoundedByTheQuotaToo) {
  quota("q", R"("limits":{"maxRetries":0})");
  const model::LaunchRun launch = start("m");
  EXPECT_EQ(outcome(bench_.call(finished(launch, 1))), "done");
  EXPECT_EQ(state("m"), "FAILED") << "the workflow would try again";
}

}  // namespace
}  // namespace reeve::kernel
