#include "api/view/event_tail.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace reeve::api::view {

namespace {

/// What an event costs besides its text.
constexpr std::uint64_t kEventOverheadBytes = 320;

std::uint64_t size_of(const journal::Event& event) {
  return kEventOverheadBytes + event.data.size() + event.object.name.size() + event.type.size() +
         event.actor.str().size() + event.correlation.str().size();
}

}  // namespace

EventTail::EventTail(std::size_t events_max, std::uint64_t bytes_max)
    : events_max_(events_max), bytes_max_(bytes_max) {}

void EventTail::restart(Revision head) {
  std::deque<EventPtr> released;
  const std::lock_guard lock(mutex_);
  released.swap(events_);
  bytes_ = 0;
  floor_ = head;
  head_ = head;
}

void EventTail::append(std::span<const journal::Event> events) {
  if (events.empty()) {
    return;
  }
  std::vector<EventPtr> added;
  added.reserve(events.size());
  std::uint64_t bytes = 0;
  for (const journal::Event& event : events) {
    bytes += size_of(event);
    added.push_back(std::make_shared<const journal::Event>(event));
  }
  std::vector<EventPtr> released;
  const std::lock_guard lock(mutex_);
  if (events.front().revision != head_.next()) {
    // Something was missed: what came before must not be told as if nothing lay between.
    released.assign(events_.begin(), events_.end());
    events_.clear();
    bytes_ = 0;
    floor_ = Revision(events.front().revision.value() - 1);
  }
  events_.insert(
      events_.end(), std::make_move_iterator(added.begin()), std::make_move_iterator(added.end())
  );
  bytes_ += bytes;
  head_ = events.back().revision;
  while (events_.size() > events_max_ || (bytes_ > bytes_max_ && !events_.empty())) {
    floor_ = events_.front()->revision;
    bytes_ -= size_of(*events_.front());
    released.push_back(std::move(events_.front()));
    events_.pop_front();
  }
}

Revision EventTail::floor() const {
  const std::lock_guard lock(mutex_);
  return floor_;
}

Result<std::vector<EventTail::EventPtr>> EventTail::slice(Revision after, Revision& head) const {
  const std::lock_guard lock(mutex_);
  head = head_;
  if (after < floor_) {
    return make_error(
        ErrorCode::Conflict,
        concat(
            "events after revision ",
            after.value(),
            " are not remembered; the oldest is ",
            floor_.value() + 1
        ),
        "resourceVersion"
    );
  }
  if (after >= head_) {
    return std::vector<EventPtr>{};
  }
  const auto first = events_.begin() + static_cast<std::ptrdiff_t>(after.value() - floor_.value());
  const auto count = std::min<std::ptrdiff_t>(events_.end() - first, kTailVisitedMax);
  return std::vector<EventPtr>(first, first + count);
}

Result<TailPage> EventTail::after(
    Revision after, const std::function<bool(const journal::Event&)>& filter, std::size_t max
) const {
  Revision head;
  REEVE_TRY(std::vector<EventPtr> events, slice(after, head));
  TailPage page{.events = {}, .through = after, .more = false};
  for (EventPtr& event : events) {
    if (page.events.size() == max) {
      break;
    }
    page.through = event->revision;
    if (!filter || filter(*event)) {
      page.events.push_back(std::move(event));
    }
  }
  page.more = page.through < head;
  return page;
}

}  // namespace reeve::api::view
