#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "api/view/projections.h"
#include "api/view/stem_map.h"
#include "api/view/types.h"

namespace reeve::api::view {

/// How much one step of a list looks at; it ends where the first of these is reached.
struct ListStep {
  std::size_t objects_max = kPageItemsMax;
  std::size_t stems_max = kStemsVisitedMax;
  /// Of the text of the stems; the first one is looked at however long it is.
  std::uint64_t stem_bytes_max = std::numeric_limits<std::uint64_t>::max();
};

/// A list that is read step by step: all of it shows one state, which is kept as long as this is.
///
/// Threading: one thread. The view must outlive it.
class Lister {
 public:
  /// What comes next; may be nothing before the end.
  std::vector<ProjectedPtr> next(const ListStep& step);

  /// Whether nothing is left.
  bool at_end() const { return at_end_; }

  /// That of every step; a watch that starts from it sees all that comes after.
  Revision revision() const { return revision_; }

 private:
  friend class View;

  Lister(Projections& projections, SnapshotPtr snapshot, const ListQuery& query, Revision shown)
      : projections_(&projections),
        snapshot_(std::move(snapshot)),
        type_(query.type),
        selector_(query.selector),
        from_(query.from),
        revision_(shown) {}

  Projections* projections_;
  SnapshotPtr snapshot_;
  TypeId type_;
  Selector selector_;
  /// Where it goes on; absent: at the beginning, or the end was reached.
  std::optional<Position> from_;
  /// Stems that exist from there on.
  std::uint64_t stems_left_ = 0;
  Revision revision_;
  bool at_end_ = false;
};

}  // namespace reeve::api::view
