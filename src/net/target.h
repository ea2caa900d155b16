#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/request.h"

namespace reeve::net {

/// Reads a request target (RFC 9112, 3.2): origin form, absolute form, or "*". Invalid: anything
/// that is not one, escapes that are wrong, "." and ".." components, control characters, text that
/// is not UTF-8, more than `query_parameters_max` parameters.
Result<Target> parse_target(std::string_view raw, std::size_t query_parameters_max = 1000);

/// The text of one component of `Target::path`: with "%2F" and "%25" decoded.
std::string decode_path_segment(std::string_view segment);

/// Whether `text` can name a host and port (RFC 3986, 3.2.2 and 3.2.3), without user information.
bool is_authority(std::string_view text);

}  // namespace reeve::net
