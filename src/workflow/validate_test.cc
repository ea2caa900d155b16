#include "workflow/validate.h"

#include <map>

#include <gtest/gtest.h>

namespace reeve::workflow {
namespace {

/// Builds graphs by names; task number n stands on line 10·(n+1).
class Graph {
 public:
  explicit Graph(Format format = Format::Native) { workflow_.format = format; }

  Graph& task(const std::string& name) {
    Task task;
    task.name = TaskName(name);
    task.position = {static_cast<int>(workflow_.tasks.size() + 1) * 10, 3};
    indices_.emplace(name, static_cast<TaskIndex>(workflow_.tasks.size()));
    workflow_.tasks.push_back(std::move(task));
    return *this;
  }

  Graph& tasks(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      task(name);
    }
    return *this;
  }

  Graph& needs(const std::string& from, const std::string& to) {
    at(from).needs.push_back(index(to));
    return *this;
  }

  Graph& route(const std::string& from, const std::string& on, const std::string& to) {
    at(from).routes.push_back(Route{on, index(to), {}});
    return *this;
  }

  Graph& dependency(const std::string& from, const std::string& to) {
    at(from).dependencies.push_back(index(to));
    return *this;
  }

  Graph& always_run(const std::string& name) {
    at(name).always_run = true;
    return *this;
  }

  const Workflow& done() {
    find_entries(workflow_);
    return workflow_;
  }

  std::vector<GraphProblem> problems() { return validate_graph(done()); }

  std::vector<std::string> rules() {
    std::vector<std::string> names;
    for (const GraphProblem& problem : problems()) {
      names.push_back(problem.rule);
    }
    return names;
  }

 private:
  TaskIndex index(const std::string& name) { return indices_.at(name); }

  Task& at(const std::string& name) { return workflow_.tasks[index(name)]; }

  Workflow workflow_;
  std::map<std::string, TaskIndex> indices_;
};

using Rules = std::vector<std::string>;

TEST(FindEntries, NativeStartsEveryTaskThatNothingLeadsTo) {
  Graph graph;
  graph.tasks({"a", "b", "c", "d", "e"}).needs("c", "a").route("b", "2", "d").always_run("e");
  EXPECT_EQ(graph.done().entries, (std::vector<TaskIndex>{0, 1}));
}

TEST(FindEntries, FormicaryStartsTheFirstSuchTaskOnly) {
  Graph graph(Format::Formicary);
  graph.tasks({"clean", "x", "a", "b"}).always_run("clean").route("a", "COMPLETED", "x");
  EXPECT_EQ(graph.done().entries, (std::vector<TaskIndex>{2}));
}

TEST(FindEntries, ARouteToItselfDoesNotCount) {
  Graph graph;
  graph.task("poll").route("poll", "5", "poll");
  EXPECT_EQ(graph.done().entries, (std::vector<TaskIndex>{0}));
  EXPECT_EQ(graph.rules(), Rules{});
}

TEST(ValidateGraph, AcceptsDiamondsAndLoopsOfRoutes) {
  Graph graph;
  graph.tasks({"a", "b", "c", "d", "fix"});
  graph.needs("b", "a").needs("c", "a").needs("d", "b").needs("d", "c");
  graph.route("d", "3", "fix").route("fix", "COMPLETED", "d");
  EXPECT_EQ(graph.rules(), Rules{});
}

TEST(ValidateGraph, SpellsOutACycleInNeeds) {
  Graph graph;
  graph.tasks({"start", "a", "b", "c"}).needs("a", "b").needs("b", "c").needs("c", "a");
  const auto problems = graph.problems();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].rule, "cycle");
  EXPECT_EQ(problems[0].error.message, "needs form a cycle: a needs b needs c needs a");
  EXPECT_EQ(problems[0].error.position, (Position{20, 3}));
  EXPECT_EQ(problems[0].error.subject, "tasks.a");
}

TEST(ValidateGraph, ReportsTwoSeparateCycles) {
  Graph graph;
  graph.tasks({"a", "b", "c", "d"});
  graph.needs("a", "b").needs("b", "a").needs("c", "d").needs("d", "c");
  EXPECT_EQ(graph.rules(), (Rules{"cycle", "cycle"}));
}

TEST(ValidateGraph, WhatNeedsACycleIsNotBlamedForIt) {
  Graph graph;
  graph.tasks({"a", "b", "after"}).needs("a", "b").needs("b", "a").needs("after", "a");
  EXPECT_EQ(graph.rules(), Rules{"cycle"});
}

TEST(ValidateGraph, RefusesATaskThatNeedsItself) {
  Graph graph;
  graph.tasks({"a", "b"}).needs("b", "b");
  const auto problems = graph.problems();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].rule, "self-need");
  EXPECT_EQ(problems[0].error.message, "task \"b\" needs itself");
  EXPECT_EQ(problems[0].error.position.line, 20);
}

