#include "api/streams.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace reeve::api {

namespace {

/// Commits within this time wake streams once: what it costs a watcher is far below what it saves.
constexpr Duration kGather{4};
/// Where many are woken, each wake is a write for each of them: they wait for more, up to this.
constexpr Duration kGatherMax{20};
constexpr std::size_t kWokenPerMilli = 100;

/// Many changes of roles in a short time are one for the streams.
constexpr Duration kCheckDelay{20};
constexpr Duration kCheckPeriod{30'000};

Duration gathering(std::size_t woken) {
  return std::min(
      kGatherMax, kGather + Duration(static_cast<std::int64_t>(woken / kWokenPerMilli))
  );
}

}  // namespace

void Streams::notify(const view::Notice& notice) {
  kinds_.fetch_or(notice.kinds);
  revision_.store(notice.revision.value());
  if (count_.load() > 0 && !wake_posted_.exchange(true)) {
    server_.post_after(gathering(woken_.load()), [this] { wake(); });
  }
}

void Streams::wake() {
  wake_posted_ = false;
  const view::Notice notice{.revision = Revision(revision_.load()), .kinds = kinds_.exchange(0)};
  std::vector<std::shared_ptr<StreamTask>> over;
  std::size_t woken = 0;
  for (const auto& [task, allowed] : tasks_) {
    if (!task->concerned(notice)) {
      continue;
    }
    woken += task->readers();
    if (!task->pump()) {
      over.push_back(task);
    }
  }
  woken_ = woken;
  for (const std::shared_ptr<StreamTask>& task : over) {
    remove(task);
  }
}

void Streams::add(std::shared_ptr<StreamTask> task, Duration tick_period, Allowed allowed) {
  if (!std::exchange(checks_, true)) {
    keep_checking();
  }
  // Counted first: what is committed from now on wakes it, what was before is pumped here.
  count_.fetch_add(1);
  tasks_.emplace(task, std::move(allowed));
  if (!task->pump()) {
    remove(task);
    return;
  }
  schedule_tick(task, tick_period);
}

void Streams::remove(const std::shared_ptr<StreamTask>& task) {
  if (tasks_.erase(task) > 0) {
    count_.fetch_sub(1);
  }
}

void Streams::end_all() {
  std::vector<std::shared_ptr<StreamTask>> over;
  for (const auto& [task, allowed] : tasks_) {
    if (!task->finite()) {
      over.push_back(task);
    }
  }
  for (const std::shared_ptr<StreamTask>& task : over) {
    task->end();
    remove(task);
  }
}

void Streams::rights_changed() {
  if (!std::exchange(check_posted_, true)) {
    server_.post_after(kCheckDelay, [this] { check_rights(); });
  }
}

/// Proofs expire without anybody saying so.
void Streams::keep_checking() {
  server_.post_after(kCheckPeriod, [this] {
    check_rights();
    keep_checking();
  });
}

void Streams::check_rights() {
  check_posted_ = false;
  std::vector<std::shared_ptr<StreamTask>> over;
  for (const auto& [task, allowed] : tasks_) {
    if (allowed && !allowed()) {
      over.push_back(task);
    }
  }
  for (const std::shared_ptr<StreamTask>& task : over) {
    task->end();
    remove(task);
  }
}

void Streams::schedule_tick(const std::shared_ptr<StreamTask>& task, Duration period) {
  server_.post_after(period, [this, weak = std::weak_ptr<StreamTask>(task), period] {
    const std::shared_ptr<StreamTask> alive = weak.lock();
    if (alive == nullptr || !tasks_.contains(alive)) {
      return;
    }
    if (alive->tick()) {
      schedule_tick(alive, period);
    } else {
      remove(alive);
    }
  });
}

}  // namespace reeve::api
