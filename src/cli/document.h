#pragma once

#include <string>

#include "base/result.h"

namespace reeve::cli {

/// The text of a workflow file. NotFound, or LimitExceeded with the limit.
Result<std::string> read_document(const std::string& path);

/// As `read_document`; "-" is standard input, read to its end.
Result<std::string> read_input(const std::string& path);

/// What messages call an input: its path, or "stdin".
std::string input_name(const std::string& path);

}  // namespace reeve::cli
