#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "resource/cause.h"

/// What the contract of kind Agent cannot say. Pure; any thread.
namespace reeve::api {

/// Tokens of a prompt above which an agent is probably several, estimated as its bytes divided
/// by 4.
inline constexpr std::size_t kAgentPromptTokensMax = 2000;

/// Why an agent could never work. `object` need not fit its contract.
std::vector<resource::Cause> agent_causes(const Json& object);

/// What its author should think about.
std::vector<std::string> agent_warnings(const Json& object);

}  // namespace reeve::api
