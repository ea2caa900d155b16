#include "sim/world.h"

#include <string>

#include <gtest/gtest.h>

namespace reeve::sim {
namespace {

TEST(World, DoesWhatIsDueFirstFirstAndTiesInTheOrderOfAsking) {
  World world(1);
  std::string order;
  world.after(Duration(20), [&] { order += 'c'; });
  world.after(Duration(10), [&] { order += 'a'; });
  world.after(Duration(10), [&] { order += 'b'; });
  while (world.step()) {
  }
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(world.steps(), 3U);
}

TEST(World, JumpsInTimeButNeverBack) {
  World world(1);
  const Timestamp begin = world.time();
  world.after(Duration(3'600'000), [] {});
  EXPECT_TRUE(world.step());
  EXPECT_EQ(world.time() - begin, Duration(3'600'000));
  EXPECT_FALSE(world.step());
}

TEST(World, ClockOnTheWallMayBeSetBack) {
  World world(1);
  const Timestamp before = world.time();
  world.jump(Duration(-5000));
  EXPECT_EQ(world.time(), before);
  EXPECT_EQ(world.clock(), before - Duration(5000));
  world.set_clock_right();
  EXPECT_EQ(world.clock(), before);
}

TEST(World, TraceDependsOnOrder) {
  World first(1);
  World second(1);
  first.trace("a");
  first.trace("b");
  second.trace("b");
  second.trace("a");
  EXPECT_NE(first.trace_hash(), second.trace_hash());
}

TEST(Random, GivesTheSameNumbersForTheSameSeedOnly) {
  Random first(42);
  Random second(42);
  Random third(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t number = first.next();
    EXPECT_EQ(number, second.next());
    differs = differs || number != third.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, KeepsItsBounds) {
  Random random(7);
  bool low = false;
  bool high = false;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t number = random.between(3, 5);
    EXPECT_GE(number, 3U);
    EXPECT_LE(number, 5U);
    low = low || number == 3;
    high = high || number == 5;
    EXPECT_FALSE(random.chance(0));
    EXPECT_TRUE(random.chance(kAlways));
  }
  EXPECT_TRUE(low);
  EXPECT_TRUE(high);
}

}  // namespace
}  // namespace reeve::sim
