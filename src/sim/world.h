#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/time.h"
#include "sim/random.h"

namespace reeve::sim {

/// Time, chance and order of everything in one simulation. Time stands still while something
/// happens and jumps to the next thing that is due.
///
/// Threading: one thread.
class World {
 public:
  using Action = std::function<void()>;

  explicit World(std::uint64_t seed) : random_(seed), hash_(seed) {}

  Random& random() { return random_; }

  /// The time that really passes; never goes back.
  Timestamp time() const { return time_; }

  /// What a clock on the wall shows: `time` plus all jumps so far.
  Timestamp clock() const { return time_ + offset_; }

  /// Sets the clock forward or back.
  void jump(Duration by);

  void set_clock_right() { offset_ = Duration(0); }

  /// Does `action` after `delay`; things that are due at the same time happen in the order in
  /// which they were asked for.
  void after(Duration delay, Action action);

  /// Does the next thing. False: there is none.
  bool step();

  /// When the next thing is due.
  std::optional<Timestamp> next_due() const;

  /// How many things are waiting.
  std::size_t pending() const { return queue_.size(); }

  /// Mixes what happened into the trace: two runs of one seed must have the same trace.
  void trace(std::string_view what, std::uint64_t detail = 0);
  void trace(std::string_view what, std::string_view detail);

  std::uint64_t trace_hash() const { return hash_; }

  std::uint64_t steps() const { return steps_; }

 private:
  void mix(std::uint64_t value);

  Random random_;
  /// 2026-01-01T00:00:00Z: far enough from zero for every jump back.
  Timestamp time_ = from_unix_millis(1'767'225'600'000);
  Duration offset_{0};
  std::map<std::pair<Timestamp, std::uint64_t>, Action> queue_;
  std::uint64_t sequence_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t hash_;
};

}  // namespace reeve::sim
