#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "journal/event.h"

namespace reeve::api::view {

/// Events that are looked at in one call of EventTail::after.
inline constexpr std::size_t kTailVisitedMax = 4'096;

struct TailPage {
  std::vector<std::shared_ptr<const journal::Event>> events;
  /// All events up to here have been looked at: where to go on.
  Revision through;
  /// Whether there are events after `through` already.
  bool more = false;
};

/// The last events of the journal, as they were committed, for those who follow it.
///
/// Threading: `append` and `restart` on the writer thread, everything else from any thread.
class EventTail {
 public:
  EventTail(std::size_t events_max, std::uint64_t bytes_max);

  /// Forgets everything; the journal ends at `head`.
  void restart(Revision head);

  /// The events of one commit. They follow the head without a gap.
  void append(std::span<const journal::Event> events);

  /// Those of the events after `after` that `filter` selects (empty: all), at most `max`, oldest
  /// first. A revision in the future gives none.
  ///
  /// Conflict: events after `after` have been forgotten; they can be read from the store.
  Result<TailPage> after(
      Revision after, const std::function<bool(const journal::Event&)>& filter, std::size_t max
  ) const;

  /// The last revision that is not remembered any more.
  Revision floor() const;

 private:
  using EventPtr = std::shared_ptr<const journal::Event>;

  Result<std::vector<EventPtr>> slice(Revision after, Revision& head) const;

  const std::size_t events_max_;
  const std::uint64_t bytes_max_;
  mutable std::mutex mutex_;
  std::deque<EventPtr> events_;
  Revision floor_;
  Revision head_;
  std::uint64_t bytes_ = 0;
};

}  // namespace reeve::api::view
