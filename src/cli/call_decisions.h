#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "cli/arguments.h"
#include "store/ports.h"

/// Calls of tools that wait for people. Private to cli; main thread.
namespace reeve::cli {

/// Whether `approve` and `reject` are about a call: `toolcall/NAME`.
bool names_tool_call(const std::string& gate);

/// Approves or rejects a call, through the API. Returns the exit code.
int decide_tool_call(const Common& common, const DecideArgs& args);

/// Calls that wait for a decision in the store, oldest first, as the rows have them.
Result<std::vector<Json>> waiting_tool_calls(
    store::Reader& reader, const std::optional<Namespace>& ns
);

/// The same from a server; one that knows no calls has none.
Result<std::vector<Json>> remote_tool_calls(const Common& common);

/// Who wants what, why, and until when.
std::string tool_call_text(const Common& common, const Json& call);

}  // namespace reeve::cli
