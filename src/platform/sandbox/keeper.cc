#include "platform/sandbox/keeper.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sched.h>
#include <string_view>
#include <unistd.h>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "platform/posix/files.h"
#include "platform/sandbox/plan.h"
#include "platform/sandbox/relay.h"
#include "platform/sandbox/tree.h"

namespace reeve::sandbox {

namespace {

using model::SandboxLevel;
using platform::FileDescriptor;

constexpr int kUsage = 2;
constexpr int kRefused = 3;
constexpr const char* kHostName = "sandbox";

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

void tell(int fd, std::string_view line) {
  while (!line.empty()) {
    const ssize_t count = ::write(fd, line.data(), line.size());
    if (count < 0 && errno != EINTR) {
      return;  // whoever has started us is gone, and so will we be
    }
    line.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
  }
}

int refuse(int fd, const Error& error) {
  tell(fd, refusal_line(error.describe()));
  return kRefused;
}

Error unsupported(std::string message, int error, std::string hint) {
  const char* text = ::strerrordesc_np(error);
  Error refusal =
      make_error(ErrorCode::Unsupported, concat(message, ": ", text != nullptr ? text : "error"));
  refusal.hint = std::move(hint);
  return refusal;
}

Result<void> write_map(const char* path, std::string_view text) {
  const FileDescriptor fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return unsupported(
        concat("the account cannot be mapped into the sandbox (", path, ")"),
        errno,
        "the machine may restrict user namespaces: kernel.apparmor_restrict_unprivileged_userns"
    );
  }
  return {};
}

/// A user namespace in which we are who we are outside, and nobody else is anybody.
Result<void> enter_user_namespace() {
  const auto user = ::geteuid();
  const auto group = ::getegid();
  if (::unshare(CLONE_NEWUSER) != 0) {
    return unsupported(
        "the kernel makes no user namespace",
        errno,
        "see user.max_user_namespaces, kernel.unprivileged_userns_clone and "
        "kernel.apparmor_restrict_unprivileged_userns of sysctl"
    );
  }
  REEVE_CHECK(write_map("/proc/self/setgroups", "deny"));
  REEVE_CHECK(write_map("/proc/self/uid_map", concat(user, " ", user, " 1")));
  return write_map("/proc/self/gid_map", concat(group, " ", group, " 1"));
}

int namespaces_of(SandboxLevel level) {
  const int own = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
  return level == SandboxLevel::Isolated ? own | CLONE_NEWNET : own;
}

/// Keeps one capability that is good for nothing in a namespace: whoever has none cannot look into
/// a process that has one.
void drop_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> data{};
  data[CAP_WAKE_ALARM / 32].permitted = 1U << (CAP_WAKE_ALARM % 32);
  ::syscall(SYS_capset, &header, data.data());
}

void reap_all() {
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

/// Reaps and relays until it is killed.
[[noreturn]] void keep(std::optional<Relay> relay, int signals) {
  std::vector<pollfd> waited;
  for (;;) {
    waited.clear();
    waited.push_back({.fd = signals, .events = POLLIN, .revents = 0});
    if (relay) {
      relay->add(waited);
    }
    if (::poll(waited.data(), waited.size(), -1) <= 0) {
      continue;
    }
    signalfd_siginfo info{};
    while (::read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    }
    reap_all();
    if (relay) {
      relay->handle(waited, 1);
    }
  }
}

Result<std::optional<Relay>> furnish(const Plan& plan) {
  REEVE_CHECK(build_tree(plan));
  ::sethostname(kHostName, std::strlen(kHostName));
  if (plan.level != SandboxLevel::Isolated) {
    return std::optional<Relay>();
  }
  REEVE_CHECK(raise_loopback());
  if (plan.port == 0) {
    return std::optional<Relay>();
  }
  REEVE_TRY(Relay relay, Relay::open(plan.port, plan.gateway));
  return std::optional<Relay>(std::move(relay));
}

/// The first process of the sandbox.
[[noreturn]] void become_keeper(const Plan& plan, int told) {
  // With the shim ends everything in here.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t blocked;
  ::sigfillset(&blocked);
  ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);
  const int signals = ::signalfd(-1, &children, SFD_NONBLOCK | SFD_CLOEXEC);
  auto relay = furnish(plan);
  if (!relay.ok() || signals < 0) {
    ::_exit(refuse(told, relay.ok() ? platform::errno_error("signalfd", {}) : relay.error()));
  }
  drop_capabilities();
  tell(told, ready_line());
  ::close(told);
  keep(std::move(relay).value(), signals);
}

Result<Plan> read_plan(int fd) {
  REEVE_TRY(
      const std::string text, platform::read_file(concat("/proc/self/fd/", fd), kPlanBytesMax)
  );
  return decode_plan(text);
}

}  // namespace

int sandbox_main(int argc, char** argv) {
  constexpr int kArguments = 4;
  const auto plan_fd = argc == kArguments ? parse_fd(argv[2]) : std::nullopt;
  const auto told_fd = argc == kArguments ? parse_fd(argv[3]) : std::nullopt;
  if (!plan_fd || !told_fd) {
    std::fputs("usage: reeve sandbox PLAN_FD TOLD_FD (started by a shim)\n", stderr);
    return kUsage;
  }
  const auto plan = read_plan(*plan_fd);
  ::close(*plan_fd);
  if (!plan.ok()) {
    return refuse(*told_fd, plan.error());
  }
  ::setsid();
  const auto entered = enter_user_namespace();
  if (!entered.ok()) {
    return refuse(*told_fd, entered.error());
  }
  // A child of whoever has started us, so that the sandbox ends with them and not with us. A raw
  // call: the library's has no such flag. Nothing else runs in this process.
  const unsigned long flags =
      static_cast<unsigned long>(namespaces_of(plan->level)) | CLONE_PARENT | SIGCHLD;
  const long pid = ::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr);
  if (pid < 0) {
    return refuse(
        *told_fd,
        unsupported(
            plan->level == SandboxLevel::Isolated
                ? "the kernel makes no namespaces for files, processes and network"
                : "the kernel makes no namespaces for files and processes",
            errno,
            "see the max_*_namespaces of sysctl user"
        )
    );
  }
  if (pid == 0) {
    become_keeper(*plan, *told_fd);
  }
  tell(*told_fd, keeper_line(static_cast<int>(pid)));
  return 0;
}

}  // namespace reeve::sandbox
