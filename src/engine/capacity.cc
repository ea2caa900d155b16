#include "engine/capacity.h"

#include <algorithm>

#include "base/assert.h"
#include "base/strings.h"
#include "model/scoped_name.h"

namespace reeve::engine {

namespace {

/// Takes from a count, which goes when nothing is left.
template <class Key>
void subtract(std::map<Key, std::uint32_t>& from, const Key& key, std::uint32_t units) {
  const auto count = from.find(key);
  REEVE_ASSERT(count != from.end() && count->second >= units);
  count->second -= units;
  if (count->second == 0) {
    from.erase(count);
  }
}

}  // namespace

std::int64_t queue_score(Timestamp since, std::int32_t priority, Duration ageing) {
  return to_unix_millis(since) - std::int64_t{priority} * ageing.count();
}

void Pools::set_capacity(const std::string& pool, std::optional<std::uint32_t> units) {
  if (units) {
    capacity_[pool] = *units;
  } else {
    capacity_.erase(pool);
  }
}

void Pools::add_demand(const std::vector<workflow::Semaphore>& units) {
  for (const workflow::Semaphore& semaphore : units) {
    ++demand_[semaphore.pool][semaphore.units];
  }
}

void Pools::forget_demand(const std::vector<workflow::Semaphore>& units) {
  for (const workflow::Semaphore& semaphore : units) {
    const auto pool = demand_.find(semaphore.pool);
    REEVE_ASSERT(pool != demand_.end());
    const auto count = pool->second.find(semaphore.units);
    REEVE_ASSERT(count != pool->second.end());
    if (--count->second == 0) {
      pool->second.erase(count);
    }
    if (pool->second.empty()) {
      demand_.erase(pool);
    }
  }
}

std::uint32_t Pools::capacity(const std::string& pool) const {
  const auto declared = capacity_.find(pool);
  if (declared != capacity_.end()) {
    return declared->second;
  }
  const auto demand = demand_.find(pool);
  return demand == demand_.end() ? 1 : demand->second.rbegin()->first;
}

std::uint32_t Pools::used(const std::string& pool) const {
  const auto found = used_.find(pool);
  return found == used_.end() ? 0 : found->second;
}

std::optional<std::string> Pools::refusal(const std::vector<workflow::Semaphore>& wanted) const {
  for (const workflow::Semaphore& semaphore : wanted) {
    const std::uint32_t all = capacity(semaphore.pool);
    if (semaphore.units > all) {
      return concat(
          "needs ",
          semaphore.units,
          " units of pool ",
          model::plain(semaphore.pool),
          ", which has ",
          all
      );
    }
    if (used(semaphore.pool) + semaphore.units > all) {
      return concat(
          "waits for ",
          semaphore.units,
          semaphore.units == 1 ? " unit of pool " : " units of pool ",
          model::plain(semaphore.pool),
          ", which has ",
          all
      );
    }
  }
  return std::nullopt;
}

bool Pools::comes_free(const std::string& pool, std::uint32_t units) const {
  const auto runs = used_by_runs_.find(pool);
  const std::uint32_t by_others = used(pool) - (runs == used_by_runs_.end() ? 0 : runs->second);
  return by_others + units <= capacity(pool);
}

void Pools::take(Revision mission, const std::vector<workflow::Semaphore>& units, Holder holder) {
  for (const workflow::Semaphore& semaphore : units) {
    used_[semaphore.pool] += semaphore.units;
    holders_[semaphore.pool][mission] += semaphore.units;
    if (holder == Holder::Run) {
      used_by_runs_[semaphore.pool] += semaphore.units;
    }
  }
}

void Pools::give_back(
    Revision mission, const std::vector<workflow::Semaphore>& units, Holder holder
) {
  for (const workflow::Semaphore& semaphore : units) {
    subtract(used_, semaphore.pool, semaphore.units);
    subtract(holders_.at(semaphore.pool), mission, semaphore.units);
    if (holders_.at(semaphore.pool).empty()) {
      holders_.erase(semaphore.pool);
    }
    if (holder == Holder::Run) {
      subtract(used_by_runs_, semaphore.pool, semaphore.units);
    }
  }
}

const std::map<Revision, std::uint32_t>& Pools::holders(const std::string& pool) const {
  static const std::map<Revision, std::uint32_t> kNobody;
  const auto found = holders_.find(pool);
  return found == holders_.end() ? kNobody : found->second;
}

void AdmissionQueue::add(const std::string& workflow, Place place) {
  queues_[workflow].insert(place);
}

void AdmissionQueue::remove(const std::string& workflow, Place place) {
  const auto found = queues_.find(workflow);
  if (found != queues_.end()) {
    found->second.erase(place);
    if (found->second.empty()) {
      queues_.erase(found);
    }
  }
}

std::vector<std::pair<AdmissionQueue::Place, std::string>> AdmissionQueue::heads() const {
  std::vector<std::pair<Place, std::string>> heads;
  for (const auto& [workflow, queue] : queues_) {
    heads.emplace_back(*queue.begin(), workflow);
  }
  std::sort(heads.begin(), heads.end());
  return heads;
}

}  // namespace reeve::engine
