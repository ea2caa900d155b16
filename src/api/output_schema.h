#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "resource/cause.h"

/// Schemas of what agents give. Pure; any thread.
namespace reeve::api {

/// Schemas of one document that are looked at, and their depth.
inline constexpr std::size_t kOutputSchemasMax = 2'000;
inline constexpr int kOutputSchemaDepthMax = 32;

/// What is no JSON Schema, or restricts results by something that executor/agent/json_schema does
/// not understand: no result would ever be accepted. Fields are named below `path`.
std::vector<resource::Cause> output_schema_causes(const Json& schema, const std::string& path);

}  // namespace reeve::api
