#include <algorithm>
#include <string>
#include <utility>

#include "api/view/view.h"
#include "api/view/walk.h"
#include "base/strings.h"

namespace reeve::api::view {

namespace {

Result<void> check(const ListQuery& query) {
  if (query.limit == 0 || query.limit > kPageItemsMax) {
    return make_error(ErrorCode::Invalid, concat("must be between 1 and ", kPageItemsMax), "limit");
  }
  if (query.exactly && query.from) {
    return make_error(
        ErrorCode::Invalid, "may not be given together with continue", "resourceVersion"
    );
  }
  if (query.from && query.selector.ns && query.from->ns != *query.selector.ns) {
    return make_error(ErrorCode::Invalid, "belongs to another namespace", "continue");
  }
  return {};
}

}  // namespace

ProjectedPtr View::get(TypeId type, std::string_view ns, std::string_view name) const {
  Selector selector;
  selector.ns = std::string(ns);
  selector.name = std::string(name);
  const SnapshotPtr now = snapshot();
  const Collected found = collect(projections_, *now, type, selector, std::nullopt, 1);
  return found.objects.empty() ? nullptr : found.objects.front();
}

Result<Page> View::list(const ListQuery& query) const {
  REEVE_CHECK(check(query));
  REEVE_TRY(const SnapshotPtr snapshot, snapshot_for(query));
  const ObjectType& type = projections_.type(query.type);
  Collected found =
      collect(projections_, *snapshot, query.type, query.selector, query.from, query.limit);
  Page page;
  page.revision = snapshot->revision;
  if (query.exactly) {
    page.revision = *query.exactly;
  } else if (query.from && query.from->revision != Revision(0)) {
    page.revision = query.from->revision;
  }
  page.items = std::move(found.objects);
  if (found.next) {
    page.next = std::move(found.next);
    page.next->revision = page.revision;
    if (!type.derived() && !query.selector.selective()) {
      page.remaining = found.stems_left;
    }
    retain(type.kind, page.revision, snapshot);
  }
  return page;
}

Result<SnapshotPtr> View::snapshot_for(const ListQuery& query) const {
  const Timestamp now = options_.now();
  const journal::Kind kind = projections_.type(query.type).kind;
  std::vector<SnapshotPtr> released;
  const std::lock_guard lock(mutex_);
  forget_snapshots(now, released);
  if (!query.exactly && (!query.from || query.from->revision == Revision(0))) {
    return current_;
  }
  const Revision wanted = query.exactly ? *query.exactly : query.from->revision;
  if (wanted > current_->revision) {
    return make_error(
        ErrorCode::Invalid,
        concat(
            "revision ", wanted.value(), " is yet to come; the last is ", current_->revision.value()
        ),
        query.exactly ? "resourceVersion" : "continue"
    );
  }
  if (SnapshotPtr found = find_state(kind, wanted)) {
    return found;
  }
  Error error = make_error(
      ErrorCode::Conflict,
      concat("the state at revision ", wanted.value(), " is not kept any more"),
      query.exactly ? "resourceVersion" : "continue"
  );
  error.hint = "start the list again";
  return error;
}

/// A snapshot in which the kind is as it was at `revision`, or null. With the mutex held.
SnapshotPtr View::find_state(journal::Kind kind, Revision revision) const {
  if (rings_[static_cast<std::size_t>(kind)].last() <= revision) {
    return current_;
  }
  const auto found = std::find_if(retained_.begin(), retained_.end(), [&](const Retained& each) {
    return each.kind == kind && each.revision == revision;
  });
  return found == retained_.end() ? nullptr : found->snapshot;
}

void View::retain(journal::Kind kind, Revision revision, const SnapshotPtr& snapshot) const {
  const Timestamp now = options_.now();
  std::vector<SnapshotPtr> released;
  const std::lock_guard lock(mutex_);
  const bool there = std::any_of(retained_.begin(), retained_.end(), [&](const Retained& each) {
    return each.kind == kind && each.revision == revision;
  });
  if (!there) {
    retained_.push_back({.kind = kind, .revision = revision, .snapshot = snapshot, .since = now});
  }
  forget_snapshots(now, released);
}

}  // namespace reeve::api::view
