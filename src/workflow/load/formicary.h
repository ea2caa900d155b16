#pragma once

#include "workflow/document/yaml.h"
#include "workflow/load/decode.h"
#include "workflow/load/draft.h"

namespace reeve::workflow {

/// Reads a Formicary job definition (`job_type:`). What only informs is accepted with a warning,
/// what would change the result of the work and is not there yet is refused.
Draft decode_formicary(const document::Node& root, Decoder& decoder);

}  // namespace reeve::workflow
