#include "gateway/model/route/breaker.h"

#include <algorithm>

namespace reeve::gateway::model {

std::string_view to_string(Breaker::State state) {
  switch (state) {
    case Breaker::State::Closed:
      return "closed";
    case Breaker::State::Open:
      return "open";
    case Breaker::State::HalfOpen:
      return "half-open";
  }
  return "";
}

bool Breaker::would_grant(Duration now) const {
  switch (state_) {
    case State::Closed:
      return true;
    case State::Open:
      return now >= open_until_ || settings_.failures == 0;
    case State::HalfOpen:
      return probes_ + successes_ < std::max(settings_.probes, 1U) || settings_.failures == 0;
  }
  return false;
}

Breaker::Permit Breaker::ask(Duration now) {
  if (!would_grant(now)) {
    return {};
  }
  if (settings_.failures == 0) {
    if (state_ != State::Closed) {
      state_ = State::Closed;
      ++epoch_;
    }
    failures_ = 0;
    return {.granted = true, .epoch = epoch_};
  }
  if (state_ == State::Open) {
    state_ = State::HalfOpen;
    ++epoch_;
    probes_ = 0;
    successes_ = 0;
  }
  if (state_ == State::HalfOpen) {
    ++probes_;
  }
  return {.granted = true, .epoch = epoch_};
}

void Breaker::report(Permit permit, Outcome outcome, Duration now) {
  if (!permit.granted || permit.epoch != epoch_) {
    return;
  }
  if (state_ == State::Closed) {
    if (outcome == Outcome::Success) {
      failures_ = 0;
    } else if (outcome == Outcome::Failure && settings_.failures > 0) {
      if (++failures_ >= settings_.failures) {
        open(now);
      }
    }
    return;
  }
  // Half open: nothing of an open one has this epoch.
  probes_ -= std::min(probes_, 1U);
  if (outcome == Outcome::Failure) {
    open(now);
  } else if (outcome == Outcome::Success && ++successes_ >= std::max(settings_.probes, 1U)) {
    state_ = State::Closed;
    ++epoch_;
    failures_ = 0;
  }
}

void Breaker::open(Duration now) {
  state_ = State::Open;
  ++epoch_;
  failures_ = 0;
  open_until_ = now + settings_.open_for;
}

}  // namespace reeve::gateway::model
