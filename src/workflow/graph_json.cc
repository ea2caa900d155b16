#include "base/json.h"
#include "workflow/graph_layout.h"

namespace reeve::workflow {

namespace {

Json to_json(const ScenePoint& point) {
  return Json::object().set("x", point.x).set("y", point.y);
}

/// Members that are false or empty are left out.
Json to_json(const SceneNode& node) {
  Json json = Json::object();
  json.set("id", node.id).set("kind", to_string(node.kind));
  const auto text = [&json](const char* name, const std::string& value) {
    if (!value.empty()) {
      json.set(name, value);
    }
  };
  const auto flag = [&json](const char* name, bool value) {
    if (value) {
      json.set(name, true);
    }
  };
  text("title", node.title);
  text("description", node.description);
  text("state", node.state);
  if (!node.lines.empty()) {
    Json lines = Json::array();
    for (const std::string& line : node.lines) {
      lines.push(line);
    }
    json.set("lines", std::move(lines));
  }
  flag("entry", node.entry);
  flag("alwaysRun", node.always_run);
  flag("allowFailure", node.allow_failure);
  flag("compensated", node.compensated);
  flag("sensor", node.sensor);
  flag("fanOut", node.fan_out);
  json.set("layer", static_cast<std::int64_t>(node.layer));
  json.set("x", node.at.x).set("y", node.at.y);
  json.set("width", node.width).set("height", node.height);
  return json;
}

Json to_json(const SceneEdge& edge) {
  Json json = Json::object();
  json.set("from", edge.from).set("to", edge.to).set("kind", to_string(edge.kind));
  if (!edge.label.empty()) {
    json.set("label", edge.label).set("labelAt", to_json(edge.label_at));
  }
  Json points = Json::array();
  for (const ScenePoint& point : edge.points) {
    points.push(to_json(point));
  }
  json.set("points", std::move(points));
  return json;
}

}  // namespace

std::string draw_json(const Scene& scene) {
  Json nodes = Json::array();
  for (const SceneNode& node : scene.nodes) {
    Json json = to_json(node);
    nodes.push(std::move(json));
  }
  Json edges = Json::array();
  for (const SceneEdge& edge : scene.edges) {
    edges.push(to_json(edge));
  }
  Json json = Json::object();
  json.set("name", scene.name);
  if (!scene.description.empty()) {
    json.set("description", scene.description);
  }
  json.set("width", scene.width).set("height", scene.height);
  json.set("nodes", std::move(nodes)).set("edges", std::move(edges));
  return json.pretty();
}

}  // namespace reeve::workflow
