#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "workflow/workflow.h"

namespace reeve::workflow {

/// One task of a workflow as a workflow of its own: what a child mission of a fan-out runs.
///
/// The task loses what ties it to the others (needs, dependencies, routes to tasks) and what the
/// whole does for it (fan_out, always_run, allow_failure, compensation, permissions); routes to
/// actions stay. The workflow keeps its name, variables, limit of time and priority, and loses what
/// holds for the whole: triggers, retries, semaphores, max_concurrency, skip_if. `Workflow::part`
/// is set, so that its missions may be given any params.
///
/// Its source is a line that names the task, then the source of the whole; `load` reads that back
/// to the same (LoadOptions::origin Stored). A part of a part is that part.
///
/// NotFound: there is no such task.
Result<std::shared_ptr<const Workflow>> part_of(const Workflow& workflow, TaskIndex task);

/// A source that names a part.
struct PartSource {
  std::string_view task;
  std::string_view whole;
};

/// Tells the source of a part from that of a whole.
std::optional<PartSource> part_source(std::string_view source);

}  // namespace reeve::workflow
