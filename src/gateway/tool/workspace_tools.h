#pragma once

#include <string_view>

#include "gateway/tool/builtin.h"

namespace reeve::gateway {

/// read_file, write_file, delete_file, list_files in the working directory of the caller's run,
/// which no path leaves. What cannot be done is a result that says so.
Result<ToolOutcome> run_workspace_tool(
    std::string_view tool,
    const Json& arguments,
    const ToolCaller& caller,
    bool keep_undo,
    const ToolPorts& ports
);

}  // namespace reeve::gateway
