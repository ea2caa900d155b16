#pragma once

#include "base/result.h"
#include "model/run.h"

/// One attempt to carry out a task.
///
///        PENDING ──1──▶ LAUNCHING ──2──▶ ACTIVE
///          │ │              │              │
///          3 4              5              6
///          ▼ ▼              ▼              ▼
///   COMPLETE · ABORTED    FAILED · ABORTED · LOST (and COMPLETE from ACTIVE)
///
/// 1 a slot is free; a host is asked, with a fence   2 the host confirms the first process
/// 3 methods inside the engine complete at once      4 the mission stops before it started
/// 5 it could not start, was cancelled, or nobody confirmed in time
/// 6 it ended by itself, was cancelled, or its supervisor vanished
namespace reeve::engine {

/// Whether a run may move from one state to the other.
bool is_legal(model::RunState from, model::RunState to);

/// IllegalTransition unless `is_legal`.
Result<void> check_transition(model::RunState from, model::RunState to);

}  // namespace reeve::engine
