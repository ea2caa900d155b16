#include "cli/doctor_sandbox.h"

#include <cstdlib>
#include <filesystem>
#include <unistd.h>

#include "base/strings.h"
#include "platform/posix/files.h"
#include "platform/sandbox/sandbox.h"

namespace reeve::cli {

namespace {

namespace fs = std::filesystem;

platform::Finding probe_level(model::SandboxLevel level, const fs::path& scratch) {
  platform::Finding finding;
  finding.name = concat("sandbox-", model::to_string(level));
  const Result<void> tried = sandbox::try_level(level, scratch);
  if (tried.ok()) {
    finding.detail = level == model::SandboxLevel::Isolated
                         ? "files, processes and a network of its own"
                         : "files and processes of its own";
    return finding;
  }
  finding.status = platform::FindingStatus::Missing;
  finding.detail = tried.error().message;
  finding.consequence = concat(
      "runs with sandbox: ",
      model::to_string(level),
      " are refused",
      tried.error().hint.empty() ? "" : "; ",
      tried.error().hint
  );
  return finding;
}

/// Memory is limited by control groups only.
platform::Finding probe_memory() {
  constexpr std::uint64_t kTried = std::uint64_t{1} << 30U;
  model::Sandbox limits;
  limits.processes_max = 0;
  limits.memory_bytes_max = kTried;
  const auto groups = sandbox::LimitGroups::make(limits, concat("probe-", ::getpid()), {});
  platform::Finding finding;
  finding.name = "sandbox-memory";
  if (groups.ok()) {
    groups->remove();
    finding.detail = "can be limited";
    return finding;
  }
  finding.status = platform::FindingStatus::Limited;
  finding.detail = groups.error().message;
  finding.consequence = concat("sandboxes with memoryBytesMax are refused; ", groups.error().hint);
  return finding;
}

}  // namespace

std::vector<platform::Finding> probe_sandboxes() {
  std::string scratch = (fs::temp_directory_path() / "reeve-doctor-XXXXXX").native();
  std::vector<platform::Finding> findings;
  if (::mkdtemp(scratch.data()) == nullptr) {
    platform::Finding finding;
    finding.name = "sandbox";
    finding.status = platform::FindingStatus::Limited;
    finding.detail = platform::errno_error("mkdtemp", scratch).message;
    finding.consequence = "whether runs can be kept in sandboxes could not be tried";
    return {finding};
  }
  for (const model::SandboxLevel level :
       {model::SandboxLevel::Workspace, model::SandboxLevel::Isolated}) {
    findings.push_back(probe_level(level, scratch));
  }
  findings.push_back(probe_memory());
  // What cannot be removed from the directory of temporary files is in nobody's way.
  [[maybe_unused]] const auto removed = platform::remove_tree(scratch);
  return findings;
}

}  // namespace reeve::cli
