#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/view/changes.h"
#include "api/view/stem_map.h"
#include "api/view/types.h"
#include "base/result.h"

namespace reeve::api::view {

class View;

struct WatchStep {
  std::vector<WatchEvent> events;
  /// Whether to ask again at once; otherwise there is nothing until the next notice.
  bool more = false;
};

/// One watch: a selection of the changes of one type, in order. A position among the changes that
/// the view remembers: it costs nothing while nobody asks.
///
/// Threading: one thread at a time. The view must outlive it.
class Watcher {
 public:
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  /// The next events, at most `max` (and kWatchEventsMax); may be none although more follow.
  ///
  /// Conflict (see is_expired): it has fallen too far behind, or the view was loaded anew. So for
  /// ever after.
  Result<WatchStep> next(std::size_t max);

  /// All events up to this revision have been handed out; for bookmarks. Empty while the initial
  /// events are under way. Never goes back.
  std::optional<Revision> bookmark() const;

  /// Where it stands when it has handed out all that there was, and nothing holds it back. Two
  /// watchers with one query that stand at the same place are told the same from then on. Empty:
  /// it may have to tell more first, or waits for a revision that is yet to come.
  std::optional<std::uint64_t> place() const;

  /// Whether a notice concerns it.
  bool concerned(const Notice& notice) const { return notice.has(kind_); }

  const WatchQuery& query() const { return query_; }

 private:
  friend class View;

  /// The deltas of one batch that are selected by place, in order.
  struct Current {
    std::vector<std::shared_ptr<const Deltas>> keep;
    std::vector<const Delta*> deltas;
    std::size_t at = 0;
    Revision last;
  };

  Watcher(const View& view, WatchQuery query);

  void take_initial(WatchStep& step, std::size_t max);
  Result<bool> take_batch();
  Result<void> take_changes(WatchStep& step, std::size_t max);
  bool concerned(const Change& change) const;
  std::optional<WatchEvent> event_of(const Delta& delta) const;
  void pass(Revision revision);

  const View& view_;
  const WatchQuery query_;
  const journal::Kind kind_;
  /// Names of stems that can have the selected name; only if one is selected.
  std::vector<std::string> stems_;
  /// Present while initial events are due.
  SnapshotPtr initial_;
  std::optional<Position> initial_at_;
  bool bookmark_due_ = false;
  /// Events up to here were seen by the client before, or are in the initial state.
  Revision after_;
  /// The head when it last found nothing more.
  Revision known_;
  std::uint64_t batch_ = 0;
  Current current_;
  Revision bookmark_;
  bool expired_ = false;
};

}  // namespace reeve::api::view
