#include "net/deadline_queue.h"

namespace reeve::net {

void DeadlineQueue::take(Item& item) {
  if (item.queued_ != Instant::max()) {
    queue_.erase({item.queued_, &item});
    item.queued_ = Instant::max();
  }
}

void DeadlineQueue::set(Item& item, Instant at) {
  item.at_ = at;
  if (at == Instant::max()) {
    take(item);
  } else if (at < item.queued_) {
    take(item);
    queue_.emplace(at, &item);
    item.queued_ = at;
  }
}

DeadlineQueue::Instant DeadlineQueue::next() const {
  return queue_.empty() ? Instant::max() : queue_.begin()->first;
}

void DeadlineQueue::run(Instant now) {
  while (!queue_.empty() && queue_.begin()->first <= now) {
    Item& item = *queue_.begin()->second;
    take(item);
    if (item.at_ > now) {
      set(item, item.at_);
    } else {
      item.at_ = Instant::max();
      item.on_deadline();
    }
  }
}

}  // namespace reeve::net
