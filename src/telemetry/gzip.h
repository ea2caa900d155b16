#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reeve::telemetry {

/// The text of one gzip member (RFC 1952). Pure; any thread.
///
/// Invalid: it is none, is damaged, or something follows it. LimitExceeded: the text is longer than
/// `bytes_max`, whatever it claims to be.
Result<std::string> gunzip(std::string_view bytes, std::size_t bytes_max);

}  // namespace reeve::telemetry
