#include "api/compat/formicary_graph.h"

#include <string_view>

#include "base/strings.h"

namespace reeve::api::formicary {

namespace {

/// A text between quotes, as the DOT language has it.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out + "\"";
}

std::string_view colour_of(std::string_view state) {
  if (state == "COMPLETE") {
    return "darkseagreen4";
  }
  if (state == "FAILED" || state == "ABORTED" || state == "LOST") {
    return "firebrick4";
  }
  return state == "ACTIVE" || state == "LAUNCHING" ? "skyblue2" : "lightgray";
}

std::string node_line(const Json& node) {
  const std::string state = node.get_string("state");
  const std::string title = node.get_string("title", node.get_string("id"));
  std::string line = concat("  ", quoted(node.get_string("id")), " [label=", quoted(title));
  line += concat(", shape=", node.get_string("kind") == "gate" ? "diamond" : "box");
  if (!state.empty()) {
    line += concat(", color=", colour_of(state), ", tooltip=", quoted(state));
  }
  return line + "];\n";
}

std::string edge_line(const Json& edge) {
  std::string line =
      concat("  ", quoted(edge.get_string("from")), " -> ", quoted(edge.get_string("to")));
  if (const std::string label = edge.get_string("label"); !label.empty()) {
    line += concat(" [label=", quoted(label), "]");
  }
  return line + ";\n";
}

}  // namespace

std::string dot_of(const Json& drawing) {
  std::string dot = concat("digraph ", quoted(drawing.get_string("name")), " {\n");
  for (const auto& [list, line_of] :
       {std::pair("nodes", &node_line), std::pair("edges", &edge_line)}) {
    const Json* items = drawing.find(list);
    if (items == nullptr || !items->is_array()) {
      continue;
    }
    for (const Json& item : items->as_array()) {
      dot += line_of(item);
    }
  }
  return dot + "}\n";
}

}  // namespace reeve::api::formicary
