#include "workflow/order.h"

#include <random>

#include <gtest/gtest.h>

namespace reeve::workflow {
namespace {

Workflow tasks(std::size_t count) {
  Workflow workflow;
  workflow.tasks.resize(count);
  return workflow;
}

void route(Workflow& workflow, TaskIndex from, TaskIndex to) {
  workflow.tasks[from].routes.push_back({"COMPLETED", to, {}});
}

TEST(Order, FollowsNeedsAndRoutes) {
  Workflow w = tasks(4);
  w.tasks[1].needs = {0};
  route(w, 1, 2);
  const Order order(w);
  EXPECT_TRUE(order.before(0, 2));
  EXPECT_TRUE(order.before(1, 2));
  EXPECT_FALSE(order.before(2, 0));
  EXPECT_FALSE(order.before(0, 3));
  EXPECT_FALSE(order.before(0, 0));
}

TEST(Order, TasksOfALoopComeBeforeEachOther) {
  Workflow w = tasks(5);
  route(w, 0, 1);
  route(w, 1, 2);
  route(w, 2, 1);
  route(w, 2, 3);
  route(w, 4, 4);
  const Order order(w);
  EXPECT_TRUE(order.before(2, 1));
  EXPECT_TRUE(order.before(1, 1));
  EXPECT_TRUE(order.before(4, 4));
  EXPECT_TRUE(order.before(0, 3));
  EXPECT_FALSE(order.before(3, 1));
  EXPECT_FALSE(order.before(0, 0));
}

/// The plain definition: walk back from `then`.
bool walked(const Workflow& w, TaskIndex first, TaskIndex then) {
  std::vector<bool> seen(w.tasks.size());
  std::vector<TaskIndex> open = {then};
  while (!open.empty()) {
    const TaskIndex at = open.back();
    open.pop_back();
    for (TaskIndex before = 0; before < w.tasks.size(); ++before) {
      bool leads = false;
      for (const Route& route : w.tasks[before].routes) {
        leads = leads || route.target == Target(at);
      }
      for (const TaskIndex need : w.tasks[at].needs) {
        leads = leads || need == before;
      }
      if (leads && !seen[before]) {
        seen[before] = true;
        open.push_back(before);
      }
    }
  }
  return seen[first];
}

TEST(Order, AgreesWithAWalkOverRandomGraphs) {
  std::minstd_rand random(7);
  for (int round = 0; round < 40; ++round) {
    Workflow w = tasks(1 + random() % 24);
    const std::size_t arrows = random() % (2 * w.tasks.size());
    for (std::size_t i = 0; i < arrows; ++i) {
      const auto from = static_cast<TaskIndex>(random() % w.tasks.size());
      const auto to = static_cast<TaskIndex>(random() % w.tasks.size());
      if (random() % 2 == 0) {
        route(w, from, to);
      } else {
        w.tasks[to].needs.push_back(from);
      }
    }
    const Order order(w);
    for (TaskIndex a = 0; a < w.tasks.size(); ++a) {
      for (TaskIndex b = 0; b < w.tasks.size(); ++b) {
        ASSERT_EQ(order.before(a, b), walked(w, a, b)) << "round " << round << " " << a << " " << b;
      }
    }
  }
}

TEST(Order, OfNoTasksIsEmpty) {
  const Order order(tasks(0));
}

}  // namespace
}  // namespace reeve::workflow
