#pragma once

#include "base/json.h"
#include "base/result.h"
#include "engine/mission_codec.h"
#include "model/approval.h"
#include "workflow/workflow.h"

/// The gate in the row of a mission.
namespace reeve::engine {

/// Writes the member "gate" of a task. What follows from the workflow and the votes is written for
/// those who read; it is not read back.
void write_gate(
    JsonWriter& json,
    const Principal& owner,
    const model::GateStatus& gate,
    const workflow::Task& def,
    RowForm form
);

/// The inverse. Corrupt: a member is missing or of the wrong type.
Result<model::GateStatus> read_gate(const Json& from);

}  // namespace reeve::engine
