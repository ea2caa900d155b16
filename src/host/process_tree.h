#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "base/time.h"

/// Finding and ending every process of a run, also those that left its process group and session.
namespace reeve::host {

/// The environment variable that names a run's tree; its value is the run's mark.
inline constexpr std::string_view kMarkVariable = "REEVE_MARK";

/// Longest time spent on ending a tree; what is alive then (uninterruptible, or beyond our rights)
/// is reported, not waited for.
inline constexpr Duration kTreeKillMax{10'000};

/// All processes below `root` now: a snapshot, members may come and go. Linux, any thread.
std::vector<int> descendants_of(int root);

/// All processes whose environment at exec held REEVE_MARK=`mark`. Other users' processes are
/// invisible without privilege.
std::vector<int> processes_marked(std::string_view mark);

/// Whether the caller has any child, dead or alive. For a child subreaper this tells exactly
/// whether anything of its tree is left.
bool has_children();

/// Stops all descendants of the calling process, or lets them go on (SIGSTOP, SIGCONT), also those
/// that come to be meanwhile.
void stop_own_tree();
void continue_own_tree();

/// Ends all descendants of the calling process, which must be a child subreaper, and reaps them:
/// freezes them first so that they cannot outrun the hunt with new children. `kill_group` is called
/// first (cgroup.kill) and tells whether there is such a group; `reaped` is told every dead child.
/// Returns what is left after kTreeKillMax, normally nothing.
std::vector<int> kill_own_tree(
    const std::function<bool()>& kill_group, const std::function<void(int pid, int status)>& reaped
);

/// Ends the tree of a run whose shim is gone: everything in its cgroup, everything that carries its
/// mark, and everything below those. Returns how many are left after kTreeKillMax.
std::size_t kill_leftover_tree(std::string_view mark, const std::filesystem::path& cgroup);

}  // namespace reeve::host
