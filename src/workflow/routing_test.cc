#include "workflow/routing.h"

#include <gtest/gtest.h>

namespace reeve::workflow {
namespace {

using Outcome = Decision::Outcome;

constexpr TaskIndex kA = 1;
constexpr TaskIndex kB = 2;
constexpr TaskIndex kC = 3;

Route route(std::string on, Target target) {
  return Route{std::move(on), std::move(target), {}};
}

/// The task of the compatibility table: every kind of target, completed to B, failed to C.
Task table_task() {
  Task task;
  task.name = TaskName("t");
  task.routes = {
      route("1", Action::Fatal),
      route("2", kA),
      route("3", Action::Complete),
      route("4", Action::PauseJob),
      route("5", Action::Poll),
      route("6", FailWith{"ERR_X"}),
      route("7", Action::Fail),
      route("8", Action::RestartTask),
      route("9", Action::RestartJob),
      route("COMPLETED", kB),
      route("FAILED", kC)};
  return task;
}

Task without(Task task, std::string_view on) {
  std::erase_if(task.routes, [&](const Route& r) { return r.on == on; });
  return task;
}

Ended exit_with(int code, bool retry_left = false) {
  return Ended{
      .exit_code = std::to_string(code),
      .succeeded = code == 0,
      .timed_out = false,
      .retry_left = retry_left};
}

void expect(
    const Decision& decision, Outcome outcome, std::string_view error, std::optional<TaskIndex> next
) {
  EXPECT_EQ(decision.outcome, outcome);
  EXPECT_EQ(decision.error_code, error);
  EXPECT_EQ(decision.next, next);
}

TEST(Routing, ZeroCompletesAndFollowsCompleted) {
  expect(decide(table_task(), exit_with(0)), Outcome::Completed, "", kB);
}

TEST(Routing, FatalFailsWithItsCodeAndFollowsFailed) {
  expect(decide(table_task(), exit_with(1)), Outcome::Failed, "ERR_FATAL", kC);
}

TEST(Routing, ACodeThatLeadsToATaskGoesThereAndStaysFailed) {
  expect(decide(table_task(), exit_with(2)), Outcome::Failed, "", kA);
}

TEST(Routing, ACodeCountedAsCompletedFollowsCompleted) {
  expect(decide(table_task(), exit_with(3)), Outcome::Completed, "", kB);
}

TEST(Routing, PauseHoldsTheMissionWithoutANextTask) {
  expect(decide(table_task(), exit_with(4)), Outcome::Pause, "ERR_PAUSE_JOB", std::nullopt);
}

TEST(Routing, PollRunsTheSameTaskAgainWithoutUsingARetry) {
  expect(decide(table_task(), exit_with(5)), Outcome::Poll, "", std::nullopt);
  expect(decide(table_task(), exit_with(5, true)), Outcome::Poll, "", std::nullopt);
}

TEST(Routing, AUsersErrorCodeFailsAndFollowsFailed) {
  expect(decide(table_task(), exit_with(6)), Outcome::Failed, "ERR_X", kC);
}

TEST(Routing, ACodeCountedAsFailedFollowsFailed) {
  expect(decide(table_task(), exit_with(7)), Outcome::Failed, "", kC);
}

TEST(Routing, RestartTaskRetriesWhileARetryIsLeft) {
  expect(
      decide(table_task(), exit_with(8, true)), Outcome::Retry, "ERR_RESTART_TASK", std::nullopt
  );
  expect(decide(table_task(), exit_with(8)), Outcome::Failed, "ERR_RESTART_TASK", kC);
}

TEST(Routing, RestartJobFollowsFailedIfThereIsSuchARoute) {
  expect(decide(table_task(), exit_with(9)), Outcome::Failed, "ERR_RESTART_JOB", kC);
}

TEST(Routing, RestartJobAfterCompletionDoesNotTakeTheFailedRoute) {
  Task task;
  task.routes = {route("COMPLETED", Action::RestartJob), route("FAILED", kC)};
  expect(decide(task, exit_with(0)), Outcome::Failed, "ERR_RESTART_JOB", std::nullopt);
  // A failure of its own takes it as ever.
  expect(decide(task, exit_with(1)), Outcome::Failed, "", kC);
}

TEST(Routing, RestartJobAtALeafHandsItsCodeToTheMission) {
  const Task leaf = without(table_task(), "FAILED");
  expect(decide(leaf, exit_with(9, true)), Outcome::Failed, "ERR_RESTART_JOB", std::nullopt);
}

TEST(Routing, AnUnknownCodeFailsAndFollowsFailed) {
  expect(decide(table_task(), exit_with(42)), Outcome::Failed, "", kC);
}

TEST(Routing, AnUnknownCodeIsRetriedFirst) {
  expect(decide(table_task(), exit_with(42, true)), Outcome::Retry, "", std::nullopt);
}

TEST(Routing, CodesWithARouteOfTheirOwnAreNotRetried) {
  expect(decide(table_task(), exit_with(1, true)), Outcome::Failed, "ERR_FATAL", kC);
  expect(decide(table_task(), exit_with(2, true)), Outcome::Failed, "", kA);
  expect(decide(table_task(), exit_with(6, true)), Outcome::Failed, "ERR_X", kC);
  expect(decide(table_task(), exit_with(7, true)), Outcome::Failed, "", kC);
}

TEST(Routing, ASkippedTaskIsCompletedAndFollowsCompleted) {
  const Ended skipped{
      .exit_code = "SKIPPED", .succeeded = true, .timed_out = false, .retry_left = true};
  expect(decide(table_task(), skipped), Outcome::Completed, "", kB);
}

TEST(Routing, AWordMayHaveARouteOfItsOwn) {
  Task task = table_task();
  task.routes.push_back(route("SKIPPED", kA));
  task.routes.push_back(route("APPROVED", kC));
  const Ended skipped{
      .exit_code = "skipped", .succeeded = true, .timed_out = false, .retry_left = false};
  expect(decide(task, skipped), Outcome::Completed, "", kA);
  const Ended approved{
      .exit_code = "APPROVED", .succeeded = true, .timed_out = false, .retry_left = false};
  expect(decide(task, approved), Outcome::Completed, "", kC);
}

TEST(Routing, ATimeoutIsAFailureWithItsOwnCodeAndFollowsFailed) {
  const Ended ended{.exit_code = "143", .succeeded = false, .timed_out = true, .retry_left = false};
  expect(decide(table_task(), ended), Outcome::Failed, "ERR_TASK_TIMED_OUT", kC);
}

TEST(Routing, ATimeoutIsRetriedFirst) {
  const Ended ended{.exit_code = "143", .succeeded = false, .timed_out = true, .retry_left = true};
  expect(decide(table_task(), ended), Outcome::Retry, "ERR_TASK_TIMED_OUT", std::nullopt);
}

TEST(Routing, ATimeoutIsAFailureWhateverTheProcessExitedWith) {
  Task task = table_task();
  task.routes.push_back(route("0", kA));
  const Ended ended{.exit_code = "0", .succeeded = true, .timed_out = true, .retry_left = false};
  expect(decide(task, ended), Outcome::Failed, "ERR_TASK_TIMED_OUT", kC);
  const Ended third{.exit_code = "3", .succeeded = false, .timed_out = true, .retry_left = false};
  expect(decide(task, third), Outcome::Failed, "ERR_TASK_TIMED_OUT", kC);
}

TEST(Routing, ACompletedLeafEndsTheWalkEvenIfOtherCodesHaveRoutes) {
  const Task leaf = without(table_task(), "COMPLETED");
  expect(decide(leaf, exit_with(0)), Outcome::Completed, "", std::nullopt);
  expect(decide(leaf, exit_with(3)), Outcome::Completed, "", std::nullopt);
}

TEST(Routing, AFailedLeafHasNoNextTask) {
  const Task leaf = without(table_task(), "FAILED");
  expect(decide(leaf, exit_with(42)), Outcome::Failed, "", std::nullopt);
  expect(decide(Task{}, exit_with(1)), Outcome::Failed, "", std::nullopt);
  expect(decide(Task{}, exit_with(0)), Outcome::Completed, "", std::nullopt);
}

TEST(Routing, AnAllowedFailureTakesTheCompletedRouteIfNoOtherLeadsOn) {
  Task task = without(table_task(), "FAILED");
  task.allow_failure = true;
  expect(decide(task, exit_with(42)), Outcome::Failed, "", kB);
  expect(decide(task, exit_with(1)), Outcome::Failed, "ERR_FATAL", kB);
  expect(decide(task, exit_with(2)), Outcome::Failed, "", kA);
  expect(decide(task, exit_with(42, true)), Outcome::Retry, "", std::nullopt);
}

TEST(Routing, AnAllowedFailurePrefersItsFailedRoute) {
  Task task = table_task();
  task.allow_failure = true;
  expect(decide(task, exit_with(42)), Outcome::Failed, "", kC);
}

TEST(Routing, AnOutcomeMayLeadToAnAction) {
  Task task;
  task.routes = {route("COMPLETED", Action::Fatal), route("FAILED", kC)};
  expect(decide(task, exit_with(0)), Outcome::Failed, "ERR_FATAL", kC);
  task.routes = {route("COMPLETED", Action::RestartJob)};
  expect(decide(task, exit_with(0)), Outcome::Failed, "ERR_RESTART_JOB", std::nullopt);
  task.routes = {route("COMPLETED", Action::Poll)};
  expect(decide(task, exit_with(0)), Outcome::Poll, "", std::nullopt);
  task.routes = {route("FAILED", Action::PauseJob)};
  expect(decide(task, exit_with(1)), Outcome::Pause, "ERR_PAUSE_JOB", std::nullopt);
  expect(decide(task, exit_with(1, true)), Outcome::Retry, "", std::nullopt);
  task.routes = {route("FAILED", FailWith{"ERR_BUILD"})};
  expect(decide(task, exit_with(1)), Outcome::Failed, "ERR_BUILD", std::nullopt);
}

TEST(Routing, AFailureCountedAsCompletedGoesOnAsCompleted) {
  Task task;
  task.routes = {route("FAILED", Action::Complete), route("COMPLETED", kB)};
  expect(decide(task, exit_with(5)), Outcome::Completed, "", kB);
}

TEST(Routing, OutcomesThatLeadToEachOtherEnd) {
  Task task;
  task.routes = {route("FAILED", Action::Complete), route("COMPLETED", Action::Fail)};
  expect(decide(task, exit_with(5)), Outcome::Failed, "", std::nullopt);
  expect(decide(task, exit_with(0)), Outcome::Completed, "", std::nullopt);
}

}  // namespace
}  // namespace reeve::workflow
