#include "executor/agent/child.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::executor::agent {

namespace {

using platform::FileDescriptor;

/// Most time that is counted between two looks.
constexpr Duration kCountedMax{2'000};
/// Between asking it to end and ending it.
constexpr Duration kGrace{5000};
/// How long a poll may last when there is a time limit.
constexpr std::int64_t kPollMillisMax = 1000;
constexpr int kSignalBase = 128;

/// What is written here can be read from the start.
Result<FileDescriptor> memory_with(std::string_view bytes) {
  FileDescriptor memory(::memfd_create("agent-input", MFD_CLOEXEC));
  while (memory && !bytes.empty()) {
    const ssize_t count = ::write(memory.get(), bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) {
      return platform::errno_error("write", "the input");
    }
    bytes.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
  }
  if (!memory || ::lseek(memory.get(), 0, SEEK_SET) != 0) {
    return platform::errno_error("memfd_create", "the input");
  }
  return memory;
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

/// Takes bytes, gives lines.
class Lines {
 public:
  Lines(std::size_t bytes_max, const std::function<void(std::string_view)>& take)
      : bytes_max_(bytes_max), take_(take) {}

  void add(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      const std::string_view piece = bytes.substr(0, end);
      too_long_ = too_long_ || line_.size() + piece.size() > bytes_max_;
      if (!too_long_) {
        line_ += piece;
      }
      if (end == std::string_view::npos) {
        return;
      }
      finish();
      bytes.remove_prefix(end + 1);
    }
  }

  void finish() {
    if (!too_long_ && !line_.empty()) {
      take_(line_);
    }
    line_.clear();
    too_long_ = false;
  }

 private:
  std::size_t bytes_max_;
  const std::function<void(std::string_view)>& take_;
  std::string line_;
  bool too_long_ = false;
};

class Child {
 public:
  Child(const ChildCommand& command, Lines lines)
      : command_(command), lines_(std::move(lines)), seen_(platform::monotonic_now()) {}

  Result<ChildEnd> run() {
    REEVE_CHECK(start());
    while (wait_for_something()) {
      limit_time();
    }
    lines_.finish();
    return end_;
  }

 private:
  Result<void> start() {
    REEVE_TRY(const FileDescriptor input, memory_with(command_.input));
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
      return platform::errno_error("pipe2", command_.argv.front());
    }
    out_.reset(ends[0]);
    const FileDescriptor theirs(ends[1]);
    // Programs expect to be able to wait for room.
    ::fcntl(theirs.get(), F_SETFL, 0);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDOUT_FILENO);
    sigset_t usual;
    ::sigemptyset(&usual);
    ::sigaddset(&usual, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes, &usual);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    std::vector<std::string> words = command_.argv;
    std::vector<std::string> variables;
    for (const auto& [name, value] : command_.environment) {
      variables.push_back(concat(name, "=", value));
    }
    const int failed = ::posix_spawnp(
        &pid_,
        words.front().c_str(),
        &actions,
        &attributes,
        pointers_to(words).data(),
        pointers_to(variables).data()
    );
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
      errno = failed;
      Error error = platform::errno_error("start", words.front());
      error.hint = failed == ENOENT ? "install it, or name it in cli.argv of the agent" : "";
      return error;
    }
    process_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0U)));
    return {};
  }

  /// Whether there is more to come.
  bool wait_for_something() {
    std::array<pollfd, 2> fds = {
        {{.fd = out_.get(), .events = POLLIN, .revents = 0},
         {.fd = process_.get(), .events = POLLIN, .revents = 0}}};
    const bool limited = command_.duration > Duration(0) || !process_;
    ::poll(fds.data(), fds.size(), limited ? static_cast<int>(kPollMillisMax) : -1);
    const bool open = drain();
    int status = 0;
    // With nothing to read any more only its end is waited for; what it has left behind may keep
    // the pipe open for ever and is not waited for.
    if (::waitpid(pid_, &status, open ? WNOHANG : 0) != pid_) {
      return true;
    }
    drain();
    end_.code = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalBase + WTERMSIG(status);
    return false;
  }

  /// Takes what is there; whether more may come.
  bool drain() {
    std::array<char, std::size_t{64} << 10U> buffer{};
    while (out_) {
      const ssize_t count = ::read(out_.get(), buffer.data(), buffer.size());
      if (count > 0) {
        lines_.add(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
      } else if (count == 0) {
        out_.reset();
      } else if (errno != EINTR) {
        return true;
      }
    }
    // A time limit must be able to end what has closed its output.
    return command_.duration > Duration(0);
  }

  void limit_time() {
    const Duration now = platform::monotonic_now();
    // We look far more often than this: what is missing is time for which the run stood still.
    elapsed_ += std::min(now - seen_, kCountedMax);
    seen_ = now;
    if (command_.duration <= Duration(0) || elapsed_ < command_.duration) {
      return;
    }
    ::kill(pid_, elapsed_ < command_.duration + kGrace ? SIGTERM : SIGKILL);
    end_.timed_out = true;
  }

  const ChildCommand& command_;
  Lines lines_;
  /// When time was counted last, and how much of it there was.
  Duration seen_;
  Duration elapsed_{0};
  pid_t pid_ = 0;
  FileDescriptor out_;
  FileDescriptor process_;
  ChildEnd end_;
};

}  // namespace

Result<ChildEnd> run_child(
    const ChildCommand& command,
    std::size_t line_bytes_max,
    const std::function<void(std::string_view)>& take
) {
  return Child(command, Lines(line_bytes_max, take)).run();
}

}  // namespace reeve::executor::agent
