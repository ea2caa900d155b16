#include "platform/posix/probe.h"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <sched.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <linux/magic.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "platform/posix/cgroup_dir.h"
#include "platform/posix/files.h"
#include "platform/posix/probe_data_dir.h"
#include "platform/posix/system.h"

namespace reeve::platform {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kSmallFileBytesMax = std::uint64_t{64} << 10U;
constexpr std::chrono::seconds kAnswerTimeout{5};
constexpr rlim_t kOpenFilesWanted = 4096;
constexpr std::int64_t kInotifyInstancesWanted = 64;
/// The product did not exist before: 2025-01-01.
constexpr Timestamp kEarliestSaneTime = from_unix_millis(1'735'689'600'000);

Finding ok(std::string name, std::string detail) {
  return Finding{
      .name = std::move(name),
      .status = FindingStatus::Ok,
      .detail = std::move(detail),
      .consequence = {}};
}

Finding flaw(std::string name, FindingStatus status, std::string detail, std::string consequence) {
  return Finding{
      .name = std::move(name),
      .status = status,
      .detail = std::move(detail),
      .consequence = std::move(consequence)};
}

/// Runs `probe` on a thread of its own and stops waiting after a while: a call into a dead network
/// file system cannot be interrupted.
std::vector<Finding> bounded(const std::string& name, std::function<std::vector<Finding>()> probe) {
  struct Answer {
    std::mutex mutex;
    std::condition_variable given;
    std::optional<std::vector<Finding>> findings;
  };

  // Shared, because a thread that hangs outlives this call.
  const auto answer = std::make_shared<Answer>();
  try {
    std::thread([answer, probe = std::move(probe)] {
      auto findings = probe();
      const std::lock_guard lock(answer->mutex);
      answer->findings = std::move(findings);
      answer->given.notify_one();
    }).detach();
  } catch (const std::system_error&) {
    return {flaw(name, FindingStatus::Limited, "no thread could be started", "raise ulimit -u")};
  }
  std::unique_lock lock(answer->mutex);
  if (!answer->given.wait_for(lock, kAnswerTimeout, [&] { return answer->findings.has_value(); })) {
    return {flaw(
        name,
        FindingStatus::Missing,
        concat("no answer within ", kAnswerTimeout.count(), " s"),
        "the file system hangs; nothing that needs it can work"
    )};
  }
  return std::move(*answer->findings);
}

std::string small_file(const fs::path& path) {
  const auto text = read_file(path, kSmallFileBytesMax);
  return text.ok() ? std::string(trim(*text)) : std::string();
}

std::int64_t number_in(const fs::path& path) {
  const std::string text = small_file(path);
  std::int64_t number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool has_word(std::string_view text, std::string_view word) {
  for (const std::string_view piece : split(text, ' ')) {
    if (piece == word) {
      return true;
    }
  }
  return false;
}

Finding probe_kernel() {
  utsname info{};
  if (uname(&info) != 0) {
    return flaw("kernel", FindingStatus::Limited, "unknown", "the other findings tell what works");
  }
  const std::string_view release = info.release;
  int major = 0;
  int minor = 0;
  const char* end = release.data() + release.size();
  const auto first = std::from_chars(release.data(), end, major);
  if (first.ec == std::errc{} && first.ptr != end) {
    std::from_chars(first.ptr + 1, end, minor);
  }
  constexpr std::pair kKernelWanted(5, 14);
  std::string detail = concat(info.sysname, " ", release, " ", info.machine);
  if (std::pair(major, minor) < kKernelWanted) {
    return flaw(
        "kernel",
        FindingStatus::Limited,
        std::move(detail),
        "before 5.14 process trees cannot be ended in one step"
    );
  }
  return ok("kernel", std::move(detail));
}

Finding probe_pidfd() {
  const FileDescriptor fd(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!fd) {
    return flaw(
        "pidfd",
        FindingStatus::Missing,
        errno_error("pidfd_open", "self").message,
        "the end of other processes is noticed by polling, up to 50 ms late"
    );
  }
  return ok("pidfd", "available");
}

std::vector<Finding> probe_cgroups() {
  const std::optional<fs::path> group = own_cgroup_dir();
  if (!group) {
    const std::string detail = "no cgroup v2 is mounted";
    return {
        flaw(
            "cgroup",
            FindingStatus::Missing,
            detail,
            "runs cannot be limited in memory and processes; leftovers are found by process group"
        ),
        flaw(
            "cgroup-kill",
            FindingStatus::Missing,
            detail,
            "a run that hides from its process group may survive its end"
        ),
        flaw(
            "cgroup-memory",
            FindingStatus::Missing,
            detail,
            "memory limits of runs are not enforced"
        )};
  }
  const fs::path& own = *group;
  std::vector<Finding> findings;
  const fs::path child = own / concat("reeve-probe-", getpid());
  if (mkdir(child.c_str(), 0755) == 0) {
    findings.push_back(ok("cgroup", concat("v2, writable at ", own.string())));
    const bool can_kill = access((child / "cgroup.kill").c_str(), W_OK) == 0;
    findings.push_back(
        can_kill ? ok("cgroup-kill", "available")
                 : flaw(
                       "cgroup-kill",
                       FindingStatus::Missing,
                       "no cgroup.kill",
                       "process trees are ended one process at a time: use Linux 5.14 or newer"
                   )
    );
    rmdir(child.c_str());
  } else {
    const std::string detail = errno_error("mkdir", child).message;
    findings.push_back(flaw(
        "cgroup",
        FindingStatus::Limited,
        detail,
        "runs cannot be limited in memory and processes: run under systemd with Delegate=yes"
    ));
    findings.push_back(flaw(
        "cgroup-kill",
        FindingStatus::Missing,
        detail,
        "a run that hides from its process group may survive its end"
    ));
  }
  const bool offered = has_word(small_file(own / "cgroup.controllers"), "memory");
  const bool passed_on = has_word(small_file(own / "cgroup.subtree_control"), "memory");
  if (offered) {
    findings.push_back(ok("cgroup-memory", passed_on ? "enabled for children" : "available"));
  } else {
    findings.push_back(flaw(
        "cgroup-memory",
        FindingStatus::Missing,
        concat("no memory controller in ", own.string()),
        "memory limits of runs are not enforced"
    ));
  }
  return findings;
}

Finding probe_user_namespaces() {
  constexpr auto kName = "user-namespaces";
  constexpr auto kConsequence = "runs cannot be isolated without root or a container engine";
  const pid_t child = fork();
  if (child == 0) {
    // Between fork and exit of a threaded process only system calls are allowed.
    _exit(syscall(SYS_unshare, CLONE_NEWUSER) == 0 ? 0 : 1);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) {
    return flaw(kName, FindingStatus::Limited, "could not be tried", kConsequence);
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0
             ? ok(kName, "available")
             : flaw(kName, FindingStatus::Missing, "refused by the kernel", kConsequence);
}

std::string find_program(std::string_view name) {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  for (const std::string_view directory : split(path != nullptr ? path : "/usr/bin:/bin", ':')) {
    const fs::path candidate = fs::path(directory.empty() ? "." : directory) / name;

    struct stat info {};

    if (stat(candidate.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
        access(candidate.c_str(), X_OK) == 0) {
      return candidate.string();
    }
  }
  return {};
}

Finding probe_program(std::string_view name, std::string consequence) {
  const std::string found = find_program(name);
  return found.empty()
             ? flaw(
                   std::string(name), FindingStatus::Missing, "not in PATH", std::move(consequence)
               )
             : ok(std::string(name), found);
}

/// "" if somebody listens, else why not.
std::string try_socket(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.size() >= sizeof(address.sun_path)) {
    return concat(text, " is too long for a socket");
  }
  std::memcpy(address.sun_path, text.data(), text.size());
  const FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (!fd || connect(fd.get(), generic, sizeof(address)) != 0) {
    return errno_error("connect", path).message;
  }
  return {};
}

Finding probe_containers() {
  constexpr auto kName = "containers";
  std::vector<fs::path> sockets = {
      "/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock"};
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR")) {  // NOLINT(concurrency-mt-unsafe)
    sockets.emplace_back(fs::path(runtime) / "podman/podman.sock");
    sockets.emplace_back(fs::path(runtime) / "docker.sock");
  }
  std::string refused;
  for (const fs::path& socket : sockets) {
    struct stat info {};

    if (stat(socket.c_str(), &info) != 0) {
      continue;
    }
    const std::string problem = try_socket(socket);
    if (problem.empty()) {
      return ok(kName, socket.string());
    }
    refused = problem;
  }
  std::string programs;
  for (const std::string_view name : {"podman", "docker", "nerdctl"}) {
    const std::string found = find_program(name);
    if (!found.empty()) {
      programs += concat(programs.empty() ? "" : ", ", found);
    }
  }
  if (!programs.empty() || !refused.empty()) {
    return flaw(
        kName,
        FindingStatus::Limited,
        refused.empty() ? concat(programs, ", no socket") : refused,
        "steps that need a container may fail: start the engine or join its group"
    );
  }
  return flaw(
      kName,
      FindingStatus::Missing,
      "no container engine found",
      "steps that need a container cannot run here"
  );
}

Finding probe_inotify() {
  const FileDescriptor fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd) {
    return flaw(
        "inotify",
        FindingStatus::Limited,
        errno_error("inotify_init", "self").message,
        "changed files are noticed by polling: raise fs.inotify.max_user_instances"
    );
  }
  const std::int64_t instances = number_in("/proc/sys/fs/inotify/max_user_instances");
  std::string detail = concat(instances, " instances per user");
  return instances >= 0 && instances < kInotifyInstancesWanted
             ? flaw(
                   "inotify",
                   FindingStatus::Limited,
                   std::move(detail),
                   "raise fs.inotify.max_user_instances"
               )
             : ok("inotify", std::move(detail));
}

Finding probe_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return flaw("open-files", FindingStatus::Limited, "unknown limit", "see ulimit -n");
  }
  std::string detail =
      concat(std::uint64_t{limit.rlim_cur}, ", at most ", std::uint64_t{limit.rlim_max});
  return limit.rlim_max < kOpenFilesWanted
             ? flaw(
                   "open-files",
                   FindingStatus::Limited,
                   std::move(detail),
                   concat(
                       "many runs and followers at once may be refused: allow at least ",
                       std::uint64_t{kOpenFilesWanted}
                   )
               )
             : ok("open-files", std::move(detail));
}

