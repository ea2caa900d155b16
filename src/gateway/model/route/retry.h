#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "gateway/model/route/breaker.h"
#include "gateway/model/route/route.h"

namespace reeve::gateway::model {

/// How far an attempt has come.
enum class AttemptStage : std::uint8_t {
  /// No byte of the request was sent.
  Connecting,
  /// Some of it, or all.
  Sent,
  /// The head of an answer with success has come, and nothing was passed on.
  Answered,
};

/// How an attempt has failed.
enum class AttemptFailure : std::uint8_t {
  /// No connection: refused, unreachable, TLS, an address that may not be asked.
  NoConnection,
  /// It was too slow.
  Timeout,
  /// The connection broke.
  Broken,
  /// An answer that is no success; `status` says which.
  Status,
  /// An answer that cannot be used.
  BadAnswer,
};

struct Attempt {
  AttemptStage stage = AttemptStage::Connecting;
  AttemptFailure failure = AttemptFailure::NoConnection;
  std::uint32_t status = 0;
  /// The provider has asked for that pause.
  std::optional<Duration> retry_after;
  /// The provider says that asking again does not help: `x-should-retry: false`,
  /// `insufficient_quota`.
  bool final = false;
};

/// What an attempt that failed is settled with. The next one has a reservation of its own.
enum class AttemptCharge : std::uint8_t {
  /// It was not sent: refund.
  Nothing,
  /// The provider has refused it: used nothing.
  Refused,
  /// It may have been worked on: all that was reserved.
  Unknown,
};

enum class RetryAction : std::uint8_t {
  /// Tell the client.
  GiveUp,
  /// Pass the provider's own answer on to the client: its request is wrong.
  PassOn,
  /// The same candidate again, after `pause`.
  Again,
  /// The next candidate, after `pause`.
  Next,
};

struct RetryDecision {
  RetryAction action = RetryAction::GiveUp;
  Duration pause{0};
  AttemptCharge charge = AttemptCharge::Unknown;
  Breaker::Outcome breaker = Breaker::Outcome::Failure;
};

/// How things stand after an attempt.
struct RetryState {
  /// Attempts that were made beyond the first.
  std::uint32_t retries = 0;
  /// Candidates that are left after this one.
  std::uint32_t candidates_left = 0;
  /// Until the call as a whole is out of time.
  Duration time_left{0};
};

/// Longest pause that a provider may ask for; beyond that the call is given up.
inline constexpr Duration kRetryAfterMax{30'000};

/// Of an attempt of which the client has not got a byte; never beyond `retries.max` or the time
/// that is left. What may have been worked on (a timeout or a break after it was sent) is only sent
/// again to another candidate: its cost counts twice. `chance`: 0 to 1, other for each call.
RetryDecision decide_retry(
    const RetrySettings& retries, const Attempt& attempt, const RetryState& state, double chance
);

}  // namespace reeve::gateway::model
