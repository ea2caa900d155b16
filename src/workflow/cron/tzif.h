#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "workflow/cron/zone.h"

namespace reeve::cron {

/// The largest file of the time zone database has 4 KiB.
inline constexpr std::size_t kZoneFileBytesMax = std::size_t{64} << 10U;

/// Reads a file of the time zone database (TZif, RFC 8536, any version) and what its footer says
/// about the years after its last entry. Corrupt: it is none or breaks off. Unsupported: it counts
/// leap seconds.
Result<Zone> parse_tzif(std::string name, std::string_view bytes);

}  // namespace reeve::cron
