#include "host/shim.h"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <string_view>
#include <unistd.h>

#include <sys/prctl.h>

#include "base/strings.h"
#include "host/cgroup.h"
#include "host/exit_file.h"
#include "host/run_dir.h"
#include "host/run_secrets.h"
#include "host/run_supervisor.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::host {

namespace fs = std::filesystem;

namespace {

struct Arguments {
  fs::path dir;
  int lock_fd = -1;
  int ready_fd = -1;
  /// -1: the run has no credentials.
  int secrets_fd = -1;
};

std::optional<int> parse_fd(const char* text) {
  const std::string_view digits = text;
  int fd = -1;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), fd);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == digits.data() + digits.size();
  if (!whole || fd <= STDERR_FILENO || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return std::nullopt;
  }
  return fd;
}

std::optional<Arguments> parse_arguments(int argc, char** argv) {
  constexpr int kArguments = 5;
  if ((argc != kArguments && argc != kArguments + 1) || std::string_view(argv[1]) != "shim" ||
      argv[2][0] != '/') {
    return std::nullopt;
  }
  const auto lock_fd = parse_fd(argv[3]);
  const auto ready_fd = parse_fd(argv[4]);
  const auto secrets_fd = argc > kArguments ? parse_fd(argv[kArguments]) : std::optional(-1);
  if (!lock_fd || !ready_fd || !secrets_fd) {
    return std::nullopt;
  }
  return Arguments{
      .dir = argv[2], .lock_fd = *lock_fd, .ready_fd = *ready_fd, .secrets_fd = *secrets_fd};
}

void take_over_signals() {
  sigset_t blocked;
  ::sigemptyset(&blocked);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD, kLookSignal}) {
    ::sigaddset(&blocked, signal);
    // An ignored signal would never reach the signalfd; an ignored SIGCHLD would reap behind us.
    ::signal(signal, SIG_DFL);
  }
  ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  for (const int signal : {SIGHUP, SIGPIPE, SIGXFSZ, SIGQUIT}) {
    ::signal(signal, SIG_IGN);
  }
}

int complain(const Error& error) {
  std::fprintf(stderr, "reeve shim: %s\n", error.describe().c_str());
  return kShimNotStarted;
}

Result<void> announce(const Arguments& arguments, Fence fence, const Cgroup* cgroup) {
  const ShimRecord record{
      .pid = ::getpid(),
      .start_time = platform::process_start_time(::getpid()),
      .boot_id = platform::boot_id(),
      .fence = fence,
      .cgroup = cgroup != nullptr ? cgroup->path().native() : std::string()};
  REEVE_CHECK(platform::replace_file(arguments.dir / kShimFile, encode(record)));
  // A host that is gone by now adopts us later.
  [[maybe_unused]] const ssize_t count = ::write(arguments.ready_fd, "r", 1);
  ::close(arguments.ready_fd);
  return {};
}

Result<RunSecrets> take_secrets(const Arguments& arguments) {
  if (arguments.secrets_fd < 0) {
    return RunSecrets();
  }
  guard_memory();
  auto secrets = RunSecrets::from_memory(arguments.secrets_fd);
  ::close(arguments.secrets_fd);
  return secrets;
}

int supervise(const Arguments& arguments) {
  auto spec = read_spec(arguments.dir);
  if (!spec.ok()) {
    return complain(spec.error());
  }
  auto secrets = take_secrets(arguments);
  if (!secrets.ok()) {
    return complain(secrets.error());
  }
  const Fence fence = spec->fence;
  auto exit_file = ExitFile::prepare(arguments.dir, spec->spec.steps.size());
  if (!exit_file.ok()) {
    return complain(exit_file.error());
  }
  auto cgroup = Cgroup::create(spec->mark);
  Cgroup* group = cgroup ? &*cgroup : nullptr;
  RunSupervisor supervisor(
      arguments.dir, std::move(spec).value(), std::move(secrets).value(), group
  );
  auto ready = supervisor.prepare();
  if (ready.ok()) {
    ready = announce(arguments, fence, group);
  }
  if (!ready.ok()) {
    if (group != nullptr) {
      group->remove();
    }
    return complain(ready.error());
  }
  const ExitRecord record = supervisor.run();
  if (group != nullptr) {
    group->remove();
  }
  const auto written = exit_file->commit(record);
  if (!written.ok()) {
    complain(written.error());
    return kShimUnrecorded;
  }
  return kShimDone;
}

}  // namespace

int shim_main(int argc, char** argv) {
  take_over_signals();
  const auto arguments = parse_arguments(argc, argv);
  if (!arguments) {
    std::fputs(
        "usage: reeve shim RUNDIR LOCK_FD READY_FD [SECRETS_FD] (started by a host)\n", stderr
    );
    return kShimUsage;
  }
  // Orphans of the run become our children: none can leave the tree.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
    return complain(platform::errno_error("prctl", arguments->dir));
  }
  return supervise(*arguments);
}

}  // namespace reeve::host
