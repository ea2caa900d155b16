#pragma once

#include "base/result.h"
#include "platform/sandbox/plan.h"

namespace reeve::sandbox {

/// Builds the file tree of the plan and makes it the root of this process, which has a mount
/// namespace of its own (and a new pid namespace, of which it is the first process). The error says
/// what the machine refuses. For the helper process; one thread.
Result<void> build_tree(const Plan& plan);

}  // namespace reeve::sandbox
