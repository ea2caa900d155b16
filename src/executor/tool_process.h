#pragma once

#include <memory>
#include <vector>

#include "executor/ports.h"

namespace reeve::executor {

// Exit codes of a tool's process that are not the tool's own.
inline constexpr int kToolFailed = 1;
inline constexpr int kToolUsage = 2;

/// `reeve executor TOOL FILE`: does the work that FILE describes (`<run>/steps/<n>.json`), writes
/// its end beside it and returns the exit code of this process. Started by a shim in the working
/// directory of a run; call it from main() of a single-threaded process.
int tool_main(int argc, char** argv, const std::vector<std::unique_ptr<Tool>>& tools);

}  // namespace reeve::executor
