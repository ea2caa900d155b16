#pragma once

#include <string>
#include <vector>

#include "gateway/model/format/operation.h"

namespace reeve::gateway::model {

/// The list of models that somebody may ask, as clients of a dialect read it.
std::string models_body(Dialect dialect, const std::vector<std::string>& models);

/// One of them.
std::string model_body(Dialect dialect, const std::string& model);

}  // namespace reeve::gateway::model
