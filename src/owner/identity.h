#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "platform/posix/unix_socket.h"

namespace reeve::owner {

/// Who asks.
struct Caller {
  /// `user:<login>`, or `run:<run>` for a process of a run of this data directory: what an agent
  /// does is never taken for what its user does.
  Principal principal;
  /// Names of the user's groups; none for a run.
  std::vector<std::string> groups;
};

/// Whether a principal is a run.
bool is_run(const Principal& principal);

/// Who a local process is, by what the kernel says about it: its user must be ours or root. A
/// process belongs to a run if it, or a process above it, is a shim of this data directory (the
/// outermost one counts) or, without one, was started with the run's mark. Any thread.
///
/// PermissionDenied: another user's. Unavailable: the process has gone, so that nobody can say.
Result<Caller> identify(const platform::Peer& peer, const std::filesystem::path& data_dir);

/// A user of this machine, by number.
Caller user_of(std::uint32_t uid);

/// Who speaks for a file of the inbox that belongs to this user: `inbox:<login>`. Whoever put it
/// there may have been a run, so it is nobody who decides about gates.
Principal inbox_of(std::uint32_t uid);

/// `identify` about this process.
Result<Caller> identify_self(const std::filesystem::path& data_dir);

}  // namespace reeve::owner
