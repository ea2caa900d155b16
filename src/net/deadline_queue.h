#pragma once

#include <chrono>
#include <set>
#include <utility>

namespace reeve::net {

/// Deadlines of many things, of which few are ever reached: moving one on to a later moment costs
/// nothing. Pure: who uses it tells the time. One thread.
class DeadlineQueue {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  /// Something with a deadline. It takes its deadline back before it dies.
  class Item {
   public:
    virtual ~Item() = default;
    /// The deadline was reached; it has none now.
    virtual void on_deadline() = 0;

   private:
    friend class DeadlineQueue;
    Instant at_ = Instant::max();
    /// The moment under which it is in the queue, which may be too early.
    Instant queued_ = Instant::max();
  };

  /// In place of the item's deadline of before; `Instant::max()`: none.
  void set(Item& item, Instant at);

  /// When `run` has to be called next; `Instant::max()`: never.
  Instant next() const;

  /// Tells those whose deadline is reached. They may change the queue meanwhile.
  void run(Instant now);

 private:
  void take(Item& item);

  std::set<std::pair<Instant, Item*>> queue_;
};

}  // namespace reeve::net
