#include "api/view/watch.h"

#include <algorithm>
#include <string>
#include <utility>

#include "api/view/view.h"
#include "api/view/walk.h"
#include "base/assert.h"
#include "base/strings.h"

namespace reeve::api::view {

namespace {

Error too_old(Revision revision) {
  Error error = make_error(
      ErrorCode::Conflict,
      concat("changes after revision ", revision.value(), " are not remembered any more"),
      "resourceVersion"
  );
  error.hint = "list again and watch from there";
  return error;
}

}  // namespace

Result<std::unique_ptr<Watcher>> View::watch(WatchQuery query) const {
  if (query.from && query.initial_bookmark) {
    return make_error(
        ErrorCode::Invalid, "initial events are sent only without a revision", "sendInitialEvents"
    );
  }
  std::unique_ptr<Watcher> watcher(new Watcher(*this, std::move(query)));
  const std::lock_guard lock(mutex_);
  const ChangeRing& ring = rings_[static_cast<std::size_t>(watcher->kind_)];
  if (const auto& from = watcher->query_.from) {
    const auto batch = ring.find(*from);
    if (!batch) {
      return too_old(*from);
    }
    watcher->batch_ = *batch;
    watcher->after_ = *from;
    watcher->bookmark_ = *from;
  } else {
    watcher->initial_ = current_;
    watcher->batch_ = ring.end();
    watcher->after_ = current_->revision;
  }
  return watcher;
}

Watcher::Watcher(const View& view, WatchQuery query)
    : view_(view),
      query_(std::move(query)),
      kind_(view.type(query_.type).kind),
      stems_(stem_names(view.type(query_.type), query_.selector)) {}

Result<WatchStep> Watcher::next(std::size_t max) {
  REEVE_ASSERT(max > 0);
  max = std::min(max, kWatchEventsMax);
  if (expired_) {
    return too_old(bookmark_);
  }
  WatchStep step;
  if (initial_) {
    take_initial(step, max);
    if (initial_) {
      step.more = true;
      return step;
    }
  }
  if (bookmark_due_ && step.events.size() < max) {
    step.events.push_back(
        {.type = WatchEventType::Bookmark,
         .revision = bookmark_,
         .object = nullptr,
         .initial_end = true}
    );
    bookmark_due_ = false;
  }
  if (step.events.size() == max) {
    step.more = true;
    return step;
  }
  REEVE_CHECK(take_changes(step, max));
  return step;
}

void Watcher::take_initial(WatchStep& step, std::size_t max) {
  Collected found = collect(
      view_.projections_, *initial_, query_.type, query_.selector, initial_at_, {.objects_max = max}
  );
  for (ProjectedPtr& object : found.objects) {
    const Revision revision = object->revision;
    step.events.push_back(
        {.type = WatchEventType::Added, .revision = revision, .object = std::move(object)}
    );
  }
  initial_at_ = std::move(found.next);
  if (!initial_at_) {
    pass(initial_->revision);
    initial_ = nullptr;
    bookmark_due_ = query_.initial_bookmark;
  }
}

/// Hands out what is selected of the batches that are there.
Result<void> Watcher::take_changes(WatchStep& step, std::size_t max) {
  std::size_t visited = 0;
  while (true) {
    for (; current_.at < current_.deltas.size(); ++current_.at) {
      const Delta& delta = *current_.deltas[current_.at];
      if (step.events.size() == max || visited == kStemsVisitedMax) {
        // Everything before this one has been handed out, and so has every earlier revision.
        pass(Revision(delta.order.value() - 1));
        step.more = true;
        return {};
      }
      ++visited;
      if (auto event = event_of(delta)) {
        step.events.push_back(std::move(*event));
      }
    }
    pass(current_.last);
    current_ = {};
    auto taken = take_batch();
    if (!taken) {
      if (step.events.empty()) {
        return std::move(taken).error();
      }
      // What has been taken is handed out first; the next call tells.
      expired_ = true;
      step.more = true;
      return {};
    }
    if (!*taken) {
      return {};
    }
  }
}

/// Makes the next batch the current one; false if it is yet to come.
Result<bool> Watcher::take_batch() {
  BatchPtr batch;
  {
    const std::lock_guard lock(view_.mutex_);
    const ChangeRing& ring = view_.rings_[static_cast<std::size_t>(kind_)];
    if (ring.forgotten(batch_)) {
      expired_ = true;
      return too_old(bookmark_);
    }
    batch = ring.at(batch_);
    if (!batch) {
      known_ = view_.current_->revision;
      pass(known_);
      return false;
    }
  }
  ++batch_;
  current_.last = batch->last;
  for (const Change& change : batch->changes) {
    if (change.revision <= after_ || !concerned(change)) {
      continue;
    }
    auto deltas = view_.projections_.deltas({batch, &change}, query_.type);
    for (const Delta& delta : *deltas) {
      if (delta.order > after_) {
        current_.deltas.push_back(&delta);
      }
    }
    current_.keep.push_back(std::move(deltas));
  }
  std::sort(current_.deltas.begin(), current_.deltas.end(), [](const Delta* a, const Delta* b) {
    return a->before(*b);
  });
  return true;
}

/// Whether objects of the stem can be selected.
bool Watcher::concerned(const Change& change) const {
  const Selector& selector = query_.selector;
  const Place place = change.place();
  if (selector.ns && *selector.ns != place.ns) {
    return false;
  }
  return !selector.name || std::binary_search(stems_.begin(), stems_.end(), place.name);
}

std::optional<WatchEvent> Watcher::event_of(const Delta& delta) const {
  const Selector& selector = query_.selector;
  const bool was = delta.previous && selector.matches(*delta.previous);
  const bool is = delta.next && selector.matches(*delta.next);
  if (!was && !is) {
    return std::nullopt;
  }
  WatchEvent event;
  if (is) {
    event.type = was ? WatchEventType::Modified : WatchEventType::Added;
    event.object = delta.next;
  } else {
    event.type = WatchEventType::Deleted;
    event.object = delta.gone();
  }
  event.revision = event.object->revision;
  return event;
}

void Watcher::pass(Revision revision) {
  bookmark_ = std::max(bookmark_, revision);
}

std::optional<std::uint64_t> Watcher::place() const {
  const bool all_told = !initial_ && !bookmark_due_ && !expired_ && current_.deltas.empty();
  return all_told && after_ <= known_ ? std::optional(batch_) : std::nullopt;
}

std::optional<Revision> Watcher::bookmark() const {
  if (initial_ || bookmark_due_) {
    return std::nullopt;
  }
  return bookmark_;
}

}  // namespace reeve::api::view
