#pragma once

#include "base/json.h"
#include "base/result.h"
#include "workflow/template/program.h"

namespace reeve::templates {

/// Most control structures, groups and template calls that may be running inside each other. Keeps
/// the machine's stack small however the limits are set.
inline constexpr int kFramesMax = 500;

/// Carries out `program` over `data`. See Template::render_holed.
Result<HoledText> evaluate(const Program& program, const Json& data, const RenderOptions& options);

}  // namespace reeve::templates
