#include "workflow/graph.h"

#include "base/strings.h"
#include "workflow/graph_layout.h"

namespace reeve::workflow {

namespace {

/// Text inside quotes of a Mermaid diagram: its own quoting is `#…;`.
std::string mermaid_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '#' || c == ';' || c == '<' || c == '>' || c == '&' || c == '|' ||
        c == '`') {
      out += concat("#", static_cast<int>(c), ";");
    } else if (static_cast<unsigned char>(c) >= 0x20U) {
      out.push_back(c);
    }
  }
  return out;
}

std::string mermaid_arrow(const Arrow& arrow) {
  if (arrow.need) {
    return "-->";
  }
  const std::string label = arrow.back ? concat("↺ ", arrow.label) : arrow.label;
  return concat(arrow.back ? "-.->" : "-->", "|\"", mermaid_text(label), "\"|");
}

}  // namespace

std::string draw_mermaid(const Workflow& workflow) {
  const Layout layout = make_layout(workflow);
  std::string out = "flowchart TD\n";
  for (const auto& layer : layout.layers) {
    for (const TaskIndex task : layer) {
      const bool always = workflow.tasks[task].always_run;
      out += concat(
          "  t",
          task,
          always ? "([\"" : "[\"",
          mermaid_text(caption(workflow, task)),
          always ? "\"])\n" : "\"]\n"
      );
    }
  }
  for (const Arrow& arrow : layout.arrows) {
    out += concat("  t", arrow.from, " ", mermaid_arrow(arrow), " t", arrow.to, "\n");
  }
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    const auto& routes = workflow.tasks[i].routes;
    for (std::size_t r = 0; r < routes.size(); ++r) {
      const std::string action = target_text(routes[r].target);
      if (!action.empty()) {
        out += concat("  t", i, " -->|\"", mermaid_text(routes[r].on), "\"| t", i, "a", r);
        out += concat("{{\"", mermaid_text(action), "\"}}\n");
      }
    }
  }
  return out;
}

std::string draw(const Workflow& workflow, GraphFormat format) {
  switch (format) {
    case GraphFormat::Text:
      return draw_text(workflow);
    case GraphFormat::Svg:
      return draw_svg(workflow);
    case GraphFormat::Mermaid:
      return draw_mermaid(workflow);
  }
  return {};
}

}  // namespace reeve::workflow
