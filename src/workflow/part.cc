#include "workflow/part.h"

#include <utility>

#include "base/hash.h"
#include "base/strings.h"

namespace reeve::workflow {

namespace {

constexpr std::string_view kPartLine = "# reeve:part ";

void cut_loose(Task& task) {
  task.needs.clear();
  task.dependencies.clear();
  std::erase_if(task.routes, [](const Route& route) {
    return std::holds_alternative<TaskIndex>(route.target);
  });
  task.fan_out.reset();
  task.await.reset();
  task.compensate.reset();
  task.permissions.clear();
  task.always_run = false;
  task.allow_failure = false;
  if (task.gate) {
    task.gate->revises.reset();
  }
  if (task.agent) {
    task.agent->validates.reset();
  }
}

}  // namespace

Result<std::shared_ptr<const Workflow>> part_of(const Workflow& workflow, TaskIndex task) {
  if (task >= workflow.tasks.size()) {
    return make_error(ErrorCode::NotFound, concat("there is no task number ", task), workflow.name);
  }
  if (workflow.part) {
    return std::make_shared<const Workflow>(workflow);
  }
  auto part = std::make_shared<Workflow>();
  part->name = workflow.name;
  part->description = workflow.description;
  part->version = workflow.version;
  part->format = workflow.format;
  part->params = workflow.params;
  part->variables = workflow.variables;
  part->timeout = workflow.timeout;
  part->pause_time = workflow.pause_time;
  part->priority = workflow.priority;
  part->sandbox = workflow.sandbox;
  part->part = true;
  part->tasks.push_back(workflow.tasks[task]);
  cut_loose(part->tasks.front());
  part->entries = {0};
  part->source = concat(kPartLine, workflow.tasks[task].name.view(), "\n", workflow.source);
  part->digest = sha256(part->source);
  return std::shared_ptr<const Workflow>(std::move(part));
}

std::optional<PartSource> part_source(std::string_view source) {
  if (!source.starts_with(kPartLine)) {
    return std::nullopt;
  }
  source.remove_prefix(kPartLine.size());
  const std::size_t end = source.find('\n');
  if (end == std::string_view::npos) {
    return PartSource{trim(source), {}};
  }
  return PartSource{trim(source.substr(0, end)), source.substr(end + 1)};
}

}  // namespace reeve::workflow
