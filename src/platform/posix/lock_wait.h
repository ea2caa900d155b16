#pragma once

#include <filesystem>

#include "base/result.h"
#include "base/time.h"
#include "platform/posix/files.h"
#include "platform/posix/lock_owner.h"

namespace reeve::platform {

/// A moment of the monotonic clock after which a wait ends.
class Deadline {
 public:
  explicit Deadline(Duration timeout);

  /// Zero once the moment has come.
  Duration remaining() const;

 private:
  Duration at_;
};

/// A named pipe through which processes of one machine wake each other. Where the file system has
/// none (or the other side is on another machine), waits become polls.
class WakePipe {
 public:
  /// Opens, creating it if need be; never fails, at worst it is not usable.
  explicit WakePipe(std::filesystem::path path);

  bool usable() const { return static_cast<bool>(fd_); }

  int fd() const { return fd_.get(); }

  /// Takes all wake-ups that have arrived.
  void drain();

  /// Wakes a waiter; forgotten if there is none.
  static void wake(const std::filesystem::path& path);

 private:
  FileDescriptor fd_;
};

/// The seat at the head of the queue for one lock: whoever has it waits for the holder, the others
/// wait for the seat, first come, first served. A process that dies gives its seat up.
class QueueSeat {
 public:
  explicit QueueSeat(std::filesystem::path path);
  ~QueueSeat();
  QueueSeat(const QueueSeat&) = delete;
  QueueSeat& operator=(const QueueSeat&) = delete;

  /// Waits until the seat is ours (true) or `timeout` has passed (false). Cancelled: `cancel_fd`
  /// (-1: none) became readable.
  Result<bool> wait(Duration timeout, int cancel_fd);

 private:
  bool try_take();
  void leave();

  WakePipe pipe_;
  /// Stands in for the pipe where there are none; no fairness then, but the lock still works.
  FileDescriptor file_;
  bool taken_ = false;
};

/// Waits until `owner` may have gone: its release wakes `pipe`, its end is seen through a pidfd.
/// Returns after at most `timeout`, and now and then without cause. Cancelled as above. `round`
/// counts the caller's waits, for the back-off where there is nothing exact to wait for.
Result<void> wait_for_owner(
    const LockOwner& owner, WakePipe& pipe, Duration timeout, int cancel_fd, int round
);

}  // namespace reeve::platform