TEST(ValidateGraph, ReportsTasksThatCanNeverStart) {
  Graph graph;
  graph.tasks({"a", "x", "y"}).route("x", "1", "y").route("y", "1", "x");
  const auto problems = graph.problems();
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].rule, "unreachable");
  EXPECT_EQ(problems[0].error.message, "task x is not reachable");
  EXPECT_EQ(problems[0].error.position.line, 20);
  EXPECT_EQ(problems[1].error.message, "task y is not reachable");
}

TEST(ValidateGraph, ATaskThatNeedsAnUnreachableOneIsUnreachable) {
  Graph graph;
  graph.tasks({"a", "x", "y", "z"}).route("x", "1", "y").route("y", "1", "x").needs("z", "y");
  graph.needs("z", "a");
  EXPECT_EQ(graph.rules(), (Rules{"unreachable", "unreachable", "unreachable"}));
}

TEST(ValidateGraph, ASecondUntargetedFormicaryTaskIsUnreachable) {
  Graph graph(Format::Formicary);
  graph.tasks({"a", "b", "lonely", "clean"}).route("a", "COMPLETED", "b").always_run("clean");
  const auto problems = graph.problems();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].rule, "unreachable");
  EXPECT_EQ(problems[0].error.message, "task lonely is not reachable");
}

TEST(ValidateGraph, RefusesAGraphWithoutAnEntry) {
  Graph graph;
  graph.tasks({"a", "b"}).route("a", "1", "b").route("b", "1", "a");
  EXPECT_EQ(graph.rules(), Rules{"no-entry"});
  Graph only_always;
  only_always.task("a").always_run("a");
  EXPECT_EQ(only_always.rules(), Rules{"no-entry"});
}

TEST(ValidateGraph, ADependencyMustBeAbleToRunBefore) {
  Graph graph(Format::Formicary);
  graph.tasks({"a", "b", "c"}).route("a", "COMPLETED", "b").route("b", "COMPLETED", "c");
  graph.dependency("c", "a").dependency("b", "c");
  const auto problems = graph.problems();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].rule, "dependency-order");
  EXPECT_EQ(problems[0].error.message, "task \"b\" depends on \"c\", which never runs before it");
  EXPECT_EQ(problems[0].error.position.line, 20);
}

TEST(ValidateGraph, ADependencyMayBeTheTaskItselfOrFollowOnALoop) {
  Graph graph;
  graph.tasks({"a", "b"}).route("a", "COMPLETED", "b").route("b", "3", "a");
  graph.dependency("a", "b").dependency("a", "a");
  Workflow workflow = graph.done();
  workflow.entries = {0};
  EXPECT_TRUE(validate_graph(workflow).empty());
}

TEST(ValidateGraph, ParallelTasksAreNoDependencies) {
  Graph graph;
  graph.tasks({"a", "b"}).dependency("b", "a");
  EXPECT_EQ(graph.rules(), Rules{"dependency-order"});
}

TEST(ValidateGraph, AnAlwaysRunTaskMayDependOnEverything) {
  Graph graph;
  graph.tasks({"a", "clean"}).always_run("clean").dependency("clean", "a");
  EXPECT_EQ(graph.rules(), Rules{});
}

TEST(ValidateGraph, WalksTheLongestRowOfTasks) {
  Graph graph;
  for (std::size_t i = 0; i < kTasksMax; ++i) {
    graph.task("t" + std::to_string(i));
  }
  for (std::size_t i = 1; i < kTasksMax; ++i) {
    graph.needs("t" + std::to_string(i - 1), "t" + std::to_string(i));
  }
  EXPECT_EQ(graph.rules(), Rules{});
  graph.needs("t" + std::to_string(kTasksMax - 1), "t0");
  const auto problems = graph.problems();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].rule, "cycle");
  EXPECT_LT(problems[0].error.message.size(), 300U);
}

TEST(ValidateGraph, ChecksTheDependenciesOfTheLongestRowOfTasks) {
  Graph graph;
  for (std::size_t i = 0; i < kTasksMax; ++i) {
    graph.task("t" + std::to_string(i));
    if (i > 0) {
      graph.needs("t" + std::to_string(i), "t" + std::to_string(i - 1));
      graph.dependency("t" + std::to_string(i), "t0");
    }
  }
  EXPECT_EQ(graph.rules(), Rules{});
  graph.dependency("t1", "t" + std::to_string(kTasksMax - 1));
  EXPECT_EQ(graph.rules(), Rules{"dependency-order"});
}

TEST(ValidateGraph, SpellsOutOnlySoManyCycles) {
  Graph graph;
  graph.task("t0");
  for (std::size_t i = 1; i < kTasksMax; ++i) {
    const std::string name = "t" + std::to_string(i);
    graph.task(name).needs("t" + std::to_string(i - 1), name).needs(name, "t0");
  }
  const auto problems = graph.problems();
  EXPECT_GE(problems.size(), 1U);
  EXPECT_EQ(problems[0].rule, "cycle");
}

TEST(ValidateGraph, AcceptsAnEmptyWorkflow) {
  Graph graph;
  EXPECT_EQ(graph.rules(), Rules{});
}

}  // namespace
}  // namespace reeve::workflow
