#pragma once

#include <cstdint>
#include <string_view>

#include "base/money.h"
#include "gateway/model/format/estimate.h"
#include "gateway/model/format/price.h"
#include "gateway/model/format/usage.h"

namespace reeve::gateway::model {

/// Tokens that may have been made and not seen when a stream breaks.
inline constexpr std::uint64_t kUnseenTokens = 256;

/// What is known of a call when it is over.
struct CallFacts {
  /// Of the provider's answer; 0: there was none.
  std::uint32_t status = 0;
  /// The answer came to its end, as far as the connection is concerned.
  bool clean = false;
  /// The model may think without showing it (`RouteModel::reasoning`, `RequestScan::thinking`).
  bool may_hide_output = true;
};

/// What a call is settled with.
struct Settlement {
  /// As the meter has it: "completed", "cut", "failed", "refused", or "unknown", which counts
  /// everything that was reserved.
  std::string_view outcome = "unknown";
  /// Of "unknown": as much as was reserved.
  Usage usage;
  /// The answer said more than was reserved, which it cannot have used: it lies, or what bounds the
  /// request is wrong. As much as was reserved counts.
  bool above_reserved = false;
};

/// Of a call that was sent. Never less than what was surely used:
///
/// - an answer that is complete and says its usage: that;
/// - an answer that refuses (400 to 499, 503, 529): nothing;
/// - a stream that was cut, of a model that shows all that it makes: its input as it was told or
///   reserved; a token for each byte of output that was seen, and kUnseenTokens; at most what was
///   reserved;
/// - all else: unknown.
Settlement settle(const AnswerFacts& answer, const WorstCase& reserved, const CallFacts& call);

/// What it costs: never more than `worst_cost` of what was reserved, and that much where it is not
/// known.
Money settled_cost(const Prices& prices, const Settlement& settlement, const WorstCase& reserved);

}  // namespace reeve::gateway::model
