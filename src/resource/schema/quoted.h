#pragma once

#include <cstddef>
#include <string>

#include "base/json.h"

namespace reeve::resource::schema {

/// Values are quoted in messages up to this many bytes.
inline constexpr std::size_t kQuotedBytesMax = 200;

/// `value` as JSON for a message, shortened.
std::string quoted(const Json& value);

}  // namespace reeve::resource::schema
