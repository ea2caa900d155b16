#include "host/spawn.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "base/strings.h"
#include "host/run_dir.h"
#include "host/shim.h"

namespace reeve::host {

namespace {

using platform::FileDescriptor;

constexpr mode_t kErrorFileMode = 0644;
/// Descriptors are moved here first, so that placing one cannot overwrite another.
constexpr int kHighFd = 10;

extern "C" char** environ;  // NOLINT: the C library's name

Result<FileDescriptor> duplicate_high(int fd, const std::filesystem::path& dir) {
  FileDescriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, kHighFd));
  if (!copy) {
    return platform::errno_error("duplicate a descriptor of", dir);
  }
  return copy;
}

/// Attributes and actions of posix_spawn; remembers the first error of building them.
class SpawnPlan {
 public:
  SpawnPlan() {
    check(::posix_spawn_file_actions_init(&actions_));
    check(::posix_spawnattr_init(&attributes_));
  }

  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void set_streams(
      const std::string& error_file, const std::string& dir, int lock, int ready, int secrets
  ) {
    constexpr int kErrorFlags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW;
    check(::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0));
    check(::posix_spawn_file_actions_addopen(&actions_, 1, "/dev/null", O_WRONLY, 0));
    check(::posix_spawn_file_actions_addopen(
        &actions_, 2, error_file.c_str(), kErrorFlags, kErrorFileMode
    ));
    check(::posix_spawn_file_actions_adddup2(&actions_, lock, kShimLockFd));
    check(::posix_spawn_file_actions_adddup2(&actions_, ready, kShimReadyFd));
    if (secrets >= 0) {
      check(::posix_spawn_file_actions_adddup2(&actions_, secrets, kShimSecretsFd));
    }
    const int first_closed = secrets >= 0 ? kShimSecretsFd + 1 : kShimReadyFd + 1;
    check(::posix_spawn_file_actions_addclosefrom_np(&actions_, first_closed));
    check(::posix_spawn_file_actions_addchdir_np(&actions_, dir.c_str()));
  }

  void set_signals() {
    sigset_t all;
    ::sigfillset(&all);
    check(::posix_spawnattr_setsigdefault(&attributes_, &all));
    // TERM waits until the shim can take it as the request to cancel that it is.
    sigset_t blocked;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGTERM);
    check(::posix_spawnattr_setsigmask(&attributes_, &blocked));
    check(::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
    ));
  }

  int run(const char* program, char* const* argv, pid_t& pid) {
    return error_ != 0 ? error_
                       : ::posix_spawn(&pid, program, &actions_, &attributes_, argv, environ);
  }

 private:
  void check(int error) { error_ = error_ != 0 ? error_ : error; }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  int error_ = 0;
};

}  // namespace

Result<Spawned> spawn_shim(
    const std::filesystem::path& program,
    const std::filesystem::path& dir,
    FileDescriptor lock,
    FileDescriptor secrets
) {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) {
    return platform::errno_error("pipe", dir);
  }
  FileDescriptor ready_read(fds[0]);
  FileDescriptor ready_write(fds[1]);
  ::fcntl(ready_read.get(), F_SETFL, O_NONBLOCK);
  REEVE_TRY(const FileDescriptor high_lock, duplicate_high(lock.get(), dir));
  REEVE_TRY(const FileDescriptor high_ready, duplicate_high(ready_write.get(), dir));
  FileDescriptor high_secrets;
  if (secrets) {
    REEVE_TRY(high_secrets, duplicate_high(secrets.get(), dir));
  }

  SpawnPlan plan;
  plan.set_streams(
      (dir / kShimErrorFile).native(),
      dir.native(),
      high_lock.get(),
      high_ready.get(),
      high_secrets.get()
  );
  plan.set_signals();
  std::vector<std::string> words = {
      "reeve", "shim", dir.native(), concat(kShimLockFd), concat(kShimReadyFd)};
  if (secrets) {
    words.push_back(concat(kShimSecretsFd));
  }
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = plan.run(program.c_str(), argv.data(), pid);
  if (error != 0) {
    errno = error;
    return platform::errno_error("start", program);
  }
  return Spawned{.pid = pid, .ready = std::move(ready_read)};
}

}  // namespace reeve::host
