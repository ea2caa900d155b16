#pragma once

#include <vector>

#include "base/json.h"
#include "journal/event.h"
#include "resource/cause.h"

/// What the contracts of kinds BudgetQuota and ClusterBudgetQuota cannot say. Pure; any thread.
namespace reeve::api {

/// Why the meter could not read a quota; it would grant nothing then. `object` fits the contract.
std::vector<resource::Cause> quota_causes(journal::Kind kind, const Json& object);

}  // namespace reeve::api
