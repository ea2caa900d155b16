#pragma once

#include <memory>
#include <string_view>

#include "workflow/load/load.h"
#include "workflow/load/problems.h"

namespace reeve::workflow {

/// `load` with the findings still being collected: lint adds its own. Null iff there are errors.
std::shared_ptr<const Workflow> load_into(
    std::string_view text, const LoadOptions& options, Problems& problems
);

}  // namespace reeve::workflow
