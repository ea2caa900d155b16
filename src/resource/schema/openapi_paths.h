#pragma once

#include "base/json.h"
#include "resource/schema/contract.h"
#include "resource/schema/openapi_schema.h"

namespace reeve::resource::schema {

/// Adds the paths of `type` with their operations to `paths`. V2 or V3.
void add_paths(const ResourceType& type, Dialect dialect, Json& paths);

}  // namespace reeve::resource::schema
