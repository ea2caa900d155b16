#pragma once

#include <string>

#include "base/json.h"
#include "store/ports.h"

namespace reeve::cli {

/// How far the missions of a task are, from its row: "12/40 items, 2 failed", or of a single child
/// its name. Empty if the task has started none.
std::string children_progress(const Json& task);

/// The missions that a mission's tasks have started, one line each: task, item, name, state. Of
/// many only the first kChildrenListed, and how many there are.
std::string children_list(const Json& mission, store::Reader& reader);

/// Whether a task of another mission has started this one and watches over it.
bool is_child(const Json& mission);

}  // namespace reeve::cli
