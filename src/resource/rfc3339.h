#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace reeve::resource {

/// `2026-11-21T09:30:00Z`: how metadata tells the time (RFC 3339, UTC, whole seconds).
std::string format_time(Timestamp at);

/// Reads any RFC 3339 time with an offset, as clients write it; what is finer than milliseconds is
/// cut off. Invalid: anything else.
Result<Timestamp> parse_time(std::string_view text);

/// How long ago something was, as kubectl's AGE column writes it: `4s`, `2m30s`, `5h`, `3d`,
/// `2y40d`. Up to a second in the future is `0s`, further is `<invalid>`.
std::string human_duration(Duration duration);

}  // namespace reeve::resource
