#include <algorithm>
#include <map>

#include "engine/engine.h"
#include "engine/mission_queries.h"

/// What the engine works out once for each version of a workflow in a namespace.
namespace reeve::engine {

namespace {

std::vector<workflow::Semaphore> in_namespace(
    std::vector<workflow::Semaphore> semaphores, const Namespace& ns
) {
  for (workflow::Semaphore& semaphore : semaphores) {
    semaphore.pool = model::scoped(ns, semaphore.pool);
  }
  return semaphores;
}

/// The most units of each pool that are asked for at a time.
std::vector<workflow::Semaphore> demand_of(const Plan& plan) {
  std::map<std::string, std::uint32_t> most;
  const auto note = [&most](const std::vector<workflow::Semaphore>& wanted) {
    for (const workflow::Semaphore& semaphore : wanted) {
      std::uint32_t& units = most[semaphore.pool];
      units = std::max(units, semaphore.units);
    }
  };
  note(plan.semaphores);
  for (const std::vector<workflow::Semaphore>& semaphores : plan.task_semaphores) {
    note(semaphores);
  }
  std::vector<workflow::Semaphore> demand;
  for (const auto& [pool, units] : most) {
    demand.push_back({.pool = pool, .units = units, .position = {}});
  }
  return demand;
}

}  // namespace

Plan::Plan(std::shared_ptr<const workflow::Workflow> source, Namespace scope)
    : workflow(std::move(source)),
      ns(std::move(scope)),
      key(model::scoped(ns, workflow->name)),
      semaphores(in_namespace(workflow->semaphores, ns)) {
  for (const workflow::Task& task : workflow->tasks) {
    task_semaphores.push_back(in_namespace(task.semaphores, ns));
  }
  demand = demand_of(*this);
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
