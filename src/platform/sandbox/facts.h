#pragma once

#include <string>
#include <vector>

#include "platform/sandbox/plan.h"

namespace reeve::sandbox {

/// Looks at paths of this machine. Any thread.
Facts look_at(const std::vector<std::string>& paths);

}  // namespace reeve::sandbox
