#include "api/view/view.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/assert.h"

namespace reeve::api::view {

namespace {

std::size_t index_of(journal::Kind kind) {
  return static_cast<std::size_t>(kind);
}

SnapshotPtr empty_snapshot() {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->kinds.assign(journal::kAllKinds.size(), std::make_shared<const StemMap>());
  return snapshot;
}

Place place_of(const journal::ObjectKey& key) {
  return {.ns = key.ns.view(), .name = key.name};
}

}  // namespace

View::View(ViewOptions options)
    : options_(std::move(options)),
      projections_(options_.types, options_.limits),
      events_(options_.limits.events_max, options_.limits.events_bytes_max),
      changes_max_(options_.limits.changes_max),
      snapshot_age_max_(options_.limits.snapshot_age_max),
      current_(empty_snapshot()),
      rings_(journal::kAllKinds.size()) {
  REEVE_ASSERT(options_.now != nullptr);
}

std::optional<TypeId> View::find_type(std::string_view name) const {
  for (std::size_t i = 0; i < options_.types.size(); ++i) {
    if (options_.types[i].name == name) {
      return static_cast<TypeId>(i);
    }
  }
  return std::nullopt;
}

Revision View::revision() const {
  return snapshot()->revision;
}

SnapshotPtr View::snapshot() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

/// The stems that the row belongs to: its own and the one whose sidecar it is, as far as types are
/// made of them.
std::vector<View::Part> View::parts_of(const journal::ObjectKey& row) const {
  std::vector<Part> parts;
  if (projections_.uses(row.kind)) {
    parts.push_back({.stem = row, .sidecar = false});
  }
  if (options_.sidecar_of) {
    std::optional<journal::ObjectKey> stem = options_.sidecar_of(row);
    if (stem && projections_.uses(stem->kind)) {
      parts.push_back({.stem = std::move(*stem), .sidecar = true});
    }
  }
  return parts;
}

struct View::LoadedStem {
  StemPtr stem;
  /// Also of rows that are gone.
  Revision revision;
};

struct View::Loaded {
  /// By kind: the stems by namespace and name, and the last change of any.
  std::vector<std::map<std::pair<std::string, std::string>, LoadedStem>> stems;
  std::vector<Revision> last;
};

void View::load_row(const store::Row& row, Loaded& loaded) const {
  const bool deleted = options_.is_deleted && options_.is_deleted(row);
  for (const Part& part : parts_of(row.key)) {
    const journal::ObjectKey& key = part.stem;
    const std::size_t kind = index_of(key.kind);
    loaded.last[kind] = std::max(loaded.last[kind], row.revision);
    LoadedStem& entry = loaded.stems[kind][{key.ns.str(), key.name}];
    StemUpdate update{.at_least = entry.revision};
    if (part.sidecar) {
      update.sidecar = &row;
      update.sidecar_deleted = deleted;
    } else {
      update.row = &row;
      update.row_deleted = deleted;
    }
    entry.revision = update.revision();
    entry.stem = Stem::follow(key.kind, place_of(key), entry.stem.get(), update);
  }
}

Result<void> View::load(store::Reader& store) {
  REEVE_TRY(const store::Head head, store.head());
  const std::size_t kinds = journal::kAllKinds.size();
  Loaded loaded{.stems = {}, .last = std::vector<Revision>(kinds)};
  loaded.stems.resize(kinds);
  REEVE_CHECK(store.each_row([&](store::Row row) -> Result<void> {
    load_row(row, loaded);
    return {};
  }));
  auto next = std::make_shared<Snapshot>();
  for (auto& stems : loaded.stems) {
    std::vector<StemPtr> ordered;
    ordered.reserve(stems.size());
    for (auto& [place, entry] : stems) {
      if (entry.stem) {
        ordered.push_back(std::move(entry.stem));
      }
    }
    stems.clear();
    next->kinds.push_back(std::make_shared<const StemMap>(std::move(ordered)));
  }
  std::deque<Retained> retained;
  std::vector<ChangeRing> rings(kinds);
  SnapshotPtr before;
  Notice notice;
  {
    const std::lock_guard lock(mutex_);
    next->revision = std::max(head.revision, current_->revision);
    for (std::size_t kind = 0; kind < kinds; ++kind) {
      rings[kind].restart_after(rings_[kind], loaded.last[kind]);
      notice.kinds |= 1U << kind;
    }
    rings.swap(rings_);
    retained.swap(retained_);
    notice.revision = next->revision;
    before = std::exchange(current_, std::move(next));
  }
  events_.restart(notice.revision);
  if (options_.notify) {
    options_.notify(notice);
  }
  return {};
}

/// The stems that `commit` writes, in order of kind and place, each once.
std::vector<View::Touched> View::touched(const store::Commit& commit) const {
  std::vector<Touched> touched;
  touched.reserve(commit.rows.size());
  for (const store::Row& row : commit.rows) {
    const bool deleted = options_.is_deleted && options_.is_deleted(row);
    for (Part& part : parts_of(row.key)) {
      StemUpdate update;
      if (part.sidecar) {
        update.sidecar = &row;
        update.sidecar_deleted = deleted;
      } else {
        update.row = &row;
        update.row_deleted = deleted;
      }
      touched.push_back({.key = std::move(part.stem), .update = update});
    }
  }
  std::sort(touched.begin(), touched.end(), [](const Touched& a, const Touched& b) {
    return a.key < b.key;
  });
  std::vector<Touched> merged;
  merged.reserve(touched.size());
  for (Touched& each : touched) {
    if (merged.empty() || merged.back().key != each.key) {
      merged.push_back(std::move(each));
      continue;
    }
    StemUpdate& update = merged.back().update;
    if (each.update.row != nullptr) {
      update.row = each.update.row;
      update.row_deleted = each.update.row_deleted;
    } else {
      update.sidecar = each.update.sidecar;
      update.sidecar_deleted = each.update.sidecar_deleted;
    }
  }
  return merged;
}

/// The next map and the batch of the one kind that all of `touched` are of.
void View::take(std::span<const Touched> touched, const Snapshot& before, Step& step) const {
  const journal::Kind kind = touched.front().key.kind;
  const StemMap& map = before.of(kind);
  std::vector<StemMap::Edit> edits;
  edits.reserve(touched.size());
  auto batch = std::make_shared<Batch>();
  batch->changes.reserve(touched.size());
  for (const Touched& each : touched) {
    const Place place = place_of(each.key);
    StemPtr previous = map.find(place);
    StemPtr next = Stem::follow(kind, place, previous.get(), each.update);
    if (!previous && !next) {
      continue;
    }
    edits.push_back({.place = place, .stem = next});
    Change& change = batch->changes.emplace_back();
    change.previous = std::move(previous);
    change.next = std::move(next);
    change.floor = before.revision;
    change.revision = each.update.revision();
    REEVE_ASSERT(change.revision > before.revision);
    batch->size_bytes += change.size_bytes();
    batch->last = std::max(batch->last, change.revision);
  }
  if (batch->changes.empty()) {
    return;
  }
  step.snapshot->kinds[index_of(kind)] = std::make_shared<const StemMap>(map.with(edits));
  step.batches[index_of(kind)] = std::move(batch);
  step.kinds |= 1U << index_of(kind);
}

void View::apply(const store::Commit& commit) {
  const SnapshotPtr before = snapshot();
  Step step;
  step.snapshot = std::make_shared<Snapshot>(*before);
  step.batches.resize(before->kinds.size());
  if (!commit.events.empty()) {
    step.snapshot->revision = std::max(before->revision, commit.events.back().revision);
  }
  const std::vector<Touched> touched = this->touched(commit);
  for (auto from = touched.begin(); from != touched.end();) {
    const auto to = std::find_if(from, touched.end(), [&](const Touched& each) {
      return each.key.kind != from->key.kind;
    });
    take(std::span(from, to), *before, step);
    from = to;
  }
  for (const BatchPtr& batch : step.batches) {
    if (batch) {
      step.snapshot->revision = std::max(step.snapshot->revision, batch->last);
    }
  }
  events_.append(commit.events);
  publish(step);
  if (options_.notify) {
    options_.notify({.revision = step.snapshot->revision, .kinds = step.kinds});
  }
}

void View::publish(const Step& step) {
  const Timestamp now = options_.now();
  SnapshotPtr before;
  std::vector<BatchPtr> batches;
  std::vector<SnapshotPtr> snapshots;
  const std::lock_guard lock(mutex_);
  before = std::exchange(current_, step.snapshot);
  for (std::size_t kind = 0; kind < step.batches.size(); ++kind) {
    if (step.batches[kind]) {
      rings_[kind].push(step.batches[kind]);
    }
  }
  trim(batches);
  forget_snapshots(now, snapshots);
}

/// Forgets changes beyond the limits: of the kind that has too many, or that has the most bytes.
/// With the mutex held.
void View::trim(std::vector<BatchPtr>& released) {
  std::uint64_t bytes = 0;
  for (ChangeRing& ring : rings_) {
    while (ring.changes() > changes_max_ && ring.batches() > 1) {
      released.push_back(ring.pop());
    }
    bytes += ring.size_bytes();
  }
  while (bytes > options_.limits.changes_bytes_max) {
    ChangeRing* largest = nullptr;
    for (ChangeRing& ring : rings_) {
      if (ring.batches() > 1 && (largest == nullptr || ring.size_bytes() > largest->size_bytes())) {
        largest = &ring;
      }
    }
    if (largest == nullptr) {
      return;
    }
    released.push_back(largest->pop());
    bytes -= released.back()->size_bytes;
  }
}

void View::change_limits(std::size_t changes_max, Duration snapshot_age_max) {
  const std::lock_guard lock(mutex_);
  changes_max_ = changes_max;
  snapshot_age_max_ = snapshot_age_max;
}

/// With the mutex held.
void View::forget_snapshots(Timestamp now, std::vector<SnapshotPtr>& released) const {
  while (!retained_.empty() && (retained_.size() > options_.limits.snapshots_max ||
                                now - retained_.front().since > snapshot_age_max_)) {
    released.push_back(std::move(retained_.front().snapshot));
    retained_.pop_front();
  }
}

}  // namespace reeve::api::view
