#include <algorithm>
#include <string>
#include <utility>

#include "api/view/view.h"
#include "api/view/walk.h"
#include "base/assert.h"
#include "base/strings.h"

namespace reeve::api::view {

namespace {

Result<void> check(const ListQuery& query) {
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
  const Collected found =
      collect(projections_, *now, type, selector, std::nullopt, {.objects_max = 1});
  return found.objects.empty() ? nullptr : found.objects.front();
}

Result<Page> View::list(const ListQuery& query) const {
  if (query.limit == 0 || query.limit > kPageItemsMax) {
    return make_error(ErrorCode::Invalid, concat("must be between 1 and ", kPageItemsMax), "limit");
  }
  REEVE_TRY(Lister lister, begin_list(query));
  Page page;
  page.revision = lister.revision();
  page.items = lister.next({.objects_max = query.limit});
  if (!lister.at_end()) {
    ListRest rest = keep(lister);
    page.next = std::move(rest.next);
    page.remaining = rest.remaining;
  }
  return page;
}

Result<Lister> View::begin_list(const ListQuery& query) const {
  REEVE_CHECK(check(query));
  REEVE_TRY(SnapshotPtr snapshot, snapshot_for(query));
  Revision shown = snapshot->revision;
  if (query.exactly) {
    shown = *query.exactly;
  } else if (query.from && query.from->revision != Revision(0)) {
    shown = query.from->revision;
  }
  return Lister(projections_, std::move(snapshot), query, shown);
}

ListRest View::keep(const Lister& lister) const {
  REEVE_ASSERT(lister.from_.has_value());
  const ObjectType& type = projections_.type(lister.type_);
  ListRest rest{.next = *lister.from_, .remaining = {}};
  rest.next.revision = lister.revision_;
  if (!type.derived() && !lister.selector_.selective()) {
    rest.remaining = lister.stems_left_;
  }
  retain(type.kind, lister.revision_, lister.snapshot_);
  return rest;
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
