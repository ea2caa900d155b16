#include "gateway/model/route/retry.h"

#include <gtest/gtest.h>

namespace reeve::gateway::model {
namespace {

constexpr RetrySettings kSettings{
    .max = 2, .backoff = Duration(100), .max_backoff = Duration(1'000), .jitter = 0.5};
constexpr Duration kLong{600'000};

Attempt failed(AttemptStage stage, AttemptFailure failure) {
  Attempt attempt;
  attempt.stage = stage;
  attempt.failure = failure;
  return attempt;
}

Attempt refused(std::uint32_t status) {
  Attempt attempt = failed(AttemptStage::Sent, AttemptFailure::Status);
  attempt.status = status;
  return attempt;
}

RetryDecision decide(
    const Attempt& attempt, std::uint32_t left, std::uint32_t retries = 0, double chance = 0
) {
  return decide_retry(
      kSettings, attempt, {.retries = retries, .candidates_left = left, .time_left = kLong}, chance
  );
}

TEST(Retry, GoesToTheNextCandidateOrTheSameWhereNothingWasSent) {
  const Attempt attempt = failed(AttemptStage::Connecting, AttemptFailure::NoConnection);
  EXPECT_EQ(decide(attempt, 1).action, RetryAction::Next);
  EXPECT_EQ(decide(attempt, 1).pause, Duration(0));
  EXPECT_EQ(decide(attempt, 0).action, RetryAction::Again);
  EXPECT_EQ(decide(attempt, 0).pause, Duration(100));
  EXPECT_EQ(decide(attempt, 0).charge, AttemptCharge::Nothing);
}

TEST(Retry, DoesNotSendTwiceToTheSameWhatMayHaveBeenWorkedOn) {
  for (const Attempt& attempt :
       {failed(AttemptStage::Sent, AttemptFailure::Timeout),
        failed(AttemptStage::Sent, AttemptFailure::Broken),
        failed(AttemptStage::Answered, AttemptFailure::Broken),
        refused(500),
        refused(502)}) {
    EXPECT_EQ(decide(attempt, 0).action, RetryAction::GiveUp);
    EXPECT_EQ(decide(attempt, 1).action, RetryAction::Next);
    EXPECT_EQ(decide(attempt, 1).charge, AttemptCharge::Unknown);
  }
}

TEST(Retry, PassesOnWhatIsWrongWithTheRequest) {
  for (const std::uint32_t status : {400U, 413U, 422U}) {
    const RetryDecision decision = decide(refused(status), 3);
    EXPECT_EQ(decision.action, RetryAction::PassOn);
    EXPECT_EQ(decision.charge, AttemptCharge::Refused);
    EXPECT_EQ(decision.breaker, Breaker::Outcome::Neither);
  }
}

TEST(Retry, AsksSomebodyElseWhereAKeyIsOfNoUse) {
  for (const std::uint32_t status : {401U, 402U, 403U, 404U}) {
    EXPECT_EQ(decide(refused(status), 1).action, RetryAction::Next);
    EXPECT_EQ(decide(refused(status), 0).action, RetryAction::GiveUp);
    EXPECT_EQ(decide(refused(status), 0).charge, AttemptCharge::Refused);
  }
}

TEST(Retry, WaitsForWhoHasTooMuchToDo) {
  for (const std::uint32_t status : {429U, 503U, 529U}) {
    Attempt attempt = refused(status);
    EXPECT_EQ(decide(attempt, 1).action, RetryAction::Next);
    EXPECT_EQ(decide(attempt, 0).action, RetryAction::Again);
    attempt.retry_after = Duration(7'000);
    EXPECT_EQ(decide(attempt, 0).pause, Duration(7'000));
    attempt.retry_after = kRetryAfterMax + Duration(1);
    EXPECT_EQ(decide(attempt, 0).action, RetryAction::GiveUp);
    attempt.retry_after.reset();
    attempt.final = true;
    EXPECT_EQ(decide(attempt, 0).action, RetryAction::GiveUp);
    EXPECT_EQ(decide(attempt, 1).action, RetryAction::Next);
  }
}

TEST(Retry, HasAnEnd) {
  EXPECT_EQ(decide(refused(503), 5, 1).action, RetryAction::Next);
  EXPECT_EQ(decide(refused(503), 5, 2).action, RetryAction::GiveUp);
  const RetryDecision late = decide_retry(
      kSettings, refused(503), {.retries = 0, .candidates_left = 0, .time_left = Duration(100)}, 0
  );
  EXPECT_EQ(late.action, RetryAction::GiveUp);
}

TEST(Retry, PausesLongerEachTimeAndLeavesAPartToChance) {
  EXPECT_EQ(decide(refused(503), 0, 0, 0).pause, Duration(100));
  EXPECT_EQ(decide(refused(503), 0, 1, 0).pause, Duration(200));
  EXPECT_EQ(decide(refused(503), 0, 1, 1).pause, Duration(100));
  EXPECT_EQ(decide(refused(503), 0, 1, 0.5).pause, Duration(150));
  RetrySettings many = kSettings;
  many.max = 10;
  const RetryDecision capped =
      decide_retry(many, refused(503), {.retries = 9, .candidates_left = 0, .time_left = kLong}, 0);
  EXPECT_EQ(capped.pause, Duration(1'000));
}

}  // namespace
}  // namespace reeve::gateway::model
