#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "base/time.h"
#include "journal/event.h"

/// How much was asked for in the last minute. Pure.
namespace reeve::engine {

/// A minute that slides along, in steps: what was asked for counts until a minute has passed since
/// the end of its step, so that no minute ever holds more than is allowed.
///
/// Threading: engine loop.
class MeterRates {
 public:
  static constexpr Duration kWindow{60'000};
  static constexpr Duration kStep{500};

  /// `row` is that of the quota's usage. Notes one request and the tokens that were promised to it;
  /// also of times that have passed.
  void add(const journal::ObjectKey& row, Timestamp at, std::uint64_t tokens);

  /// What was promised at that time is less by so much.
  void give_back(const journal::ObjectKey& row, Timestamp at, std::uint64_t tokens);

  struct Use {
    std::uint64_t requests = 0;
    std::uint64_t tokens = 0;
  };

  /// What counts at `now`.
  Use use(const journal::ObjectKey& row, Timestamp now);

  /// How long until `tokens` and one request are free of so many; nothing: that will never be.
  std::optional<Duration> wait_for(
      const journal::ObjectKey& row,
      Timestamp now,
      std::optional<std::uint64_t> tokens_max,
      std::optional<std::uint64_t> requests_max,
      std::uint64_t tokens
  );

 private:
  struct Step {
    Timestamp start;
    Use use;
  };

  std::deque<Step>& current(const journal::ObjectKey& row, Timestamp now);

  std::map<journal::ObjectKey, std::deque<Step>> steps_;
};

}  // namespace reeve::engine
