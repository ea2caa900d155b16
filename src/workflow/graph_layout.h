#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workflow/graph_scene.h"
#include "workflow/workflow.h"

/// What the drawings of a workflow have in common. Private to src/workflow.
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
  /// From a gate to the task that it sends back.
  bool revise = false;
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

/// What starts missions of the workflow, one text for each trigger.
std::vector<std::string> trigger_texts(const Workflow& workflow);

NodeKind node_kind(Method method);

/// What a task does, if its method says more than "a program": "GET https://…", "approval by 2".
std::vector<std::string> detail_lines(const Workflow& workflow, TaskIndex index);

/// "✓" for COMPLETE …: states must be told apart without colours.
std::string_view state_symbol(std::string_view state);

/// "done", "failed", "active", "held" (waits for somebody or something), "idle".
std::string_view state_class(std::string_view state);

std::string draw_text(const Workflow& workflow, const TaskStates& states);
std::string draw_mermaid(const Workflow& workflow, const TaskStates& states);
std::string draw_svg(const Scene& scene);
std::string draw_json(const Scene& scene);

}  // namespace reeve::workflow
