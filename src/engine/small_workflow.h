#pragma once

#include "base/hash.h"
#include "workflow/workflow.h"

namespace reeve::engine {

/// A workflow of the tasks "build" and "test", made without a document. For unit tests.
inline workflow::Workflow small_workflow() {
  workflow::Workflow workflow;
  workflow.name = "small";
  workflow.digest = sha256("small");
  workflow.source = "small";
  for (const char* name : {"build", "test"}) {
    workflow::Task task;
    task.name = TaskName(name);
    task.script.push_back({.text = "x", .position = {}});
    workflow.tasks.push_back(task);
  }
  workflow.entries = {0, 1};
  return workflow;
}

}  // namespace reeve::engine
