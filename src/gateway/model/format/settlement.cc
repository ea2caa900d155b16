#include "gateway/model/format/settlement.h"

#include <algorithm>

namespace reeve::gateway::model {

namespace {

constexpr std::string_view kUnknown = "unknown";
constexpr std::uint8_t kUnusable = kUsageNotNumbers | kUsageAbsurd;

bool refuses(std::uint32_t status) {
  return (status >= 400 && status < 500) || status == 503 || status == 529;
}

bool succeeds(std::uint32_t status) {
  return status >= 200 && status < 300;
}

/// No more than was reserved.
void cap(Settlement& settlement, const WorstCase& reserved) {
  Usage& usage = settlement.usage;
  if (usage.all_input() > reserved.input_tokens) {
    usage = {.input = reserved.input_tokens, .output = usage.output};
    settlement.above_reserved = true;
  }
  if (usage.output > reserved.output_tokens) {
    usage.output = reserved.output_tokens;
    settlement.above_reserved = true;
  }
}

}  // namespace

Settlement settle(const AnswerFacts& answer, const WorstCase& reserved, const CallFacts& call) {
  Settlement settlement;
  settlement.outcome = kUnknown;
  settlement.usage.input = reserved.input_tokens;
  settlement.usage.output = reserved.output_tokens;
  if (refuses(call.status)) {
    settlement.outcome = "refused";
    settlement.usage = {};
    return settlement;
  }
  const bool usable = answer.usage && (answer.usage_faults & kUnusable) == 0;
  if (!usable || !succeeds(call.status)) {
    return settlement;
  }
  const std::string_view cut = answer.failed ? "failed" : "cut";
  if (answer.usage_final) {
    // True even if what follows it got lost.
    settlement.outcome = answer.complete && call.clean && !answer.failed ? "completed" : cut;
    settlement.usage = *answer.usage;
    cap(settlement, reserved);
  } else if (
      answer.events > 0 && !answer.complete && !call.may_hide_output && !answer.hidden_output &&
      answer.usage->all_input() > 0
  ) {
    settlement.outcome = cut;
    settlement.usage = *answer.usage;
    cap(settlement, reserved);
    const std::uint64_t seen = std::min(answer.text_bytes + kUnseenTokens, reserved.output_tokens);
    settlement.usage.output = std::max(settlement.usage.output, seen);
  }
  return settlement;
}

Money settled_cost(const Prices& prices, const Settlement& settlement, const WorstCase& reserved) {
  const Money worst = worst_cost(prices, reserved);
  if (settlement.outcome == kUnknown || settlement.above_reserved) {
    return worst;
  }
  return std::min(worst, cost_of(prices, settlement.usage));
}

}  // namespace reeve::gateway::model
