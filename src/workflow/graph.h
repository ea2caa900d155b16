#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "workflow/workflow.h"

namespace reeve::workflow {

enum class GraphFormat : std::uint8_t { Text, Svg, Mermaid };

/// Draws the tasks and what leads from one to the next, in layers from the entries downwards.
/// The result ends with a newline. Pure and deterministic.
std::string draw(const Workflow& workflow, GraphFormat format);

}  // namespace reeve::workflow
