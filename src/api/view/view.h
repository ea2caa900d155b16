#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "api/view/changes.h"
#include "api/view/event_tail.h"
#include "api/view/lister.h"
#include "api/view/projections.h"
#include "api/view/stem_map.h"
#include "api/view/types.h"
#include "base/result.h"
#include "store/ports.h"

namespace reeve::api::view {

class Watcher;

/// What the API reads: the state after the last commit, pages of one snapshot, and the changes
/// since a revision. Fed with what has been committed; objects are made when somebody reads them.
///
/// Threading: `load` and `apply` on one thread (the writer), everything else from any thread.
/// Readers hold its mutex for as long as it takes to copy a few pointers.
class View {
 public:
  /// Every type needs a projector; `now` is needed.
  explicit View(ViewOptions options);

  View(const View&) = delete;
  View& operator=(const View&) = delete;

  /// Takes all rows of `store`, to which nobody may write meanwhile, in place of what was there.
  /// Watches that have begun before expire; a watch may resume from any revision at or after the
  /// last change of its kind.
  ///
  /// The errors of the store: nothing has changed.
  Result<void> load(store::Reader& store);

  /// Takes what has been committed, in order of commit, and notifies. The revisions of its rows are
  /// above the head so far, as those of its events are.
  void apply(const store::Commit& commit);

  /// The head of the journal; never goes back.
  Revision revision() const;

  SnapshotPtr snapshot() const;

  /// Null if there is no such object.
  ProjectedPtr get(TypeId type, std::string_view ns, std::string_view name) const;

  /// One page.
  ///
  /// Invalid: the limit is 0 or above kPageItemsMax; `exactly` together with `from`, or in the
  /// future; a position outside of the selected namespace.
  ///
  /// Conflict (see is_expired): the snapshot is not kept any more.
  Result<Page> list(const ListQuery& query) const;

  /// A list that is read step by step; `query.limit` means nothing. The errors of `list`.
  Result<Lister> begin_list(const ListQuery& query) const;

  /// Keeps the state of a list that is not at its end for those who come back with `next`, as that
  /// of a page is kept.
  ListRest keep(const Lister& lister) const;

  /// A watch from `query.from` on, or from now. A revision in the future waits for what comes after
  /// it. The view must outlive the watcher.
  ///
  /// Conflict (see is_expired): changes after `query.from` have been forgotten.
  Result<std::unique_ptr<Watcher>> watch(WatchQuery query) const;

  /// In place of those limits, from now on. Any thread.
  void change_limits(std::size_t changes_max, Duration snapshot_age_max);

  /// The last events of the journal.
  const EventTail& events() const { return events_; }

  const ObjectType& type(TypeId id) const { return projections_.type(id); }

  /// The type that is called so; absent: there is none.
  std::optional<TypeId> find_type(std::string_view name) const;

 private:
  friend class Watcher;

  /// A snapshot for pages that follow.
  struct Retained {
    journal::Kind kind = journal::Kind::Mission;
    /// What the pages say: nothing of the kind changed between this and the snapshot's revision.
    Revision revision;
    SnapshotPtr snapshot;
    Timestamp since;
  };

  /// A stem that a commit writes.
  struct Touched {
    journal::ObjectKey key;
    StemUpdate update;
  };

  /// What a commit makes.
  struct Step {
    std::shared_ptr<Snapshot> snapshot;
    /// By kind; null where nothing changed.
    std::vector<BatchPtr> batches;
    std::uint32_t kinds = 0;
  };

  struct LoadedStem;
  struct Loaded;

  /// A stem that a row is part of.
  struct Part {
    journal::ObjectKey stem;
    bool sidecar = false;
  };

  std::vector<Part> parts_of(const journal::ObjectKey& row) const;
  void load_row(const store::Row& row, Loaded& loaded) const;
  std::vector<Touched> touched(const store::Commit& commit) const;
  void take(std::span<const Touched> touched, const Snapshot& before, Step& step) const;
  void publish(const Step& step);
  void trim(std::vector<BatchPtr>& released);

  Result<SnapshotPtr> snapshot_for(const ListQuery& query) const;
  SnapshotPtr find_state(journal::Kind kind, Revision revision) const;
  void retain(journal::Kind kind, Revision revision, const SnapshotPtr& snapshot) const;
  void forget_snapshots(Timestamp now, std::vector<SnapshotPtr>& released) const;

  const ViewOptions options_;
  mutable Projections projections_;
  EventTail events_;

  mutable std::mutex mutex_;
  // Of `options_.limits`, and can change.
  std::size_t changes_max_;
  Duration snapshot_age_max_;
  SnapshotPtr current_;
  /// By kind.
  std::vector<ChangeRing> rings_;
  mutable std::deque<Retained> retained_;
};

}  // namespace reeve::api::view
