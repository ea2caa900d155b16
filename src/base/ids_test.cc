#include "base/ids.h"

#include <type_traits>
#include <unordered_set>

#include <gtest/gtest.h>

namespace reeve {
namespace {

static_assert(!std::is_convertible_v<TaskName, RunName>);
static_assert(!std::is_constructible_v<TaskName, RunName>);
static_assert(!std::is_convertible_v<std::string, TaskName>);
static_assert(!std::is_convertible_v<Revision, Fence>);
static_assert(!std::is_convertible_v<std::uint64_t, Revision>);

TEST(NamedString, ComparesByItsText) {
  const TaskName a("a");
  EXPECT_EQ(a, TaskName("a"));
  EXPECT_NE(a, TaskName("b"));
  EXPECT_LT(a, TaskName("b"));
  EXPECT_EQ(a.str(), "a");
  EXPECT_EQ(a.view(), "a");
}

TEST(NamedString, IsEmptyUnlessItIsGivenAText) {
  EXPECT_TRUE(TaskName().empty());
  EXPECT_TRUE(TaskName("").empty());
  EXPECT_FALSE(TaskName("x").empty());
}

TEST(NamedString, HashesLikeItsText) {
  std::unordered_set<TaskName> names = {TaskName("a"), TaskName("b"), TaskName("a")};
  EXPECT_EQ(names.size(), 2U);
  EXPECT_TRUE(names.contains(TaskName("b")));
  EXPECT_EQ(std::hash<TaskName>{}(TaskName("a")), std::hash<std::string_view>{}("a"));
}

TEST(NamedNumber, CountsUpwardsFromZero) {
  EXPECT_EQ(Revision().value(), 0U);
  EXPECT_EQ(Revision().next(), Revision(1));
  EXPECT_LT(Revision(1), Revision(2));
  EXPECT_EQ(std::hash<Fence>{}(Fence(7)), std::hash<std::uint64_t>{}(7));
}

}  // namespace
}  // namespace reeve
