#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "platform/posix/lock_owner.h"

namespace reeve::platform {

/// What to lock, for whom, and how long to wait for it.
struct LockRequest {
  /// Where the locks lie; created if missing. Everyone who uses the lock must be able to write it.
  std::filesystem::path directory;
  /// `[A-Za-z0-9][A-Za-z0-9._-]{0,99}`
  std::string name;
  /// Zero: try once, do not wait.
  Duration timeout{};
  /// Shown to those who wait.
  std::string purpose;
  /// The wait ends with Cancelled when this pipe, eventfd or socket becomes readable; -1: never.
  int cancel_fd = -1;
  /// The process whose life holds the lock; 0: the caller.
  int owner_pid = 0;
};

/// A lock between any processes that share a file system, without a server: whoever holds it owns
/// the directory `<directory>/<name>`, in which `owner.json` tells who that is.
///
/// It lives as long as its owner process: it is taken over as soon as the owner has provably died
/// (killed, zombie, machine rebooted), and never while that is in doubt (other machine, other PID
/// namespace). Nothing is written durably, because no owner outlives a power failure.
///
/// Threading: `acquire` and the functions below from any thread of any process; one object, one
/// thread. The destructor releases, except in a forked child.
class DirectoryLock {
 public:
  /// Waits for the lock and takes it.
  ///
  /// DeadlineExceeded: someone else holds it; the message names the process, machine and time.
  /// Cancelled: see `cancel_fd`. Invalid: the name. Corrupt: the directory is there, but does not
  /// tell who owns it; the hint tells what to do. NotFound: there is no process `owner_pid`.
  static Result<DirectoryLock> acquire(const LockRequest& request);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

  /// The fencing token: greater than that of every earlier holder of this name. Store it with what
  /// the lock protects, so that a holder that was paused and replaced can be told apart.
  std::uint64_t token() const { return token_; }

  /// Gives the lock back. Conflict: it is no longer ours; nothing was changed.
  Result<void> release();

  /// Leaves the lock with its owner process when this object goes; returns the token for
  /// `release_by_token`.
  std::uint64_t detach();

 private:
  DirectoryLock(std::filesystem::path directory, std::string name, std::uint64_t token);

  std::filesystem::path directory_;
  std::string name_;
  std::uint64_t token_ = 0;
  int process_ = 0;
  bool held_ = false;
};

/// Who holds the lock now; nobody: nullopt. Corrupt: as for `acquire`. Changes nothing.
Result<std::optional<LockOwner>> inspect_lock(
    const std::filesystem::path& directory, std::string_view name
);

/// Gives back the lock that was taken with `token`. Conflict: it is not held, or with another
/// token; nothing was changed.
Result<void> release_by_token(
    const std::filesystem::path& directory, std::string_view name, std::uint64_t token
);

/// Whether `token` is still the holder's, now. StaleFence: it is not. A writer that was paused
/// between this check and its write can still be late: compare tokens where the data is written.
Result<void> verify_lock(
    const std::filesystem::path& directory, std::string_view name, std::uint64_t token
);

}  // namespace reeve::platform
