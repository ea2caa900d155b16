#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace reeve::executor {

/// The value that a JSON pointer (RFC 6901) names; the empty pointer is the whole document.
/// Invalid: no pointer. NotFound: nothing is there.
Result<const Json*> resolve_pointer(const Json& document, std::string_view pointer);

/// A value as a task's output: text as it is, everything else as JSON.
std::string output_text(const Json& value);

}  // namespace reeve::executor
