#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "workflow/template/template.h"
#include "workflow/workflow.h"

/// What the loader needs of workflow/template.
namespace reeve::workflow {

/// Of one of many values of a document: it is rendered before anybody has looked at what it costs.
inline constexpr std::size_t kValueStepsMax = 50'000;

enum class MissingValue : unsigned char { NoValue, Error };

/// Reads `text` as a template; the functions that look at the world at run time are known by name.
/// Positions are those in the text, from line 1, column 1. Every error has a hint.
Result<templates::Template> parse_template(std::string_view text);

/// Renders `text` while the document is loaded: functions that look at the world are refused.
Result<std::string> render_now(
    std::string_view text,
    const Json& data,
    MissingValue missing,
    std::size_t steps_max = templates::Limits().steps_max
);

/// Whether only a run can carry out the function `name`: it looks at the run, its random numbers or
/// other missions.
bool is_run_function(std::string_view name);

/// The place in the file of a `place` in the text of a scalar that starts at `start`. Lines after
/// the first are taken to be indented like the first, as in block scalars.
Position in_file(Position start, Position place);

}  // namespace reeve::workflow
