#include "notify/sink_queue.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace reeve::notify {

SinkQueue::SinkQueue(Revision cursor, QueueOptions options, std::function<double()> jitter)
    : options_(options), jitter_(std::move(jitter)), looked_at_(cursor) {}

std::size_t SinkQueue::room() const {
  return options_.waiting_max - std::min(options_.waiting_max, waiting_.size());
}

void SinkQueue::push(Notification notification) {
  REEVE_ASSERT(room() > 0);
  REEVE_ASSERT(notification.revision > looked_at_);
  looked_at_ = notification.revision;
  waiting_.push_back(std::move(notification));
}

void SinkQueue::advance(Revision revision) {
  looked_at_ = std::max(looked_at_, revision);
}

std::optional<Timestamp> SinkQueue::due() const {
  return busy_ || waiting_.empty() ? std::nullopt : std::optional(next_);
}

const Notification& SinkQueue::begin() {
  REEVE_ASSERT(!busy_ && !waiting_.empty());
  busy_ = true;
  return waiting_.front();
}

/// Half of it is certain, half by chance: those that failed together do not come back together.
Duration SinkQueue::pause(Duration at_least) {
  Duration pause = options_.first_pause;
  for (std::uint32_t i = 1; i < attempts_ && pause < options_.longest_pause; ++i) {
    pause *= 2;
  }
  pause = resting() ? options_.probe_period : std::min(pause, options_.longest_pause);
  const auto half = static_cast<double>(pause.count()) / 2;
  pause = Duration(static_cast<Duration::rep>(half + half * jitter_()));
  return std::max(pause, std::min(at_least, options_.longest_pause));
}

void SinkQueue::give_up() {
  waiting_.pop_front();
  attempts_ = 0;
  dead_in_row_ = std::min(dead_in_row_ + 1, options_.dead_max);
}

Fate SinkQueue::ended(const AttemptResult& result, Timestamp now) {
  REEVE_ASSERT(busy_);
  busy_ = false;
  if (result.taken) {
    waiting_.pop_front();
    attempts_ = 0;
    dead_in_row_ = 0;
    problem_.clear();
    next_ = now;
    return Fate::Taken;
  }
  problem_ = result.problem;
  ++attempts_;
  const bool last = attempts_ >= options_.attempts_max && !resting();
  if (result.final || last) {
    // A refusal says nothing about the next one; a sink that does not answer rests.
    give_up();
    next_ = result.final && !resting() ? now : now + pause(result.retry_after);
    return Fate::Dead;
  }
  next_ = now + pause(result.retry_after);
  return Fate::Again;
}

std::optional<Notification> SinkQueue::drop_old(Timestamp now) {
  if (busy_ || waiting_.empty() || waiting_.front().at + options_.age_max > now) {
    return std::nullopt;
  }
  Notification old = std::move(waiting_.front());
  give_up();
  if (problem_.empty()) {
    problem_ = "it was too old when its turn came";
  }
  return old;
}

void SinkQueue::changed() {
  attempts_ = 0;
  dead_in_row_ = 0;
  next_ = Timestamp{};
}

void SinkQueue::clear() {
  const bool keep = busy_ && !waiting_.empty();
  waiting_.erase(waiting_.begin() + (keep ? 1 : 0), waiting_.end());
}

Revision SinkQueue::cursor() const {
  return waiting_.empty() ? looked_at_ : Revision(waiting_.front().revision.value() - 1);
}

}  // namespace reeve::notify
