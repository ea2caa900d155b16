#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/view/lister.h"
#include "api/view/projections.h"
#include "api/view/stem_map.h"
#include "api/view/types.h"

namespace reeve::api::view {

/// The names of the stems that can have the object that is selected by name, in order, each once;
/// empty if `selector` selects none by name.
std::vector<std::string> stem_names(const ObjectType& type, const Selector& selector);

/// Goes over the stems that can have selected objects, in order. Where a namespace or a name is
/// selected, it goes from one to the next and does not look at what lies between.
///
/// Threading: one thread; map, type and selector must outlive it.
class StemWalk {
 public:
  /// At the first stem at or after `from`.
  StemWalk(const StemMap& map, const ObjectType& type, const Selector& selector, const Place& from);

  /// Null at the end.
  const StemPtr* stem() const;

  void advance();

  StemMap::Rank rank() const { return at_; }

  /// Behind the last stem of the selected namespaces.
  StemMap::Rank end() const { return end_; }

 private:
  void settle();

  const StemMap& map_;
  bool named_ = false;
  std::vector<std::string> names_;
  StemMap::Rank at_ = 0;
  StemMap::Rank end_ = 0;
};

/// Selected objects, in order, and where to go on.
struct Collected {
  std::vector<ProjectedPtr> objects;
  /// With the revision of the snapshot. Empty: the end was reached.
  std::optional<Position> next;
  /// Stems that exist from `next` on in the selected namespaces.
  std::uint64_t stems_left = 0;
};

/// The objects of one step, from `from` on.
Collected collect(
    Projections& projections,
    const Snapshot& snapshot,
    TypeId id,
    const Selector& selector,
    const std::optional<Position>& from,
    const ListStep& step
);

}  // namespace reeve::api::view
