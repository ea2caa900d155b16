#pragma once

#include <string_view>
#include <vector>

#include "executor/ports.h"

namespace reeve::executor {

/// Publishes what JSON pointers find in the JSON text `body`. Invalid, NotFound: it is no JSON, or
/// a pointer finds nothing.
Result<void> publish_outputs(
    std::string_view body, const std::vector<model::NamedValue>& outputs, ToolOutput& output
);

}  // namespace reeve::executor
