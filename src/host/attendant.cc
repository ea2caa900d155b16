#include "host/attendant.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "host/attend.h"
#include "host/attend_order.h"
#include "host/cgroup.h"
#include "host/process_tree.h"
#include "host/run_secrets.h"
#include "host/step_process.h"
#include "platform/posix/system.h"
#include "platform/sandbox/sandbox.h"

namespace reeve::host {

namespace fs = std::filesystem;

namespace {

using platform::FileDescriptor;

constexpr int kUsage = 2;
constexpr int kHighFd = 10;

void take_over_signals() {
  sigset_t blocked;
  ::sigemptyset(&blocked);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) {
    ::sigaddset(&blocked, signal);
    ::signal(signal, SIG_DFL);
  }
  ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGQUIT}) {
    ::signal(signal, SIG_IGN);
  }
}

/// The streams of the program are its own: nobody else keeps them open.
Result<std::vector<FileDescriptor>> take_streams() {
  std::vector<FileDescriptor> streams;
  const FileDescriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    streams.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, kHighFd));
    if (!null || !streams.back() || ::dup2(null.get(), fd) < 0) {
      return platform::errno_error("take over", "the standard streams");
    }
  }
  return streams;
}

/// One program from start to end. Single-threaded.
class Attendant {
 public:
  explicit Attendant(AttendantOrder order)
      : order_(std::move(order)), mark_(order_.directory.filename().native()) {}

  int run() {
    const Result<void> started = start();
    if (started) {
      tell("started");
      watch();
    }
    end_tree();
    const std::string outcome =
        started ? concat("ended ", how_it_ended()) : concat("failed ", in_words(started.error()));
    // Whoever waits for it need not wait for what is removed.
    tell(outcome);
    if (sandbox_) {
      sandbox_->remove();
    }
    if (cgroup_) {
      cgroup_->remove();
    }
    // Nothing of it is of use to anybody; what cannot be removed now goes with the next start.
    (void)platform::remove_tree(order_.directory);
    return 0;
  }

 private:
  static std::string in_words(const Error& error) {
    std::string words =
        error.hint.empty() ? error.message : concat(error.message, " (", error.hint, ")");
    std::replace(words.begin(), words.end(), '\n', ' ');
    return words;
  }

