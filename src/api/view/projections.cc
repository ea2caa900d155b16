#include "api/view/projections.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/assert.h"

namespace reeve::api::view {

namespace {

SlotCacheLimits cache_limits(const ViewLimits& limits) {
  return {.values_max = limits.projections_max, .cost_max = limits.projected_bytes_max};
}

}  // namespace

Projections::Projections(std::vector<ObjectType> types, const ViewLimits& limits)
    : types_(std::move(types)), objects_(cache_limits(limits)), deltas_(cache_limits(limits)) {
  std::map<journal::Kind, std::size_t> used;
  for (const ObjectType& type : types_) {
    REEVE_ASSERT(type.project != nullptr);
    slots_.push_back(used[type.kind]++);
  }
}

const ObjectType& Projections::type(TypeId id) const {
  REEVE_ASSERT(static_cast<std::size_t>(id) < types_.size());
  return types_[static_cast<std::size_t>(id)];
}

std::size_t Projections::slot_of(TypeId id) const {
  return slots_[static_cast<std::size_t>(id)];
}

bool Projections::uses(journal::Kind kind) const {
  return std::any_of(types_.begin(), types_.end(), [&](const ObjectType& type) {
    return type.kind == kind;
  });
}

std::shared_ptr<const Stem::Objects> Projections::objects(const StemPtr& stem, TypeId id) {
  static const auto kNone = std::make_shared<const Stem::Objects>();
  if (!stem || !stem->exists()) {
    return kNone;
  }
  const ObjectType& type = this->type(id);
  return objects_.get(stem, stem->objects(), slot_of(id), stem->size_bytes(), [&] {
    std::vector<Projected> made;
    type.project(*stem, made);
    Stem::Objects objects;
    objects.reserve(made.size());
    for (Projected& object : made) {
      // Whoever resumes from an object's revision must not skip what is yet to come.
      if (object.revision > stem->revision()) {
        object = object.at_revision(stem->revision());
      }
      objects.push_back(std::make_shared<const Projected>(std::move(object)));
    }
    return std::make_shared<const Stem::Objects>(std::move(objects));
  });
}

std::shared_ptr<const Deltas> Projections::deltas(
    const std::shared_ptr<const Change>& change, TypeId id
) {
  return deltas_.get(change, change->deltas, slot_of(id), change->size_bytes(), [&] {
    return std::make_shared<const Deltas>(compare(
        *objects(change->previous, id), *objects(change->next, id), change->floor, change->revision
    ));
  });
}

}  // namespace reeve::api::view
