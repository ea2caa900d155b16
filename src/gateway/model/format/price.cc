#include "gateway/model/format/price.h"

#include <algorithm>

namespace reeve::gateway::model {

namespace {

Money dearest_input(const PriceSet& prices) {
  return std::max({prices.input, prices.cache_read, prices.cache_write, prices.cache_write_long});
}

}  // namespace

Money cost_of(const Prices& prices, const Usage& usage) {
  const bool is_long = prices.long_above > 0 && usage.all_input() > prices.long_above;
  const PriceSet& set = is_long ? prices.long_context : prices.usual;
  return set.input.times(usage.input, kPriceTokens) + set.output.times(usage.output, kPriceTokens) +
         set.cache_read.times(usage.cache_read, kPriceTokens) +
         set.cache_write.times(usage.cache_write, kPriceTokens) +
         set.cache_write_long.times(usage.cache_write_long, kPriceTokens);
}

Money worst_cost(const Prices& prices, const WorstCase& worst) {
  Money input = dearest_input(prices.usual);
  Money output = prices.usual.output;
  if (prices.long_above > 0 && worst.input_tokens > prices.long_above) {
    input = std::max(input, dearest_input(prices.long_context));
    output = std::max(output, prices.long_context.output);
  }
  // Each part of a usage is rounded up by itself: four of input, one of output.
  constexpr std::int64_t kRounding = 3;
  const Money cost = input.times(worst.input_tokens, kPriceTokens) +
                     output.times(worst.output_tokens, kPriceTokens);
  return cost.zero() ? cost : cost + Money::from_nanos(kRounding);
}

}  // namespace reeve::gateway::model