  Result<void> start() {
    sigset_t taken;
    ::sigemptyset(&taken);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) {
      ::sigaddset(&taken, signal);
    }
    signals_.reset(::signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!signals_ || ::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
      return platform::errno_error("signalfd", order_.directory);
    }
    REEVE_TRY(const std::vector<FileDescriptor> streams, take_streams());
    cgroup_ = Cgroup::create(mark_);
    REEVE_CHECK(furnish());
    oom_before_ = oom_kills();
    StepCommand command;
    command.argv = order_.argv;
    command.program = order_.program;
    command.working_dir = order_.directory / kProgramWorkDir;
    command.cgroup = cgroup_ ? cgroup_->directory() : -1;
    command.streams = {.in = streams[0].get(), .out = streams[1].get(), .err = streams[2].get()};
    command.entrance = sandbox_ ? &sandbox_->entrance() : nullptr;
    for (const Secret& variable : order_.environment) {
      command.environment.emplace_back(variable.view());
    }
    Result<StepProcess> process = start_step(command);
    for (std::string& variable : command.environment) {
      wipe(variable);
    }
    order_.environment.clear();
    if (!process) {
      return process.error();
    }
    pid_ = process->pid;
    return {};
  }

  /// What is asked for and cannot be had is an error: nothing is ever started with less.
  Result<void> furnish() {
    if (!order_.sandbox.active()) {
      return {};
    }
    sandbox::Request request;
    request.sandbox = order_.sandbox;
    request.data_dir = order_.data_dir;
    request.run_dir = order_.directory;
    request.writable = {kProgramWorkDir};
    request.working_dir = order_.directory / kProgramWorkDir;
    sandbox::Starter starter;
    starter.mark = mark_;
    if (cgroup_) {
      starter.cgroup = cgroup_->directory();
      starter.cgroup_path = cgroup_->path();
    }
    REEVE_TRY(sandbox::Sandbox made, sandbox::Sandbox::make(request, starter));
    sandbox_.emplace(std::move(made));
    return {};
  }

  void watch() {
    while (!exited_) {
      std::array<pollfd, 2> fds = {
          {{.fd = signals_.get(), .events = POLLIN, .revents = 0},
           // Once it has said what there was to say, it would be heard again and again.
           {.fd = ending_ ? -1 : kAttendLifeFd, .events = POLLIN, .revents = 0}}};
      ::poll(fds.data(), fds.size(), patience());
      const bool asked = take_signals();
      // One that has ended before it was told to has ended by itself.
      reap();
      if (!exited_ && !ending_ && (asked || fds[1].revents != 0)) {
        ending_ = platform::monotonic_now();
      }
      if (ending_ && !exited_ && !act_on_end()) {
        return;
      }
    }
  }

  /// Milliseconds until something is due.
  int patience() const {
    if (!ending_) {
      return -1;
    }
    const Duration due = *ending_ + kProgramOwnTime + (told_ ? kProgramGrace : Duration(0));
    return static_cast<int>(std::max<std::int64_t>((due - platform::monotonic_now()).count(), 0));
  }

  /// Tells it to end, in time; false: it has had its time.
  bool act_on_end() {
    const Duration passed = platform::monotonic_now() - *ending_;
    if (!told_ && passed >= kProgramOwnTime) {
      told_ = true;
      ::kill(-pid_, SIGTERM);
      // A stopped process cannot act on TERM before it is continued.
      ::kill(-pid_, SIGCONT);
    }
    return passed < kProgramOwnTime + kProgramGrace;
  }

  /// Whether one of them asks for the end.
  bool take_signals() const {
    bool asked = false;
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      asked = asked || info.ssi_signo != static_cast<std::uint32_t>(SIGCHLD);
    }
    return asked;
  }

  void reap() {
    for (;;) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid <= 0) {
        return;
      }
      note_end(pid, status);
    }
  }

  void note_end(int pid, int status) {
    if (pid == pid_ && !exited_) {
      exited_ = true;
      status_ = status;
    }
  }

  void end_tree() {
    killed_ = pid_ > 0 && !exited_;
    const auto kill_group = [this] {
      if (cgroup_) {
        cgroup_->kill_all();
      }
      return cgroup_.has_value();
    };
    (void)kill_own_tree(kill_group, [this](int pid, int status) { note_end(pid, status); });
  }

  std::uint64_t oom_kills() const {
    return machine_oom_kills() + (cgroup_ ? cgroup_->oom_kills() : 0);
  }

  std::string how_it_ended() const {
    if (killed_ || ending_) {
      return killed_ ? "killed, as it did not end when it was told to" : "it was told to";
    }
    if (!WIFSIGNALED(status_)) {
      return concat("exited with code ", WEXITSTATUS(status_));
    }
    const int signal = WTERMSIG(status_);
    if (signal == SIGKILL && oom_kills() > oom_before_) {
      return "killed because memory ran out";
    }
    const char* name = ::sigabbrev_np(signal);
    return name != nullptr ? concat("killed by SIG", name) : concat("killed by signal ", signal);
  }

  static void tell(std::string line) {
    line.push_back('\n');
    // Whoever started us may be gone.
    [[maybe_unused]] const ssize_t count = ::write(kAttendControlFd, line.data(), line.size());
  }

  AttendantOrder order_;
  std::string mark_;
  FileDescriptor signals_;
  std::optional<Cgroup> cgroup_;
  std::optional<sandbox::Sandbox> sandbox_;
  std::uint64_t oom_before_ = 0;
  int pid_ = 0;
  bool exited_ = false;
  int status_ = 0;
  /// Since when it is to end, and whether it has been told so.
  std::optional<Duration> ending_;
  bool told_ = false;
  bool killed_ = false;
};

}  // namespace

int attendant_main(int argc, char** argv) {
  const bool called = argc == 2 && std::string_view(argv[1]) == "attend" &&
                      ::fcntl(kAttendOrderFd, F_SETFD, FD_CLOEXEC) == 0 &&
                      ::fcntl(kAttendControlFd, F_SETFD, FD_CLOEXEC) == 0 &&
                      ::fcntl(kAttendLifeFd, F_SETFD, FD_CLOEXEC) == 0;
  if (!called) {
    std::fputs("usage: reeve attend (started by reeve up, with an order)\n", stderr);
    return kUsage;
  }
  take_over_signals();
  guard_memory();
  Result<AttendantOrder> order = order_from_memory(kAttendOrderFd);
  ::close(kAttendOrderFd);
  if (!order) {
    return kUsage;
  }
  return Attendant(std::move(*order)).run();
}

}  // namespace reeve::host
