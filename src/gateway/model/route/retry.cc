#include "gateway/model/route/retry.h"

#include <algorithm>

namespace reeve::gateway::model {

namespace {

/// What a status that is no success says.
enum class Meaning : std::uint8_t {
  /// The request is wrong; another provider would say the same.
  Wrong,
  /// This provider does not let us in, or has no such model: another one may.
  Elsewhere,
  /// It has too much to do, and has not begun.
  Overloaded,
  /// It has failed, and may have worked on it.
  Failed,
};

Meaning meaning_of(std::uint32_t status) {
  switch (status) {
    case 401:
    case 402:
    case 403:
    case 404:
      return Meaning::Elsewhere;
    case 408:
    case 409:
    case 425:
    case 429:
    case 503:
    case 529:
      return Meaning::Overloaded;
    default:
      break;
  }
  if (status >= 300 && status < 400) {
    // Who sends us elsewhere has not begun, and we do not follow.
    return Meaning::Elsewhere;
  }
  return status >= 400 && status < 500 ? Meaning::Wrong : Meaning::Failed;
}

/// Charge, breaker, and where it may go: on to another candidate, or here again.
struct Verdict {
  RetryDecision decision;
  bool elsewhere = false;
  bool here = false;
};

Verdict judge_status(const Attempt& attempt) {
  Verdict verdict;
  verdict.decision.charge = AttemptCharge::Refused;
  switch (meaning_of(attempt.status)) {
    case Meaning::Wrong:
      verdict.decision.action = RetryAction::PassOn;
      verdict.decision.breaker = Breaker::Outcome::Neither;
      return verdict;
    case Meaning::Elsewhere:
      verdict.elsewhere = true;
      break;
    case Meaning::Overloaded:
      verdict.elsewhere = true;
      verdict.here = !attempt.final;
      break;
    case Meaning::Failed:
      verdict.decision.charge = AttemptCharge::Unknown;
      verdict.elsewhere = true;
      break;
  }
  return verdict;
}

Verdict judge(const Attempt& attempt) {
  if (attempt.failure == AttemptFailure::Status) {
    return judge_status(attempt);
  }
  Verdict verdict;
  verdict.elsewhere = true;
  if (attempt.stage == AttemptStage::Connecting) {
    verdict.decision.charge = AttemptCharge::Nothing;
    verdict.here = true;
  }
  return verdict;
}

Duration pause_before(
    const RetrySettings& retries, const Attempt& attempt, std::uint32_t made, double chance
) {
  constexpr std::uint32_t kDoublingsMax = 16;
  const Duration grown = retries.backoff * (std::int64_t{1} << std::min(made, kDoublingsMax));
  const Duration pause = std::min(grown, retries.max_backoff);
  const double share = retries.jitter * std::clamp(chance, 0.0, 1.0);
  const Duration shorter(static_cast<std::int64_t>(static_cast<double>(pause.count()) * share));
  return std::max(pause - shorter, attempt.retry_after.value_or(Duration(0)));
}

}  // namespace

RetryDecision decide_retry(
    const RetrySettings& retries, const Attempt& attempt, const RetryState& state, double chance
) {
  const Verdict verdict = judge(attempt);
  RetryDecision decision = verdict.decision;
  if (decision.action == RetryAction::PassOn || state.retries >= retries.max) {
    return decision;
  }
  if (verdict.elsewhere && state.candidates_left > 0) {
    // Another provider has not asked for a pause.
    if (state.time_left > Duration(0)) {
      decision.action = RetryAction::Next;
    }
    return decision;
  }
  const bool too_long = attempt.retry_after && *attempt.retry_after > kRetryAfterMax;
  if (verdict.here && !too_long) {
    const Duration pause = pause_before(retries, attempt, state.retries, chance);
    if (pause < state.time_left) {
      decision.action = RetryAction::Again;
      decision.pause = pause;
    }
  }
  return decision;
}

}  // namespace reeve::gateway::model
