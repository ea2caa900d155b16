#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workflow/workflow.h"

/// What the three drawings of a workflow have in common. Private to src/workflow.
namespace reeve::workflow {

/// An arrow from one task to another. Several routes between the same two tasks are one arrow.
struct Arrow {
  TaskIndex from = 0;
  TaskIndex to = 0;
  /// "2, FAILED"; empty for `needs`.
  std::string label;
  /// Leads back to a task that comes before, or to the task itself.
  bool back = false;
  /// Stands for `needs`, not for a route.
  bool need = false;
};

/// Tasks in layers: every arrow that does not lead back points to a later layer.
struct Layout {
  std::vector<std::vector<TaskIndex>> layers;
  /// Layer of each task.
  std::vector<std::size_t> layer_of;
  /// Ordered by `from`, then as declared.
  std::vector<Arrow> arrows;
};

/// Puts the tasks into layers, from the entries downwards. Tasks that always run come last.
Layout make_layout(const Workflow& workflow);

/// Name of an action as it is written in documents: "COMPLETED", "PAUSE_JOB" …
std::string_view to_string(Action action);

/// What a route that leads to no task does: an action's name or "ERR_…"; empty for a task.
std::string target_text(const Target& target);

/// The name of a task and what is special about it: "clean (always)".
std::string caption(const Workflow& workflow, TaskIndex task);

/// Code points in UTF-8 text: close enough to columns for names.
std::size_t display_width(std::string_view text);

std::string draw_text(const Workflow& workflow);
std::string draw_mermaid(const Workflow& workflow);
std::string draw_svg(const Workflow& workflow);

}  // namespace reeve::workflow
