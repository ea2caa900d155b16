#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "model/mission.h"
#include "workflow/workflow.h"

/// The row of a mission: the Mission object as the API serves it, complete enough to go on from.
/// Missions are named in it as their namespace knows them.
namespace reeve::engine {

/// Rows of earlier versions say neither when runs and gates last changed nor what runs there were
/// before. Nothing rewrites them, so that those of missions that are over stay as they are.
enum class RowForm : std::uint8_t { Whole, WithoutPast };

/// Appends the object as compact JSON with members in a fixed order: equal missions have equal
/// bytes.
void encode_mission(
    const model::Mission& mission,
    const workflow::Workflow& workflow,
    std::string& out,
    RowForm form = RowForm::Whole
);

/// Whether a mission that was read from a row of an earlier version lacks what only its events
/// tell. It can go on without it, but its row would not be what its events give.
bool lacks_past(const model::Mission& mission);

/// The inverse. Corrupt: a member is missing, of the wrong type or contradicts the workflow.
Result<model::Mission> decode_mission(const Json& row, const workflow::Workflow& workflow);

/// Which workflow a mission row refers to: the digest in `spec.workflow`.
Digest workflow_of(const Json& row);

}  // namespace reeve::engine
