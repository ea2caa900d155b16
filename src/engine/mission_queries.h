#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/events.h"
#include "workflow/functions.h"

namespace reeve::engine {

class Engine;
class MissionTurn;

/// What templates of one mission learn about others, and how they make some. What a task has asked
/// for is recorded with it, so that rendering it again gives the same text and makes nothing.
///
/// Threading: engine loop; lives as long as its turn.
class MissionQueries final : public workflow::Missions {
 public:
  MissionQueries(Engine& engine, MissionTurn& turn) : engine_(engine), turn_(turn) {}

  std::int64_t count(std::string_view workflow, const std::vector<std::string>& states) override;
  Result<std::string> submit(const workflow::Submission& submission) override;

  /// The texts of `task` are rendered next. With `make`, what has not been asked for before is
  /// made.
  void begin(TaskIndex task, bool make);

 private:
  Engine& engine_;
  MissionTurn& turn_;
  std::optional<TaskIndex> task_;
  std::size_t asked_ = 0;
  bool make_ = false;
};

/// Whether texts of a task may ask for missions.
bool asks_for_missions(const workflow::Workflow& workflow, const workflow::Task& task);

}  // namespace reeve::engine
