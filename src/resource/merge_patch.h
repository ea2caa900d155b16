#pragma once

#include "base/json.h"
#include "resource/status.h"

namespace reeve::resource {

/// JSON merge patch (RFC 7386): members of `patch` replace those of `target`, null removes, lists
/// are replaced as a whole. As deep as the deeper of the two.
Json merge_patch(Json target, const Json& patch);

/// A strategic merge patch, as plain `kubectl patch` sends it. Treated as a merge patch if it has
/// no directive anywhere (`$patch`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`,
/// `$retainKeys`): lists are then replaced. UnsupportedMediaType otherwise: clients fall back to a
/// merge patch.
Outcome<Json> strategic_merge_patch(Json target, const Json& patch);

}  // namespace reeve::resource
