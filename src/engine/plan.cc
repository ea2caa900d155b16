#include <algorithm>
#include <map>

#include "engine/engine.h"
#include "engine/mission_queries.h"

/// What the engine works out once for each version of a workflow.
namespace reeve::engine {

namespace {

/// The most units of each pool that are asked for at a time.
std::vector<workflow::Semaphore> demand_of(const workflow::Workflow& workflow) {
  std::map<std::string, std::uint32_t> most;
  const auto note = [&most](const std::vector<workflow::Semaphore>& wanted) {
    for (const workflow::Semaphore& semaphore : wanted) {
      std::uint32_t& units = most[semaphore.pool];
      units = std::max(units, semaphore.units);
    }
  };
  note(workflow.semaphores);
  for (const workflow::Task& task : workflow.tasks) {
    note(task.semaphores);
  }
  std::vector<workflow::Semaphore> demand;
  for (const auto& [pool, units] : most) {
    demand.push_back({.pool = pool, .units = units, .position = {}});
  }
  return demand;
}

}  // namespace

Plan::Plan(std::shared_ptr<const workflow::Workflow> source) : workflow(std::move(source)) {
  demand = demand_of(*workflow);
  routed_to.resize(workflow->tasks.size());
  for (const workflow::Task& task : workflow->tasks) {
    submits.push_back(asks_for_missions(*workflow, task));
  }
  for (const workflow::Task& task : workflow->tasks) {
    for (const workflow::Route& route : task.routes) {
      if (const auto* target = std::get_if<TaskIndex>(&route.target)) {
        routed_to[*target] = true;
      }
    }
  }
}

}  // namespace reeve::engine
