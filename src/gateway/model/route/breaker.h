#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "gateway/model/route/route.h"

namespace reeve::gateway::model {

///              failures in a row                  time is up, first call
///   Closed ──────────────────────▶ Open ─────────────────────────────────▶ HalfOpen
///     ▲                              ▲              a probe fails             │  │
///     │                              └────────────────────────────────────────┘  │
///     └──────────────────────────────────────────────────────────────────────────┘
///                              `probes` probes in a row succeed
///
/// Keeps calls from a provider that does not work. Outcomes of calls that were let through before
/// the state changed last do not count. Times are of any clock that does not go back.
///
/// Threading: one thread.
class Breaker {
 public:
  enum class State : std::uint8_t { Closed, Open, HalfOpen };

  /// What a call was let through with; handed back once with its outcome.
  struct Permit {
    bool granted = false;
    std::uint64_t epoch = 0;
  };

  enum class Outcome : std::uint8_t {
    Success,
    Failure,
    /// It says nothing about the provider: the client went away, or its request was wrong.
    Neither,
  };

  explicit Breaker(BreakerSettings settings) : settings_(settings) {}

  /// Whether a call would be let through; changes nothing.
  bool would_grant(Duration now) const;

  /// Lets a call through, or does not.
  Permit ask(Duration now);

  void report(Permit permit, Outcome outcome, Duration now);

  /// The route has changed; the state stays as far as it can.
  void change(BreakerSettings settings) { settings_ = settings; }

  State state() const { return state_; }

  /// When an open one lets the next call through.
  Duration open_until() const { return open_until_; }

 private:
  void open(Duration now);

  BreakerSettings settings_;
  State state_ = State::Closed;
  std::uint64_t epoch_ = 1;
  std::uint32_t failures_ = 0;
  std::uint32_t probes_ = 0;
  std::uint32_t successes_ = 0;
  Duration open_until_{0};
};

std::string_view to_string(Breaker::State state);  ///< "closed", "open", "half-open"

}  // namespace reeve::gateway::model
