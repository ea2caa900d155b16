#include "workflow/load/draft.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/strings.h"
#include "workflow/validate.h"

namespace reeve::workflow {

namespace {

using Index = std::map<std::string, TaskIndex, std::less<>>;

constexpr std::pair<std::string_view, Action> kActions[] = {
    {"COMPLETED", Action::Complete},
    {"FAILED", Action::Fail},
    {"FATAL", Action::Fatal},
    {"EXECUTING", Action::Poll},
    {"RESTART_TASK", Action::RestartTask},
    {"RESTART_JOB", Action::RestartJob},
    {"PAUSE_JOB", Action::PauseJob},
};

std::vector<std::string> task_names(const Index& index) {
  std::vector<std::string> names;
  for (const auto& [name, task] : index) {
    names.push_back(name);
  }
  return names;
}

/// Names listed where none is like the wrong one.
constexpr std::size_t kNamesShownMax = 10;

std::string did_you_mean(std::string_view name, std::vector<std::string> candidates) {
  const std::string near = nearest(name, candidates);
  if (!near.empty()) {
    return concat("did you mean \"", near, "\"?");
  }
  const bool all = candidates.size() <= kNamesShownMax;
  candidates.resize(std::min(candidates.size(), kNamesShownMax));
  return concat("there are ", join(candidates, ", "), all ? "" : ", …");
}

Index index_tasks(const Draft& draft, Problems& problems) {
  Index index;
  for (std::size_t i = 0; i < draft.tasks.size(); ++i) {
    const TaskDraft& task = draft.tasks[i];
    const auto [first, fresh] = index.emplace(task.task.name.str(), static_cast<TaskIndex>(i));
    if (!fresh && !task.task.name.empty()) {
      problems.error(
          "duplicate-task",
          task.task.position,
          task.path,
          concat(
              "there are two tasks named \"",
              task.task.name.str(),
              "\", the first in line ",
              problems.line(draft.tasks[first->second].task.position)
          ),
          "rename one of them"
      );
    }
  }
  return index;
}

std::optional<TaskIndex> resolve(const Ref& ref, const Index& index, Problems& problems) {
  const auto found = index.find(ref.name);
  if (found != index.end()) {
    return found->second;
  }
  problems.error(
      "unknown-task",
      ref.position,
      ref.path,
      concat("there is no task \"", ref.name, "\""),
      problems.full() ? std::string() : did_you_mean(ref.name, task_names(index))
  );
  return std::nullopt;
}

std::vector<TaskIndex> resolve_all(
    const std::vector<Ref>& refs, const Index& index, Problems& problems
) {
  std::vector<TaskIndex> tasks;
  std::set<TaskIndex> seen;
  for (const Ref& ref : refs) {
    if (const auto task = resolve(ref, index, problems)) {
      if (!seen.insert(*task).second) {
        problems.warning(
            "duplicate-entry",
            ref.position,
            ref.path,
            concat("\"", ref.name, "\" is listed twice"),
            "remove one of the two"
        );
      } else {
        tasks.push_back(*task);
      }
    }
  }
  return tasks;
}

std::optional<Target> resolve_target(const Ref& ref, const Index& index, Problems& problems) {
  for (const auto& [name, action] : kActions) {
    if (ref.name == name) {
      return Target(action);
    }
  }
  if (ref.name.starts_with("ERR_") && ref.name.size() > 4 && !index.contains(ref.name)) {
    return Target(FailWith{ref.name});
  }
  const auto found = index.find(ref.name);
  if (found != index.end()) {
    return Target(found->second);
  }
  std::vector<std::string> candidates;
  if (!problems.full()) {
    candidates = task_names(index);
    for (const auto& [name, action] : kActions) {
      candidates.emplace_back(name);
    }
  }
  problems.error(
      "unknown-task",
      ref.position,
      ref.path,
      concat("the route leads to \"", ref.name, "\", which is no task and no action"),
      did_you_mean(ref.name, std::move(candidates))
  );
  return std::nullopt;
}

/// Gates that name no task revise the only one that leads to them, if it is one.
void choose_revised(Workflow& workflow) {
  std::vector<std::set<TaskIndex>> leading(workflow.tasks.size());
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    const Task& task = workflow.tasks[i];
    for (const Route& route : task.routes) {
      if (const auto* target = std::get_if<TaskIndex>(&route.target)) {
        leading[*target].insert(static_cast<TaskIndex>(i));
      }
    }
    leading[i].insert(task.needs.begin(), task.needs.end());
  }
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    std::optional<Gate>& gate = workflow.tasks[i].gate;
    leading[i].erase(static_cast<TaskIndex>(i));
    if (gate && !gate->revises && leading[i].size() == 1) {
      gate->revises = *leading[i].begin();
    }
  }
}

/// What an extension adds may follow what is there, but not run it again or send it elsewhere.
void check_added(const Workflow& workflow, std::size_t added_from, Problems& problems) {
  for (std::size_t i = added_from; i < workflow.tasks.size(); ++i) {
    for (const Route& route : workflow.tasks[i].routes) {
      const auto* target = std::get_if<TaskIndex>(&route.target);
      if (target != nullptr && *target < added_from) {
        problems.error(
            "extension-route",
            route.position,
            concat("tasks.", workflow.tasks[i].name.view()),
            concat(
                "an added task may not lead back to \"",
                workflow.tasks[*target].name.view(),
                "\", which was there before"
            ),
            "lead to a task of the extension"
        );
      }
    }
  }
}

}  // namespace

std::shared_ptr<Workflow> assemble(Draft draft, Problems& problems) {
  const std::size_t before = problems.error_count();
  const Index index = index_tasks(draft, problems);
  auto workflow = std::make_shared<Workflow>(std::move(draft.workflow));
  for (TaskDraft& entry : draft.tasks) {
    entry.task.needs = resolve_all(entry.needs, index, problems);
    entry.task.dependencies = resolve_all(entry.dependencies, index, problems);
    if (entry.task.await) {
      entry.task.await->tasks = resolve_all(entry.awaits, index, problems);
    }
    if (entry.task.gate && entry.revises) {
      entry.task.gate->revises = resolve(*entry.revises, index, problems);
    }
    if (entry.task.agent && entry.validates) {
      entry.task.agent->validates = resolve(*entry.validates, index, problems);
    }
    for (const RawRoute& route : entry.routes) {
      if (auto target = resolve_target(route.target, index, problems)) {
        entry.task.routes.push_back({route.on, *std::move(target), route.target.position});
      }
    }
    workflow->tasks.push_back(std::move(entry.task));
  }
  // With names unresolved or tasks half read, the graph would only repeat what was said already, or
  // complain about what the mended document does not have.
  const bool faulty = std::any_of(
      draft.tasks.begin(), draft.tasks.end(), [](const TaskDraft& entry) { return entry.faulty; }
  );
  if (problems.error_count() > before || index.contains("") || faulty) {
    return nullptr;
  }
  choose_revised(*workflow);
  check_added(*workflow, draft.added_from, problems);
  find_entries(*workflow, draft.added_from);
  for (GraphProblem& problem : validate_graph(*workflow)) {
    problems.error(problem.rule, std::move(problem.error));
  }
  for (GraphProblem& problem : validate_parts(*workflow)) {
    problems.error(problem.rule, std::move(problem.error));
  }
  return problems.has_errors() ? nullptr : workflow;
}

}  // namespace reeve::workflow
