#pragma once

#include <cstdint>
#include <vector>

#include "model/run.h"
#include "platform/sandbox/seccomp.h"

/// The way of a step into a sandbox, between clone and exec: system calls only, nothing is
/// allocated. What it needs is prepared before.
namespace reeve::sandbox {

/// What went wrong on the way.
enum class Obstacle : int { None, Groups, Namespaces, Process, Limits, Capabilities, Filter };

const char* to_string(Obstacle obstacle);

/// Prepared by the shim, once for a run.
struct Entrance {
  /// A pidfd of the keeper.
  int keeper = -1;
  /// CLONE_NEW… of the namespaces that it has.
  int namespaces = 0;
  /// `cgroup.procs` of groups that limit what is in them.
  std::vector<int> groups;
  std::uint64_t file_bytes_max = 0;
  /// 0: limited by a group, or not at all.
  std::uint64_t processes_max = 0;
  std::vector<Instruction> filter;
};

Entrance make_entrance(int keeper, const model::Sandbox& sandbox);

/// Joins the groups and the namespaces, and becomes a process in them: in the caller, the number of
/// the new process (outside), a child of the caller's parent; in the new process 0; -1: errno and
/// `obstacle` say what is in the way. The caller has one thread and ends next.
int step_inside(const Entrance& entrance, Obstacle& obstacle);

/// Gives up every right that the step has no use for. The last thing before exec. False: errno and
/// `obstacle` say what is in the way.
bool give_up_rights(const Entrance& entrance, Obstacle& obstacle);

}  // namespace reeve::sandbox
