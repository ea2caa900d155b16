#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "platform/posix/files.h"
#include "platform/posix/lock_owner.h"
#include "platform/posix/lock_wait.h"

namespace reeve::platform {

/// The names around one lock. Those that begin with a dot are nobody's lock: names cannot.
struct LockPaths {
  LockPaths(const std::filesystem::path& locks, std::string_view lock_name);

  std::filesystem::path directory;
  std::string name;
  std::filesystem::path lock;
  /// Its flock serialises every change; it holds the last token.
  std::filesystem::path guard;
  std::filesystem::path queue;
  std::filesystem::path wake;
  /// Being prepared, or being removed; only ever touched by the holder of the guard.
  std::filesystem::path next;
  std::filesystem::path old;
};

/// `errno_error` with what matters for a directory that several users may share.
Error lock_error(std::string_view call, const std::filesystem::path& path);

/// The name of the empty file that tells the owner's boot even when a power failure has emptied
/// `owner.json`: the names in a directory survive what the contents of new files do not.
std::string boot_marker(const LockOwner& owner);

/// Who holds the lock now and in which state; nobody: nullopt. Corrupt: the directory is there, but
/// has no readable record. An owner known by its marker only has token 0.
Result<std::optional<LockOwner>> read_lock(const LockPaths& paths);

/// The right to change one lock, held for microseconds, from construction to destruction.
class LockGuard {
 public:
  /// DeadlineExceeded: another process keeps it, so it must have been stopped. Unsupported: no
  /// flock on this file system.
  static Result<LockGuard> enter(const LockPaths& paths, Duration timeout);

  LockGuard(LockGuard&&) = default;
  LockGuard& operator=(LockGuard&&) = delete;
  ~LockGuard();

  /// Whether the last change was made in another boot (or the file is new).
  bool other_boot() const;

  /// Reserves the next token, greater than the last one and than `seen`. A lost file cannot make it
  /// go backwards: it is at least the clock in microseconds.
  Result<std::uint64_t> next_token(std::uint64_t seen);

 private:
  LockGuard() = default;

  Result<void> take(const LockPaths& paths, const Deadline& deadline);
  void load();

  std::filesystem::path path_;
  FileDescriptor fd_;
  std::uint64_t last_ = 0;
  std::string boot_;
};

}  // namespace reeve::platform
