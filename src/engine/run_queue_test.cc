#include "engine/run_queue.h"

#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::engine {
namespace {

RunRef run(std::uint64_t mission, TaskIndex task = 0) {
  return {.created = Revision(mission), .slot = {.task = task}};
}

/// The missions of the ready runs in their order; all of them leave.
std::string drain(RunQueue& queue) {
  std::string order;
  while (queue.has_ready()) {
    const RunQueue::Turn turn = queue.next();
    order += concat(order.empty() ? "" : " ", turn.run.created.value());
    queue.leave(turn.run);
  }
  return order;
}

/// Puts a run in line and lets it wait for units of the pool "p".
void wait(RunQueue& queue, RunRef who, std::int64_t score, std::uint32_t units) {
  queue.add(who, score);
  const RunQueue::Turn turn = queue.next();
  EXPECT_EQ(turn.run, who);
  queue.block(turn, "p", units);
}

TEST(RunQueue, ServesByScoreThenByArrival) {
  RunQueue queue;
  queue.add(run(1), 5);
  queue.add(run(2), 3);
  queue.add(run(3), 5);
  queue.add(run(1), 1);  // is in line already
  EXPECT_EQ(queue.size(), 3U);
  EXPECT_EQ(drain(queue), "2 1 3");
  EXPECT_EQ(queue.size(), 0U);
}

TEST(RunQueue, WakesThoseWhoFitBestFirst) {
  RunQueue queue;
  wait(queue, run(1), 1, 4);
  wait(queue, run(2), 2, 2);
  wait(queue, run(3), 3, 1);
  wait(queue, run(4), 4, 1);
  queue.wake("p", 0);
  queue.wake("other", 9);
  EXPECT_FALSE(queue.has_ready());
  queue.wake("p", 3);
  EXPECT_EQ(drain(queue), "2 3");
  queue.wake("p", 9);
  EXPECT_EQ(drain(queue), "1 4");
}

TEST(RunQueue, ManyThatWantTooMuchAreInNobodysWay) {
  RunQueue queue;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    wait(queue, run(i), static_cast<std::int64_t>(i), 4);
  }
  wait(queue, run(6), 6, 1);
  queue.wake("p", 3);
  EXPECT_EQ(drain(queue), "6");
}

TEST(RunQueue, TellsWhatARunWasWokenFor) {
  RunQueue queue;
  wait(queue, run(1), 1, 1);
  queue.wake("p", 1);
  EXPECT_EQ(queue.next().woken_by, "p");
  queue.add(run(2), 1);
  EXPECT_EQ(queue.next().woken_by, "");
}

TEST(RunQueue, WakesAGivenNumberWhateverTheyNeed) {
  RunQueue queue;
  wait(queue, run(1), 1, 9);
  wait(queue, run(2), 2, 1);
  wait(queue, run(3), 3, 9);
  queue.wake_first("p", 2);
  EXPECT_EQ(drain(queue), "1 2");
}

TEST(RunQueue, KnowsWhoStandsBefore) {
  RunQueue queue;
  wait(queue, run(1), 5, 2);
  const auto any = [](std::uint32_t) {
    return true;
  };
  const auto none = [](std::uint32_t units) {
    return units != 2;
  };
  EXPECT_TRUE(queue.is_behind("p", RunPlace(6, 0), any));
  EXPECT_FALSE(queue.is_behind("p", RunPlace(6, 0), none));
  EXPECT_FALSE(queue.is_behind("p", RunPlace(4, 0), any));
  EXPECT_FALSE(queue.is_behind("other", RunPlace(6, 0), any));
  queue.wake("p", 2);
  EXPECT_TRUE(queue.is_behind("p", RunPlace(6, 0), any)) << "it has not had its turn";
  drain(queue);
  EXPECT_FALSE(queue.is_behind("p", RunPlace(6, 0), any));
}

TEST(RunQueue, ForgetsARunAndSaysWhatItWaitedFor) {
  RunQueue queue;
  wait(queue, run(1), 1, 1);
  queue.add(run(2), 2);
  EXPECT_EQ(queue.forget(run(1)), "p");
  EXPECT_EQ(queue.forget(run(2)), "");
  EXPECT_EQ(queue.forget(run(3)), "");
  EXPECT_EQ(queue.size(), 0U);
  EXPECT_FALSE(queue.has_ready());
}

TEST(RunQueue, ForgetsAMissionAndSaysWhatItWaitedFor) {
  RunQueue queue;
  wait(queue, run(1, 0), 1, 1);
  wait(queue, run(1, 1), 2, 2);
  queue.add(run(1, 2), 3);
  queue.add(run(2), 4);
  queue.wake("p", 1);
  EXPECT_EQ(queue.forget(Revision(1)), std::set<std::string>{"p"});
  EXPECT_EQ(queue.size(), 1U);
  queue.wake("p", 9);
  EXPECT_EQ(drain(queue), "2");
  EXPECT_TRUE(queue.forget(Revision(1)).empty());
}

}  // namespace
}  // namespace reeve::engine
