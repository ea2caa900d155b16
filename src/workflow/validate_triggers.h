#pragma once

#include <vector>

#include "workflow/validate.h"

namespace reeve::workflow {

/// The part of `validate_parts` that looks at triggers.
void validate_triggers(const Workflow& workflow, std::vector<GraphProblem>& problems);

}  // namespace reeve::workflow
