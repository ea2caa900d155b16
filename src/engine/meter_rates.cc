#include "engine/meter_rates.h"

#include <algorithm>
#include <iterator>

namespace reeve::engine {

namespace {

Timestamp step_of(Timestamp at) {
  const std::int64_t millis = to_unix_millis(at);
  return from_unix_millis(millis - millis % MeterRates::kStep.count());
}

}  // namespace

/// The steps that still count.
std::deque<MeterRates::Step>& MeterRates::current(const journal::ObjectKey& row, Timestamp now) {
  std::deque<Step>& steps = steps_[row];
  while (!steps.empty() && steps.front().start + kStep + kWindow <= now) {
    steps.pop_front();
  }
  return steps;
}

void MeterRates::add(const journal::ObjectKey& row, Timestamp at, std::uint64_t tokens) {
  std::deque<Step>& steps = current(row, at);
  const Timestamp start = step_of(at);
  auto step = steps.end();
  while (step != steps.begin() && std::prev(step)->start > start) {
    --step;
  }
  if (step == steps.begin() || std::prev(step)->start != start) {
    step = std::next(steps.insert(step, {.start = start, .use = {}}));
  }
  Use& use = std::prev(step)->use;
  ++use.requests;
  use.tokens += tokens;
}

void MeterRates::give_back(const journal::ObjectKey& row, Timestamp at, std::uint64_t tokens) {
  const auto found = steps_.find(row);
  if (found == steps_.end()) {
    return;
  }
  for (Step& step : found->second) {
    if (step.start == step_of(at)) {
      step.use.tokens -= std::min(step.use.tokens, tokens);
    }
  }
}

MeterRates::Use MeterRates::use(const journal::ObjectKey& row, Timestamp now) {
  Use all;
  for (const Step& step : current(row, now)) {
    all.requests += step.use.requests;
    all.tokens += step.use.tokens;
  }
  return all;
}

std::optional<Duration> MeterRates::wait_for(
    const journal::ObjectKey& row,
    Timestamp now,
    std::optional<std::uint64_t> tokens_max,
    std::optional<std::uint64_t> requests_max,
    std::uint64_t tokens
) {
  if ((tokens_max && tokens > *tokens_max) || requests_max == std::uint64_t{0}) {
    return std::nullopt;
  }
  Use left = use(row, now);
  const auto fits = [&] {
    return (!tokens_max || left.tokens + tokens <= *tokens_max) &&
           (!requests_max || left.requests < *requests_max);
  };
  Duration wait{0};
  for (const Step& step : current(row, now)) {
    if (fits()) {
      break;
    }
    left.tokens -= step.use.tokens;
    left.requests -= step.use.requests;
    wait = step.start + kStep + kWindow - now;
  }
  return wait;
}

}  // namespace reeve::engine
