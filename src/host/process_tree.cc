#include "host/process_tree.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <memory>
#include <optional>
#include <poll.h>
#include <set>
#include <string>
#include <unistd.h>

#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "host/cgroup.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"
#include "platform/sandbox/groups.h"

namespace reeve::host {

namespace {

using platform::FileDescriptor;

/// Longest environment that is searched for the mark.
constexpr std::size_t kEnvironmentBytesMax = std::size_t{4} << 20U;
constexpr std::size_t kStatBytesMax = 4096;
/// Rounds of freezing before killing; a tree that still grows then is killed as it is.
constexpr int kFreezeRoundsMax = 64;
/// Rounds that a killed cgroup gets before its tree is hunted process by process.
constexpr int kGroupRoundsMax = 50;
constexpr int kRoundMillis = 1;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

/// The content of a /proc file, cut at `bytes_max`; empty if it cannot be read.
std::string read_proc(const std::string& path, std::size_t bytes_max) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!fd) {
    return text;
  }
  constexpr std::size_t kPieceBytes = 16384;
  while (text.size() < bytes_max) {
    const std::size_t old = text.size();
    text.resize(old + kPieceBytes);
    const ssize_t count = ::read(fd.get(), text.data() + old, kPieceBytes);
    text.resize(old + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0 || (count < 0 && errno != EINTR)) {
      break;
    }
  }
  return text;
}

std::optional<int> parse_pid(std::string_view text) {
  int pid = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || pid <= 0) {
    return std::nullopt;
  }
  return pid;
}

std::vector<int> all_processes() {
  std::vector<int> pids;
  const std::unique_ptr<DIR, CloseDirectory> proc(::opendir("/proc"));
  if (!proc) {
    return pids;
  }
  while (const dirent* entry = ::readdir(proc.get())) {
    if (const auto pid = parse_pid(entry->d_name)) {
      pids.push_back(*pid);
    }
  }
  return pids;
}

/// Parent of each process, from /proc/PID/stat.
std::multimap<int, int> children_by_parent() {
  std::multimap<int, int> children;
  for (const int pid : all_processes()) {
    const std::string stat = read_proc(concat("/proc/", pid, "/stat"), kStatBytesMax);
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos || name_end + 2 >= stat.size()) {
      continue;
    }
    const auto fields = split(std::string_view(stat).substr(name_end + 2), ' ');
    const auto parent = fields.size() > 1 ? parse_pid(fields[1]) : std::nullopt;
    if (parent) {
      children.emplace(*parent, pid);
    }
  }
  return children;
}

std::vector<int> below(const std::vector<int>& roots, const std::multimap<int, int>& children) {
  std::vector<int> found;
  std::set<int> seen(roots.begin(), roots.end());
  std::vector<int> open = roots;
  while (!open.empty()) {
    const int parent = open.back();
    open.pop_back();
    const auto [first, last] = children.equal_range(parent);
    for (auto it = first; it != last; ++it) {
      if (seen.insert(it->second).second) {
        found.push_back(it->second);
        open.push_back(it->second);
      }
    }
  }
  return found;
}

bool has_mark(int pid, const std::string& entry) {
  // Every string of the environment ends with NUL; so does the entry that is searched for.
  const std::string text =
      std::string(1, '\0') + read_proc(concat("/proc/", pid, "/environ"), kEnvironmentBytesMax);
  return text.find(entry) != std::string::npos;
}

std::string mark_entry(std::string_view mark) {
  std::string entry(1, '\0');
  entry.append(kMarkVariable).append("=").append(mark).push_back('\0');
  return entry;
}

void pause_briefly() {
  ::poll(nullptr, 0, kRoundMillis);
}

void reap_all(const std::function<void(int pid, int status)>& reaped) {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) {
      return;
    }
    reaped(pid, status);
  }
}

/// Stops every descendant until no new one shows up.
std::vector<int> freeze_descendants(int root) {
  std::set<int> frozen;
  for (int round = 0; round < kFreezeRoundsMax; ++round) {
    bool grew = false;
    for (const int pid : descendants_of(root)) {
      if (frozen.insert(pid).second) {
        ::kill(pid, SIGSTOP);
        grew = true;
      }
    }
    if (!grew) {
      break;
    }
  }
  return {frozen.begin(), frozen.end()};
}

/// Signals `pid` if it still carries the mark; the pidfd rules out a recycled number in between.
void signal_if_marked(int pid, const std::string& entry, int signal) {
  const FileDescriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const bool is_gone = !handle && errno == ESRCH;
  if (is_gone || !has_mark(pid, entry)) {
    return;
  }
  if (handle) {
    ::syscall(SYS_pidfd_send_signal, handle.get(), signal, nullptr, 0);
  } else {
    ::kill(pid, signal);
  }
}

}  // namespace

std::vector<int> descendants_of(int root) {
  return below({root}, children_by_parent());
}

std::vector<int> processes_marked(std::string_view mark) {
  const std::string entry = mark_entry(mark);
  std::vector<int> found;
  const int self = ::getpid();
  for (const int pid : all_processes()) {
    if (pid != self && has_mark(pid, entry)) {
      found.push_back(pid);
    }
  }
  return found;
}

void stop_own_tree() {
  freeze_descendants(::getpid());
}

void continue_own_tree() {
  // Children first seen stopped cannot have made others since.
  for (const int pid : descendants_of(::getpid())) {
    ::kill(pid, SIGCONT);
  }
}

bool has_children() {
  siginfo_t info{};
  for (;;) {
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
      return true;
    }
    if (errno != EINTR) {
      return false;
    }
  }
}

std::vector<int> kill_own_tree(
    const std::function<bool()>& kill_group, const std::function<void(int pid, int status)>& reaped
) {
  reap_all(reaped);
  const Duration give_up = platform::monotonic_now() + kTreeKillMax;
  bool group_is_dying = has_children() && kill_group();
  for (int round = 0; has_children(); ++round) {
    // The kernel ends a cgroup within moments; only what is not in it has to be hunted.
    group_is_dying = group_is_dying && round < kGroupRoundsMax;
    if (!group_is_dying) {
      for (const int pid : freeze_descendants(::getpid())) {
        ::kill(pid, SIGKILL);
      }
    }
    pause_briefly();
    reap_all(reaped);
    if (platform::monotonic_now() >= give_up) {
      return descendants_of(::getpid());
    }
  }
  return {};
}

std::size_t kill_leftover_tree(std::string_view mark, const std::filesystem::path& cgroup) {
  const Duration give_up = platform::monotonic_now() + kTreeKillMax;
  const std::string entry = mark_entry(mark);
  for (;;) {
    const bool group_gone = kill_leftover_cgroup(cgroup, mark);
    const std::vector<int> marked = processes_marked(mark);
    if (group_gone && marked.empty()) {
      sandbox::remove_leftover_groups(mark);
      return 0;
    }
    // Children that dropped their environment are found through their parents.
    const std::vector<int> unmarked = below(marked, children_by_parent());
    // All stop before the first dies: a script must not go on with its next command because the
    // present one was killed.
    for (const int signal : {SIGSTOP, SIGKILL}) {
      for (const int pid : marked) {
        signal_if_marked(pid, entry, signal);
      }
      for (const int pid : unmarked) {
        ::kill(pid, signal);
      }
    }
    if (platform::monotonic_now() >= give_up) {
      return std::max<std::size_t>(marked.size(), 1);
    }
    pause_briefly();
  }
}

}  // namespace reeve::host
