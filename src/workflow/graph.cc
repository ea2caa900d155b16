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
  const bool back = arrow.back || arrow.revise;
  const std::string label = back ? concat("↺ ", arrow.label) : arrow.label;
  return concat(back ? "-.->" : "-->", "|\"", mermaid_text(label), "\"|");
}

struct Brackets {
  std::string_view open;
  std::string_view close;
};

Brackets brackets_of(const Task& task) {
  switch (node_kind(task.method)) {
    case NodeKind::Gate:
      return {"{{\"", "\"}}"};
    case NodeKind::Mission:
    case NodeKind::Await:
      return {"[[\"", "\"]]"};
    case NodeKind::Request:
    case NodeKind::Message:
      return {"[/\"", "\"/]"};
    case NodeKind::Trigger:
    case NodeKind::Start:
    case NodeKind::Task:
    case NodeKind::Noop:
    case NodeKind::Container:
    case NodeKind::Upkeep:
      break;
  }
  return task.always_run ? Brackets{"([\"", "\"])"} : Brackets{"[\"", "\"]"};
}

void append_task(
    std::string& out, const Workflow& workflow, TaskIndex task, const TaskStates& states
) {
  const Task& shown = workflow.tasks[task];
  const auto [open, close] = brackets_of(shown);
  std::string text = mermaid_text(caption(workflow, task));
  const auto state = states.find(shown.name.view());
  if (state != states.end()) {
    text = concat(state_symbol(state->second), " ", text);
  }
  for (const std::string& line : detail_lines(workflow, task)) {
    text += concat("<br/>", mermaid_text(line));
  }
  out += concat("  t", task, open, text, close);
  out += state == states.end() ? "\n" : concat(":::", state_class(state->second), "\n");
}

void append_triggers(std::string& out, const Workflow& workflow) {
  const std::vector<std::string> triggers = trigger_texts(workflow);
  for (std::size_t i = 0; i < triggers.size(); ++i) {
    out += concat("  g", i, ">\"", mermaid_text(triggers[i]), "\"]\n");
  }
}

void append_starts(std::string& out, const Workflow& workflow) {
  if (workflow.triggers.empty()) {
    return;
  }
  out += "  start(( ))\n";
  for (std::size_t i = 0; i < workflow.triggers.size(); ++i) {
    out += concat("  g", i, " -.-> start\n");
  }
  for (const TaskIndex entry : workflow.entries) {
    out += concat("  start -.-> t", entry, "\n");
  }
}

constexpr std::string_view kStateClasses =
    "  classDef done fill:#def3e1,stroke:#2c7a3c,color:#1c2733\n"
    "  classDef failed fill:#fde4e2,stroke:#b3261e,color:#1c2733\n"
    "  classDef active fill:#dcecff,stroke:#1a62c7,color:#1c2733,stroke-width:2px\n"
    "  classDef held fill:#fff4c9,stroke:#8f6a00,color:#1c2733\n"
    "  classDef idle fill:#f4f6f8,stroke:#9aa6b2,color:#1c2733\n";

}  // namespace

std::string draw_mermaid(const Workflow& workflow, const TaskStates& states) {
  const Layout layout = make_layout(workflow);
  std::string out = "flowchart TD\n";
  append_triggers(out, workflow);
  for (const auto& layer : layout.layers) {
    for (const TaskIndex task : layer) {
      append_task(out, workflow, task, states);
    }
  }
  append_starts(out, workflow);
  for (const Arrow& arrow : layout.arrows) {
    out += concat("  t", arrow.from, " ", mermaid_arrow(arrow), " t", arrow.to, "\n");
  }
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    const auto& routes = workflow.tasks[i].routes;
    for (std::size_t r = 0; r < routes.size(); ++r) {
      const std::string action = target_text(routes[r].target);
      if (!action.empty()) {
        out += concat("  t", i, " -->|\"", mermaid_text(routes[r].on), "\"| t", i, "a", r);
        out += concat("(\"", mermaid_text(action), "\")\n");
      }
    }
  }
  return states.empty() ? out : concat(out, kStateClasses);
}

std::string draw(const Workflow& workflow, GraphFormat format, const TaskStates& states) {
  switch (format) {
    case GraphFormat::Text:
      return draw_text(workflow, states);
    case GraphFormat::Svg:
      return draw_svg(make_scene(workflow, states));
    case GraphFormat::Mermaid:
      return draw_mermaid(workflow, states);
    case GraphFormat::Json:
      return draw_json(make_scene(workflow, states));
  }
  return {};
}

}  // namespace reeve::workflow
