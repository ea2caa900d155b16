#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

/// What compiling and checking schemas have in common. Private to src/gateway/tool.
namespace reeve::gateway::schema {

/// A place within a place; long ones are not told to the end.
std::string within(const std::string& at, std::string_view name);

/// Two values have the same text if they are the same.
std::string comparable(const Json& value);

/// What a local reference (`#`, `#/$defs/Name`) leads to; null: nothing.
const Json* resolve(const Json& root, std::string_view reference);

}  // namespace reeve::gateway::schema
