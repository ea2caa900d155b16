#pragma once

#include "base/json.h"
#include "resource/field_set.h"

/// The two steps of server-side apply that change the object. Private to resource.
namespace reeve::resource {

/// `live` with everything `applied` says: objects and keyed lists are merged, anything else is
/// replaced.
Json merge_applied(Json live, const Json& applied, const ListTypes& types);

/// Removes what the manager applied before and does not now (`dropped`), unless others own it or
/// parts of it (`others`), or it is still applied (`kept`). Parents that become empty go too. True
/// if anything was removed.
bool prune_dropped(
    Json& object,
    const FieldSet& dropped,
    const FieldSet& others,
    const FieldSet& kept,
    const ListTypes& types
);

}  // namespace reeve::resource
