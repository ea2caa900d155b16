#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace reeve::identity {

/// base64 for URLs, without padding (RFC 4648, section 5).
std::string to_base64url(std::string_view bytes);

/// Invalid: anything else than what `to_base64url` writes.
Result<std::string> from_base64url(std::string_view text);

}  // namespace reeve::identity
