#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/time.h"

namespace reeve::sim {

/// A rate in millionths: how often something happens, without floating point.
using PerMillion = std::uint32_t;

inline constexpr PerMillion kAlways = 1'000'000;

/// xoshiro256**, seeded by splitmix64. The same seed gives the same numbers on every machine; for
/// simulations only.
///
/// Threading: one thread.
class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9E3779B97F4A7C15U;
      std::uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
      mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
      word = mixed ^ (mixed >> 31U);
    }
  }

  std::uint64_t next() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  /// A number in [0, bound); `bound` must not be 0. The bias of the remainder is far below what a
  /// simulation could notice.
  std::uint64_t below(std::uint64_t bound) {
    REEVE_ASSERT(bound > 0);
    return next() % bound;
  }

  /// A number in [low, high].
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }

  bool chance(PerMillion rate) { return rate > 0 && below(kAlways) < rate; }

  /// True in `percent` of a hundred cases.
  bool percent(std::uint32_t percent) { return below(100) < percent; }

  Duration duration(Duration low, Duration high) {
    return low + Duration(below(static_cast<std::uint64_t>((high - low).count()) + 1));
  }

  template <class Item>
  const Item& pick(const std::vector<Item>& items) {
    return items.at(below(items.size()));
  }

 private:
  static std::uint64_t rotate(std::uint64_t value, unsigned by) {
    return (value << by) | (value >> (64U - by));
  }

  std::array<std::uint64_t, 4> state_{};
};

}  // namespace reeve::sim
