#pragma once

#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace reeve::cli {

/// A UTC timestamp (RFC 3339) as people write it: seconds and their fraction may be left out.
/// Invalid: anything else; the hint shows one.
Result<Timestamp> parse_time_argument(std::string_view text);

}  // namespace reeve::cli
