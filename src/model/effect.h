#pragma once

#include <string>
#include <variant>

#include "base/ids.h"
#include "model/run.h"
#include "model/trace.h"

/// What the engine asks of a host and what a host answers. A request may arrive more than once and
/// an answer may be lost or repeated: (run, fence) identifies the undertaking on both sides.
namespace reeve::model {

/// Carry out a run. A host that has already accepted the same (run, fence) goes on with it.
struct LaunchRun {
  MissionName mission;
  TaskName task;
  RunName run;
  Fence fence;
  RunSpec spec;
  /// It is known to have started: if there is no trace of it left, the answer is RunLost and it is
  /// not started again.
  bool started = false;
  /// Told to its processes.
  Origin origin = {};
};

/// End a run early: TERM, grace, KILL, whole process tree. Unknown runs are answered with RunLost.
struct CancelRun {
  MissionName mission;
  RunName run;
  Fence fence;
  std::string reason;
};

/// Let the processes of a run stand still where they are: none of them gets any time until it is
/// thawed. Its deadline stands still with it; a cancellation thaws it. A run that stands still
/// already goes on doing so; unknown runs are nobody's, and there is no answer either way.
struct FreezeRun {
  MissionName mission;
  RunName run;
  Fence fence;
  std::string reason;
};

/// Let them go on. A run that is not frozen stays as it is.
struct ThawRun {
  MissionName mission;
  RunName run;
  Fence fence;
};

using Effect = std::variant<LaunchRun, CancelRun, FreezeRun, ThawRun>;

/// The run's first process exists.
struct RunStarted {
  MissionName mission;
  RunName run;
  Fence fence;
};

/// The run has ended, its process tree is gone, its outputs and artifacts are safe.
struct RunFinished {
  MissionName mission;
  RunName run;
  Fence fence;
  RunResult result;
};

/// The run's supervisor vanished without a result; its process tree is gone.
struct RunLost {
  MissionName mission;
  RunName run;
  Fence fence;
  std::string detail;
};

using Report = std::variant<RunStarted, RunFinished, RunLost>;

}  // namespace reeve::model
