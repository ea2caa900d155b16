#include "engine/run_queue.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace reeve::engine {

void RunQueue::add(RunRef run, std::int64_t score) {
  const RunPlace place(score, count_);
  if (places_.emplace(run, place).second) {
    ++count_;
    ready_.emplace(place, run);
  }
}

RunQueue::Turn RunQueue::next() {
  REEVE_ASSERT(!ready_.empty());
  Turn turn;
  std::tie(turn.place, turn.run) = *ready_.begin();
  ready_.erase(ready_.begin());
  if (const auto woken = woken_by_.extract(turn.run)) {
    turn.woken_by = woken.mapped().pool;
  }
  return turn;
}

void RunQueue::block(const Turn& turn, const std::string& pool, std::uint32_t units) {
  waiting_[pool][units].emplace(turn.place, turn.run);
  waits_[turn.run] = {.pool = pool, .units = units};
}

/// The group whose first has the best place, of those that need no more units; the end: none.
RunQueue::Waiting::iterator RunQueue::best_of(Waiting& waiting, std::uint32_t units_max) {
  auto best = waiting.end();
  for (auto group = waiting.begin(); group != waiting.end() && group->first <= units_max; ++group) {
    if (best == waiting.end() || *group->second.begin() < *best->second.begin()) {
      best = group;
    }
  }
  return best;
}

/// The first of a group.
void RunQueue::make_ready(const std::string& pool, Waiting& waiting, Waiting::iterator group) {
  const auto first = group->second.begin();
  waits_.erase(first->second);
  woken_by_[first->second] = {.pool = pool, .units = group->first};
  ready_.insert(*first);
  group->second.erase(first);
  if (group->second.empty()) {
    waiting.erase(group);
  }
}

void RunQueue::drop_if_empty(const std::string& pool) {
  const auto found = waiting_.find(pool);
  if (found != waiting_.end() && found->second.empty()) {
    waiting_.erase(found);
  }
}

void RunQueue::wake(const std::string& pool, std::uint32_t free) {
  const auto found = waiting_.find(pool);
  while (found != waiting_.end() && free > 0) {
    const auto best = best_of(found->second, free);
    if (best == found->second.end()) {
      break;
    }
    free -= best->first;
    make_ready(pool, found->second, best);
  }
  drop_if_empty(pool);
}

void RunQueue::wake_first(const std::string& pool, std::size_t count) {
  const auto found = waiting_.find(pool);
  for (; found != waiting_.end() && !found->second.empty() && count > 0; --count) {
    constexpr std::uint32_t kAny = std::numeric_limits<std::uint32_t>::max();
    make_ready(pool, found->second, best_of(found->second, kAny));
  }
  drop_if_empty(pool);
}

bool RunQueue::is_behind(
    const std::string& pool, RunPlace place, const std::function<bool(std::uint32_t units)>& holds
) const {
  for (const auto& [run, woken] : woken_by_) {
    if (woken.pool == pool && places_.at(run) < place && holds(woken.units)) {
      return true;
    }
  }
  const auto found = waiting_.find(pool);
  if (found == waiting_.end()) {
    return false;
  }
  return std::any_of(found->second.begin(), found->second.end(), [&](const auto& group) {
    return group.second.begin()->first < place && holds(group.first);
  });
}

const RunQueue::Wait* RunQueue::wait_of(const RunRef& run) const {
  const auto found = waits_.find(run);
  return found == waits_.end() ? nullptr : &found->second;
}

std::string RunQueue::forget(const RunRef& run) {
  const auto place = places_.find(run);
  if (place == places_.end()) {
    return {};
  }
  const std::pair<RunPlace, RunRef> entry(place->second, run);
  places_.erase(place);
  ready_.erase(entry);
  if (const auto woken = woken_by_.extract(run)) {
    return woken.mapped().pool;
  }
  const auto wait = waits_.extract(run);
  if (!wait) {
    return {};
  }
  const std::string& pool = wait.mapped().pool;
  Waiting& waiting = waiting_.at(pool);
  const auto group = waiting.find(wait.mapped().units);
  group->second.erase(entry);
  if (group->second.empty()) {
    waiting.erase(group);
  }
  drop_if_empty(pool);
  return pool;
}

std::set<std::string> RunQueue::forget(Revision mission) {
  std::set<std::string> pools;
  const RunRef first{.created = mission, .slot = {}};
  auto next = places_.lower_bound(first);
  while (next != places_.end() && next->first.created == mission) {
    if (std::string pool = forget(RunRef(next->first)); !pool.empty()) {
      pools.insert(std::move(pool));
    }
    next = places_.lower_bound(first);
  }
  return pools;
}

}  // namespace reeve::engine
