#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "workflow/graph_scene.h"
#include "workflow/workflow.h"

namespace reeve::workflow {

enum class GraphFormat : std::uint8_t { Text, Svg, Mermaid, Json };

/// Draws the tasks and what leads from one to the next, in layers from the entries downwards, with
/// what starts missions above them. With the states of a mission each task shows its own. The
/// result ends with a newline. Pure and deterministic.
std::string draw(const Workflow& workflow, GraphFormat format, const TaskStates& states = {});

}  // namespace reeve::workflow
