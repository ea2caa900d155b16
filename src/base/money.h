#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reeve {

/// An amount of one currency, exact: whole billionths. Prices of models are amounts for a million
/// tokens; a billionth is the price of one token at 0.001 for a million.
///
/// Never negative, at most `max()`; sums that would be larger stay there, so that nothing that is
/// compared with a limit ever wraps around.
class Money {
 public:
  static constexpr std::int64_t kNanos = 1'000'000'000;

  constexpr Money() = default;

  /// Negative amounts count as nothing.
  static constexpr Money from_nanos(std::int64_t nanos) {
    Money made;
    made.nanos_ = nanos < 0 ? 0 : nanos;
    return made;
  }

  static constexpr Money max() { return from_nanos(INT64_MAX); }

  /// "12", "0.25", "$10.00": at most 9 digits after the point and 9 before it. Invalid: says what
  /// is wrong.
  static Result<Money> parse(std::string_view text);

  constexpr std::int64_t nanos() const { return nanos_; }

  constexpr bool zero() const { return nanos_ == 0; }

  /// The shortest text with at least two digits after the point: "10.00", "0.000075".
  std::string text() const;

  /// What `count` things cost at this price for `per` of them, rounded up: who pays is never told
  /// less than it is. `per` > 0.
  Money times(std::uint64_t count, std::uint64_t per) const;

  friend constexpr Money operator+(Money a, Money b) {
    return a.nanos_ > INT64_MAX - b.nanos_ ? max() : from_nanos(a.nanos_ + b.nanos_);
  }

  /// Not below nothing.
  friend constexpr Money operator-(Money a, Money b) { return from_nanos(a.nanos_ - b.nanos_); }

  friend constexpr auto operator<=>(Money, Money) = default;

 private:
  std::int64_t nanos_ = 0;
};

}  // namespace reeve
