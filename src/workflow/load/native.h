#pragma once

#include <vector>

#include "workflow/document/yaml.h"
#include "workflow/load/decode.h"
#include "workflow/load/draft.h"

namespace reeve::workflow {

/// Reads a native document (`kind: Workflow`), strictly: api/v1/workflow.yaml is its schema.
Draft decode_native(const document::Node& root, Decoder& decoder);

/// Reads what extends a workflow (`kind: WorkflowExtension`), as strictly: its tasks in order, one
/// for each item of `spec.tasks`.
std::vector<TaskDraft> decode_extension(const document::Node& root, Decoder& decoder);

/// The defaults of params and the constant variables: what templates may use while loading.
Json native_data(const document::Node& root);

}  // namespace reeve::workflow
