#pragma once

#include <memory>
#include <string_view>

#include "workflow/load/load.h"
#include "workflow/load/problems.h"

namespace reeve::workflow {

/// `load` with the findings still being collected, for those who need to know which line of the
/// file a position belongs to (Problems::line). Null iff there are errors.
std::shared_ptr<const Workflow> load_into(
    std::string_view text, const LoadOptions& options, Problems& problems
);

}  // namespace reeve::workflow
