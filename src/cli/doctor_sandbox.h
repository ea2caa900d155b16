#pragma once

#include <vector>

#include "platform/posix/probe.h"

/// Which sandboxes this machine gives. Private to cli.
namespace reeve::cli {

/// Tries every level out, as a run would have it. Leaves nothing behind.
std::vector<platform::Finding> probe_sandboxes();

}  // namespace reeve::cli
