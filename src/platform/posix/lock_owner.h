#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace reeve::platform {

/// What is known about the process in a lock's owner record.
enum class OwnerState {
  Alive,    ///< the process runs
  Dead,     ///< provably gone: ended, a zombie, or of an earlier boot of this machine
  Unknown,  ///< on another machine, in another PID or time namespace, or hidden from us
};

/// Who holds a directory lock, as written in `<locks>/<name>/owner.json`.
struct LockOwner {
  std::string host;
  std::string boot_id;
  /// PIDs mean something only within one namespace (`/proc/self/ns/pid`).
  std::string pid_namespace;
  /// Start times mean something only within one namespace (`/proc/self/ns/time`).
  std::string time_namespace;
  int pid = 0;
  /// In clock ticks since boot; with pid and boot id it names the process for ever.
  std::uint64_t start_time = 0;
  /// The fencing token; grows strictly with every holder of this name.
  std::uint64_t token = 0;
  Timestamp since{};
  std::string purpose;
  /// When the record was read; not part of it.
  OwnerState state = OwnerState::Unknown;

  /// `process 42 on host since 2026-11-21T09:30:00.000Z (purpose)`
  std::string describe() const;
};

/// A record for the process `pid` of this machine, without token, time and purpose. NotFound: there
/// is no such process. Any thread.
Result<LockOwner> lock_owner_of(int pid);

/// The text of `owner.json`.
std::string encode_lock_owner(const LockOwner& owner);

/// Reads what `encode_lock_owner` writes; `state` stays Unknown. Corrupt: anything else.
Result<LockOwner> decode_lock_owner(std::string_view text);

/// Whether the owner is alive, judged from this machine now. Any thread.
OwnerState state_of(const LockOwner& owner);

}  // namespace reeve::platform
