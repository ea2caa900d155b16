#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace reeve {

/// Why `value` does not fit, one line for each reason: "/spec/tasks/0: unknown member \"x\"". Knows
/// the part of JSON Schema (draft 2020-12) that our schema uses, and reports any other keyword.
std::vector<std::string> validate(const Json& schema, const Json& value);

}  // namespace reeve
