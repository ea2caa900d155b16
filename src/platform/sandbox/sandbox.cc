#include "platform/sandbox/sandbox.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "platform/posix/system.h"
#include "platform/sandbox/facts.h"

namespace reeve::sandbox {

namespace fs = std::filesystem;

namespace {

using platform::FileDescriptor;

constexpr std::size_t kToldBytesMax = 4096;
constexpr int kPlanFd = 3;
constexpr int kToldFd = 4;
/// Descriptors are moved here first, so that placing one cannot overwrite another.
constexpr int kHighFd = 10;

/// What the child needs between clone and exec.
struct Child {
  const char* program;
  char* const* argv;
  char* const* environment;
  int null;
  int plan;
  int told;
};

[[noreturn]] void become_helper(const Child& child) {
  for (int signal = 1; signal < NSIG; ++signal) {
    ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const bool placed = ::dup2(child.null, STDIN_FILENO) >= 0 &&
                      ::dup2(child.null, STDOUT_FILENO) >= 0 &&
                      ::dup2(child.null, STDERR_FILENO) >= 0 && ::dup2(child.plan, kPlanFd) >= 0 &&
                      ::dup2(child.told, kToldFd) >= 0;
  if (placed) {
    ::syscall(SYS_close_range, kToldFd + 1U, ~0U, 0U);
    ::execve(child.program, child.argv, child.environment);
  }
  constexpr int kNotExecutable = 127;
  ::_exit(kNotExecutable);
}

int start(const Child& child, int cgroup) {
  if (cgroup >= 0) {
    clone_args args{};
    args.flags = CLONE_INTO_CGROUP;
    args.exit_signal = SIGCHLD;
    args.cgroup = static_cast<__u64>(cgroup);
    const long pid = ::syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) {
      become_helper(child);
    }
    if (pid > 0) {
      return static_cast<int>(pid);
    }
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    become_helper(child);
  }
  return pid;
}

Result<FileDescriptor> memory_with(const std::string& text) {
  const FileDescriptor memory(::memfd_create("reeve-sandbox", MFD_CLOEXEC));
  if (!memory ||
      ::write(memory.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return platform::errno_error("keep the plan of a sandbox", {});
  }
  FileDescriptor high(::fcntl(memory.get(), F_DUPFD_CLOEXEC, kHighFd));
  if (!high) {
    return platform::errno_error("keep the plan of a sandbox", {});
  }
  return high;
}

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) {
    return platform::errno_error("pipe", {});
  }
  Pipe pipe{.read = FileDescriptor(fds[0]), .write = FileDescriptor(fds[1])};
  FileDescriptor high(::fcntl(pipe.write.get(), F_DUPFD_CLOEXEC, kHighFd));
  if (!high) {
    return platform::errno_error("pipe", {});
  }
  pipe.write = std::move(high);
  return pipe;
}

/// Until the helper is ready, has refused or is gone, or time is up.
Told listen_to(int fd) {
  const Duration give_up = platform::monotonic_now() + kMakingMax;
  std::string text;
  std::array<char, 512> buffer{};
  while (text.size() < kToldBytesMax) {
    const Told told = read_told(text);
    if ((told.ready && told.keeper > 0) || !told.refusal.empty()) {
      break;
    }
    const Duration left = give_up - platform::monotonic_now();
    pollfd waited{.fd = fd, .events = POLLIN, .revents = 0};
    if (left.count() <= 0) {
      break;
    }
    const int count = ::poll(&waited, 1, static_cast<int>(left.count()));
    const ssize_t size = count > 0 ? ::read(fd, buffer.data(), buffer.size()) : 0;
    if ((count < 0 || size < 0) && errno == EINTR) {
      continue;
    }
    if (size <= 0) {
      break;
    }
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return read_told(text);
}

/// Ends what was begun; the keeper, a child of ours too, is reaped by whoever reaps ours.
void give_up(int helper, int keeper) {
  if (keeper > 0) {
    ::kill(keeper, SIGKILL);
    ::waitpid(keeper, nullptr, 0);
  }
  ::kill(helper, SIGKILL);
  ::waitpid(helper, nullptr, 0);
}

/// Sends a process in, which gives up its rights and ends: the obstacle that it met, or 0.
Result<int> try_to_enter(const Entrance& entrance) {
  REEVE_TRY(Pipe pipe, make_pipe());
  const pid_t step = ::fork();
  if (step < 0) {
    return platform::errno_error("fork", {});
  }
  if (step == 0) {
    Obstacle obstacle = Obstacle::None;
    const int inner = step_inside(entrance, obstacle);
    if (inner < 0 || (inner == 0 && !give_up_rights(entrance, obstacle))) {
      [[maybe_unused]] const ssize_t count = ::write(pipe.write.get(), &obstacle, sizeof obstacle);
    } else if (inner > 0) {
      // For our parent, whose child it is: no obstacle is less than 0.
      const int told = -inner;
      [[maybe_unused]] const ssize_t count = ::write(pipe.write.get(), &told, sizeof told);
    }
    ::_exit(0);
  }
  pipe.write.reset();
  std::array<int, 2> words{};
  std::size_t read = 0;
  while (read < words.size()) {
    const ssize_t count = ::read(pipe.read.get(), &words.at(read), sizeof(int));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count != static_cast<ssize_t>(sizeof(int))) {
      break;
    }
    ++read;
  }
  ::waitpid(step, nullptr, 0);
  const int inner = -std::min(words[0], words[1]);
  if (inner > 0) {
    ::waitpid(inner, nullptr, 0);
  }
  const int obstacle = std::max(words[0], words[1]);
  return inner > 0 || obstacle > 0 ? obstacle : static_cast<int>(Obstacle::Process);
}

Error refusal(model::SandboxLevel level, std::string_view why) {
  return make_error(
      ErrorCode::Unsupported,
      concat("this machine gives no sandbox \"", model::to_string(level), "\": ", why),
      "sandbox"
  );
}

}  // namespace

