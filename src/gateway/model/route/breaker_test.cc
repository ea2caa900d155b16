#include "gateway/model/route/breaker.h"

#include <gtest/gtest.h>

namespace reeve::gateway::model {
namespace {

using Outcome = Breaker::Outcome;
using State = Breaker::State;

class BreakerTest : public testing::Test {
 protected:
  void call(Outcome outcome) { breaker_.report(breaker_.ask(now_), outcome, now_); }

  void fail(int times) {
    for (int i = 0; i < times; ++i) {
      call(Outcome::Failure);
    }
  }

  Duration now_{0};
  Breaker breaker_{{.failures = 3, .open_for = Duration(1'000), .probes = 2}};
};

TEST_F(BreakerTest, OpensAfterFailuresInARow) {
  fail(2);
  call(Outcome::Success);
  fail(2);
  call(Outcome::Neither);
  EXPECT_EQ(breaker_.state(), State::Closed);
  fail(1);
  EXPECT_EQ(breaker_.state(), State::Open);
  EXPECT_FALSE(breaker_.ask(now_).granted);
  EXPECT_FALSE(breaker_.would_grant(Duration(999)));
  EXPECT_EQ(breaker_.open_until(), Duration(1'000));
}

TEST_F(BreakerTest, LetsAFewProbesThroughAndNoMore) {
  fail(3);
  now_ = Duration(1'000);
  EXPECT_TRUE(breaker_.would_grant(now_));
  EXPECT_EQ(breaker_.state(), State::Open);
  const Breaker::Permit first = breaker_.ask(now_);
  EXPECT_EQ(breaker_.state(), State::HalfOpen);
  const Breaker::Permit second = breaker_.ask(now_);
  EXPECT_TRUE(first.granted && second.granted);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(breaker_.ask(now_).granted);
  }
  breaker_.report(first, Outcome::Success, now_);
  EXPECT_FALSE(breaker_.ask(now_).granted);
  breaker_.report(second, Outcome::Success, now_);
  EXPECT_EQ(breaker_.state(), State::Closed);
  EXPECT_TRUE(breaker_.ask(now_).granted);
}

TEST_F(BreakerTest, OpensAgainWhenAProbeFails) {
  fail(3);
  now_ = Duration(1'500);
  const Breaker::Permit first = breaker_.ask(now_);
  const Breaker::Permit second = breaker_.ask(now_);
  breaker_.report(first, Outcome::Failure, now_);
  EXPECT_EQ(breaker_.state(), State::Open);
  EXPECT_EQ(breaker_.open_until(), Duration(2'500));
  breaker_.report(second, Outcome::Success, now_);
  EXPECT_EQ(breaker_.state(), State::Open);
}

TEST_F(BreakerTest, GivesThePlaceOfAProbeBackThatSaysNothing) {
  fail(3);
  now_ = Duration(1'000);
  const Breaker::Permit first = breaker_.ask(now_);
  (void)breaker_.ask(now_);
  breaker_.report(first, Outcome::Neither, now_);
  EXPECT_TRUE(breaker_.ask(now_).granted);
  EXPECT_FALSE(breaker_.ask(now_).granted);
}

TEST_F(BreakerTest, IgnoresOutcomesOfCallsFromBefore) {
  const Breaker::Permit old = breaker_.ask(now_);
  fail(3);
  breaker_.report(old, Outcome::Success, now_);
  EXPECT_EQ(breaker_.state(), State::Open);
  now_ = Duration(1'000);
  (void)breaker_.ask(now_);
  breaker_.report(old, Outcome::Failure, now_);
  EXPECT_EQ(breaker_.state(), State::HalfOpen);
  breaker_.report({}, Outcome::Failure, now_);
  EXPECT_EQ(breaker_.state(), State::HalfOpen);
}

TEST_F(BreakerTest, NeverOpensWithoutALimit) {
  breaker_.change({.failures = 0});
  fail(100);
  EXPECT_EQ(breaker_.state(), State::Closed);
  breaker_.change({.failures = 1, .open_for = Duration(1'000)});
  fail(1);
  EXPECT_EQ(breaker_.state(), State::Open);
  breaker_.change({.failures = 0});
  EXPECT_TRUE(breaker_.ask(now_).granted);
  EXPECT_EQ(breaker_.state(), State::Closed);
  EXPECT_EQ(to_string(State::HalfOpen), "half-open");
}

}  // namespace
}  // namespace reeve::gateway::model
