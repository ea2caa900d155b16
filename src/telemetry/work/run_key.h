#pragma once

#include <string>
#include <string_view>

#include "base/strings.h"
#include "engine/mission_turn.h"
#include "model/effect.h"
#include "model/scoped_name.h"
#include "telemetry/work/work_event.h"

namespace reeve::telemetry {

/// Names the slot that a run has in its mission, in events and for hosts alike.
inline std::string run_key(std::string_view mission, std::string_view task, bool undo) {
  return concat(mission, "/", task, undo ? engine::kUndoSuffix : std::string_view());
}

/// Of an event about a run.
inline std::string run_key(const WorkEvent& seen) {
  const journal::ObjectKey& object = seen.event.object;
  return run_key(
      model::qualify(object.ns, object.name).view(),
      seen.data.get_string("task"),
      seen.data.get_bool("compensation")
  );
}

inline std::string run_key(const model::LaunchRun& launch) {
  const bool undo = launch.run.view().find(engine::kUndoSuffix) != std::string_view::npos;
  return run_key(launch.mission.view(), launch.task.view(), undo);
}

}  // namespace reeve::telemetry