Finding probe_clock() {
  SystemClock clock;
  const Timestamp now = clock.now();
  if (now < kEarliestSaneTime) {
    return flaw(
        "clock",
        FindingStatus::Missing,
        format_timestamp(now),
        "the clock is wrong: schedules, certificates and histories will be too"
    );
  }
  timex state{};
  const int synchronised = adjtimex(&state);
  if (synchronised < 0 || synchronised == TIME_ERROR) {
    return flaw(
        "clock",
        FindingStatus::Limited,
        concat(format_timestamp(now), ", not synchronised"),
        "times of several machines may not agree: run a time service (NTP)"
    );
  }
  return ok("clock", concat(format_timestamp(now), ", synchronised"));
}

}  // namespace

std::string_view to_string(FindingStatus status) {
  switch (status) {
    case FindingStatus::Ok:
      return "ok";
    case FindingStatus::Limited:
      return "limited";
    case FindingStatus::Missing:
      return "missing";
  }
  return "unknown";
}

std::vector<Finding> probe_machine(const fs::path& data_dir) {
  std::vector<Finding> findings;
  const auto add = [&](std::vector<Finding> more) {
    for (Finding& one : more) {
      findings.push_back(std::move(one));
    }
  };
  findings.push_back(probe_kernel());
  findings.push_back(probe_pidfd());
  findings.push_back(probe_user_namespaces());
  findings.push_back(probe_inotify());
  findings.push_back(probe_open_files());
  findings.push_back(probe_clock());
  add(bounded("cgroup", probe_cgroups));
  add(bounded("programs", [] {
    return std::vector<Finding>{
        probe_program(
            "bash", "steps written for bash cannot run here; sh is used if they allow it"
        ),
        probe_program("sh", "shell steps cannot run here")};
  }));
  add(bounded("containers", [] { return std::vector<Finding>{probe_containers()}; }));
  add(bounded("data-dir", [data_dir] { return probe_data_dir(data_dir); }));
  return findings;
}

}  // namespace reeve::platform