Result<Sandbox> Sandbox::make(const Request& request, const Starter& starter) {
  const model::SandboxLevel level = request.sandbox.level;
  REEVE_TRY(const Plan plan, make_plan(request, look_at(paths_of_interest(request))));
  auto groups = LimitGroups::make(request.sandbox, starter.mark, starter.cgroup_path);
  if (!groups.ok()) {
    Error error = refusal(level, groups.error().message);
    error.hint = groups.error().hint;
    return error;
  }
  Sandbox sandbox(std::move(groups).value(), plan.port != 0);
  REEVE_TRY(const FileDescriptor memory, memory_with(encode(plan)));
  REEVE_TRY(Pipe pipe, make_pipe());
  const FileDescriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  std::array<std::string, 4> words = {"reeve", "sandbox", concat(kPlanFd), concat(kToldFd)};
  std::array<char*, 5> argv = {
      words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
  std::string entry = starter.mark_entry;
  std::array<char*, 2> environment = {entry.empty() ? nullptr : entry.data(), nullptr};
  const std::string program = starter.program.native();
  const Child child{
      .program = program.c_str(),
      .argv = argv.data(),
      .environment = environment.data(),
      .null = null.get(),
      .plan = memory.get(),
      .told = pipe.write.get()};
  const int helper = start(child, starter.cgroup);
  if (helper < 0) {
    sandbox.remove();
    return platform::errno_error("fork", program);
  }
  pipe.write.reset();
  const Told told = listen_to(pipe.read.get());
  if (!told.ready || told.keeper <= 0) {
    give_up(helper, told.keeper);
    sandbox.remove();
    return refusal(
        level, told.refusal.empty() ? "its helper process ended without a word" : told.refusal
    );
  }
  while (::waitpid(helper, nullptr, 0) < 0 && errno == EINTR) {
  }
  sandbox.keeper_ = told.keeper;
  sandbox.handle_.reset(static_cast<int>(::syscall(SYS_pidfd_open, told.keeper, 0)));
  if (!sandbox.handle_) {
    Error error = refusal(level, platform::errno_error("pidfd_open", {}).message);
    give_up(helper, told.keeper);
    sandbox.remove();
    return error;
  }
  sandbox.entrance_ = make_entrance(sandbox.handle_.get(), request.sandbox);
  sandbox.entrance_.groups = sandbox.groups_.joined();
  sandbox.entrance_.processes_max = sandbox.groups_.processes_by_account();
  return sandbox;
}

Result<void> try_level(model::SandboxLevel level, const fs::path& scratch) {
  const fs::path work = scratch / "work";
  REEVE_CHECK(platform::make_directories(work));
  Request request;
  request.sandbox.level = level;
  request.run_dir = scratch;
  request.writable = {"work"};
  request.working_dir = work;
  const std::string mark = concat("probe-", ::getpid());
  Starter starter;
  starter.mark = mark;
  starter.mark_entry = concat("REEVE_MARK=", mark);
  REEVE_TRY(const Sandbox sandbox, Sandbox::make(request, starter));
  const Result<int> met = try_to_enter(sandbox.entrance());
  ::kill(sandbox.keeper(), SIGKILL);
  ::waitpid(sandbox.keeper(), nullptr, 0);
  sandbox.remove();
  REEVE_CHECK(met);
  if (*met != 0) {
    return refusal(level, to_string(static_cast<Obstacle>(*met)));
  }
  return {};
}

}  // namespace reeve::sandbox
