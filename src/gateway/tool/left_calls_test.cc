#include "gateway/tool/left_calls.h"

#include <gtest/gtest.h>

namespace reeve::gateway {
namespace {

LeftCalls::Asked asked(std::string run, std::string caller = "user:a") {
  return {
      .ns = Namespace("default"),
      .run = std::move(run),
      .caller = std::move(caller),
      .server = "files",
      .tool = "write_file",
      .arguments_hash = "h"};
}

LeftCalls::Id id(std::string name) {
  return {Namespace("default"), std::move(name)};
}

TEST(LeftCalls, FindsTheOldestOfThoseThatAskTheSame) {
  LeftCalls left;
  EXPECT_TRUE(left.put(id("tc-2"), asked("m.1.a.1")));
  EXPECT_TRUE(left.put(id("tc-1"), asked("m.1.a.1")));
  EXPECT_EQ(left.take(asked("m.1.a.2")), "tc-1") << "whatever attempt asks";
  EXPECT_EQ(left.take(asked("m.1.a.2")), "tc-2");
  EXPECT_EQ(left.take(asked("m.1.a.2")), std::nullopt);
  EXPECT_EQ(left.size(), 0U);
}

TEST(LeftCalls, AreForThoseWhoAskedOnly) {
  LeftCalls left;
  EXPECT_TRUE(left.put(id("tc-1"), asked("", "user:a")));
  EXPECT_EQ(left.take(asked("", "user:b")), std::nullopt);
  EXPECT_EQ(left.take(asked("m.1.a.1", "user:a")), std::nullopt);
  EXPECT_EQ(left.take(asked("", "user:a")), "tc-1");
}

TEST(LeftCalls, AreForgottenOnceTheyAreNotOpen) {
  LeftCalls left;
  EXPECT_TRUE(left.put(id("tc-1"), asked("m.1.a.1")));
  EXPECT_TRUE(left.put(id("tc-2"), asked("m.1.a.1")));
  left.forget(id("tc-1"));
  left.forget(id("tc-0"));
  EXPECT_EQ(left.size(), 1U);
  left.sweep([](const LeftCalls::Id& each) { return each.second != "tc-2"; });
  EXPECT_EQ(left.size(), 0U);
  for (std::size_t i = 0; i < kLeftCallsMax; ++i) {
    ASSERT_TRUE(left.put(id(std::to_string(i)), asked("m.1.a.1")));
  }
  EXPECT_FALSE(left.put(id("more"), asked("m.1.a.1")));
}

}  // namespace
}  // namespace reeve::gateway
