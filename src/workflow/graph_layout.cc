#include "workflow/graph_layout.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/strings.h"

namespace reeve::workflow {

namespace {

/// The arrows that leave one task: what leads to the same task is one arrow with several labels.
class Leaving {
 public:
  Leaving(TaskIndex from, std::vector<Arrow>& arrows) : from_(from), arrows_(arrows) {}

  void add(TaskIndex to, bool need, const std::string& label) {
    const auto [known, fresh] = known_.emplace(std::pair(to, need), arrows_.size());
    if (fresh) {
      arrows_.push_back(Arrow{from_, to, label, false, need});
    } else if (!label.empty()) {
      arrows_[known->second].label += concat(", ", label);
    }
  }

 private:
  TaskIndex from_;
  std::vector<Arrow>& arrows_;
  std::map<std::pair<TaskIndex, bool>, std::size_t> known_;
};

std::vector<Arrow> collect_arrows(const Workflow& workflow) {
  std::vector<std::vector<TaskIndex>> needed_by(workflow.tasks.size());
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    for (const TaskIndex need : workflow.tasks[i].needs) {
      needed_by[need].push_back(static_cast<TaskIndex>(i));
    }
  }
  std::vector<Arrow> arrows;
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    Leaving leaving(static_cast<TaskIndex>(i), arrows);
    for (const TaskIndex to : needed_by[i]) {
      leaving.add(to, true, {});
    }
    for (const Route& route : workflow.tasks[i].routes) {
      if (const auto* to = std::get_if<TaskIndex>(&route.target)) {
        leaving.add(*to, false, route.on);
      }
    }
    const auto& gate = workflow.tasks[i].gate;
    if (gate && gate->revises) {
      arrows.push_back({static_cast<TaskIndex>(i), *gate->revises, "revise", false, false, true});
    }
  }
  return arrows;
}

/// Walks the arrows depth first, without recursion: marks those that lead back and leaves the
/// tasks in an order in which all other arrows point forwards.
class Walk {
 public:
  Walk(const Workflow& workflow, std::vector<Arrow>& arrows)
      : arrows_(arrows), leaving_(workflow.tasks.size()), marks_(workflow.tasks.size(), Mark::New) {
    for (std::size_t i = 0; i < arrows.size(); ++i) {
      leaving_[arrows[i].from].push_back(i);
    }
    for (const TaskIndex entry : workflow.entries) {
      visit(entry);
    }
    for (std::size_t i = 0; i < marks_.size(); ++i) {
      visit(static_cast<TaskIndex>(i));
    }
    std::reverse(order_.begin(), order_.end());
  }

  const std::vector<TaskIndex>& order() const { return order_; }

  const std::vector<std::size_t>& leaving(TaskIndex task) const { return leaving_[task]; }

 private:
  enum class Mark : std::uint8_t { New, Open, Done };

  struct Step {
    TaskIndex task;
    std::size_t next = 0;
  };

  void visit(TaskIndex start) {
    if (marks_[start] != Mark::New) {
      return;
    }
    std::vector<Step> stack = {Step{start}};
    marks_[start] = Mark::Open;
    while (!stack.empty()) {
      Step& step = stack.back();
      if (step.next == leaving_[step.task].size()) {
        marks_[step.task] = Mark::Done;
        order_.push_back(step.task);
        stack.pop_back();
        continue;
      }
      Arrow& arrow = arrows_[leaving_[step.task][step.next++]];
      if (marks_[arrow.to] == Mark::Open) {
        arrow.back = true;
      } else if (marks_[arrow.to] == Mark::New) {
        marks_[arrow.to] = Mark::Open;
        stack.push_back(Step{arrow.to});
      }
    }
  }

  std::vector<Arrow>& arrows_;
  std::vector<std::vector<std::size_t>> leaving_;
  std::vector<Mark> marks_;
  std::vector<TaskIndex> order_;
};

}  // namespace

Layout make_layout(const Workflow& workflow) {
  Layout layout;
  layout.arrows = collect_arrows(workflow);
  layout.layer_of.assign(workflow.tasks.size(), 0);
  const Walk walk(workflow, layout.arrows);
  std::vector<bool> entered(workflow.tasks.size());
  std::size_t last = 0;
  for (const TaskIndex task : walk.order()) {
    for (const std::size_t i : walk.leaving(task)) {
      const Arrow& arrow = layout.arrows[i];
      if (!arrow.back) {
        entered[arrow.to] = true;
        std::size_t& layer = layout.layer_of[arrow.to];
        layer = std::max(layer, layout.layer_of[task] + 1);
        last = std::max(last, layer);
      }
    }
  }
  const auto comes_last = [&](std::size_t task) {
    return workflow.tasks[task].always_run && !entered[task] &&
           walk.leaving(static_cast<TaskIndex>(task)).empty();
  };
  layout.layers.resize(workflow.tasks.empty() ? 0 : last + 2);
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    if (comes_last(i)) {
      layout.layer_of[i] = last + 1;
    }
    layout.layers[layout.layer_of[i]].push_back(static_cast<TaskIndex>(i));
  }
  std::erase_if(layout.layers, [](const auto& layer) { return layer.empty(); });
  for (std::size_t i = 0; i < layout.layers.size(); ++i) {
    for (const TaskIndex task : layout.layers[i]) {
      layout.layer_of[task] = i;
    }
  }
  return layout;
}

std::string_view to_string(Action action) {
  switch (action) {
    case Action::Complete:
      return "COMPLETED";
    case Action::Fail:
      return "FAILED";
    case Action::Fatal:
      return "FATAL";
    case Action::Poll:
      return "EXECUTING";
    case Action::RestartTask:
      return "RESTART_TASK";
    case Action::RestartJob:
      return "RESTART_JOB";
    case Action::PauseJob:
      return "PAUSE_JOB";
  }
  return "UNKNOWN";
}

std::string target_text(const Target& target) {
  if (const auto* action = std::get_if<Action>(&target)) {
    return std::string(to_string(*action));
  }
  if (const auto* failure = std::get_if<FailWith>(&target)) {
    return failure->code;
  }
  return {};
}

std::string caption(const Workflow& workflow, TaskIndex task) {
  const Task& shown = workflow.tasks[task];
  std::vector<std::string> marks;
  if (shown.always_run) {
    marks.emplace_back("always");
  }
  if (shown.allow_failure) {
    marks.emplace_back("may fail");
  }
  if (shown.compensate) {
    marks.emplace_back("undoable");
  }
  if (marks.empty()) {
    return shown.name.str();
  }
  return concat(shown.name.view(), " (", join(marks, ", "), ")");
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) {
    width += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  }
  return width;
}

}  // namespace reeve::workflow
