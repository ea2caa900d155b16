#include "executor/container/engine.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <unistd.h>

#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::executor::container {

namespace {

constexpr std::array<const char*, 2> kEngines = {"podman", "docker"};
constexpr Duration kLookAgain{50};
constexpr int kSignalExitBase = 128;

extern "C" char** environ;  // NOLINT: the C library's name

std::string find_program(std::string_view search_path, std::string_view name) {
  for (const std::string_view directory : split(search_path, ':')) {
    std::string path = concat(directory, "/", name);
    if (directory.starts_with('/') && ::access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return {};
}

/// Attributes and actions of one spawn.
class QuietSpawn {
 public:
  QuietSpawn() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    sigset_t signals;
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }

  QuietSpawn(const QuietSpawn&) = delete;
  QuietSpawn& operator=(const QuietSpawn&) = delete;

  ~QuietSpawn() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  Result<pid_t> start(const std::vector<std::string>& argv) {
    std::vector<char*> words;
    for (const std::string& word : argv) {
      words.push_back(const_cast<char*>(word.c_str()));  // NOLINT: the C library does not write
    }
    words.push_back(nullptr);
    pid_t pid = 0;
    const int error = ::posix_spawn(&pid, words[0], &actions_, &attributes_, words.data(), environ);
    if (error != 0) {
      errno = error;
      return platform::errno_error("start", argv.front());
    }
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

Result<int> run_quietly(const std::vector<std::string>& argv, Duration timeout) {
  const Duration deadline = platform::monotonic_now() + timeout;
  QuietSpawn spawn;
  REEVE_TRY(const pid_t pid, spawn.start(argv));
  const platform::FileDescriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) {
      return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalExitBase + WTERMSIG(status);
    }
    if (ended < 0 && errno != EINTR) {
      return platform::errno_error("wait for", argv.front());
    }
    const Duration left = deadline - platform::monotonic_now();
    if (left <= Duration(0)) {
      ::kill(pid, SIGKILL);
      while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
      return make_error(
          ErrorCode::DeadlineExceeded,
          concat(argv.front(), " did not end within ", format_duration(timeout))
      );
    }
    pollfd fd{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    const Duration wait = pidfd ? left : std::min(left, kLookAgain);
    ::poll(&fd, pidfd ? 1 : 0, static_cast<int>(wait.count()));
  }
}

Result<Engine> find_engine(std::string_view search_path) {
  std::vector<std::string> reasons;
  for (const char* kind : kEngines) {
    const std::string program = find_program(search_path, kind);
    if (program.empty()) {
      reasons.push_back(concat(kind, " is not installed"));
      continue;
    }
    const auto code = run_quietly({program, "info"}, kProbeTimeout);
    if (code.ok() && *code == 0) {
      return Engine{.program = program, .kind = kind};
    }
    reasons.push_back(
        code.ok() ? concat(program, " info ends with ", *code) : code.error().message
    );
  }
  Error error = make_error(
      ErrorCode::Unsupported, concat("no container engine works here: ", join(reasons, ", "))
  );
  error.hint = "install and start podman or docker; --local runs such tasks in the local shell";
  return error;
}

}  // namespace reeve::executor::container
