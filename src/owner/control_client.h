#pragma once

#include <filesystem>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "protocol/message.h"

namespace reeve::owner {

/// Asks the owner of a data directory; any thread.
///
/// NotFound (subject "control socket"): nobody listens, so nobody owns the directory or its owner
/// is just starting or ending. Ambiguous: the request was sent and the answer did not come; the
/// same request may be sent again, its id protects it. DeadlineExceeded, Unavailable: it was not
/// taken. Everything else is the owner's answer.
Result<Json> ask_owner(
    const std::filesystem::path& data_dir, const protocol::Request& request, Duration timeout
);

}  // namespace reeve::owner
