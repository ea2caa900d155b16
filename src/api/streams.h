#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "api/view/types.h"
#include "base/time.h"
#include "net/server.h"

namespace reeve::api {

/// Something that goes on until it is over: a watch, a stream of events, a log that is followed.
///
/// Threading: the network thread.
class StreamTask {
 public:
  virtual ~StreamTask() = default;

  /// Sends what there is. False: it is over.
  virtual bool pump() = 0;

  /// Whether a commit may have something for it.
  virtual bool concerned(const view::Notice& notice) const = 0;

  /// How many it sends to.
  virtual std::size_t readers() const { return 1; }

  /// Ends it in good order: the server stops.
  virtual void end() = 0;

  /// Whether it ends by itself: such a one may finish while the server stops.
  virtual bool finite() const { return false; }

  /// Called now and then: bookmarks, keep-alives, logs. False: it is over.
  virtual bool tick() = 0;
};

/// The answers that are written piece by piece. A commit wakes those that it concerns, but many
/// commits in a short time wake them once.
class Streams {
 public:
  /// `server` outlives this, or is stopped before.
  explicit Streams(net::Server& server) : server_(server) {}

  /// Something was committed. Any thread; does not block.
  void notify(const view::Notice& notice);

  /// Whether who asked for a stream may still have it. Network thread.
  using Allowed = std::function<bool()>;

  /// Network thread. Pumps it at once and from then on; `tick` about every `tick_period`. Ends it
  /// when it is not `allowed` any more, if that is given.
  void add(std::shared_ptr<StreamTask> task, Duration tick_period, Allowed allowed = {});

  /// Roles, bindings or tokens have changed: looks soon at who may go on. It looks now and then by
  /// itself, too, as proofs expire. Network thread.
  void rights_changed();

  /// Network thread.
  void remove(const std::shared_ptr<StreamTask>& task);

  /// Ends all but those that end by themselves. Network thread.
  void end_all();

  std::size_t size() const { return count_.load(std::memory_order_relaxed); }

 private:
  void wake();
  void check_rights();
  void keep_checking();
  void schedule_tick(const std::shared_ptr<StreamTask>& task, Duration period);

  net::Server& server_;
  std::atomic<std::uint32_t> kinds_ = 0;
  std::atomic<std::uint64_t> revision_ = 0;
  std::atomic<bool> wake_posted_ = false;
  std::atomic<std::size_t> count_ = 0;
  /// Readers whom the last wake has sent something, perhaps.
  std::atomic<std::size_t> woken_ = 0;
  std::map<std::shared_ptr<StreamTask>, Allowed> tasks_;
  bool check_posted_ = false;
  bool checks_ = false;
};

}  // namespace reeve::api
