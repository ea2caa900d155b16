#pragma once

#include <cstddef>

#include "base/json.h"
#include "resource/status.h"

namespace reeve::resource {

/// Limits of a JSON patch.
struct JsonPatchLimits {
  std::size_t operations_max = 1000;
  /// Of the result, and of all that operations add.
  std::size_t size_bytes_max = std::size_t{1} << 20U;
  int depth_max = 100;
};

/// JSON patch (RFC 6902, pointers of RFC 6901): add, remove, replace, move, copy, test; all or
/// nothing.
///
/// BadRequest: not a list of operations as the RFC has them; further members are ignored, as it
/// says.
///
/// Invalid (422): a path that does not exist, a failed test, too deep a result.
///
/// RequestEntityTooLarge: too many operations, too big a result.
Outcome<Json> json_patch(Json target, const Json& patch, const JsonPatchLimits& limits = {});

}  // namespace reeve::resource
