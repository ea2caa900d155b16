#include <algorithm>

#include "base/strings.h"
#include "workflow/graph_layout.h"

namespace reeve::workflow {

namespace {

constexpr std::size_t kRowWidthMax = 96;

std::string repeat(std::string_view piece, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += piece;
  }
  return out;
}

/// One row of boxes side by side.
class Row {
 public:
  bool fits(std::string_view text) const {
    return top_.empty() || display_width(top_) + display_width(text) + 6 <= kRowWidthMax;
  }

  void add(std::string_view text) {
    const std::string gap = top_.empty() ? "" : "  ";
    const std::string line = repeat("─", display_width(text) + 2);
    top_ += concat(gap, "┌", line, "┐");
    middle_ += concat(gap, "│ ", text, " │");
    bottom_ += concat(gap, "└", line, "┘");
  }

  void flush(std::string& out) {
    if (!top_.empty()) {
      out += concat(top_, "\n", middle_, "\n", bottom_, "\n");
    }
    *this = Row();
  }

 private:
  std::string top_;
  std::string middle_;
  std::string bottom_;
};

/// What can follow a task, one line each: "2 ─▶ diagnose".
std::vector<std::string> outgoing(
    const Workflow& workflow, const std::vector<Arrow>& arrows, TaskIndex task
) {
  std::vector<std::string> lines;
  const auto line = [&](std::string_view label, std::string_view tip, std::string_view target) {
    const std::string middle = label.empty() ? "" : concat(" ", label, " ─");
    lines.push_back(concat("─", middle, tip, " ", target));
  };
  // Arrows are in the order of the tasks they leave.
  const auto first =
      std::lower_bound(arrows.begin(), arrows.end(), task, [](const Arrow& arrow, TaskIndex from) {
        return arrow.from < from;
      });
  for (auto arrow = first; arrow != arrows.end() && arrow->from == task; ++arrow) {
    line(arrow->label, arrow->back ? "↺" : "▶", workflow.tasks[arrow->to].name.view());
  }
  for (const Route& route : workflow.tasks[task].routes) {
    const std::string action = target_text(route.target);
    if (!action.empty()) {
      line(route.on, "▷", action);
    }
  }
  return lines;
}

void append_outgoing(
    std::string& out, const Workflow& workflow, const std::vector<Arrow>& arrows, TaskIndex task
) {
  const std::vector<std::string> lines = outgoing(workflow, arrows, task);
  const std::string_view name = workflow.tasks[task].name.view();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool only = lines.size() == 1;
    const bool last = i + 1 == lines.size();
    out += "  ";
    if (i == 0) {
      out += concat(name, only ? " ─" : " ┬");
    } else {
      out += concat(repeat(" ", display_width(name)), last ? " └" : " ├");
    }
    out += concat(lines[i], "\n");
  }
}

/// What a task does beyond running a program, and how far it is: "  review: approval by 2".
void append_details(
    std::string& out, const Workflow& workflow, TaskIndex task, const TaskStates& states
) {
  const std::string_view name = workflow.tasks[task].name.view();
  for (const std::string& line : detail_lines(workflow, task)) {
    out += concat("  ", name, ": ", line, "\n");
  }
  const auto state = states.find(name);
  if (state != states.end() && state->second != "WAITING") {
    out += concat("  ", name, ": ", state->second, "\n");
  }
}

/// The state of a task, or that it starts at once.
std::string mark_of(
    const Workflow& workflow, TaskIndex task, bool entry, const TaskStates& states
) {
  const auto state = states.find(workflow.tasks[task].name.view());
  if (state != states.end()) {
    return concat(state_symbol(state->second), " ");
  }
  return entry ? "● " : "";
}

}  // namespace

std::string draw_text(const Workflow& workflow, const TaskStates& states) {
  const Layout layout = make_layout(workflow);
  std::string out = concat(workflow.name, "\n");
  for (const std::string& trigger : trigger_texts(workflow)) {
    out += concat("  ◇ ", trigger, "\n");
  }
  for (const auto& layer : layout.layers) {
    out += "\n";
    Row row;
    for (const TaskIndex task : layer) {
      const bool entry = std::find(workflow.entries.begin(), workflow.entries.end(), task) !=
                         workflow.entries.end();
      const std::string text =
          concat(mark_of(workflow, task, entry, states), caption(workflow, task));
      if (!row.fits(text)) {
        row.flush(out);
      }
      row.add(text);
    }
    row.flush(out);
    for (const TaskIndex task : layer) {
      append_details(out, workflow, task, states);
      append_outgoing(out, workflow, layout.arrows, task);
    }
  }
  return out;
}

}  // namespace reeve::workflow
