#include "gateway/a2a/places.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::gateway::a2a {
namespace {

TEST(Places, OfOneSenderAreNotThoseOfAll) {
  Places places;
  std::vector<std::shared_ptr<void>> taken;
  for (std::size_t i = 0; i < kFollowersOfOneMax; ++i) {
    taken.push_back(places.take("user:ann"));
    ASSERT_NE(taken.back(), nullptr);
  }
  EXPECT_FALSE(places.has_room("user:ann"));
  EXPECT_EQ(places.take("user:ann"), nullptr);
  EXPECT_NE(places.take("user:bob"), nullptr);
  taken.pop_back();
  EXPECT_TRUE(places.has_room("user:ann"));
}

TEST(Places, AreBoundedForAllTogether) {
  std::vector<std::shared_ptr<void>> taken;
  {
    Places places;
    for (std::size_t i = 0; i < kFollowersMax; ++i) {
      taken.push_back(places.take(concat("user:u", i % 20)));
      ASSERT_NE(taken.back(), nullptr);
    }
    EXPECT_EQ(places.take("user:new"), nullptr);
    taken.pop_back();
    EXPECT_NE(places.take("user:new"), nullptr);
  }
  taken.clear();
}

}  // namespace
}  // namespace reeve::gateway::a2a
