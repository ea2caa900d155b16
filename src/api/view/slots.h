#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace reeve::api::view {

/// Room beside an immutable owner for values that can be made from it again, one for each slot.
/// Guarded by the mutex of the cache that fills it.
template <class Value>
class Slots {
 public:
  std::shared_ptr<const Value> get(std::size_t slot) const {
    return values_ && slot < values_->size() ? (*values_)[slot] : nullptr;
  }

  /// Puts `value` into `slot` and returns what was there.
  std::shared_ptr<const Value> exchange(std::size_t slot, std::shared_ptr<const Value> value)
      const {
    if (!values_) {
      values_ = std::make_unique<std::vector<std::shared_ptr<const Value>>>();
    }
    if (slot >= values_->size()) {
      values_->resize(slot + 1);
    }
    return std::exchange((*values_)[slot], std::move(value));
  }

 private:
  mutable std::unique_ptr<std::vector<std::shared_ptr<const Value>>> values_;
};

/// How much a SlotCache keeps.
struct SlotCacheLimits {
  std::size_t values_max = 65'536;
  /// Sum of the costs.
  std::uint64_t cost_max = std::uint64_t{16} << 20U;
};

/// Keeps the values that were made last in the slots of their owners, and lets the oldest go.
///
/// Threading: any thread. Values are made, and let go, outside its mutex.
template <class Owner, class Value>
class SlotCache {
 public:
  explicit SlotCache(SlotCacheLimits limits) : limits_(limits) {}

  /// The value in `slots` (of `owner`), or what `make()` gives. Threads that come at the same time
  /// may each make one; all get the one that was ready first. `cost` counts towards the limit.
  template <class Make>
  std::shared_ptr<const Value> get(
      const std::shared_ptr<const Owner>& owner,
      const Slots<Value>& slots,
      std::size_t slot,
      std::uint64_t cost,
      const Make& make
  ) {
    {
      const std::lock_guard lock(mutex_);
      if (auto kept = slots.get(slot)) {
        return kept;
      }
    }
    std::shared_ptr<const Value> made = make();
    std::vector<std::shared_ptr<const void>> released;
    const std::lock_guard lock(mutex_);
    if (auto kept = slots.get(slot)) {
      return kept;
    }
    slots.exchange(slot, made);
    entries_.push_back({owner, &slots, slot, cost});
    cost_ += cost;
    while (entries_.size() > limits_.values_max || (cost_ > limits_.cost_max && entries_.size() > 1)
    ) {
      drop_oldest(released);
    }
    return made;
  }

  /// The sum of the costs of what is kept, including values that went with their owners.
  std::uint64_t cost() const {
    const std::lock_guard lock(mutex_);
    return cost_;
  }

 private:
  struct Entry {
    std::weak_ptr<const Owner> owner;
    const Slots<Value>* slots = nullptr;
    std::size_t slot = 0;
    std::uint64_t cost = 0;
  };

  void drop_oldest(std::vector<std::shared_ptr<const void>>& released) {
    const Entry entry = std::move(entries_.front());
    entries_.pop_front();
    cost_ -= entry.cost;
    if (auto owner = entry.owner.lock()) {
      released.push_back(entry.slots->exchange(entry.slot, nullptr));
      released.push_back(std::move(owner));
    }
  }

  const SlotCacheLimits limits_;
  mutable std::mutex mutex_;
  std::deque<Entry> entries_;
  std::uint64_t cost_ = 0;
};

}  // namespace reeve::api::view
