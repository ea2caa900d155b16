#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/run.h"
#include "platform/posix/files.h"

namespace reeve::sandbox {

/// Control groups that limit the processes of one run in number and memory: the run's own group of
/// version 2 where it has these controllers, else groups of version 1 beside the ones of this
/// process. They are removed with `remove`, once they are empty.
class LimitGroups {
 public:
  /// `mark` names the run, `own` is its group of version 2 (empty: none). Unsupported: the machine
  /// limits neither by groups nor, where that is enough, by account; the error says what helps.
  static Result<LimitGroups> make(
      const model::Sandbox& sandbox, std::string_view mark, const std::filesystem::path& own
  );

  /// Descriptors of `cgroup.procs` that processes have to join themselves.
  std::vector<int> joined() const;

  /// For RLIMIT_NPROC, which knows no root; 0: the groups do it.
  std::uint64_t processes_by_account() const { return processes_by_account_; }

  void remove() const;

 private:
  struct Group {
    std::filesystem::path path;
    platform::FileDescriptor members;
  };

  std::vector<Group> groups_;
  std::uint64_t processes_by_account_ = 0;
};

/// Removes what is left of the groups of a run whose shim is gone.
void remove_leftover_groups(std::string_view mark);

}  // namespace reeve::sandbox
