#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "workflow/workflow.h"

namespace reeve::workflow {

/// What one ended attempt at a task means for the task and for the walk.
struct Decision {
  enum class Outcome : std::uint8_t {
    Completed,
    Failed,  ///< after the last attempt
    Retry,   ///< another attempt after `retry_delay`
    Poll,    ///< the same task again after its delay; does not use up a retry
    Pause,   ///< hold the mission for `pause_time`, then the same task again
  };

  Outcome outcome = Outcome::Completed;
  /// "ERR_FATAL", "ERR_RESTART_JOB", a user's ERR_…; empty if there is none.
  std::string error_code;
  /// The task to go to next, if a route leads to one.
  std::optional<TaskIndex> next;
};

/// An ended attempt, as routing sees it.
struct Ended {
  /// Decimal exit code, or a word such as "SKIPPED".
  std::string exit_code;
  bool succeeded = false;
  bool timed_out = false;
  /// Attempts that may still follow.
  bool retry_left = false;
};

/// Whether the task has a route of that name: an exit code, COMPLETED, FAILED, or a word such as
/// REJECTED.
bool has_route(const Task& task, std::string_view on);

/// Decides by the task's routes. Pure.
///
/// Order: (1) the route of the exit code: a task is the next one; an action first changes the
/// outcome; (2) the route of the outcome (COMPLETED or FAILED); (3) with allow_failure, the
/// COMPLETED route. A failed attempt without a route of its own exit code is retried first while
/// `retry_left`; FATAL and a route to a task are not retried. A completed task without a route
/// ends the walk successfully. RESTART_JOB as the route of an outcome follows no other route.
/// A timeout is error ERR_TASK_TIMED_OUT and is routed like any failure.
Decision decide(const Task& task, const Ended& ended);

}  // namespace reeve::workflow
