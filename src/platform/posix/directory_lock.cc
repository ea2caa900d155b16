#include "platform/posix/directory_lock.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <sys/stat.h>

#include "base/strings.h"
#include "platform/posix/files.h"
#include "platform/posix/lock_guard.h"
#include "platform/posix/lock_wait.h"
#include "platform/posix/system.h"

namespace reeve::platform {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kNameLengthMax = 100;
constexpr Duration kReleaseTimeout{10'000};
/// A stopped process at the head of the queue stops the others no longer than this.
constexpr Duration kBargeInterval{1'000};
constexpr std::chrono::hours kLeftoverAge{1};
constexpr mode_t kDirectoryMode = 0777;  // the umask decides
constexpr mode_t kFileMode = 0666;

Result<void> check_name(std::string_view name) {
  const auto letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto allowed = [&](char c) {
    return letter_or_digit(c) || c == '.' || c == '_' || c == '-';
  };
  if (name.empty() || name.size() > kNameLengthMax || !letter_or_digit(name.front()) ||
      !std::all_of(name.begin(), name.end(), allowed)) {
    Error error =
        make_error(ErrorCode::Invalid, concat("\"", name, "\" is not a lock name"), "name");
    error.hint = concat(
        "use 1 to ",
        kNameLengthMax,
        " letters, digits, '.', '_', '-', beginning with a letter or digit"
    );
    return error;
  }
  return {};
}

/// Removes what earlier boots left half done. By age as well, should a file system pretend to lock
/// between machines.
void sweep_leftovers(const LockPaths& paths) {
  const std::string next = concat(".", paths.name, ".next-");
  const std::string old = concat(".", paths.name, ".old-");
  const std::size_t boot_length = boot_id().size();
  std::error_code failed;
  for (fs::directory_iterator at(paths.directory, failed), end; !failed && at != end;
       at.increment(failed)) {
    const std::string entry = at->path().filename().string();
    const bool ours = (entry.starts_with(next) && entry.size() == next.size() + boot_length) ||
                      (entry.starts_with(old) && entry.size() == old.size() + boot_length);
    if (!ours) {
      continue;
    }
    std::error_code unknown;
    const auto changed = fs::last_write_time(at->path(), unknown);
    if (!unknown && changed + kLeftoverAge < fs::file_time_type::clock::now()) {
      // Harmless if it stays: the next boot tries again.
      static_cast<void>(remove_tree(at->path()).ok());
    }
  }
}

/// Takes the lock directory away: first in one step, then its contents. Under the guard.
Result<void> discard(const LockPaths& paths) {
  if (rename(paths.lock.c_str(), paths.old.c_str()) != 0) {
    if (errno != ENOTEMPTY && errno != EEXIST) {
      return lock_error("rename", paths.lock);
    }
    // Whoever discarded before us was killed in the middle.
    REEVE_CHECK(remove_tree(paths.old));
    if (rename(paths.lock.c_str(), paths.old.c_str()) != 0) {
      return lock_error("rename", paths.lock);
    }
  }
  return remove_tree(paths.old);
}

Result<void> create_file(const fs::path& path, std::string_view bytes) {
  const FileDescriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (!fd) {
    return lock_error("open", path);
  }
  if (write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return lock_error("write", path);
  }
  return {};
}

/// Puts a complete lock directory in its place in one step. AlreadyExists: the place is taken.
Result<void> place(const LockPaths& paths, const LockOwner& owner) {
  REEVE_CHECK(remove_tree(paths.next));
  if (mkdir(paths.next.c_str(), kDirectoryMode) != 0) {
    return lock_error("mkdir", paths.next);
  }
  REEVE_CHECK(create_file(paths.next / boot_marker(owner), {}));
  REEVE_CHECK(create_file(paths.next / "owner.json", encode_lock_owner(owner)));
  if (renameat2(AT_FDCWD, paths.next.c_str(), AT_FDCWD, paths.lock.c_str(), RENAME_NOREPLACE) ==
      0) {
    return {};
  }
  // Without that flag, rename still refuses to replace a directory that has something in it.
  if (errno == EINVAL && rename(paths.next.c_str(), paths.lock.c_str()) == 0) {
    return {};
  }
  if (errno == ENOTEMPTY) {
    errno = EEXIST;
  }
  return lock_error("rename", paths.lock);
}

/// The token, or who holds the lock.
struct Attempt {
  std::uint64_t token = 0;
  std::optional<LockOwner> owner;
};

Result<Attempt> try_take(const LockPaths& paths, LockOwner record, Duration timeout) {
  REEVE_TRY(std::optional<LockOwner> seen, read_lock(paths));
  if (seen && seen->state != OwnerState::Dead) {
    return Attempt{.token = 0, .owner = std::move(seen)};
  }
  REEVE_TRY(LockGuard guard, LockGuard::enter(paths, timeout));
  REEVE_TRY(std::optional<LockOwner> owner, read_lock(paths));
  if (owner && owner->state != OwnerState::Dead) {
    return Attempt{.token = 0, .owner = std::move(owner)};
  }
  if (guard.other_boot()) {
    sweep_leftovers(paths);
  }
  // Reserved before the lock changes hands: a crash in between wastes a token, nothing else.
  REEVE_TRY(record.token, guard.next_token(owner ? owner->token : 0));
  if (owner) {
    REEVE_CHECK(discard(paths));
  }
  SystemClock clock;
  record.since = clock.now();
  REEVE_CHECK(place(paths, record));
  return Attempt{.token = record.token, .owner = std::nullopt};
}

Error timed_out(const LockPaths& paths, const LockOwner& owner) {
  Error error = make_error(
      ErrorCode::DeadlineExceeded,
      concat("lock ", paths.name, " is held by ", owner.describe()),
      paths.name
  );
  if (owner.state == OwnerState::Unknown) {
    error.hint = concat(
        "whether that process still runs cannot be told from here; if it is gone for good, remove ",
        paths.lock.string()
    );
  }
  return error;
}

}  // namespace

DirectoryLock::DirectoryLock(fs::path directory, std::string name, std::uint64_t token)
    : directory_(std::move(directory)),
      name_(std::move(name)),
      token_(token),
      process_(getpid()),
      held_(true) {}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : directory_(std::move(other.directory_)),
      name_(std::move(other.name_)),
      token_(other.token_),
      process_(other.process_),
      held_(std::exchange(other.held_, false)) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  if (this != &other) {
    if (held_ && process_ == getpid()) {
      static_cast<void>(release().ok());
    }
    directory_ = std::move(other.directory_);
    name_ = std::move(other.name_);
    token_ = other.token_;
    process_ = other.process_;
    held_ = std::exchange(other.held_, false);
  }
  return *this;
}

DirectoryLock::~DirectoryLock() {
  if (held_ && process_ == getpid()) {
    // If it cannot be released, it is taken over when this process ends.
    static_cast<void>(release().ok());
  }
}

Result<DirectoryLock> DirectoryLock::acquire(const LockRequest& request) {
  REEVE_CHECK(check_name(request.name));
  REEVE_TRY(LockOwner record, lock_owner_of(request.owner_pid > 0 ? request.owner_pid : getpid()));
  record.purpose = request.purpose;
  REEVE_CHECK(make_directories(request.directory, kDirectoryMode));

  const LockPaths paths(request.directory, request.name);
  const Deadline deadline(request.timeout);
  QueueSeat seat(paths.queue);
  WakePipe pipe(paths.wake);
  for (int round = 0;; ++round) {
    const Duration patience = std::min(deadline.remaining(), kBargeInterval);
    REEVE_TRY(const bool seated, seat.wait(patience, request.cancel_fd));
    auto attempt = try_take(paths, record, deadline.remaining());
    // Someone outside this protocol put a directory there: read what it is.
    const bool taken_meanwhile = !attempt.ok() && attempt.error().code == ErrorCode::AlreadyExists;
    if (!attempt.ok() && !taken_meanwhile) {
      return std::move(attempt).error();
    }
    if (!taken_meanwhile && !attempt->owner) {
      return DirectoryLock(request.directory, request.name, attempt->token);
    }
    const Duration remaining = deadline.remaining();
    if (remaining == Duration{0}) {
      return taken_meanwhile ? std::move(attempt).error() : timed_out(paths, *attempt->owner);
    }
    if (seated) {
      const LockOwner owner = taken_meanwhile ? LockOwner{} : *attempt->owner;
      REEVE_CHECK(wait_for_owner(owner, pipe, remaining, request.cancel_fd, round));
    }
  }
}

Result<void> DirectoryLock::release() {
  if (!held_) {
    return make_error(
        ErrorCode::Conflict, concat("lock ", name_, " was already given back"), name_
    );
  }
  auto released = release_by_token(directory_, name_, token_);
  // After a Conflict there is nothing left to give back; after other errors there is.
  if (released.ok() || released.error().code == ErrorCode::Conflict) {
    held_ = false;
  }
  return released;
}

std::uint64_t DirectoryLock::detach() {
  held_ = false;
  return token_;
}

Result<std::optional<LockOwner>> inspect_lock(const fs::path& directory, std::string_view name) {
  REEVE_CHECK(check_name(name));
  return read_lock(LockPaths(directory, name));
}

Result<void> release_by_token(
    const fs::path& directory, std::string_view name, std::uint64_t token
) {
  REEVE_CHECK(check_name(name));
  const LockPaths paths(directory, name);
  {
    REEVE_TRY(const std::optional<LockOwner> seen, read_lock(paths));
    if (!seen) {
      return make_error(ErrorCode::Conflict, concat("lock ", name, " is not held"), paths.name);
    }
    REEVE_TRY(const LockGuard guard, LockGuard::enter(paths, kReleaseTimeout));
    REEVE_TRY(const std::optional<LockOwner> owner, read_lock(paths));
    if (!owner || owner->token != token) {
      return make_error(
          ErrorCode::Conflict,
          concat(
              "lock ",
              name,
              " is not held with token ",
              token,
              owner ? concat(" but by ", owner->describe()) : std::string()
          ),
          paths.name
      );
    }
    REEVE_CHECK(discard(paths));
  }
  WakePipe::wake(paths.wake);
  return {};
}

Result<void> verify_lock(const fs::path& directory, std::string_view name, std::uint64_t token) {
  REEVE_TRY(const std::optional<LockOwner> owner, inspect_lock(directory, name));
  if (owner && owner->token == token) {
    return {};
  }
  return make_error(
      ErrorCode::StaleFence,
      concat(
          "token ",
          token,
          " of lock ",
          name,
          " has been superseded: ",
          owner ? concat("held by ", owner->describe()) : std::string("nobody holds it")
      ),
      std::string(name)
  );
}

}  // namespace reeve::platform
