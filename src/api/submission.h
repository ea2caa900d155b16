#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "engine/engine.h"

namespace reeve::api {

/// A mission as clients ask for it: `spec` of a Mission, or the body of a workflow's `submit` with
/// `workflow` set. Checks the name and, with `source`, the text.
///
/// The errors of loading a workflow, with the place in its text.
Result<engine::SubmitMission> submission_of(
    const Namespace& ns, std::string_view name, const Json& spec
);

}  // namespace reeve::api
