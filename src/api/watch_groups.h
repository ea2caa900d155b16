#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/paced_stream.h"
#include "api/streams.h"
#include "api/view/watch.h"
#include "api/watch_lines.h"
#include "net/exchange.h"

namespace reeve::api {

class WatchGroup;
struct Services;
class WatchGroups;

/// One watch of one client. It tells what came before by itself, no faster than its reader takes
/// it; once it has caught up with others who ask for the same, it joins them, and lines are made
/// and collected once for all.
///
/// Threading: the network thread.
class WatchTask final : public StreamTask, public std::enable_shared_from_this<WatchTask> {
 public:
  struct Parts {
    std::unique_ptr<view::Watcher> watcher;
    WatchLines lines;
    PacedStream stream;
    /// Equal for those who are told the same; empty: it stays alone.
    std::string group;
    bool bookmarks = false;
  };

  WatchTask(WatchGroups& groups, Parts parts) : groups_(groups), parts_(std::move(parts)) {}

  bool concerned(const view::Notice& notice) const override {
    return group_ == nullptr && parts_.watcher->concerned(notice);
  }

  bool pump() override;
  bool tick() override;

  /// Also at the end of its time.
  void end() override;

  /// It is over: leaves its group.
  void leave();

 private:
  friend class WatchGroup;
  friend class WatchGroups;

  const view::Watcher& watcher() const;
  /// Writes what was taken from the watcher; false: there is no room for all of it.
  bool write_taken();
  bool send_bookmark();
  void expire();
  /// Leaves its group before something that it has no room for, and goes on by itself.
  void fall_behind(Revision after);

  WatchGroups& groups_;
  Parts parts_;
  /// Events that the stream has not taken yet.
  std::vector<view::WatchEvent> taken_;
  std::size_t written_ = 0;
  /// Whose watcher stands in for its own.
  std::shared_ptr<WatchGroup> group_;
};

/// Watches that stand at the same place and are told the same.
class WatchGroup final : public StreamTask, public std::enable_shared_from_this<WatchGroup> {
 public:
  bool concerned(const view::Notice& notice) const override { return watcher_->concerned(notice); }

  bool pump() override;

  bool tick() override { return !members_.empty(); }

  std::size_t readers() const override { return members_.size(); }

  /// Its members are ended one by one.
  void end() override {}

 private:
  friend class WatchTask;
  friend class WatchGroups;

  WatchGroup(Services& services, std::unique_ptr<view::Watcher> watcher, WatchLines lines)
      : services_(services), watcher_(std::move(watcher)), lines_(std::move(lines)) {}

  /// `before`: where a member stands who has no room for them.
  void send(const view::Encodings::Bytes& lines, Revision before);
  void go_on_later();

  Services& services_;

  std::unique_ptr<view::Watcher> watcher_;
  WatchLines lines_;
  std::set<std::shared_ptr<WatchTask>> members_;
};

/// The groups of all watches.
///
/// Threading: the network thread.
class WatchGroups {
 public:
  explicit WatchGroups(Services& services) : services_(services) {}

  /// Makes `task`, which has told all there was, a member of its group, if it stands where the
  /// group does.
  void join(WatchTask& task);

  /// `task` has left its group, which ends with its last member.
  void left(const std::string& name);

 private:
  friend class WatchTask;

  void found_group(WatchTask& task);

  Services& services_;
  std::map<std::string, std::shared_ptr<WatchGroup>> groups_;
};

}  // namespace reeve::api
