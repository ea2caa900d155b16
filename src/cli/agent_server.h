#pragma once

#include <memory>

#include "base/result.h"
#include "executor/agent/fence.h"
#include "executor/agent/loop.h"

namespace reeve::cli {

/// How the built-in agent loop reaches the server of its run: by libcurl, with the run's token,
/// over the socket or the address in `fence`. For a tool's process. Unsupported: there is no
/// libcurl.
Result<std::unique_ptr<executor::agent::Server>> connect_agent(const executor::agent::Fence& fence);

}  // namespace reeve::cli
