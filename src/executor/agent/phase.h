#pragma once

#include <cstdint>
#include <string_view>

/// Where a loop is. Pure.
namespace reeve::executor::agent {

enum class Phase : std::uint8_t {
  Idle,           ///< nothing is being done
  Processing,     ///< its model thinks
  ToolExecuting,  ///< tools that the model has called are carried out
  Responding,     ///< the last reply becomes the result
};

std::string_view to_string(Phase phase);  ///< "idle", "processing", "tool_executing", "responding"

/// Whether there is such a step.
bool may_move(Phase from, Phase to);

/// A phase. What is no step changes nothing.
class PhaseMachine {
 public:
  Phase phase() const { return phase_; }

  /// Whether there was such a step.
  bool move(Phase to);

 private:
  Phase phase_ = Phase::Idle;
};

}  // namespace reeve::executor::agent
