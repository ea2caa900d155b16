#include "platform/posix/lock_guard.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <sched.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <sys/file.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "platform/posix/system.h"

namespace reeve::platform {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kRecordBytesMax = std::uint64_t{64} << 10U;
constexpr int kReadAttemptsMax = 16;
constexpr int kGuardYieldsMax = 32;
constexpr int kGuardReopensMax = 16;
/// The guard is held for microseconds, unless its holder was stopped in between.
constexpr Duration kGuardTimeoutMin{100};
constexpr mode_t kGuardMode = 0666;  // the umask decides
constexpr std::string_view kMarkerPrefix = "boot.";

/// For a lock directory without a readable record.
Result<std::optional<LockOwner>> owner_from_marker(const LockPaths& paths) {
  std::error_code failed;
  for (fs::directory_iterator at(paths.lock, failed), end; !failed && at != end;
       at.increment(failed)) {
    const std::string entry = at->path().filename().string();
    const std::size_t at_sign = entry.find('@');
    if (!entry.starts_with(kMarkerPrefix) || at_sign == std::string::npos) {
      continue;
    }
    LockOwner owner;
    owner.boot_id = entry.substr(kMarkerPrefix.size(), at_sign - kMarkerPrefix.size());
    owner.host = entry.substr(at_sign + 1);
    if (owner.host == host_name() && owner.boot_id != boot_id()) {
      owner.state = OwnerState::Dead;
      return std::optional<LockOwner>(owner);
    }
  }
  Error error = make_error(
      ErrorCode::Corrupt,
      concat(
          "lock ",
          paths.name,
          " does not tell who holds it: ",
          paths.lock.string(),
          " has no readable owner record"
      ),
      paths.name
  );
  error.hint = "if nothing uses it, remove that directory";
  return error;
}

}  // namespace

LockPaths::LockPaths(const fs::path& locks, std::string_view lock_name)
    : directory(locks),
      name(lock_name),
      lock(locks / name),
      guard(locks / concat(".", name, ".guard")),
      queue(locks / concat(".", name, ".queue")),
      wake(locks / concat(".", name, ".wake")),
      next(locks / concat(".", name, ".next-", boot_id())),
      old(locks / concat(".", name, ".old-", boot_id())) {}

Error lock_error(std::string_view call, const fs::path& path) {
  Error error = errno_error(call, path);
  if (error.code == ErrorCode::PermissionDenied) {
    error.hint = "everyone who uses the lock needs write permission for its directory";
  }
  return error;
}

std::string boot_marker(const LockOwner& owner) {
  return concat(kMarkerPrefix, owner.boot_id, "@", owner.host);
}

Result<std::optional<LockOwner>> read_lock(const LockPaths& paths) {
  for (int attempt = 0; attempt < kReadAttemptsMax; ++attempt) {
    const auto bytes = read_file(paths.lock / "owner.json", kRecordBytesMax);
    if (bytes.ok()) {
      auto owner = decode_lock_owner(*bytes);
      if (!owner.ok()) {
        break;
      }
      owner->state = state_of(*owner);
      return std::optional<LockOwner>(std::move(owner).value());
    }
    if (bytes.error().code != ErrorCode::NotFound) {
      return bytes.error();
    }

    struct stat info {};

    if (lstat(paths.lock.c_str(), &info) != 0) {
      if (errno == ENOENT) {
        return std::optional<LockOwner>();
      }
      return lock_error("stat", paths.lock);
    }
    // A release came between the two looks: look again.
  }
  return owner_from_marker(paths);
}

Result<LockGuard> LockGuard::enter(const LockPaths& paths, Duration timeout) {
  const Deadline deadline(std::max(timeout, kGuardTimeoutMin));
  for (int reopen = 0; reopen < kGuardReopensMax; ++reopen) {
    LockGuard guard;
    guard.path_ = paths.guard;
    guard.fd_.reset(open(paths.guard.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kGuardMode)
    );
    if (!guard.fd_) {
      return lock_error("open", paths.guard);
    }
    REEVE_CHECK(guard.take(paths, deadline));

    struct stat ours {};

    struct stat current {};

    if (fstat(guard.fd_.get(), &ours) == 0 && stat(paths.guard.c_str(), &current) == 0 &&
        ours.st_dev == current.st_dev && ours.st_ino == current.st_ino) {
      guard.load();
      return guard;
    }
    // Someone tidied the file away; the new one is what counts.
  }
  return make_error(ErrorCode::Unavailable, concat(paths.guard.string(), " keeps changing"));
}

LockGuard::~LockGuard() {
  if (fd_) {
    // Not left to close: a child forked meanwhile may share the descriptor.
    flock(fd_.get(), LOCK_UN);
  }
}

bool LockGuard::other_boot() const {
  return boot_ != boot_id();
}

Result<std::uint64_t> LockGuard::next_token(std::uint64_t seen) {
  constexpr std::uint64_t kMicrosPerMilli = 1000;
  SystemClock clock;
  const auto micros =
      static_cast<std::uint64_t>(std::max<std::int64_t>(to_unix_millis(clock.now()), 0)) *
      kMicrosPerMilli;
  const std::uint64_t token = std::max({last_ + 1, seen + 1, micros});
  const std::string text = concat(token, " ", boot_id(), "\n");
  if (pwrite(fd_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ftruncate(fd_.get(), static_cast<off_t>(text.size())) != 0) {
    return lock_error("write", path_);
  }
  last_ = token;
  return token;
}

Result<void> LockGuard::take(const LockPaths& paths, const Deadline& deadline) {
  SystemRandom random;
  for (int attempt = 0; flock(fd_.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      Error error = lock_error("flock", path_);
      error.code = ErrorCode::Unsupported;
      error.hint = "put the locks on a file system that supports flock";
      return error;
    }
    if (attempt < kGuardYieldsMax) {
      sched_yield();
      continue;
    }
    if (deadline.remaining() == Duration{0}) {
      Error error = make_error(
          ErrorCode::DeadlineExceeded,
          concat("lock ", paths.name, " is being changed by a process that does not finish"),
          paths.name
      );
      error.hint = concat("see who has ", path_.string(), " open; it may be stopped");
      return error;
    }
    constexpr std::uint64_t kPauseMicrosMin = 100;
    constexpr std::uint64_t kPauseMicrosSpread = 900;
    usleep(static_cast<useconds_t>(kPauseMicrosMin + random.next() % kPauseMicrosSpread));
  }
  return {};
}

void LockGuard::load() {
  constexpr std::size_t kGuardBytesMax = 128;
  char bytes[kGuardBytesMax] = {};
  const ssize_t count = pread(fd_.get(), bytes, sizeof(bytes), 0);
  const std::string_view text(bytes, count > 0 ? static_cast<std::size_t>(count) : 0);
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), last_);
  if (parsed.ec == std::errc{}) {
    boot_ = trim(text.substr(static_cast<std::size_t>(parsed.ptr - text.data())));
  } else {
    last_ = 0;
  }
}

}  // namespace reeve::platform
