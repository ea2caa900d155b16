#include "workflow/validate.h"

#include <algorithm>
#include <string_view>

#include "base/strings.h"
#include "workflow/order.h"

namespace reeve::workflow {

namespace {

/// Tasks that a route of another task leads to.
std::vector<bool> routed_to(const Workflow& workflow) {
  std::vector<bool> routed(workflow.tasks.size());
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    for (const Route& route : workflow.tasks[i].routes) {
      const auto* target = std::get_if<TaskIndex>(&route.target);
      if (target != nullptr && *target != i) {
        routed[*target] = true;
      }
    }
  }
  return routed;
}

std::string quoted(const Task& task) {
  return concat("\"", task.name.view(), "\"");
}

GraphProblem problem(
    std::string rule, Position position, const Task& task, std::string message, std::string hint
) {
  Error error =
      make_error(ErrorCode::Invalid, std::move(message), concat("tasks.", task.name.view()));
  error.position = position;
  error.hint = std::move(hint);
  return GraphProblem{std::move(rule), std::move(error)};
}

/// Cycles in `needs` that are spelled out; a document with more has been refused by then.
constexpr std::size_t kCyclesMax = 100;

/// Finds cycles in `needs` by walking it depth first with a stack of its own: a workflow may have
/// thousands of tasks in a row.
class CycleFinder {
 public:
  explicit CycleFinder(const Workflow& workflow)
      : workflow_(workflow), marks_(workflow.tasks.size(), Mark::New) {}

  std::vector<std::vector<TaskIndex>> run() {
    for (std::size_t i = 0; i < marks_.size(); ++i) {
      if (marks_[i] == Mark::New) {
        walk(static_cast<TaskIndex>(i));
      }
    }
    return std::move(cycles_);
  }

 private:
  enum class Mark : std::uint8_t { New, Open, Done };

  struct Visit {
    TaskIndex task;
    std::size_t next_need = 0;
  };

  void walk(TaskIndex start) {
    stack_.push_back({start});
    marks_[start] = Mark::Open;
    while (!stack_.empty()) {
      Visit& visit = stack_.back();
      const std::vector<TaskIndex>& needs = workflow_.tasks[visit.task].needs;
      if (visit.next_need == needs.size()) {
        marks_[visit.task] = Mark::Done;
        stack_.pop_back();
        continue;
      }
      const TaskIndex need = needs[visit.next_need++];
      if (need == visit.task) {
        continue;  // has a rule of its own
      }
      if (marks_[need] == Mark::Open) {
        record(need);
      } else if (marks_[need] == Mark::New) {
        marks_[need] = Mark::Open;
        stack_.push_back({need});
      }
    }
  }

  void record(TaskIndex from) {
    if (cycles_.size() >= kCyclesMax) {
      return;
    }
    auto first = std::find_if(stack_.begin(), stack_.end(), [&](const Visit& visit) {
      return visit.task == from;
    });
    std::vector<TaskIndex> cycle;
    for (; first != stack_.end(); ++first) {
      cycle.push_back(first->task);
    }
    cycles_.push_back(std::move(cycle));
  }

  const Workflow& workflow_;
  std::vector<Mark> marks_;
  std::vector<Visit> stack_;
  std::vector<std::vector<TaskIndex>> cycles_;
};

std::string spell_out(const Workflow& workflow, const std::vector<TaskIndex>& cycle) {
  constexpr std::size_t kSpelledMax = 10;
  std::string text;
  for (std::size_t i = 0; i < cycle.size() && i < kSpelledMax; ++i) {
    text += concat(workflow.tasks[cycle[i]].name.view(), " needs ");
  }
  if (cycle.size() > kSpelledMax) {
    text += concat("… (", cycle.size() - kSpelledMax, " more) needs ");
  }
  return concat(text, workflow.tasks[cycle.front()].name.view());
}

/// What can be started at all: from the entries on by routes, and by needs once all of them can be.
class Starter {
 public:
  Starter(const Workflow& workflow, std::vector<bool> excused)
      : workflow_(workflow),
        reached_(excused.size()),
        waiting_(excused.size()),
        needed_by_(excused.size()) {
    for (std::size_t i = 0; i < excused.size(); ++i) {
      const Task& task = workflow.tasks[i];
      waiting_[i] = task.needs.size();
      for (const TaskIndex need : task.needs) {
        needed_by_[need].push_back(static_cast<TaskIndex>(i));
      }
      if (excused[i] || task.always_run) {
        reach(static_cast<TaskIndex>(i));
      }
    }
  }

