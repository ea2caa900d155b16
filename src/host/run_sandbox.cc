#include <algorithm>
#include <array>
#include <unistd.h>

#include <sys/stat.h>

#include "base/strings.h"
#include "host/process_tree.h"
#include "host/run_supervisor.h"

/// Where the steps of a run are kept, and how it is made to stand still.
namespace reeve::host {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kAgentTool = "agent";
constexpr mode_t kPrivateDirectory = 0700;
/// Between two looks at the size of the working directory; longer if a look takes long.
constexpr Duration kDiskLookEvery{2'000};
constexpr int kDiskLookShare = 20;
/// Entries that are looked at; a directory with more is as large as these.
constexpr std::size_t kDiskEntriesMax = 500'000;
constexpr std::uint64_t kBlockBytes = 512;

/// Variables of the host that its sandboxes have as well: how to speak, and where programs are.
constexpr std::array<std::string_view, 9> kShown = {
    "PATH", "LANG", "LANGUAGE", "TZ", "TERM", "COLORTERM", "NO_COLOR", "USER", "LOGNAME"};

bool is_shown(std::string_view name) {
  return name.starts_with("LC_") || std::find(kShown.begin(), kShown.end(), name) != kShown.end();
}

std::uint64_t bytes_in(const fs::path& directory) {
  std::uint64_t bytes = 0;
  std::size_t entries = 0;
  std::error_code failed;
  constexpr auto kOptions = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator at(directory, kOptions, failed), end;
       !failed && at != end && entries < kDiskEntriesMax;
       at.increment(failed)) {
    struct stat info {};

    ++entries;
    if (::lstat(at->path().c_str(), &info) == 0) {
      bytes += static_cast<std::uint64_t>(info.st_blocks) * kBlockBytes;
    }
  }
  return bytes;
}

}  // namespace

sandbox::Request RunSupervisor::sandbox_request() const {
  sandbox::Request request;
  request.sandbox = spec_.spec.sandbox;
  // `<data>/missions/<mission>/runs/<run>`
  const fs::path mission = dir_.parent_path().parent_path();
  request.data_dir = mission.parent_path().parent_path();
  request.run_dir = dir_;
  request.writable = {kWorkDir, kStepsDir, kOutputFile, kTasksFile, kBundleFile};
  request.readable = {kBundleInFile, kTokenFile};
  request.working_dir = working_dir_;
  request.gateway = spec_.socket;
  if (!spec_.authority_file.empty()) {
    request.extra_readable.push_back(spec_.authority_file);
  }
  for (const model::Step& step : spec_.spec.steps) {
    const std::string uid = step.tool == kAgentTool ? step.input.get_string("mission") : "";
    // What later attempts find again, see executor/agent/run_files.h.
    if (!uid.empty() && uid.find_first_of("/.") == std::string::npos) {
      request.extra_writable.push_back((mission / "agents" / uid).native());
    }
  }
  return request;
}

/// Makes the sandbox of the run, if it has none yet or has lost it. What is asked for and cannot be
/// had is an error: nothing is ever started with less.
Result<void> RunSupervisor::furnish() {
  if (!spec_.spec.sandbox.active() || (sandbox_ && !sandbox_lost_)) {
    return {};
  }
  if (sandbox_) {
    sandbox_->remove();
    sandbox_.reset();
  }
  const sandbox::Request request = sandbox_request();
  for (const std::string& directory : request.extra_writable) {
    REEVE_CHECK(platform::make_directories(directory, kPrivateDirectory));
  }
  sandbox::Starter starter;
  starter.mark = spec_.mark;
  starter.mark_entry = concat(kMarkVariable, "=", spec_.mark);
  if (cgroup_ != nullptr) {
    starter.cgroup = cgroup_->directory();
    starter.cgroup_path = cgroup_->path();
  }
  REEVE_TRY(sandbox::Sandbox made, sandbox::Sandbox::make(request, starter));
  sandbox_.emplace(std::move(made));
  sandbox_lost_ = false;
  if (request.sandbox.disk_bytes_max > 0) {
    disk_look_at_ = run_time();
  }
  return {};
}

const sandbox::Entrance* RunSupervisor::entrance() const {
  return sandbox_ ? &sandbox_->entrance() : nullptr;
}

/// What the host's environment has is no business of a sandbox, and neither is its home.
void RunSupervisor::show_sandbox(std::map<std::string, std::string>& values) const {
  if (!sandbox_) {
    return;
  }
  std::erase_if(values, [](const auto& entry) { return !is_shown(entry.first); });
  values["HOME"] = sandbox::kHome;
  values["TMPDIR"] = "/tmp";
}

/// The server's own address leads nowhere from isolation; plain, because it never leaves the run.
void RunSupervisor::show_gateway(std::map<std::string, std::string>& values) const {
  if (spec_.spec.sandbox.level != model::SandboxLevel::Isolated) {
    return;
  }
  values.erase("REEVE_API");
  values.erase("REEVE_CA_FILE");
  if (!token_.empty() && sandbox_ && sandbox_->has_gateway()) {
    values["REEVE_API"] = concat("http://127.0.0.1:", sandbox::kGatewayPort);
  }
}

void RunSupervisor::note_end(int pid, int status) {
  if (pid == step_.pid) {
    step_.exited = true;
    step_.status = status;
  }
  sandbox_lost_ = sandbox_lost_ || (sandbox_ && pid == sandbox_->keeper());
}

void RunSupervisor::look_at_disk() {
  if (stopping_ || run_time() < disk_look_at_) {
    return;
  }
  const Duration began = platform::monotonic_now();
  disk_bytes_ = bytes_in(working_dir_);
  disk_full_ = disk_bytes_ > spec_.spec.sandbox.disk_bytes_max;
  const Duration took = platform::monotonic_now() - began;
  disk_look_at_ = run_time() + std::max(kDiskLookEvery, took * kDiskLookShare);
}

/// The clock of the run: it stands still while the run does.
Duration RunSupervisor::run_time() const {
  return (still_ ? still_since_ : platform::monotonic_now()) - still_total_;
}

/// Does what the directory says: the run stands still, or goes on. One that was cancelled goes on,
/// so that it can end.
void RunSupervisor::settle_stillness() {
  const bool wanted = cancels_ == 0 && ::access((dir_ / kFrozenFile).c_str(), F_OK) == 0;
  if (wanted == still_) {
    return;
  }
  if (wanted) {
    still_since_ = platform::monotonic_now();
    still_ = true;
    still_by_group_ = cgroup_ != nullptr && cgroup_->freeze(true);
    if (!still_by_group_) {
      stop_own_tree();
    }
    return;
  }
  if (!still_by_group_) {
    continue_own_tree();
  } else if (cgroup_ != nullptr) {
    cgroup_->freeze(false);
  }
  still_total_ += platform::monotonic_now() - still_since_;
  still_ = false;
}

}  // namespace reeve::host
