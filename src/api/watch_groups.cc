#include "api/watch_groups.h"

#include <optional>
#include <utility>
#include <vector>

#include "api/services.h"
#include "api/view/types.h"
#include "net/server.h"

namespace reeve::api {

namespace {

/// Of one step; what they are made into is far below what a stream takes at once.
constexpr std::size_t kEventsAtOnce = 100;
constexpr Duration kGroupTick{60'000};

}  // namespace

// --- one ----------------------------------------------------------------------------------------

const view::Watcher& WatchTask::watcher() const {
  return group_ == nullptr ? *parts_.watcher : *group_->watcher_;
}

bool WatchTask::write_taken() {
  while (written_ < taken_.size()) {
    if (!parts_.stream.write(parts_.lines.line(taken_[written_]))) {
      return false;
    }
    ++written_;
  }
  taken_.clear();
  written_ = 0;
  return true;
}

bool WatchTask::pump() {
  if (group_ != nullptr) {
    return parts_.stream.open();
  }
  while (true) {
    if (!write_taken()) {
      parts_.stream.pump_later(groups_.services_, shared_from_this());
      return parts_.stream.open();
    }
    Result<view::WatchStep> step = parts_.watcher->next(kEventsAtOnce);
    if (!step) {
      expire();
      return false;
    }
    const bool caught_up = !step->more && step->events.empty();
    taken_ = std::move(step->events);
    if (caught_up) {
      groups_.join(*this);
      return parts_.stream.open();
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
  parts_.stream.close();
}

bool WatchTask::send_bookmark() {
  const std::optional<Revision> at = watcher().bookmark();
  return !at || !taken_.empty() || parts_.stream.write(parts_.lines.bookmark(*at, false)) ||
         parts_.stream.open();
}

void WatchTask::expire() {
  const Revision from = watcher().query().from.value_or(Revision(0));
  parts_.stream.write(parts_.lines.expired(watcher().bookmark().value_or(from)));
  parts_.stream.close();
}

void WatchTask::leave() {
  if (group_ != nullptr) {
    group_->members_.erase(shared_from_this());
    group_ = nullptr;
    groups_.left(parts_.group);
  }
}

void WatchTask::fall_behind(Revision after) {
  view::WatchQuery query = group_->watcher_->query();
  query.from = after;
  query.initial_bookmark = false;
  Result<std::unique_ptr<view::Watcher>> own = groups_.services_.view.watch(std::move(query));
  if (!own) {
    expire();
    return;
  }
  parts_.watcher = std::move(*own);
  leave();
  parts_.stream.pump_later(groups_.services_, shared_from_this());
}

// --- many ---------------------------------------------------------------------------------------

/// One step: what it makes goes out before the next one comes.
bool WatchGroup::pump() {
  const Revision before = watcher_->bookmark().value_or(Revision());
  Result<view::WatchStep> step = watcher_->next(kEventsAtOnce);
  if (!step) {
    const std::set<std::shared_ptr<WatchTask>> members = members_;
    for (const std::shared_ptr<WatchTask>& member : members) {
      member->expire();
    }
    return false;
  }
  if (step->events.size() == 1) {
    send(lines_.line(step->events.front()), before);
  } else if (!step->events.empty()) {
    auto all = std::make_shared<std::string>();
    for (const view::WatchEvent& event : step->events) {
      all->append(*lines_.line(event));
    }
    send(all, before);
  }
  if (step->more) {
    go_on_later();
  }
  return !members_.empty();
}

void WatchGroup::go_on_later() {
  Streams& streams = *services_.streams;
  services_.server->post([&streams, weak = weak_from_this()] {
    const std::shared_ptr<WatchGroup> alive = weak.lock();
    if (alive != nullptr && !alive->pump()) {
      streams.remove(alive);
    }
  });
}

void WatchGroup::send(const view::Encodings::Bytes& lines, Revision before) {
  std::vector<std::shared_ptr<WatchTask>> behind;
  for (const std::shared_ptr<WatchTask>& member : members_) {
    if (!member->parts_.stream.write(lines)) {
      behind.push_back(member);
    }
  }
  // Those who are gone end by themselves: their streams say so.
  for (const std::shared_ptr<WatchTask>& member : behind) {
    member->fall_behind(before);
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
  const std::shared_ptr<WatchGroup> group = found->second;
  group->pump();
  if (group->watcher_->place() == place && !group->members_.empty()) {
    task.parts_.watcher = nullptr;
    task.group_ = group;
    group->members_.insert(task.shared_from_this());
  }
}

void WatchGroups::found_group(WatchTask& task) {
  std::shared_ptr<WatchGroup> group(
      new WatchGroup(services_, std::move(task.parts_.watcher), task.parts_.lines)
  );
  groups_.emplace(task.parts_.group, group);
  task.group_ = group;
  group->members_.insert(task.shared_from_this());
  services_.streams->add(group, kGroupTick);
}

/// Without members it is over; whoever pumps it next is told so.
void WatchGroups::left(const std::string& name) {
  const auto found = groups_.find(name);
  if (found != groups_.end() && found->second->members_.empty()) {
    groups_.erase(found);
  }
}

}  // namespace reeve::api
