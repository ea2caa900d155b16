#include "host/step_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/strings.h"

namespace reeve::host {

namespace {

using platform::FileDescriptor;

constexpr int kExecFailedCode = 127;
/// More room between the step and us: fewer wake-ups for talkative steps.
constexpr int kPipeBytes = 1 << 18;

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) {
    return platform::errno_error("pipe", {});
  }
  return Pipe{.read = FileDescriptor(fds[0]), .write = FileDescriptor(fds[1])};
}

enum class Stage : int { Session, Descriptors, Directory, Exec, Sandbox, Inside };

/// What a child tells its parent before it execs, or why it could not.
struct Failure {
  Stage stage = Stage::Session;
  int error = 0;
  /// Of Sandbox: what was in the way. Of Inside, which is no failure: the process that works now.
  int detail = 0;
};

struct ChildPlan {
  const char* program = nullptr;
  char* const* argv = nullptr;
  char* const* environment = nullptr;
  const char* working_dir = nullptr;
  Streams streams = {};
  int failure = -1;
  pid_t parent = 0;
  const int* inherited = nullptr;
  std::size_t inherited_count = 0;
  const sandbox::Entrance* entrance = nullptr;
};

void tell(const ChildPlan& plan, Stage stage, int detail) {
  const Failure failure{.stage = stage, .error = errno, .detail = detail};
  [[maybe_unused]] const ssize_t count = ::write(plan.failure, &failure, sizeof failure);
}

[[noreturn]] void give_up(const ChildPlan& plan, Stage stage, int detail = 0) {
  tell(plan, stage, detail);
  ::_exit(kExecFailedCode);
}

