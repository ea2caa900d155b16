#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

/// Formicary's artifacts: the files that the tasks of missions have kept. Pure; any thread.
namespace reeve::api::formicary {

/// The files of a Mission in the order of its tasks. Their ids are their SHA-256 digests: the same
/// content has the same id.
Json::Array artifacts_of(const Json& mission);

/// Whether an artifact fits what is asked for: `id`, `sha256`, `name`, `kind`, `task_type`,
/// `job_request_id`. Invalid: another column.
Result<bool> artifact_wanted(
    const Json& artifact, const std::vector<std::pair<std::string, std::string>>& query
);

/// What a file is by the end of its name.
std::string content_type_of(std::string_view name);

}  // namespace reeve::api::formicary
