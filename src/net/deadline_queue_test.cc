#include "net/deadline_queue.h"

#include <functional>
#include <string>

namespace reeve::net {
namespace {

using std::chrono::seconds;
using Instant = DeadlineQueue::Instant;

Instant at(int second) {
  return Instant(seconds(second));
}

struct Named final : DeadlineQueue::Item {
  Named(std::string name, std::string& told) : name(std::move(name)), told(told) {}

  void on_deadline() override {
    told += name;
    if (then) {
      then();
    }
  }

  std::string name;
  std::string& told;
  std::function<void()> then;
};

TEST(DeadlineQueue, TellsInTheOrderOfDeadlines) {
  DeadlineQueue queue;
  std::string told;
  Named a("a", told);
  Named b("b", told);
  Named c("c", told);
  EXPECT_EQ(queue.next(), Instant::max());
  queue.set(a, at(3));
  queue.set(b, at(1));
  queue.set(c, at(2));
  EXPECT_EQ(queue.next(), at(1));
  queue.run(at(0));
  EXPECT_EQ(told, "");
  queue.run(at(2));
  EXPECT_EQ(told, "bc");
  queue.run(at(10));
  EXPECT_EQ(told, "bca");
  queue.run(at(20));
  EXPECT_EQ(told, "bca");
}

TEST(DeadlineQueue, ADeadlineCanMoveEitherWayAndGo) {
  DeadlineQueue queue;
  std::string told;
  Named a("a", told);
  Named b("b", told);
  queue.set(a, at(3));
  queue.set(a, at(6));
  queue.set(b, at(9));
  queue.set(b, at(4));
  queue.run(at(3));
  EXPECT_EQ(told, "");
  queue.run(at(5));
  EXPECT_EQ(told, "b");
  EXPECT_EQ(queue.next(), at(6));
  queue.set(a, Instant::max());
  EXPECT_EQ(queue.next(), Instant::max());
  queue.run(at(7));
  EXPECT_EQ(told, "b");
}

TEST(DeadlineQueue, WhoIsToldMayChangeIt) {
  DeadlineQueue queue;
  std::string told;
  Named a("a", told);
  Named b("b", told);
  a.then = [&] {
    queue.set(b, Instant::max());
    queue.set(a, told == "a" ? at(5) : at(9));
  };
  queue.set(a, at(1));
  queue.set(b, at(2));
  queue.run(at(2));
  EXPECT_EQ(told, "a");
  queue.run(at(5));
  EXPECT_EQ(told, "aa");
  EXPECT_EQ(queue.next(), at(9));
}

}  // namespace
}  // namespace reeve::net
