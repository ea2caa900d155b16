#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/posix/files.h"
#include "platform/sandbox/enter.h"

namespace reeve::host {

/// Descriptors for the standard streams of a process.
struct Streams {
  /// -1: /dev/null.
  int in = -1;
  /// -1: a pipe to whoever starts it.
  int out = -1;
  int err = -1;
};

/// How one step is started.
struct StepCommand {
  std::vector<std::string> argv;
  /// What is executed; empty: the first word.
  std::string program = {};
  /// NAME=VALUE, complete.
  std::vector<std::string> environment;
  std::filesystem::path working_dir;
  /// Directory of the cgroup it is born into; -1: none.
  int cgroup = -1;
  /// Descriptors that it inherits under their numbers, besides its standard streams.
  std::vector<int> inherited = {};
  Streams streams = {};
  /// The way into the sandbox that it works in; null: none.
  const sandbox::Entrance* entrance = nullptr;
};

/// A running step: a leader of its own session and process group.
struct StepProcess {
  int pid = 0;
  /// Read ends, non-blocking; none of streams that were given.
  platform::FileDescriptor out;
  platform::FileDescriptor err;
};

/// Starts a step. The error's message names what is missing, its code tells PermissionDenied from
/// NotFound and the rest. For single-threaded callers: the child runs our code until exec.
Result<StepProcess> start_step(const StepCommand& command);

}  // namespace reeve::host
