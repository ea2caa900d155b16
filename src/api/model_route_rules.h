#pragma once

#include <vector>

#include "base/json.h"
#include "resource/cause.h"

/// What the contract of kind ModelRoute cannot say. Pure; any thread.
namespace reeve::api {

/// Why a route could never be used: names of providers and models that there are none of, prices
/// that are missing, patterns that nobody can look for. `object` need not fit its contract.
std::vector<resource::Cause> model_route_causes(const Json& object);

}  // namespace reeve::api
