#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "workflow/workflow.h"

namespace reeve::workflow {

/// Which tasks can have run before which: by routes and by `needs`. Any thread.
///
/// Made with one bit for each pair of tasks (12 MiB for kTasksMax) and tasks/64 steps for each
/// arrow between two of them; then every question costs nothing.
class Order {
 public:
  explicit Order(const Workflow& workflow);

  /// Whether `first` can have run before `then`; of a task and itself, whether it is on a loop.
  bool before(TaskIndex first, TaskIndex then) const;

 private:
  void add(std::uint32_t before, std::uint32_t group);

  /// Tasks that can all come before each other are one group. Groups before a group have lower
  /// numbers.
  std::vector<std::uint32_t> group_;
  /// For each group one bit for each group before it, and its own if it is a loop.
  std::vector<std::uint64_t> bits_;
  std::size_t words_ = 0;
};

}  // namespace reeve::workflow
