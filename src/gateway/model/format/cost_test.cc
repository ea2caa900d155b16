#include <gtest/gtest.h>

#include "base/strings.h"
#include "gateway/model/format/estimate.h"
#include "gateway/model/format/price.h"
#include "gateway/model/format/settlement.h"

namespace reeve::gateway::model {
namespace {

constexpr auto kChat = Operation::ChatCompletions;

Money money(std::string_view text) {
  return Money::parse(text).value();
}

RequestScan request(std::size_t bytes, std::optional<std::uint64_t> limit) {
  RequestScan scan;
  scan.size_bytes = bytes;
  scan.max_tokens = limit;
  return scan;
}

TEST(WorstCase, IsATokenForEachByteAndTheLimitForEachAnswer) {
  RequestScan scan = request(1'000, 300);
  EXPECT_EQ(*worst_case(kChat, scan, {}), (WorstCase{1'016, 300}));
  scan.n = 3;
  scan.tools = 1;
  EXPECT_EQ(*worst_case(kChat, scan, {}), (WorstCase{1'016 + 1'024, 900}));
  EXPECT_EQ(*worst_case(kChat, scan, {.max_output_tokens = 100}), (WorstCase{2'040, 300}));
  scan.prediction_bytes = 10;
  EXPECT_EQ(worst_case(kChat, scan, {})->output_tokens, 930U);
  EXPECT_EQ(*worst_case(Operation::CountTokens, scan, {}), WorstCase{});
  EXPECT_EQ(worst_case(Operation::Embeddings, request(10, {}), {})->output_tokens, 0U);
}

TEST(WorstCase, TakesTheLimitOfTheModelWhereTheClientSaysNone) {
  const RequestScan codex = request(39'000, {});
  EXPECT_EQ(
      worst_case(Operation::Responses, codex, {.max_output_tokens = 128'000})->output_tokens,
      128'000U
  );
  EXPECT_EQ(
      worst_case(Operation::Responses, codex, {.max_output_tokens = 128'000}, 8'000)->output_tokens,
      8'000U
  );
  const Result<WorstCase> none = worst_case(Operation::Responses, codex, {});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::Unsupported);
  EXPECT_FALSE(none.error().hint.empty());
}

TEST(WorstCase, NeverExceedsTheContext) {
  EXPECT_EQ(
      worst_case(kChat, request(1'000'000, 1), {.context_window = 200'000})->input_tokens, 200'000U
  );
}

TEST(WorstCase, CountsPicturesBySettingAndFilesAsTheContext) {
  RequestScan scan = request(100'000, 1);
  scan.images = 2;
  scan.attachment_bytes = 99'000;
  EXPECT_EQ(worst_case(kChat, scan, {.image_tokens = 1'600})->input_tokens, 1'000U + 16 + 3'200);
  scan.files = 1;
  EXPECT_FALSE(worst_case(kChat, scan, {}).ok());
  EXPECT_EQ(worst_case(kChat, scan, {.context_window = 7'000})->input_tokens, 7'000U);
  EXPECT_EQ(
      worst_case(kChat, scan, {.image_tokens = 10, .file_tokens = 500})->input_tokens, 1'536U
  );
}

TEST(WorstCase, RefusesWhatCannotBeBounded) {
  RequestScan scan = request(100, 1);
  scan.unbounded = {"web_search"};
  const Result<WorstCase> refused = worst_case(Operation::Responses, scan, {.context_window = 9});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("web_search"), std::string::npos);
  EXPECT_FALSE(worst_case(kChat, scan, {.allow_unbounded = true}).ok());
  EXPECT_EQ(
      worst_case(kChat, scan, {.context_window = 9'000, .allow_unbounded = true})->input_tokens,
      9'000U
  );
  RequestScan stored = request(100, 1);
  stored.stored_input = true;
  EXPECT_FALSE(worst_case(Operation::Responses, stored, {}).ok());
  EXPECT_EQ(
      worst_case(Operation::Responses, stored, {.context_window = 8'000})->input_tokens, 8'000U
  );
}

TEST(WorstCase, DoesNotSendWhatSurelyDoesNotFit) {
  EXPECT_TRUE(may_fit(request(1'600'000, 1), 200'000));
  EXPECT_FALSE(may_fit(request(1'700'000, 1), 200'000));
  EXPECT_TRUE(may_fit(request(1'700'000, 1), 0));
}

Prices sonnet() {
  Prices prices;
  prices.usual = {money("3"), money("15"), money("0.30"), money("3.75"), money("6")};
  prices.long_above = 200'000;
  prices.long_context = {money("6"), money("22.50"), money("0.60"), money("7.50"), money("12")};
  return prices;
}

TEST(Price, AddsUpTheKindsOfTokens) {
  const Usage usage{
      .input = 1'000'000 / 10,
      .output = 2'000,
      .cache_read = 10'000,
      .cache_write = 4'000,
      .cache_write_long = 1'000};
  // 0.3 + 0.03 + 0.003 + 0.015 + 0.006
  EXPECT_EQ(cost_of(sonnet(), usage).text(), "0.354");
  EXPECT_EQ(cost_of(sonnet(), {.input = 200'000}).text(), "0.60");
  EXPECT_EQ(cost_of(sonnet(), {.input = 100'001, .cache_read = 100'000}).text(), "0.660006");
}

TEST(Price, IsRoundedUp) {
  Prices prices;
  prices.usual.input = Money::from_nanos(1);
  EXPECT_EQ(cost_of(prices, {.input = 1}).nanos(), 1);
  EXPECT_EQ(cost_of(prices, {}).nanos(), 0);
}

TEST(Price, OfTheWorstCaseIsNeverBelowWhatWasUsed) {
  const WorstCase worst{.input_tokens = 250'000, .output_tokens = 1'000};
  const Money most = worst_cost(sonnet(), worst);
  for (std::uint64_t step = 0; step <= 250'000; step += 12'345) {
    for (const Usage& usage :
         {Usage{.input = step, .output = 1'000},
          Usage{.output = 7, .cache_write_long = step},
          Usage{
              .input = 250'000 - step,
        .output = 999,
        .cache_read = step / 2,
        .cache_write = step / 2}}) {
      EXPECT_LE(cost_of(sonnet(), usage), most);
    }
  }
  EXPECT_TRUE(worst_cost(Prices{}, worst).zero());
}

AnswerFacts answer(std::optional<Usage> usage, bool final, bool complete) {
  AnswerFacts facts;
  facts.usage = usage;
  facts.usage_final = final;
  facts.complete = complete;
  facts.events = 5;
  return facts;
}

constexpr WorstCase kReserved{.input_tokens = 1'000, .output_tokens = 500};

TEST(Settlement, TakesWhatACompleteAnswerSays) {
  const Usage usage{.input = 90, .output = 20, .cache_read = 5};
  const Settlement settled =
      settle(answer(usage, true, true), kReserved, {.status = 200, .clean = true});
  EXPECT_EQ(settled.outcome, "completed");
  EXPECT_EQ(settled.usage, usage);
  EXPECT_EQ(
      settle(answer(usage, true, false), kReserved, {.status = 200, .clean = false}).outcome, "cut"
  );
}

TEST(Settlement, CountsEverythingWhereItIsNotSure) {
  for (const AnswerFacts& facts :
       {answer({}, false, true),
        answer({}, false, false),
        answer(Usage{.input = 1}, false, false)}) {
    const Settlement settled = settle(facts, kReserved, {.status = 200, .clean = true});
    EXPECT_EQ(settled.outcome, "unknown");
    EXPECT_EQ(settled.usage.all_input(), 1'000U);
    EXPECT_EQ(settled.usage.output, 500U);
  }
  EXPECT_EQ(settle({}, kReserved, {.status = 0}).outcome, "unknown");
  EXPECT_EQ(settle({}, kReserved, {.status = 500}).outcome, "unknown");
  AnswerFacts negative = answer(Usage{.input = 10}, false, true);
  negative.usage_faults = kUsageNotNumbers;
  EXPECT_EQ(settle(negative, kReserved, {.status = 200, .clean = true}).outcome, "unknown");
}

TEST(Settlement, OfRefusalsIsNothing) {
  for (const std::uint32_t status : {400U, 401U, 429U, 503U, 529U}) {
    const Settlement settled = settle({}, kReserved, {.status = status, .clean = true});
    EXPECT_EQ(settled.outcome, "refused");
    EXPECT_EQ(settled.usage, Usage{});
  }
}

TEST(Settlement, OfACutStreamIsWhatWasSeenAndMore) {
  AnswerFacts facts = answer(Usage{.input = 90, .output = 1}, false, false);
  facts.text_bytes = 100;
  const CallFacts open{.status = 200, .clean = false, .may_hide_output = false};
  const Settlement settled = settle(facts, kReserved, open);
  EXPECT_EQ(settled.outcome, "cut");
  EXPECT_EQ(settled.usage, (Usage{.input = 90, .output = 356}));
  facts.text_bytes = 9'000;
  EXPECT_EQ(settle(facts, kReserved, open).usage.output, 500U);
  facts.hidden_output = true;
  EXPECT_EQ(settle(facts, kReserved, open).outcome, "unknown");
}

TEST(Settlement, IsNeverMoreThanWasReserved) {
  const Settlement settled = settle(
      answer(Usage{.input = 900, .output = 600, .cache_read = 200}, true, true),
      kReserved,
      {.status = 200, .clean = true}
  );
  EXPECT_TRUE(settled.above_reserved);
  EXPECT_EQ(settled.usage, (Usage{.input = 1'000, .output = 500}));
  EXPECT_EQ(settled_cost(sonnet(), settled, kReserved), worst_cost(sonnet(), kReserved));
}

}  // namespace
}  // namespace reeve::gateway::model
