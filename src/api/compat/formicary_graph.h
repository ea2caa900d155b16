#pragma once

#include <string>

#include "base/json.h"

namespace reeve::api::formicary {

/// A drawing (workflow::GraphFormat::Json) as a graph of Graphviz. Tasks are coloured by their
/// states, if the drawing has any. Pure; any thread.
std::string dot_of(const Json& drawing);

}  // namespace reeve::api::formicary
