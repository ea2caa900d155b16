#pragma once

#include "base/json.h"
#include "store/ports.h"

namespace reeve::cli {

/// Adds `recoveredVia` to every failed task of the mission whose failure was routed to a task that
/// has completed since: the name of that one. What cannot be read is left out.
void add_recoveries(Json& mission, store::Reader& reader);

}  // namespace reeve::cli
