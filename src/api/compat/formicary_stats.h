#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

/// Formicary's numbers about jobs, from Missions. Pure; any thread.
namespace reeve::api::formicary {

/// One entry for each workflow that has missions, in order of their names: how many there are in
/// which state, and how long those that have ended took (milliseconds from start to end).
Json job_stats(const Json::Array& missions);

/// Where a job request stands among those that wait, and how long that may take: as often as the
/// average of its workflow as fits in front of it, at `slots` at a time (at least 1). `missions`
/// has it, too.
Json wait_estimate(
    const Json& mission, const Json::Array& missions, std::size_t slots, Timestamp now
);

/// The ids of job requests that are over.
Json dead_ids(const Json::Array& missions);

}  // namespace reeve::api::formicary
