#include "api/watch_groups.h"

#include <optional>
#include <utility>
#include <vector>

#include "api/view/types.h"

namespace reeve::api {

namespace {

constexpr std::size_t kEventsAtOnce = 500;
constexpr Duration kGroupTick{60'000};

}  // namespace

// --- one ----------------------------------------------------------------------------------------

const view::Watcher& WatchTask::watcher() const {
  return group_ == nullptr ? *parts_.watcher : *group_->watcher_;
}

bool WatchTask::pump() {
  if (group_ != nullptr) {
    return parts_.stream->open();
  }
  while (true) {
    Result<view::WatchStep> step = parts_.watcher->next(kEventsAtOnce);
    if (!step) {
      expire();
      return false;
    }
    for (const view::WatchEvent& event : step->events) {
      if (!parts_.stream->write(parts_.lines.line(event))) {
        return false;
      }
    }
    if (!step->more) {
      groups_.join(*this);
      return parts_.stream->open();
    }
  }
}

bool WatchTask::tick() {
  return !parts_.bookmarks || send_bookmark();
}

void WatchTask::end() {
  if (parts_.bookmarks) {
    send_bookmark();
  }
  parts_.stream->close();
}

bool WatchTask::send_bookmark() {
  const std::optional<Revision> at = watcher().bookmark();
  return !at || parts_.stream->write(parts_.lines.bookmark(*at, false));
}

void WatchTask::expire() {
  const Revision from = watcher().query().from.value_or(Revision(0));
  parts_.stream->write(parts_.lines.expired(watcher().bookmark().value_or(from)));
  parts_.stream->close();
}

void WatchTask::leave() {
  if (group_ != nullptr) {
    group_->members_.erase(shared_from_this());
    group_ = nullptr;
    groups_.left(parts_.group);
  }
}

// --- many ---------------------------------------------------------------------------------------

bool WatchGroup::pump() {
  while (true) {
    Result<view::WatchStep> step = watcher_->next(kEventsAtOnce);
    if (!step) {
      for (const std::shared_ptr<WatchTask>& member : members_) {
        member->expire();
      }
      return false;
    }
    if (step->events.size() == 1) {
      send(lines_.line(step->events.front()));
    } else if (!step->events.empty()) {
      auto all = std::make_shared<std::string>();
      for (const view::WatchEvent& event : step->events) {
        all->append(*lines_.line(event));
      }
      send(all);
    }
    if (!step->more) {
      return !members_.empty();
    }
  }
}

/// Whoever cannot take it ends by itself: its stream says so when it has ended.
void WatchGroup::send(const view::Encodings::Bytes& lines) {
  for (const std::shared_ptr<WatchTask>& member : members_) {
    member->parts_.stream->write(lines);
  }
}

void WatchGroups::join(WatchTask& task) {
  const std::string& name = task.parts_.group;
  const std::optional<std::uint64_t> place = task.parts_.watcher->place();
  if (name.empty() || !place) {
    return;
  }
  const auto found = groups_.find(name);
  if (found == groups_.end()) {
    found_group(task);
    return;
  }
  WatchGroup& group = *found->second;
  group.pump();
  if (group.watcher_->place() == place) {
    task.parts_.watcher = nullptr;
    task.group_ = found->second;
    group.members_.insert(task.shared_from_this());
  }
}

void WatchGroups::found_group(WatchTask& task) {
  std::shared_ptr<WatchGroup> group(
      new WatchGroup(std::move(task.parts_.watcher), task.parts_.lines)
  );
  groups_.emplace(task.parts_.group, group);
  task.group_ = group;
  group->members_.insert(task.shared_from_this());
  streams_.add(group, kGroupTick);
}

void WatchGroups::left(const std::string& name) {
  const auto found = groups_.find(name);
  if (found != groups_.end() && found->second->members_.empty()) {
    streams_.remove(found->second);
    groups_.erase(found);
  }
}

}  // namespace reeve::api
