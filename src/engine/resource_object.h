#pragma once

#include "base/json.h"
#include "base/result.h"
#include "engine/resource_book.h"

/// Plain resources as JSON: what must be in them, and what a write to them means.
namespace reeve::engine {

/// Invalid, with the member's path as subject: no object of the kind with that key.
Result<void> check_shape(
    const Json& object, const ResourceKind& kind, const journal::ObjectKey& key
);

/// Invalid: no object of the kind can have that key.
Result<void> check_key(const ResourceKind& kind, const journal::ObjectKey& key);

/// The metadata of an object whose shape was checked.
Json& metadata_of(Json& object);
const Json& metadata_of(const Json& object);

/// Takes out of metadata what nobody but the server decides about, besides name and namespace.
void drop_server_owned(Json& metadata);

/// Whether nothing but metadata and status differs.
bool same_desire(const Json& before, const Json& after);

/// The object after a write that means all of it but its status and what the server decides.
Json with_server_owned(const Json& before, Json after);

/// The object after a write that means its status alone.
Json with_status(const Json& before, const Json& given);

}  // namespace reeve::engine
