#pragma once

#include <string>

#include "base/ids.h"
#include "base/json.h"

namespace reeve {

/// JSON text that depends on the value alone: compact, the members of objects in the order of the
/// bytes of their names.
std::string canonical_json(const Json& json);

/// SHA-256 of that text: two values have the same one if they are the same, whatever the order of
/// their members.
Digest canonical_digest(const Json& json);

}  // namespace reeve
