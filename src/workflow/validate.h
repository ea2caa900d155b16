#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "base/result.h"
#include "workflow/workflow.h"

namespace reeve::workflow {

/// Something wrong with the workflow as a whole; `rule` as in load/load.h.
struct GraphProblem {
  std::string rule;
  Error error;
};

/// Sets `workflow.entries`: the tasks that start at once. Native: tasks without `needs` that no
/// route leads to and that are not `always_run`. Formicary: the first such task; and every such
/// task from `added_from` on, which an extension added.
void find_entries(
    Workflow& workflow, std::size_t added_from = std::numeric_limits<std::size_t>::max()
);

/// Checks what only the whole graph shows, with the position of the offending task or route:
/// "cycle" (in `needs`, spelling out the tasks), "unreachable" (neither entry,
/// needed-and-startable, routed to, nor always_run), "no-entry", "self-need", "dependency-order" (a
/// dependency that can never have run before; a task may depend on itself, for loops). Cycles of
/// routes are legal.
std::vector<GraphProblem> validate_graph(const Workflow& workflow);

/// Checks what a task, a trigger or a semaphore must have to be of use, by itself and together with
/// the rest: "method" (what belongs to a method is there with that method only), "gate", "await",
/// "fan-out", "http", "cache", "sensor", "semaphore", "trigger", "cron".
std::vector<GraphProblem> validate_parts(const Workflow& workflow);

}  // namespace reeve::workflow
