#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/meter_call.h"
#include "engine/meter_ledger.h"
#include "engine/meter_limits.h"
#include "engine/meter_rates.h"

namespace reeve::engine {
namespace {

using journal::Kind;
using journal::ObjectKey;
using namespace std::chrono_literals;

constexpr Timestamp kStart = from_unix_millis(1'800'000'000'000);
const Namespace kTeam("team");
const ObjectKey kRow{.kind = Kind::BudgetUsage, .ns = Namespace("team"), .name = "quota.q"};

Money usd(std::string_view text) {
  return *Money::parse(text);
}

Spent spent(std::uint64_t in, std::uint64_t out, std::string_view cost = "0") {
  return {.input_tokens = in, .output_tokens = out, .cost = usd(cost), .currency = "USD"};
}

UsageLedger::Stamp stamp(std::uint64_t revision, Timestamp at = kStart) {
  return {.revision = Revision(revision), .at = at, .uid = Uid(concat("uid-", revision))};
}

ChargedTo charged(const std::string& run = "m.1.a.1") {
  return {
      .ns = kTeam,
      .quotas = {kRow},
      .run = run,
      .mission = "m",
      .agent = "coder",
      .workflow = "build",
      .model = "acme/large"};
}

Quota quota_of(const std::string& spec) {
  return parse_quota(
      {.kind = Kind::BudgetQuota, .ns = kTeam, .name = "q"},
      *parse_json(concat(R"({"spec":{)", spec, "}}"))
  );
}

const UsageRow& row_of(const UsageLedger& ledger, UsageOf of, std::string_view subject) {
  const UsageRow* row = ledger.find(usage_key(kTeam, of, subject));
  EXPECT_NE(row, nullptr) << subject;
  static const UsageRow kNone;
  return row == nullptr ? kNone : *row;
}

// --- rates --------------------------------------------------------------------------------------

TEST(MeterRates, NoMinuteHoldsMoreThanWasAskedFor) {
  MeterRates rates;
  for (int i = 0; i < 10; ++i) {
    rates.add(kRow, kStart + i * 1s, 10);
  }
  EXPECT_EQ(rates.use(kRow, kStart + 9s).tokens, 100U);
  EXPECT_EQ(rates.use(kRow, kStart + 60s).tokens, 100U) << "a minute after the end of its step";
  EXPECT_EQ(rates.use(kRow, kStart + 60s + 500ms).tokens, 90U);
  EXPECT_EQ(rates.use(kRow, kStart + 2min).requests, 0U);
}

TEST(MeterRates, SayHowLongToWait) {
  MeterRates rates;
  rates.add(kRow, kStart, 60);
  rates.add(kRow, kStart + 10s, 40);
  const Timestamp now = kStart + 20s;
  EXPECT_EQ(rates.wait_for(kRow, now, 100, std::nullopt, 0), Duration(0));
  EXPECT_EQ(rates.wait_for(kRow, now, 100, std::nullopt, 1), Duration(40'500));
  EXPECT_EQ(rates.wait_for(kRow, now, 100, std::nullopt, 61), Duration(50'500));
  EXPECT_EQ(rates.wait_for(kRow, now, std::nullopt, 2, 1), Duration(40'500));
  EXPECT_EQ(rates.wait_for(kRow, now, 100, std::nullopt, 101), std::nullopt) << "it never fits";
}

TEST(MeterRates, GiveBackWhatWasNotUsed) {
  MeterRates rates;
  rates.add(kRow, kStart, 60);
  rates.give_back(kRow, kStart, 50);
  EXPECT_EQ(rates.use(kRow, kStart).tokens, 10U);
  EXPECT_EQ(rates.use(kRow, kStart).requests, 1U) << "it was asked for";
  rates.give_back(kRow, kStart + 5min, 50);
  EXPECT_EQ(rates.use(kRow, kStart).tokens, 10U);
}

TEST(MeterRates, TakeWhatHappenedEarlierInAnyOrder) {
  MeterRates rates;
  rates.add(kRow, kStart + 30s, 1);
  rates.add(kRow, kStart, 2);
  rates.add(kRow, kStart + 10s, 4);
  rates.add(kRow, kStart, 8);
  EXPECT_EQ(rates.use(kRow, kStart + 30s).tokens, 15U);
  EXPECT_EQ(rates.use(kRow, kStart + 60s + 500ms).tokens, 5U);
  EXPECT_EQ(rates.use(kRow, kStart + 70s + 500ms).tokens, 1U);
}

// --- the ledger ---------------------------------------------------------------------------------

TEST(UsageLedger, PromisesTakesBackAndSpendsExactly) {
  UsageLedger ledger;
  ledger.begin_period(kRow, kStart, stamp(1));
  const Spent worst = spent(100, 200, "0.000000003");
  ASSERT_TRUE(ledger.promise(charged(), worst, stamp(2)).ok());
  EXPECT_EQ(ledger.find(kRow)->promised.tokens, 300U);
  EXPECT_EQ(ledger.find(kRow)->promised.cost("USD").nanos(), 3);
  EXPECT_EQ(row_of(ledger, UsageOf::Run, "m.1.a.1").promised.tokens, 300U);

  Spent used = spent(100, 50, "0.000000001");
  used.cache_read_tokens = 7;
  ASSERT_TRUE(ledger.take_back(charged(), worst, stamp(3)).ok());
  ASSERT_TRUE(ledger.spend(charged(), used, stamp(3)).ok());
  EXPECT_EQ(ledger.find(kRow)->promised.calls, 0U);
  EXPECT_TRUE(ledger.find(kRow)->promised.costs.empty());
  EXPECT_EQ(ledger.find(kRow)->period.tokens(), 157U);
  for (const auto& [of, subject] :
       {std::pair(UsageOf::Run, "m.1.a.1"),
        std::pair(UsageOf::Mission, "m"),
        std::pair(UsageOf::Agent, "coder"),
        std::pair(UsageOf::Model, "acme/large"),
        std::pair(UsageOf::Workflow, "build"),
        std::pair(UsageOf::Day, "2027-01-15")}) {
    EXPECT_EQ(row_of(ledger, of, subject).total.tokens(), 157U) << subject;
    EXPECT_EQ(row_of(ledger, of, subject).total.calls, 1U) << subject;
    EXPECT_EQ(row_of(ledger, of, subject).total.cost("USD").nanos(), 1) << subject;
  }
}

TEST(UsageLedger, MillionsOfSmallCostsAddUpExactly) {
  UsageSum sum;
  for (int i = 0; i < 1'000'000; ++i) {
    sum.add(spent(1, 0, "0.000000015"));
  }
  EXPECT_EQ(sum.cost("USD").text(), "0.015");
  sum.add({.cost = usd("0.10"), .currency = "EUR"});
  EXPECT_EQ(sum.cost("EUR").text(), "0.10");
  EXPECT_EQ(sum.cost("USD").text(), "0.015");
}

TEST(UsageLedger, SumsStopWhereJsonDoesAndNeverWrap) {
  UsageSum sum;
  sum.add({.input_tokens = kTokensMax, .cost = Money::max(), .currency = "USD"});
  sum.add({.input_tokens = kTokensMax, .output_tokens = 1, .cost = Money::max(), .currency = "USD"}
  );
  EXPECT_EQ(sum.tokens(), kTokensMax);
  EXPECT_EQ(sum.cost("USD"), Money::max());
}

TEST(UsageLedger, RefusesToTakeBackWhatWasNotPromised) {
  UsageLedger ledger;
  EXPECT_EQ(ledger.promise(charged(), spent(1, 1), stamp(1)).error().code, ErrorCode::Corrupt);
  ledger.begin_period(kRow, kStart, stamp(1));
  EXPECT_EQ(ledger.take_back(charged(), spent(1, 1), stamp(2)).error().code, ErrorCode::Corrupt);
  ASSERT_TRUE(ledger.promise(charged(), spent(1, 1, "0.1"), stamp(2)).ok());
  EXPECT_FALSE(ledger.take_back(charged(), spent(1, 2, "0.1"), stamp(3)).ok());
  EXPECT_FALSE(ledger.take_back(charged(), spent(1, 1, "0.2"), stamp(3)).ok());
  EXPECT_TRUE(ledger.take_back(charged(), spent(1, 1, "0.1"), stamp(3)).ok());
}

TEST(UsageLedger, APeriodBeginsAnewAndPromisesStay) {
  UsageLedger ledger;
  ledger.begin_period(kRow, kStart, stamp(1));
  ASSERT_TRUE(ledger.spend(charged(), spent(10, 0, "1"), stamp(2)).ok());
  ASSERT_TRUE(ledger.promise(charged(), spent(5, 0), stamp(3)).ok());
  ASSERT_TRUE(ledger.note(kRow, false, "maxTotalTokens", "8", stamp(4)).ok());
  ledger.begin_period(kRow, kStart + 1h, stamp(5));
  const UsageRow& row = *ledger.find(kRow);
  EXPECT_EQ(row.period.tokens(), 0U);
  EXPECT_EQ(row.total.tokens(), 10U) << "what was used was used";
  EXPECT_EQ(row.promised.tokens, 5U);
  EXPECT_TRUE(row.warned.empty());
}

TEST(UsageLedger, ManyModelsGoIntoOneRowAndNothingIsLost) {
  UsageLedger ledger;
  ledger.begin_period(kRow, kStart, stamp(1));
  const std::size_t most = kUsageRowsMax[static_cast<std::size_t>(UsageOf::Model)];
  std::uint64_t revision = 2;
  for (std::size_t i = 0; i < most + 50; ++i) {
    ChargedTo to = charged();
    to.model = concat("acme/m", i);
    ASSERT_TRUE(ledger.spend(to, spent(1, 0), stamp(revision++)).ok());
  }
  std::uint64_t sum = 0;
  std::size_t rows = 0;
  for (const auto& [key, row] : ledger.rows()) {
    if (row.of == UsageOf::Model && !row.deleted) {
      sum += row.total.tokens();
      ++rows;
    }
  }
  EXPECT_EQ(sum, most + 50);
  EXPECT_EQ(rows, most + 1);
  EXPECT_EQ(row_of(ledger, UsageOf::Model, kUsageEarlier).total.tokens(), 50U);
}

TEST(UsageLedger, RowsSurviveBeingWrittenAndRead) {
  UsageLedger ledger;
  ledger.begin_period(kRow, kStart, stamp(1));
  ASSERT_TRUE(ledger.promise(charged(), spent(5, 6, "0.7"), stamp(2)).ok());
  ASSERT_TRUE(ledger.spend(charged(), spent(1, 2, "0.3"), stamp(3)).ok());
  ASSERT_TRUE(ledger.note(kRow, true, "maxTotalCost", "1.00", stamp(4)).ok());
  for (const auto& [key, row] : ledger.rows()) {
    std::string text;
    EXPECT_TRUE(encode_usage(key, row, text));
    const Result<UsageRow> read = decode_usage(key, *parse_json(text));
    ASSERT_TRUE(read.ok()) << read.error().describe() << text;
    std::string again;
    encode_usage(key, *read, again);
    EXPECT_EQ(text, again);
  }
  EXPECT_FALSE(decode_usage(kRow, *parse_json(R"({"kind":"BudgetUsage"})")).ok());
}

TEST(UsageLedger, NamesOfModelsAreNamesOfRows) {
  EXPECT_EQ(usage_key(kTeam, UsageOf::Model, "acme/large").name, "model.acme.large");
  const std::string odd = usage_key(kTeam, UsageOf::Agent, "Ünüsual name").name;
  EXPECT_TRUE(odd.starts_with("agent.x-")) << odd;
  EXPECT_NE(odd, usage_key(kTeam, UsageOf::Agent, "other name").name);
}

// --- limits -------------------------------------------------------------------------------------

class MeterLimits : public testing::Test {
 protected:
  MeterLimits() { ledger_.begin_period(kRow, kStart, stamp(1)); }

  /// The limits that are in the way of `worst`.
  std::string passed(const Quota& quota, const Spent& worst) {
    std::vector<std::string> names;
    for (const QuotaRefusal& one : passed_limits(
             quota,
             {.quota = ledger_.find(kRow),
             .run = ledger_.find(usage_key(kTeam, UsageOf::Run, "m.1.a.1"))},
             worst,
             rates_,
             kStart
         )) {
      names.emplace_back(one.limit_name());
    }
    return join(names, " ");
  }

  UsageLedger ledger_;
  MeterRates rates_;
};

TEST_F(MeterLimits, WhatIsUsedAndPromisedAndAskedForMayReachThemAndNotPassThem) {
  const Quota quota = quota_of(R"("limits":{"maxTotalTokens":1000,"maxTotalCost":"1.00"})");
  EXPECT_EQ(passed(quota, spent(500, 500, "1.00")), "");
  EXPECT_EQ(passed(quota, spent(500, 501, "1.00")), "maxTotalTokens");
  EXPECT_EQ(passed(quota, spent(1, 1, "1.000000001")), "maxTotalCost");
  ASSERT_TRUE(ledger_.spend(charged(), spent(400, 0, "0.4"), stamp(2)).ok());
  ASSERT_TRUE(ledger_.promise(charged(), spent(300, 0, "0.3"), stamp(3)).ok());
  EXPECT_EQ(passed(quota, spent(300, 0, "0.3")), "");
  EXPECT_EQ(passed(quota, spent(301, 0, "0.300000001")), "maxTotalTokens maxTotalCost");
  EXPECT_EQ(passed(quota, spent(kTokensMax, 0)), "maxTotalTokens");
}

TEST_F(MeterLimits, OfRunsCountAllThatTheRunHasUsed) {
  const Quota quota = quota_of(R"("limits":{"maxTokensPerRun":100,"maxCostPerRun":"0.10"})");
  ASSERT_TRUE(ledger_.spend(charged(), spent(60, 0, "0.05"), stamp(2)).ok());
  ledger_.begin_period(kRow, kStart + 1h, stamp(3));
  EXPECT_EQ(passed(quota, spent(40, 0, "0.05")), "");
  EXPECT_EQ(passed(quota, spent(41, 0, "0.05")), "maxTokensPerRun") << "a run has no period";
  EXPECT_EQ(passed(quota, spent(1, 0, "0.06")), "maxCostPerRun");
}

TEST_F(MeterLimits, OfRatesSayWhenToAskAgain) {
  const Quota quota = quota_of(R"("limits":{"maxTokensPerMinute":100,"maxRequestsPerMinute":2})");
  rates_.add(kRow, kStart, 90);
  EXPECT_EQ(passed(quota, spent(10, 0)), "");
  EXPECT_EQ(passed(quota, spent(11, 0)), "maxTokensPerMinute");
  rates_.add(kRow, kStart, 0);
  EXPECT_EQ(passed(quota, spent(1, 0)), "maxRequestsPerMinute");
  const auto all = passed_limits(quota, {}, spent(1, 0), rates_, kStart);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].retry_after, Duration(60'500));
  EXPECT_EQ(refusal_detail(all[0]).get_int("retryAfterMs"), 60'500);
}

TEST_F(MeterLimits, InAnotherCurrencyOrOfAQuotaThatCannotBeReadGrantNothing) {
  Spent euros = spent(1, 0, "0.01");
  euros.currency = "EUR";
  EXPECT_EQ(passed(quota_of(R"("limits":{"maxTotalCost":"1"})"), euros), "currency");
  EXPECT_EQ(passed(quota_of(R"("limits":{"maxTotalTokens":10})"), euros), "");
  EXPECT_EQ(passed(quota_of(R"("limits":{"maxTotalTokens":"x"})"), spent(0, 0)), "quota_unknown");
}

TEST_F(MeterLimits, TheSeverestActionWins) {
  Quota quota = quota_of(R"("limits":{"maxTotalTokens":1,"maxTotalCost":"0.1"},
      "enforcement":{"onTokenLimit":"alert","onCostLimit":"alert"})");
  const auto severest_of = [&] {
    const auto all = passed_limits(quota, {}, spent(5, 0, "1"), rates_, kStart);
    EXPECT_EQ(all.size(), 2U);
    const auto worst = severest(all);
    return worst ? concat(to_string(worst->action), " ", worst->limit_name()) : "none";
  };
  EXPECT_EQ(severest_of(), "none") << "an alert lets it go on";
  quota.on_cost = QuotaAction::Downgrade;
  EXPECT_EQ(severest_of(), "downgrade maxTotalCost");
  quota.on_tokens = QuotaAction::Pause;
  EXPECT_EQ(severest_of(), "pause maxTotalTokens");
  quota.on_cost = QuotaAction::Terminate;
  EXPECT_EQ(severest_of(), "terminate maxTotalCost");
}

TEST_F(MeterLimits, WarningsAreDueForWhatIsSettled) {
  const Quota quota = quota_of(
      R"("limits":{"maxTotalTokens":1000,"maxTotalCost":"1.00"},"warnings":{"costThreshold":0.5})"
  );
  ASSERT_TRUE(ledger_.promise(charged(), spent(1000, 0, "1.00"), stamp(2)).ok());
  EXPECT_TRUE(due_warnings(quota, *ledger_.find(kRow)).empty());
  ASSERT_TRUE(ledger_.spend(charged(), spent(799, 0, "0.5"), stamp(3)).ok());
  auto due = due_warnings(quota, *ledger_.find(kRow));
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].level, "0.50");
  EXPECT_EQ(due[0].limit, QuotaLimit::TotalCost);
  ASSERT_TRUE(ledger_.spend(charged(), spent(1, 0), stamp(4)).ok());
  EXPECT_EQ(due_warnings(quota, *ledger_.find(kRow)).size(), 2U);
}

// --- calls --------------------------------------------------------------------------------------

TEST(ModelCall, IsNeverAskedForWithoutAPrice) {
  const auto request = [](const std::string& more) {
    return call_request_from(
        kTeam, *parse_json(concat(R"({"provider":"acme","model":"large")", more, "}"))
    );
  };
  EXPECT_FALSE(request("").ok()) << "nobody knows what it costs";
  EXPECT_FALSE(request(R"(,"cost":"")").ok());
  EXPECT_FALSE(request(R"(,"cost":1)").ok());
  EXPECT_FALSE(request(R"(,"cost":"100000.01")").ok());
  EXPECT_FALSE(request(R"(,"cost":"0","currency":"usd")").ok());
  EXPECT_FALSE(request(R"(,"cost":"0","inputTokens":-1)").ok());
  EXPECT_FALSE(request(R"(,"cost":"0","mission":"m")").ok()) << "whose run is it";
  EXPECT_FALSE(request(R"(,"cost":"0","prompt":"…")").ok()) << "what was said is not kept";
  EXPECT_TRUE(request(R"(,"cost":"0")").ok());
}

TEST(ModelCall, SurvivesBeingWrittenAndRead) {
  const ObjectKey key{.kind = Kind::ModelCall, .ns = kTeam, .name = "mc-1"};
  ModelCall call;
  call.uid = Uid("u");
  call.request = *call_request_from(
      kTeam,
      *parse_json(
          R"({"provider":"acme","model":"large","mission":"m","run":"m.1.a.1","cost":"0.1",
              "inputTokens":10,"outputTokens":20})"
      )
  );
  call.request.who.workflow = "build";
  call.quotas = {kRow, {.kind = Kind::BudgetUsage, .ns = Namespace(), .name = "quota.all"}};
  call.created_at = kStart;
  call.revision = Revision(7);
  const Result<ReservedData> reserved = reserved_from(key, reserved_data(call, "m.0.a.1"));
  ASSERT_TRUE(reserved.ok()) << reserved.error().describe();
  EXPECT_EQ(reserved->call.quotas, call.quotas);
  EXPECT_EQ(reserved->dropped, "m.0.a.1");
  EXPECT_EQ(reserved->call.request.who.workflow, "build");
  call.phase = CallPhase::Settled;
  call.end = *call_end_from(
      *parse_json(
          R"({"outcome":"completed","status":200,"inputTokens":10,"outputTokens":3,"cost":"0.02",
              "provider":"other","model":"small","durationMs":12,"stopReason":"end_turn"})"
      ),
      "USD"
  );
  call.ended_at = kStart + 1s;
  EXPECT_EQ(call.charged_to().model, "other/small") << "who has answered is paid";
  std::string text;
  ASSERT_TRUE(encode_call(key, call, text));
  const Result<ModelCall> read = decode_call(key, *parse_json(text));
  ASSERT_TRUE(read.ok()) << read.error().describe();
  std::string again;
  encode_call(key, *read, again);
  EXPECT_EQ(text, again);
}

TEST(ModelCall, EndsInOneOfTheKnownWays) {
  const auto end = [](const std::string& body) {
    return call_end_from(*parse_json(body), "USD");
  };
  EXPECT_TRUE(end(R"({"outcome":"cut","cost":"0.1"})").ok());
  EXPECT_TRUE(end(R"({"outcome":"unknown"})").ok());
  EXPECT_FALSE(end(R"({"outcome":"completed"})").ok());
  EXPECT_FALSE(end(R"({"outcome":"well","cost":"0"})").ok());
  EXPECT_FALSE(end(R"({"outcome":"cut","cost":"0","provider":"only"})").ok());
  EXPECT_FALSE(end(R"({"outcome":"cut","cost":"0","inputTokens":1000000000001})").ok());
}

}  // namespace
}  // namespace reeve::engine
