#pragma once

#include <string>

#include "base/json.h"

namespace reeve::cli {

/// The value as a YAML 1.2 document of block style, in the order of its members. Texts that YAML
/// 1.1 or 1.2 would take for something else are quoted; texts of several lines are literal blocks.
/// What is written reads back as the same value. Ends with a line end.
std::string to_yaml(const Json& value);

}  // namespace reeve::cli
