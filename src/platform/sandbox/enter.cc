#include "platform/sandbox/enter.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <sched.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

namespace reeve::sandbox {

namespace {

/// More than any kernel knows.
constexpr int kCapabilitiesMax = 64;

bool fail(Obstacle what, Obstacle& obstacle) {
  obstacle = what;
  return false;
}

/// Never more than there is already.
bool limit(int resource, std::uint64_t most) {
  rlimit now{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0) {
    return false;
  }
  const rlim_t wanted = std::min<rlim_t>(most, now.rlim_max);
  const rlimit lower{.rlim_cur = wanted, .rlim_max = wanted};
  return ::setrlimit(static_cast<__rlimit_resource>(resource), &lower) == 0;
}

}  // namespace

const char* to_string(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::None:
      break;
    case Obstacle::Groups:
      return "its control groups cannot be joined";
    case Obstacle::Namespaces:
      return "its namespaces cannot be entered";
    case Obstacle::Process:
      return "no process can be made in it";
    case Obstacle::Limits:
      return "its limits cannot be set";
    case Obstacle::Capabilities:
      return "capabilities cannot be given up";
    case Obstacle::Filter:
      return "system calls cannot be filtered";
  }
  return "it cannot be entered";
}

Entrance make_entrance(int keeper, const model::Sandbox& sandbox) {
  int namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
  if (sandbox.level == model::SandboxLevel::Isolated) {
    namespaces |= CLONE_NEWNET;
  }
  return Entrance{
      .keeper = keeper,
      .namespaces = namespaces,
      .groups = {},
      .file_bytes_max = sandbox.file_bytes_max,
      .processes_max = 0,
      .filter = make_filter(own_machine())};
}

int step_inside(const Entrance& entrance, Obstacle& obstacle) {
  for (const int group : entrance.groups) {
    if (::write(group, "0", 1) != 1) {
      obstacle = Obstacle::Groups;
      return -1;
    }
  }
  if (::setns(entrance.keeper, entrance.namespaces) != 0) {
    obstacle = Obstacle::Namespaces;
    return -1;
  }
  // Only children are born into the namespace of processes that was entered.
  const long pid = ::syscall(
      SYS_clone,
      static_cast<unsigned long>(CLONE_PARENT | SIGCHLD),
      nullptr,
      nullptr,
      nullptr,
      nullptr
  );
  if (pid < 0) {
    obstacle = Obstacle::Process;
  }
  return static_cast<int>(pid);
}

bool give_up_rights(const Entrance& entrance, Obstacle& obstacle) {
  if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_FSIZE, entrance.file_bytes_max) ||
      (entrance.processes_max > 0 && !limit(RLIMIT_NPROC, entrance.processes_max))) {
    return fail(Obstacle::Limits, obstacle);
  }
  for (int capability = 0; capability < kCapabilitiesMax; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL) {
      return fail(Obstacle::Capabilities, obstacle);
    }
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const __user_cap_data_struct none[2] = {};  // NOLINT: the kernel's own form
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
      ::syscall(SYS_capset, &header, none) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail(Obstacle::Capabilities, obstacle);
  }
  // The same layout; the kernel does not write.
  const sock_fprog program{
      .len = static_cast<unsigned short>(entrance.filter.size()),
      .filter = reinterpret_cast<sock_filter*>(  // NOLINT
          const_cast<Instruction*>(entrance.filter.data())
      )};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
    return fail(Obstacle::Filter, obstacle);
  }
  return true;
}

}  // namespace reeve::sandbox
