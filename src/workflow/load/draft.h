#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "workflow/load/problems.h"
#include "workflow/workflow.h"

namespace reeve::workflow {

/// A mention of a task by name, before names are resolved.
struct Ref {
  std::string name;
  Position position;
  /// Field path: "spec.tasks[1].needs[0]".
  std::string path;
};

struct RawRoute {
  std::string on;
  Ref target;
};

struct TaskDraft {
  Task task;
  std::string path;
  /// Something about it could not be read.
  bool faulty = false;
  std::vector<RawRoute> routes;
  std::vector<Ref> needs;
  std::vector<Ref> dependencies;
  /// Of a gate: the task that is revised, if it is named.
  std::optional<Ref> revises;
  /// Of an agent: the task that is judged.
  std::optional<Ref> validates;
  /// Tasks whose children are waited for.
  std::vector<Ref> awaits;
};

/// What a front end makes of a document.
struct Draft {
  Workflow workflow;
  std::vector<TaskDraft> tasks;
  /// Tasks from here on were added by extensions.
  std::size_t added_from = std::numeric_limits<std::size_t>::max();
};

/// Resolves names and checks the whole graph. Null if anything is an error.
std::shared_ptr<Workflow> assemble(Draft draft, Problems& problems);

}  // namespace reeve::workflow
