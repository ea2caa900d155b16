#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "api/streams.h"
#include "api/view/watch.h"
#include "api/watch_lines.h"
#include "net/exchange.h"

namespace reeve::api {

class WatchGroup;
class WatchGroups;

/// One watch of one client. It tells what came before by itself; once it has caught up with others
/// who ask for the same, it joins them, and lines are made and collected once for all.
///
/// Threading: the network thread.
class WatchTask final : public StreamTask, public std::enable_shared_from_this<WatchTask> {
 public:
  struct Parts {
    std::unique_ptr<view::Watcher> watcher;
    WatchLines lines;
    std::shared_ptr<net::Stream> stream;
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
  bool send_bookmark();
  void expire();

  WatchGroups& groups_;
  Parts parts_;
  /// Whose watcher stands in for its own.
  std::shared_ptr<WatchGroup> group_;
};

/// Watches that stand at the same place and are told the same.
class WatchGroup final : public StreamTask {
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

  WatchGroup(std::unique_ptr<view::Watcher> watcher, WatchLines lines)
      : watcher_(std::move(watcher)), lines_(std::move(lines)) {}

  void send(const view::Encodings::Bytes& lines);

  std::unique_ptr<view::Watcher> watcher_;
  WatchLines lines_;
  std::set<std::shared_ptr<WatchTask>> members_;
};

/// The groups of all watches.
///
/// Threading: the network thread.
class WatchGroups {
 public:
  explicit WatchGroups(Streams& streams) : streams_(streams) {}

  /// Makes `task`, which has told all there was, a member of its group, if it stands where the
  /// group does.
  void join(WatchTask& task);

  /// `task` has left its group, which ends with its last member.
  void left(const std::string& name);

 private:
  void found_group(WatchTask& task);

  Streams& streams_;
  std::map<std::string, std::shared_ptr<WatchGroup>> groups_;
};

}  // namespace reeve::api
