#include "workflow/part.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "workflow/render.h"

namespace reeve::workflow {
namespace {

Workflow whole() {
  Workflow workflow;
  workflow.name = "w";
  workflow.source = "the text\n";
  workflow.params = {
      {.name = "must",
       .fallback = std::nullopt,
       .required = true,
       .description = {},
       .position = {}}};
  workflow.variables = {{"v", Json(1), {}}};
  workflow.timeout = Duration(5000);
  workflow.retry.retries = 3;
  workflow.hard_reset_after_retries = 2;
  workflow.skip_if = {"true", {}};
  workflow.triggers.emplace_back();
  workflow.max_concurrency = 1;
  workflow.priority = 7;
  workflow.semaphores = {{"gpu", 1, {}}};
  workflow.forget_skipped = true;
  Task first;
  first.name = TaskName("first");
  Task task;
  task.name = TaskName("each");
  task.script = {{"x", {}}};
  task.needs = {0};
  task.dependencies = {0};
  task.routes = {
      {"COMPLETED", TaskIndex{0}, {}}, {"3", Action::Complete, {}}, {"4", FailWith{"ERR_X"}, {}}};
  task.always_run = true;
  task.allow_failure = true;
  task.retry.retries = 2;
  task.fan_out = FanOut{};
  task.compensate = Compensation{};
  task.permissions = {"mission.extend"};
  task.semaphores = {{"gpu", 1, {}}};
  workflow.tasks = {first, task};
  return workflow;
}

TEST(PartOf, KeepsTheTaskAndCutsItLoose) {
  const auto part = part_of(whole(), 1).value();
  ASSERT_EQ(part->tasks.size(), 1U);
  const Task& task = part->tasks[0];
  EXPECT_EQ(task.name, TaskName("each"));
  EXPECT_EQ(task.script.at(0).text, "x");
  EXPECT_EQ(task.retry.retries, 2U);
  EXPECT_EQ(task.semaphores.size(), 1U);
  EXPECT_TRUE(task.needs.empty());
  EXPECT_TRUE(task.dependencies.empty());
  ASSERT_EQ(task.routes.size(), 2U);
  EXPECT_EQ(task.routes[0].target, Target(Action::Complete));
  EXPECT_EQ(task.routes[1].target, Target(FailWith{"ERR_X"}));
  EXPECT_FALSE(task.always_run);
  EXPECT_FALSE(task.allow_failure);
  EXPECT_FALSE(task.fan_out.has_value());
  EXPECT_FALSE(task.compensate.has_value());
  EXPECT_TRUE(task.permissions.empty());
  EXPECT_EQ(part->entries, (std::vector<TaskIndex>{0}));
}

TEST(PartOf, KeepsNothingThatHoldsForTheWhole) {
  const auto part = part_of(whole(), 1).value();
  EXPECT_EQ(part->name, "w");
  EXPECT_EQ(part->variables.size(), 1U);
  EXPECT_EQ(part->timeout, Duration(5000));
  EXPECT_EQ(part->priority, 7);
  EXPECT_EQ(part->retry.retries, 0U);
  EXPECT_EQ(part->hard_reset_after_retries, 0U);
  EXPECT_TRUE(part->skip_if.empty());
  EXPECT_TRUE(part->triggers.empty());
  EXPECT_EQ(part->max_concurrency, 0U);
  EXPECT_TRUE(part->semaphores.empty());
  EXPECT_FALSE(part->forget_skipped);
}

TEST(PartOf, IsIdentifiedByTheTaskAndTheWhole) {
  const auto part = part_of(whole(), 1).value();
  EXPECT_EQ(part->source, "# reeve:part each\nthe text\n");
  EXPECT_EQ(part->digest, sha256(part->source));
  const auto source = part_source(part->source);
  ASSERT_TRUE(source.has_value());
  EXPECT_EQ(source->task, "each");
  EXPECT_EQ(source->whole, "the text\n");
  EXPECT_FALSE(part_source("the text\n").has_value());
}

TEST(PartOf, OfAPartIsThatPart) {
  const auto part = part_of(whole(), 1).value();
  EXPECT_EQ(part_of(*part, 0).value()->digest, part->digest);
}

TEST(PartOf, RefusesATaskThatIsNotThere) {
  EXPECT_EQ(part_of(whole(), 2).error().code, ErrorCode::NotFound);
}

TEST(PartOf, MayBeGivenAnyParams) {
  const auto part = part_of(whole(), 1).value();
  EXPECT_TRUE(check_params(*part, {{"item", "1"}}).ok());
  EXPECT_FALSE(check_params(whole(), {{"item", "1"}}).ok());
}

}  // namespace
}  // namespace reeve::workflow
