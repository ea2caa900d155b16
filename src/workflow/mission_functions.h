#pragma once

#include "workflow/functions.h"

namespace reeve::workflow {

/// Adds CountByJobTypeAndState, SubmitJob and SubmitJobsFromJSON; see make_functions.
void add_mission_functions(templates::FunctionTable& functions, Missions* missions);

}  // namespace reeve::workflow
