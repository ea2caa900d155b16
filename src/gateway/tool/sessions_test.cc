#include "gateway/tool/sessions.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::gateway {
namespace {

ToolCaller caller(std::string_view run, std::string_view ns = "default") {
  return {
      .ns = Namespace(std::string(ns)),
      .mission = "m",
      .run = std::string(run),
      .principal = Principal(concat("run:", run))};
}

Timestamp at(std::int64_t seconds) {
  return from_unix_millis(1'800'000'000'000 + seconds * 1'000);
}

bool all_live(const ToolCaller& /*caller*/) {
  return true;
}

TEST(Sessions, AreAFewOfEachCaller) {
  Sessions sessions;
  ASSERT_TRUE(sessions.add("other", caller("b"), at(0), all_live));
  ASSERT_TRUE(sessions.add("tenant", caller("a", "elsewhere"), at(0), all_live));
  for (std::size_t i = 0; i < 10 * kSessionsOfCallerMax; ++i) {
    ASSERT_TRUE(sessions.add(concat("s", i), caller("a"), at(1), all_live));
    EXPECT_NE(sessions.find("s0", caller("a"), at(2 + static_cast<std::int64_t>(i))), nullptr)
        << "the one that is used least goes";
  }
  EXPECT_EQ(sessions.size(), kSessionsOfCallerMax + 2);
  EXPECT_NE(sessions.find("other", caller("b"), at(3)), nullptr);
  EXPECT_NE(sessions.find("tenant", caller("a", "elsewhere"), at(3)), nullptr);
  EXPECT_EQ(sessions.find("tenant", caller("a"), at(3)), nullptr) << "of its namespace only";
}

TEST(Sessions, OfCallersThatAreNoMoreMakeRoom) {
  Sessions sessions;
  const std::size_t callers = kSessionsMax / kSessionsOfCallerMax;
  for (std::size_t i = 0; i < kSessionsMax; ++i) {
    ASSERT_TRUE(sessions.add(concat("s", i), caller(concat("r", i % callers)), at(0), all_live));
  }
  EXPECT_FALSE(sessions.add("more", caller("new"), at(1), all_live));
  const auto one_ended = [](const ToolCaller& each) {
    return each.run != "r7";
  };
  EXPECT_TRUE(sessions.add("more", caller("new"), at(1), one_ended));
  EXPECT_EQ(sessions.size(), kSessionsMax - kSessionsOfCallerMax + 1);
  EXPECT_EQ(sessions.find("s7", caller("r7"), at(1)), nullptr);
}

}  // namespace
}  // namespace reeve::gateway
