#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/json.h"
#include "engine/quota.h"
#include "gateway/model/ports.h"

namespace reeve::gateway::model {

/// Budgets of one place that are looked at.
inline constexpr std::size_t kBudgetsMax = 1'000;

/// The part that is left of the tightest budget that counts a caller, 0 to 1, what is promised
/// taken as used; nothing: none does. For choosing a model: whether a call fits is for the meter to
/// say. `labels` of the mission; may be null.
std::optional<double> budget_left(
    const ModelPorts& ports, const engine::Spender& who, const Json* labels
);

}  // namespace reeve::gateway::model
