#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::platform {

/// How much of a feature the machine offers.
enum class FindingStatus {
  Ok,       ///< as it should be
  Limited,  ///< works, with the consequence named
  Missing,  ///< not there; the consequence names what is lost
};

/// `ok`, `limited`, `missing`
std::string_view to_string(FindingStatus status);

/// One line of `reeve doctor`.
struct Finding {
  /// Stable, for scripts: `cgroup-kill`
  std::string name;
  FindingStatus status = FindingStatus::Ok;
  /// What was seen: `6.1.0`
  std::string detail;
  /// What that means for the user and what helps; empty if Ok.
  std::string consequence;
};

/// Looks at what the machine offers and whether `data_dir` is a good place for the data. Changes
/// nothing that stays, needs no root, and ends within seconds: a disk or network file system that
/// does not answer is a finding. Any thread.
std::vector<Finding> probe_machine(const std::filesystem::path& data_dir);

}  // namespace reeve::platform
