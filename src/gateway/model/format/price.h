#pragma once

#include <cstdint>
#include <optional>

#include "base/money.h"
#include "gateway/model/format/estimate.h"
#include "gateway/model/format/usage.h"

namespace reeve::gateway::model {

/// Prices are for this many tokens.
inline constexpr std::uint64_t kPriceTokens = 1'000'000;

/// Amounts for kPriceTokens of each kind.
struct PriceSet {
  Money input;
  Money output;
  Money cache_read;
  Money cache_write;
  Money cache_write_long;

  friend bool operator==(const PriceSet&, const PriceSet&) = default;
};

/// What a model costs, all of it known. A model that is free has prices of nothing.
struct Prices {
  PriceSet usual;
  /// Inputs with more tokens than this cost `long_context`, all of them; 0: there is no such limit.
  std::uint64_t long_above = 0;
  PriceSet long_context;

  friend bool operator==(const Prices&, const Prices&) = default;
};

/// Rounded up, each part by itself, to a billionth.
Money cost_of(const Prices& prices, const Usage& usage);

/// The most that it can cost: each token of input as the dearest kind.
Money worst_cost(const Prices& prices, const WorstCase& worst);

}  // namespace reeve::gateway::model
