#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "model/mission.h"
#include "workflow/workflow.h"

/// The row of a mission: the Mission object as the API serves it, complete enough to go on from.
namespace reeve::engine {

/// Appends the object as compact JSON with members in a fixed order: equal missions have equal
/// bytes.
void encode_mission(
    const model::Mission& mission, const workflow::Workflow& workflow, std::string& out
);

/// The inverse. Corrupt: a member is missing, of the wrong type or contradicts the workflow.
Result<model::Mission> decode_mission(const Json& row, const workflow::Workflow& workflow);

/// Which workflow a mission row refers to: the digest in `spec.workflow`.
Digest workflow_of(const Json& row);

}  // namespace reeve::engine
