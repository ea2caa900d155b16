#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace reeve::gateway::a2a {

/// How the protocol calls the state of a mission: "TASK_STATE_WORKING".
std::string_view task_state(std::string_view mission_state);

/// Whether nothing follows any more.
bool is_over(std::string_view mission_state);

/// A mission as a Task. Its id is the installation-wide name of the mission.
Json task_of(const Json& mission, bool with_artifacts = true);

/// The id of a mission's task.
std::string task_id_of(const Json& mission);

/// What tasks are selected and put in order by.
struct TaskHead {
  std::string id;
  std::string context;
  std::string_view state;
  std::string timestamp;
};

/// That of a mission: cheap, whatever the mission has brought forth.
TaskHead head_of(const Json& mission);

/// What a follower of a mission was told, and what is new.
///
/// Threading: one thread.
class Progress {
 public:
  /// The events (StreamResponse) that tell of the mission as it is now: first the task, then what
  /// has changed.
  std::vector<Json> next(const Json& mission);

 private:
  bool begun_ = false;
  std::string status_;
  /// Names of those that were told.
  std::vector<std::string> artifacts_;
};

}  // namespace reeve::gateway::a2a
