#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "engine/events.h"
#include "journal/event.h"
#include "model/mission.h"
#include "workflow/workflow.h"

namespace reeve::sim {

struct RunRecord;

/// What must hold of runs that end because people decide about tool calls, by the journal alone.
/// Each function returns what is wrong, or nothing.
///
/// Threading: the simulation's.
class ParkingChecks {
 public:
  /// An event of a tool call.
  void see_call(const journal::Event& event);

  /// An event that has not been applied to its mission yet. `ran`: the run that it ends, as its
  /// host knows it, or null.
  std::optional<std::string> before(
      const model::Mission& mission,
      const workflow::Workflow& workflow,
      const engine::MissionEvent& event,
      const RunRecord* ran
  );

  /// The same once it has. Both objects stay where they are until the next call about the mission.
  std::optional<std::string> after(
      const model::Mission& mission,
      const workflow::Workflow& workflow,
      const engine::MissionEvent& event
  );

  /// Whole turns are on the disk: nothing waits for what is decided.
  std::optional<std::string> settled() const;

  /// Everything is at rest: nothing waits any more.
  std::optional<std::string> at_end() const;

  /// Runs that ended this way.
  std::uint64_t parkings() const { return parkings_; }

 private:
  /// A mission by its installation-wide name, and `<epoch>.<task>`.
  using TaskKey = std::pair<std::string, std::string>;
  using Calls = std::set<journal::ObjectKey>;

  struct Parked {
    const model::Mission* mission = nullptr;
    engine::TaskIndex task = 0;
    /// What it waited for when it stopped.
    Calls awaited;
  };

  /// When somebody last decided about a call of a task, or the time for it was over.
  struct Decided {
    Revision revision;
    Timestamp at;
  };

  struct View {
    const model::Mission* mission = nullptr;
    const workflow::Workflow* workflow = nullptr;
  };

  /// Of a task, or of its compensation.
  static TaskKey key_of(
      const model::Mission& mission, const workflow::Workflow& workflow, engine::SlotKey slot
  );
  std::optional<std::string> ends(
      const model::Mission& mission,
      const workflow::Workflow& workflow,
      const engine::RunEnded& event,
      const RunRecord* ran
  );
  std::optional<std::string> follows(const model::Mission& mission, const TaskKey& task);
  Calls pending(const TaskKey& task) const;
  bool all_pending(const TaskKey& task, const Calls& calls) const;

  /// The calls of each task about which people decide.
  std::map<TaskKey, Calls> pending_;
  std::map<journal::ObjectKey, TaskKey> tasks_;
  std::map<TaskKey, Decided> decided_;
  std::map<TaskKey, Parked> parked_;
  /// What the runs that are to follow have waited for.
  std::map<TaskKey, Calls> following_;
  /// Missions that are held for people.
  std::map<std::string, View> held_;
  /// The failures of the run that is being parked.
  std::uint32_t failures_ = 0;
  std::uint64_t parkings_ = 0;
};

}  // namespace reeve::sim
