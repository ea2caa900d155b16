#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"

namespace reeve::store {

/// Copies the store in the file `from`, which other processes may be writing to, into the new file
/// `to` (0600): one consistent snapshot, complete in one file. Any thread.
///
/// AlreadyExists: there is something at `to`. Unavailable: locked for longer than `busy_timeout`.
/// LimitExceeded: the disk is full. Io, Corrupt: as the store says. After an error nothing is at
/// `to`, unless it was there before.
Result<void> back_up_store(
    const std::string& from, const std::string& to, Duration busy_timeout = Duration(10'000)
);

}  // namespace reeve::store
