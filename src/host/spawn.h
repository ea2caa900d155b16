#pragma once

#include <filesystem>

#include "base/result.h"
#include "platform/posix/files.h"

namespace reeve::host {

/// A shim that was just started, a child of this process.
struct Spawned {
  int pid = 0;
  /// One byte when the shim is about to start the first step; end of file if it ends before.
  platform::FileDescriptor ready;
};

/// Starts `program shim DIR …` in a session of its own, so that it outlives this process and its
/// terminal. It inherits exactly `lock` (which must hold the run's flock; ours is closed), the
/// ready pipe, `secrets` unless that is empty (closed here as well), and standard streams that lead
/// to /dev/null and shim.err. Any thread.
Result<Spawned> spawn_shim(
    const std::filesystem::path& program,
    const std::filesystem::path& dir,
    platform::FileDescriptor lock,
    platform::FileDescriptor secrets
);

}  // namespace reeve::host
