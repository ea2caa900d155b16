#pragma once

#include <vector>

#include "base/json.h"
#include "resource/cause.h"

/// What the contract of kind ToolServer cannot say. Pure; any thread.
namespace reeve::api {

/// Why a server of tools could never serve any: no place, or two; hosts that nobody asks.
/// `object` need not fit its contract.
std::vector<resource::Cause> tool_server_causes(const Json& object);

}  // namespace reeve::api
