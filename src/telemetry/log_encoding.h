#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace reeve::telemetry {

/// What a record keeps beyond a limit until it has been redacted, so that no part of a secret that
/// a cut goes through remains. Private to src/telemetry.
inline constexpr std::size_t kLogSlackBytes = std::size_t{4} << 10U;

/// The beginning of `text`, at most `bytes_max` bytes, not ending within a character.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);

}  // namespace reeve::telemetry
