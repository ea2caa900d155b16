#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace reeve::cli {

/// `added` after `present`, as the JSON list that `$REEVE_TASKS` holds. Both are YAML or JSON: a
/// task, a list of tasks, or a WorkflowExtension document; `present` may be empty. A task that is
/// there word for word is left out, so that a call may be repeated.
///
/// Invalid: neither of those, or a task without a name. Conflict: another task of that name is
/// there. LimitExceeded: more than a run may hand over (model::kExtensionBytesMax).
Result<std::string> merged_tasks(std::string_view present, std::string_view added);

}  // namespace reeve::cli
