#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflow/workflow.h"

/// A workflow as a drawing: boxes with places, arrows with bends. What draws it, here or in a
/// dashboard, needs to know nothing of workflows.
namespace reeve::workflow {

/// States of tasks by name, in words: "ACTIVE", "COMPLETE" … Tasks that are not named show none.
using TaskStates = std::map<std::string, std::string, std::less<>>;

/// In pixels of the drawing, from its top left corner.
struct ScenePoint {
  std::int64_t x = 0;
  std::int64_t y = 0;

  friend bool operator==(const ScenePoint&, const ScenePoint&) = default;
};

/// What a box stands for, and so how it is drawn.
enum class NodeKind : std::uint8_t {
  Trigger,    ///< what starts missions
  Start,      ///< where triggers meet; has no text
  Task,       ///< a program
  Noop,       ///< nothing
  Container,  ///< a program in a container
  Request,    ///< HTTP, web socket
  Gate,       ///< people decide
  Mission,    ///< a child mission
  Await,      ///< waits for children
  Message,
  Upkeep,  ///< forgets artifacts
};

std::string_view to_string(NodeKind kind);  ///< "trigger" …

struct SceneNode {
  /// "t3" for task 3, "g0" for trigger 0, "start".
  std::string id;
  NodeKind kind = NodeKind::Task;
  std::optional<TaskIndex> task;
  /// Name and what is special about it.
  std::string title;
  /// Further lines: what it does, and routes that lead to no task.
  std::vector<std::string> lines;
  std::string description;
  /// Of a mission, see TaskStates; empty if there is none.
  std::string state;
  bool entry = false;
  bool always_run = false;
  bool allow_failure = false;
  bool compensated = false;
  bool sensor = false;
  /// One run for each item.
  bool fan_out = false;
  /// Rows from the top.
  std::size_t layer = 0;
  /// Top left corner and size.
  ScenePoint at;
  std::int64_t width = 0;
  std::int64_t height = 0;
};

enum class EdgeKind : std::uint8_t {
  Trigger,
  Need,   ///< starts when it is completed
  Route,  ///< started by a result
  Back,   ///< a route that leads back
  Revise  ///< what a gate sends back
};

std::string_view to_string(EdgeKind kind);  ///< "trigger" …

struct SceneEdge {
  /// Ids of nodes.
  std::string from;
  std::string to;
  EdgeKind kind = EdgeKind::Need;
  /// Results that take it: "2, FAILED".
  std::string label;
  /// From the edge of the first box to that of the second. Of Back and Revise: corners; of the
  /// others: points that a curve leaves and reaches vertically.
  std::vector<ScenePoint> points;
  /// Middle of the label's base line.
  ScenePoint label_at;
};

struct Scene {
  std::string name;
  std::string description;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<SceneNode> nodes;
  std::vector<SceneEdge> edges;
};

/// Places everything. Deterministic; nearly linear in the size of the workflow.
Scene make_scene(const Workflow& workflow, const TaskStates& states = {});

}  // namespace reeve::workflow
