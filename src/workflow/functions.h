#pragma once

#include <cstdint>

#include "base/time.h"
#include "workflow/template/template.h"

namespace reeve::workflow {

/// The functions that templates of workflows have beyond the built-in ones: Random, now,
/// formatTime (FormatTime), fromJson, yamlq. CountByJobTypeAndState, SubmitJob and
/// SubmitJobsFromJSON are known by name and refused when they are called (Unsupported).
///
/// `seed` decides what Random gives; every table draws a sequence of its own from it, so that
/// rendering the same texts in the same order gives the same result. Not for several threads.
templates::FunctionTable make_functions(std::uint64_t seed, Timestamp now);

}  // namespace reeve::workflow
