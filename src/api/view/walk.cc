#include "api/view/walk.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace reeve::api::view {

namespace {

/// The least text above every place of `ns`: nothing lies between a text and itself with a zero
/// byte.
std::string after_namespace(std::string_view ns) {
  std::string after(ns);
  after.push_back('\0');
  return after;
}

}  // namespace

std::vector<std::string> stem_names(const ObjectType& type, const Selector& selector) {
  std::vector<std::string> names;
  if (!selector.name) {
    return names;
  }
  if (type.derived()) {
    type.stems_of(*selector.name, names);
  } else {
    names.push_back(*selector.name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

StemWalk::StemWalk(
    const StemMap& map, const ObjectType& type, const Selector& selector, const Place& from
)
    : map_(map), named_(selector.name.has_value()), names_(stem_names(type, selector)) {
  Place first = from;
  end_ = map_.size();
  if (selector.ns) {
    first = std::max(first, Place{.ns = *selector.ns, .name = {}});
    const std::string after = after_namespace(*selector.ns);
    end_ = map_.lower_bound({.ns = after, .name = {}});
  }
  at_ = map_.lower_bound(first);
  settle();
}

/// Moves on to the first stem, from here on, that can have selected objects.
void StemWalk::settle() {
  while (named_ && at_ < end_) {
    const Place here = (*map_.at(at_))->place();
    const auto name = std::lower_bound(names_.begin(), names_.end(), here.name);
    if (name != names_.end() && *name == here.name) {
      return;
    }
    if (name != names_.end()) {
      at_ = map_.lower_bound({.ns = here.ns, .name = *name});
    } else {
      const std::string after = after_namespace(here.ns);
      at_ = map_.lower_bound({.ns = after, .name = {}});
    }
  }
}

const StemPtr* StemWalk::stem() const {
  return at_ < end_ ? map_.at(at_) : nullptr;
}

void StemWalk::advance() {
  ++at_;
  settle();
}

Collected collect(
    Projections& projections,
    const Snapshot& snapshot,
    TypeId id,
    const Selector& selector,
    const std::optional<Position>& from,
    const ListStep& step
) {
  const ObjectType& type = projections.type(id);
  const StemMap& map = snapshot.of(type.kind);
  const Place first = from ? Place{.ns = from->ns, .name = from->stem} : Place{};
  StemWalk walk(map, type, selector, first);
  Collected collected;
  std::size_t visited = 0;
  std::uint64_t bytes = 0;
  for (; const StemPtr* stem = walk.stem(); walk.advance()) {
    const Place place = (*stem)->place();
    const bool enough = collected.objects.size() >= step.objects_max || visited >= step.stems_max ||
                        bytes >= step.stem_bytes_max;
    std::size_t index = from && visited == 0 && place == first ? from->index : 0;
    bool all = false;
    if (!enough) {
      const auto objects = projections.objects(*stem, id);
      for (; index < objects->size() && collected.objects.size() < step.objects_max; ++index) {
        if (selector.matches(*(*objects)[index])) {
          collected.objects.push_back((*objects)[index]);
        }
      }
      all = index >= objects->size();
    }
    if (!all) {
      collected.next = Position{
          .revision = snapshot.revision,
          .ns = std::string(place.ns),
          .stem = std::string(place.name),
          .index = static_cast<std::uint32_t>(index)};
      collected.stems_left = map.count(walk.rank(), walk.end());
      break;
    }
    ++visited;
    bytes += (*stem)->size_bytes();
  }
  return collected;
}

}  // namespace reeve::api::view
