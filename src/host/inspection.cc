#include "host/inspection.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <sys/file.h>

#include "base/strings.h"
#include "host/process_tree.h"
#include "host/run_dir.h"
#include "platform/posix/system.h"

namespace reeve::host {

namespace fs = std::filesystem;

namespace {

using platform::FileDescriptor;

constexpr mode_t kLockMode = 0644;

bool is_present(const fs::path& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

void explain_result(const model::RunResult& result, std::vector<std::string>& lines) {
  lines.push_back(concat(
      "ended: ",
      to_string(result.end),
      ", exit code ",
      result.exit_code,
      result.reason.empty() ? "" : ", ",
      result.reason
  ));
  lines.push_back(concat(
      "from ", format_timestamp(result.started_at), " to ", format_timestamp(result.ended_at)
  ));
  for (const std::string& warning : result.warnings) {
    lines.push_back(concat("warning: ", warning));
  }
}

void explain_live(const fs::path& dir, std::vector<std::string>& lines) {
  const auto shim = read_shim(dir);
  if (!shim.ok()) {
    lines.emplace_back(
        "alive: its supervisor is starting (the lock is held, shim.json is not there)"
    );
    return;
  }
  lines.push_back(concat("alive: supervised by process ", shim->pid));
  if (shim->boot_id != platform::boot_id() ||
      platform::process_start_time(shim->pid) != shim->start_time) {
    lines.emplace_back("but shim.json names another process than the one that holds the lock");
  }
  if (is_present(dir / kFrozenFile)) {
    constexpr std::uint64_t kReasonBytesMax = 1024;
    const auto why = platform::read_file(dir / kFrozenFile, kReasonBytesMax);
    lines.push_back(concat("stands still: ", why.ok() ? trim(*why) : std::string_view()));
  }
  if (!shim->cgroup.empty()) {
    lines.push_back(concat("cgroup: ", shim->cgroup));
  }
}

void explain_dead(const fs::path& dir, const SpecRecord& spec, std::vector<std::string>& lines) {
  const auto shim = read_shim(dir);
  if (!shim.ok() && spec.boot_id == platform::boot_id()) {
    lines.emplace_back("never started: no supervisor announced itself; a host will start it again");
  } else if (spec.boot_id != platform::boot_id()) {
    lines.emplace_back("lost: the machine restarted before the run ended");
  } else {
    lines.push_back(concat("lost: its supervisor, process ", shim->pid, ", ended without a record")
    );
  }
  const std::size_t left = processes_marked(spec.mark).size();
  if (left > 0) {
    lines.push_back(concat(left, " of its processes still run; a host ends them on its next look"));
  }
}

}  // namespace

Result<FileDescriptor> try_lock(const fs::path& dir, bool create) {
  const fs::path path = dir / kLockFile;
  const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0);
  FileDescriptor fd(::open(path.c_str(), flags, kLockMode));
  if (!fd) {
    return platform::errno_error("open", path);
  }
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return FileDescriptor();
    }
    if (errno != EINTR) {
      return platform::errno_error("lock", path);
    }
  }
  return fd;
}

bool is_supervised(const fs::path& dir) {
  const FileDescriptor fd(::open((dir / kLockFile).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  // Shared, so that any number of onlookers does not look like a supervisor.
  return fd && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

bool is_over(const fs::path& dir) {
  if (is_present(dir / kExitFile) || is_present(dir / kResultFile)) {
    return true;
  }
  return is_present(dir / kShimFile) && !is_supervised(dir);
}

std::vector<std::string> explain_run_dir(const fs::path& dir) {
  std::vector<std::string> lines;
  const bool alive = is_supervised(dir);
  const auto spec = read_spec(dir);
  if (!spec.ok()) {
    lines.push_back(
        spec.error().code == ErrorCode::NotFound ? std::string("not a run: there is no spec.json")
                                                 : concat("damaged: ", spec.error().describe())
    );
    return lines;
  }
  lines.push_back(concat("run ", spec->run.view(), ", fence ", spec->fence.value()));
  if (alive) {
    explain_live(dir, lines);
    return lines;
  }
  if (const auto result = read_result(dir); result.ok()) {
    lines.emplace_back("finished: its result was collected");
    explain_result(result->result, lines);
  } else if (const auto exit = read_exit(dir); exit.ok()) {
    lines.emplace_back("finished: its result waits for a host to collect it");
    explain_result(exit->result, lines);
  } else if (exit.error().code == ErrorCode::Corrupt) {
    lines.push_back(concat("lost: ", exit.error().describe()));
  } else {
    explain_dead(dir, *spec, lines);
  }
  return lines;
}

}  // namespace reeve::host
