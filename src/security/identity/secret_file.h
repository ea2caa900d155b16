#pragma once

#include <cstddef>
#include <filesystem>

#include "base/result.h"
#include "base/secret.h"
#include "platform/ports.h"

namespace reeve::identity {

inline constexpr std::size_t kServerKeyBytes = 32;

/// So many unpredictable bytes.
Secret random_bytes(platform::Random& random, std::size_t size);

/// The key of kServerKeyBytes in a private file (hex, one line), which is made if it is not there.
/// Two processes that do this at once agree on one. Errors of read_private_file; Corrupt: it holds
/// no key.
Result<Secret> open_or_create_key(const std::filesystem::path& file, platform::Random& random);

}  // namespace reeve::identity
