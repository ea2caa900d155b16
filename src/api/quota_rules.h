#pragma once

#include <vector>

#include "base/json.h"
#include "journal/event.h"
#include "resource/cause.h"

/// What the contracts of kinds BudgetQuota and ClusterBudgetQuota cannot say. Pure; any thread.
namespace reeve::api {

/// Why the meter could not read a quota, which would grant nothing then, or what of it would bound
/// or do nothing.
std::vector<resource::Cause> quota_causes(journal::Kind kind, const Json& object);

}  // namespace reeve::api
