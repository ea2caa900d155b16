#include "api/view/changes.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/assert.h"

namespace reeve::api::view {

namespace {

/// What a change costs besides the text of its rows.
constexpr std::uint64_t kChangeOverheadBytes = 256;

/// Finds objects by name and notes which were found.
class ByName {
 public:
  explicit ByName(const Stem::Objects& objects) {
    entries_.reserve(objects.size());
    for (const ProjectedPtr& object : objects) {
      entries_.push_back({object, false});
    }
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return a.object->name < b.object->name;
    });
  }

  ProjectedPtr take(std::string_view name) {
    const auto found = std::lower_bound(
        entries_.begin(),
        entries_.end(),
        name,
        [](const Entry& entry, std::string_view wanted) { return entry.object->name < wanted; }
    );
    if (found == entries_.end() || found->object->name != name) {
      return nullptr;
    }
    found->taken = true;
    return found->object;
  }

  std::vector<ProjectedPtr> rest() const {
    std::vector<ProjectedPtr> rest;
    for (const Entry& entry : entries_) {
      if (!entry.taken) {
        rest.push_back(entry.object);
      }
    }
    return rest;
  }

 private:
  struct Entry {
    ProjectedPtr object;
    bool taken = false;
  };

  std::vector<Entry> entries_;
};

Delta delta_of(Revision order, ProjectedPtr previous, ProjectedPtr next) {
  return Delta{
      .order = order,
      .previous = std::move(previous),
      .next = std::move(next),
      .gone_revision = order};
}

}  // namespace

const ProjectedPtr& Delta::gone() const {
  REEVE_ASSERT(previous != nullptr);
  return gone_object.get([this] {
    return std::make_shared<const Projected>(previous->at_revision(gone_revision));
  });
}

Deltas compare(
    const Stem::Objects& previous, const Stem::Objects& next, Revision floor, Revision revision
) {
  Deltas deltas;
  ByName before(previous);
  for (const ProjectedPtr& object : next) {
    ProjectedPtr old = before.take(object->name);
    if (old && old->uid == object->uid && old->revision == object->revision) {
      continue;
    }
    const bool in_order = object->revision > floor && object->revision <= revision;
    const Revision order = in_order ? object->revision : revision;
    if (old && old->uid != object->uid) {
      deltas.push_back(delta_of(order, std::move(old), nullptr));
      old = nullptr;
    }
    deltas.push_back(delta_of(order, std::move(old), object));
  }
  for (ProjectedPtr& object : before.rest()) {
    deltas.push_back(delta_of(revision, std::move(object), nullptr));
  }
  for (std::size_t at = 0; at < deltas.size(); ++at) {
    deltas[at].rank = at;
  }
  std::sort(deltas.begin(), deltas.end(), [](const Delta& a, const Delta& b) {
    return a.before(b);
  });
  for (std::size_t at = 0; at + 1 < deltas.size(); ++at) {
    if (deltas[at].order == deltas[at + 1].order) {
      deltas[at].gone_revision = Revision(deltas[at].order.value() - 1);
    }
  }
  return deltas;
}

std::uint64_t Change::size_bytes() const {
  std::uint64_t size = kChangeOverheadBytes;
  for (const StemPtr& stem : {previous, next}) {
    size += stem ? stem->size_bytes() : 0;
  }
  return size;
}

void ChangeRing::restart_after(const ChangeRing& before, Revision floor) {
  REEVE_ASSERT(batches_.empty());
  // One number is skipped, so that positions at the end are behind as well.
  first_ = before.end() + 1;
  floor_ = floor;
}

void ChangeRing::push(BatchPtr batch) {
  REEVE_ASSERT(batch->last > last());
  changes_ += batch->changes.size();
  size_bytes_ += batch->size_bytes;
  batches_.push_back(std::move(batch));
}

BatchPtr ChangeRing::pop() {
  REEVE_ASSERT(batches_.size() >= 2);
  BatchPtr oldest = std::move(batches_.front());
  batches_.pop_front();
  ++first_;
  floor_ = oldest->last;
  changes_ -= oldest->changes.size();
  size_bytes_ -= oldest->size_bytes;
  return oldest;
}

std::optional<std::uint64_t> ChangeRing::find(Revision revision) const {
  if (revision < floor_) {
    return std::nullopt;
  }
  const auto found = std::upper_bound(
      batches_.begin(),
      batches_.end(),
      revision,
      [](Revision wanted, const BatchPtr& batch) { return wanted < batch->last; }
  );
  return first_ + static_cast<std::uint64_t>(found - batches_.begin());
}

BatchPtr ChangeRing::at(std::uint64_t number) const {
  REEVE_ASSERT(!forgotten(number));
  return number < end() ? batches_[number - first_] : nullptr;
}

}  // namespace reeve::api::view
