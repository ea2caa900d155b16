#include "sim/world.h"

#include "base/hash.h"

namespace reeve::sim {

void World::jump(Duration by) {
  offset_ += by;
  trace("jump", static_cast<std::uint64_t>(by.count()));
}

void World::after(Duration delay, Action action) {
  REEVE_ASSERT(delay.count() >= 0);
  queue_.emplace(std::pair(time_ + delay, sequence_++), std::move(action));
}

bool World::step() {
  if (queue_.empty()) {
    return false;
  }
  const auto first = queue_.begin();
  time_ = first->first.first;
  const Action action = std::move(first->second);
  queue_.erase(first);
  ++steps_;
  action();
  return true;
}

std::optional<Timestamp> World::next_due() const {
  return queue_.empty() ? std::nullopt : std::optional(queue_.begin()->first.first);
}

void World::trace(std::string_view what, std::uint64_t detail) {
  mix(static_cast<std::uint64_t>(to_unix_millis(time_)));
  mix(stable_hash(what));
  mix(detail);
}

void World::trace(std::string_view what, std::string_view detail) {
  trace(what, stable_hash(detail));
}

void World::mix(std::uint64_t value) {
  hash_ ^= value + 0x9E3779B97F4A7C15U + (hash_ << 6U) + (hash_ >> 2U);
  hash_ *= 0xFF51AFD7ED558CCDU;
  hash_ ^= hash_ >> 33U;
}

}  // namespace reeve::sim
