#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "model/run.h"
#include "platform/posix/files.h"
#include "platform/sandbox/enter.h"
#include "platform/sandbox/groups.h"
#include "platform/sandbox/plan.h"

namespace reeve::sandbox {

/// How long the making of a sandbox may take.
inline constexpr Duration kMakingMax{10'000};

/// Who starts the helper process, and how it is recognised.
struct Starter {
  /// What is started as `PROGRAM sandbox …`.
  std::filesystem::path program = "/proc/self/exe";
  /// All of its environment: NAME=VALUE.
  std::string mark_entry = {};
  /// The mark alone; names control groups.
  std::string mark = {};
  /// The group of version 2 that it is born into, and its path; -1: none.
  int cgroup = -1;
  std::filesystem::path cgroup_path = {};
};

/// A sandbox that is there: namespaces, a file tree and limits, kept by a child of this process
/// until it is killed. For processes with one thread, or which start nothing else meanwhile.
class Sandbox {
 public:
  /// Unsupported: this machine cannot give what is asked for; the message says what and why.
  /// Nothing is left then but, possibly, a dying child.
  static Result<Sandbox> make(const Request& request, const Starter& starter);

  Sandbox(Sandbox&&) = default;

  const Entrance& entrance() const { return entrance_; }

  /// Whether the gateway can be reached from inside, at 127.0.0.1:kGatewayPort.
  bool has_gateway() const { return has_gateway_; }

  /// Of the process that keeps it.
  int keeper() const { return keeper_; }

  /// Takes away what limits it, once nothing is in it any more.
  void remove() const { groups_.remove(); }

 private:
  Sandbox(LimitGroups groups, bool has_gateway)
      : groups_(std::move(groups)), has_gateway_(has_gateway) {}

  LimitGroups groups_;
  platform::FileDescriptor handle_;
  Entrance entrance_;
  int keeper_ = 0;
  bool has_gateway_ = false;
};

/// Whether this machine gives the level, tried out: the error is what a run would be told. Leaves
/// nothing behind.
Result<void> try_level(model::SandboxLevel level, const std::filesystem::path& scratch);

}  // namespace reeve::sandbox
