#include "executor/agent/phase.h"

namespace reeve::executor::agent {

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::Idle:
      return "idle";
    case Phase::Processing:
      return "processing";
    case Phase::ToolExecuting:
      return "tool_executing";
    case Phase::Responding:
      return "responding";
  }
  return "unknown";
}

bool may_move(Phase from, Phase to) {
  switch (from) {
    case Phase::Idle:
      return to == Phase::Processing || to == Phase::ToolExecuting;
    case Phase::Processing:
      return to == Phase::ToolExecuting || to == Phase::Responding || to == Phase::Idle;
    case Phase::ToolExecuting:
      return to == Phase::Processing || to == Phase::Idle;
    case Phase::Responding:
      return to == Phase::Idle;
  }
  return false;
}

bool PhaseMachine::move(Phase to) {
  if (!may_move(phase_, to)) {
    return false;
  }
  phase_ = to;
  return true;
}

}  // namespace reeve::executor::agent
