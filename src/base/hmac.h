#pragma once

#include <string>
#include <string_view>

#include "base/hash.h"

namespace reeve {

/// HMAC-SHA-256 of `bytes` (RFC 2104, FIPS 198-1).
Sha256Bytes hmac_sha256(std::string_view key, std::string_view bytes);

/// The same as lower-case hex.
std::string hmac_sha256_hex(std::string_view key, std::string_view bytes);

/// Whether two secrets are the same, in a time that tells neither where they differ nor how long
/// they are.
bool equal_secrets(std::string_view a, std::string_view b);

}  // namespace reeve