  std::vector<bool> run() {
    for (const TaskIndex entry : workflow_.entries) {
      reach(entry);
    }
    while (!open_.empty()) {
      const TaskIndex at = open_.back();
      open_.pop_back();
      for (const Route& route : workflow_.tasks[at].routes) {
        if (const auto* target = std::get_if<TaskIndex>(&route.target)) {
          reach(*target);
        }
      }
      for (const TaskIndex after : needed_by_[at]) {
        if (--waiting_[after] == 0) {
          reach(after);
        }
      }
    }
    return std::move(reached_);
  }

 private:
  void reach(TaskIndex task) {
    if (!reached_[task]) {
      reached_[task] = true;
      open_.push_back(task);
    }
  }

  const Workflow& workflow_;
  std::vector<bool> reached_;
  /// Needs of each task that have not been reached.
  std::vector<std::size_t> waiting_;
  std::vector<std::vector<TaskIndex>> needed_by_;
  std::vector<TaskIndex> open_;
};

void check_dependencies(const Workflow& workflow, std::vector<GraphProblem>& problems) {
  const Order order(workflow);
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    const Task& task = workflow.tasks[i];
    // An always_run task starts when everything else has ended.
    if (task.dependencies.empty() || task.always_run) {
      continue;
    }
    for (const TaskIndex dependency : task.dependencies) {
      if (dependency == i || order.before(dependency, static_cast<TaskIndex>(i))) {
        continue;
      }
      const Task& other = workflow.tasks[dependency];
      problems.push_back(problem(
          "dependency-order",
          task.position,
          task,
          concat(
              "task ", quoted(task), " depends on ", quoted(other), ", which never runs before it"
          ),
          workflow.format == Format::Native
              ? concat("add ", quoted(other), " to its needs, or a route from there")
              : concat("let a route lead from ", quoted(other), " to ", quoted(task))
      ));
    }
  }
}

void check_reachable(
    const Workflow& workflow, std::vector<bool> excused, std::vector<GraphProblem>& problems
) {
  const std::vector<bool> reached = Starter(workflow, std::move(excused)).run();
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    const Task& task = workflow.tasks[i];
    if (!reached[i]) {
      problems.push_back(problem(
          "unreachable",
          task.position,
          task,
          concat("task ", task.name.view(), " is not reachable"),
          workflow.format == Format::Native ? "let a route lead to it, or remove it"
                                            : "let a route lead to it: only the first task that "
                                              "no route leads to starts by itself"
      ));
    }
  }
}

}  // namespace

void find_entries(Workflow& workflow, std::size_t added_from) {
  workflow.entries.clear();
  const std::vector<bool> routed = routed_to(workflow);
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    const Task& task = workflow.tasks[i];
    const bool only_first = workflow.format == Format::Formicary && i < added_from;
    if (!routed[i] && task.needs.empty() && !task.always_run &&
        !(only_first && !workflow.entries.empty())) {
      workflow.entries.push_back(static_cast<TaskIndex>(i));
    }
  }
}

std::vector<GraphProblem> validate_graph(const Workflow& workflow) {
  std::vector<GraphProblem> problems;
  std::vector<bool> excused(workflow.tasks.size());
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    const Task& task = workflow.tasks[i];
    if (std::find(task.needs.begin(), task.needs.end(), i) != task.needs.end()) {
      excused[i] = true;
      problems.push_back(problem(
          "self-need",
          task.position,
          task,
          concat("task ", quoted(task), " needs itself"),
          "remove it from its needs"
      ));
    }
  }
  for (const std::vector<TaskIndex>& cycle : CycleFinder(workflow).run()) {
    const Task& first = workflow.tasks[cycle.front()];
    for (const TaskIndex task : cycle) {
      excused[task] = true;
    }
    problems.push_back(problem(
        "cycle",
        first.position,
        first,
        concat("needs form a cycle: ", spell_out(workflow, cycle)),
        "for a loop use a route (onExitCode, onFailed), which may lead back"
    ));
  }
  if (!problems.empty()) {
    check_reachable(workflow, std::move(excused), problems);
  } else if (workflow.entries.empty() && !workflow.tasks.empty()) {
    const Task& first = workflow.tasks.front();
    problems.push_back(problem(
        "no-entry",
        first.position,
        first,
        "no task can start: every task has needs, always runs last, or is led to by a route",
        "add a first task that no route leads to"
    ));
  } else {
    check_reachable(workflow, std::move(excused), problems);
  }
  check_dependencies(workflow, problems);
  return problems;
}

}  // namespace reeve::workflow
