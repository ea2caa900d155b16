#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "api/view/changes.h"
#include "api/view/slots.h"
#include "api/view/types.h"

namespace reeve::api::view {

/// Makes objects out of stems, and events out of changes, when they are wanted, and keeps what was
/// made last.
///
/// Threading: any thread.
class Projections {
 public:
  Projections(std::vector<ObjectType> types, const ViewLimits& limits);

  const ObjectType& type(TypeId id) const;

  /// Whether any type is made of rows of this kind.
  bool uses(journal::Kind kind) const;

  /// The objects of `stem`, which may be null; never null.
  std::shared_ptr<const Stem::Objects> objects(const StemPtr& stem, TypeId id);

  /// What `change` (of a batch) did to objects of the type; never null.
  std::shared_ptr<const Deltas> deltas(const std::shared_ptr<const Change>& change, TypeId id);

 private:
  /// Of a type among those of its kind.
  std::size_t slot_of(TypeId id) const;

  std::vector<ObjectType> types_;
  std::vector<std::size_t> slots_;
  SlotCache<Stem, Stem::Objects> objects_;
  SlotCache<Change, Deltas> deltas_;
};

}  // namespace reeve::api::view