/// Goes on as another process, in the sandbox; its parent is the shim as well.
void enter(const ChildPlan& plan) {
  sandbox::Obstacle obstacle = sandbox::Obstacle::None;
  const int inside = sandbox::step_inside(*plan.entrance, obstacle);
  if (inside < 0) {
    give_up(plan, Stage::Sandbox, static_cast<int>(obstacle));
  }
  if (inside > 0) {
    tell(plan, Stage::Inside, inside);
    ::_exit(0);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/// The child between clone and exec: system calls only.
[[noreturn]] void become_step(const ChildPlan& plan) {
  for (int signal = 1; signal < NSIG; ++signal) {
    ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // If the shim dies first, its host ends the tree; this makes that prompt for the main process.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent) {
    give_up(plan, Stage::Session);
  }
  if (plan.entrance != nullptr) {
    enter(plan);
  }
  if (::setsid() < 0) {
    give_up(plan, Stage::Session);
  }
  if (::dup2(plan.streams.in, STDIN_FILENO) < 0 || ::dup2(plan.streams.out, STDOUT_FILENO) < 0 ||
      ::dup2(plan.streams.err, STDERR_FILENO) < 0) {
    give_up(plan, Stage::Descriptors);
  }
  for (std::size_t i = 0; i < plan.inherited_count; ++i) {
    if (::fcntl(plan.inherited[i], F_SETFD, 0) < 0) {
      give_up(plan, Stage::Descriptors);
    }
  }
  if (::chdir(plan.working_dir) != 0) {
    give_up(plan, Stage::Directory);
  }
  sandbox::Obstacle obstacle = sandbox::Obstacle::None;
  if (plan.entrance != nullptr && !sandbox::give_up_rights(*plan.entrance, obstacle)) {
    give_up(plan, Stage::Sandbox, static_cast<int>(obstacle));
  }
  ::execve(plan.program, plan.argv, plan.environment);
  give_up(plan, Stage::Exec);
}

/// A new process, born into the cgroup if the kernel can do that: moving it there later would cost
/// milliseconds and leave a gap.
pid_t clone_into(int cgroup) {
  if (cgroup >= 0) {
    clone_args args{};
    args.flags = CLONE_INTO_CGROUP;
    args.exit_signal = SIGCHLD;
    args.cgroup = static_cast<__u64>(cgroup);
    const long pid = ::syscall(SYS_clone3, &args, sizeof args);
    if (pid >= 0) {
      return static_cast<pid_t>(pid);
    }
  }
  return ::fork();
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> list;
  list.reserve(strings.size() + 1);
  for (const std::string& text : strings) {
    // execve takes char* for historical reasons and does not write.
    list.push_back(const_cast<char*>(text.c_str()));  // NOLINT
  }
  list.push_back(nullptr);
  return list;
}

const std::string& program_of(const StepCommand& command) {
  return command.program.empty() ? command.argv.front() : command.program;
}

Error describe(const Failure& failure, const StepCommand& command) {
  errno = failure.error;
  Error error = platform::errno_error("exec", program_of(command));
  const char* text = ::strerrordesc_np(failure.error);
  std::string cause = text != nullptr ? text : concat("error ", failure.error);
  cause[0] = to_lower(cause.substr(0, 1)).front();
  switch (failure.stage) {
    case Stage::Sandbox:
      error.message = concat(
          "in the sandbox, ",
          sandbox::to_string(static_cast<sandbox::Obstacle>(failure.detail)),
          ": ",
          cause
      );
      break;
    case Stage::Inside:
    case Stage::Session:
    case Stage::Descriptors:
      error.message = concat("could not prepare the process: ", cause);
      break;
    case Stage::Directory:
      error.message = concat(cause, ": ", command.working_dir.native());
      break;
    case Stage::Exec:
      if (failure.error == ENOENT && command.entrance != nullptr) {
        error.hint = "a sandbox shows programs of the system only; name others in sandbox.readable";
      }
      error.message = failure.error == E2BIG ? "the environment is too large for a new process"
                                             : concat(cause, ": ", program_of(command));
      break;
  }
  return error;
}

void wait_for(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool read_failure(int fd, Failure& failure) {
  for (;;) {
    const ssize_t count = ::read(fd, &failure, sizeof failure);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    return count == static_cast<ssize_t>(sizeof failure);
  }
}

/// A pipe for what the step says, unless it says it elsewhere.
Result<Pipe> make_output(int given) {
  if (given >= 0) {
    return Pipe{};
  }
  REEVE_TRY(Pipe pipe, make_pipe());
  ::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(pipe.read.get(), F_SETPIPE_SZ, kPipeBytes);
  return pipe;
}

}  // namespace

Result<StepProcess> start_step(const StepCommand& command) {
  const Streams& given = command.streams;
  REEVE_TRY(Pipe out, make_output(given.out));
  REEVE_TRY(Pipe err, make_output(given.err));
  REEVE_TRY(Pipe failure_pipe, make_pipe());
  const FileDescriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) {
    return platform::errno_error("open", "/dev/null");
  }
  const std::vector<char*> argv = pointers(command.argv);
  const std::vector<char*> environment = pointers(command.environment);
  const std::string& program = program_of(command);
  const ChildPlan plan{
      .program = program.c_str(),
      .argv = argv.data(),
      .environment = environment.data(),
      .working_dir = command.working_dir.c_str(),
      .streams =
          {.in = given.in >= 0 ? given.in : null.get(),
           .out = given.out >= 0 ? given.out : out.write.get(),
           .err = given.err >= 0 ? given.err : err.write.get()},
      .failure = failure_pipe.write.get(),
      .parent = ::getpid(),
      .inherited = command.inherited.data(),
      .inherited_count = command.inherited.size(),
      .entrance = command.entrance};
  pid_t pid = clone_into(command.cgroup);
  if (pid < 0) {
    return platform::errno_error("fork", command.argv.front());
  }
  if (pid == 0) {
    become_step(plan);
  }
  failure_pipe.write.reset();
  Failure failure;
  Failure told;
  bool failed = false;
  pid_t inside = 0;
  while (read_failure(failure_pipe.read.get(), failure)) {
    // The new process may be faster than the one that tells of it.
    if (failure.stage == Stage::Inside) {
      inside = failure.detail;
    } else {
      failed = true;
      told = failure;
    }
  }
  if (inside > 0 || failed) {
    wait_for(pid);
  }
  if (failed) {
    if (inside > 0) {
      wait_for(inside);
    }
    return describe(told, command);
  }
  pid = inside > 0 ? inside : pid;
  return StepProcess{.pid = pid, .out = std::move(out.read), .err = std::move(err.read)};
}

}  // namespace reeve::host
