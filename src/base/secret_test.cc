#include "base/secret.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

TEST(Secret, LeavesNothingBehindWhereItWasMovedFrom) {
  Secret first("a value that is longer than any small buffer");
  Secret second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT: that is the point
  EXPECT_EQ(second.view(), "a value that is longer than any small buffer");
  Secret small("pin1");
  Secret moved;
  moved = std::move(small);
  EXPECT_EQ(small.view(), "");  // NOLINT
  EXPECT_EQ(moved.clone().view(), "pin1");
}

TEST(Secret, OverwritesAlsoTheRoomBeyondItsSize) {
  std::string text = "0123456789 0123456789 0123456789";
  const char* bytes = text.data();
  text.resize(4);
  wipe(text);
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(bytes[0], '\0');
  EXPECT_EQ(bytes[20], '\0');
}

TEST(Secret, ShrinksByOverwritingTheRest) {
  Secret secret(std::size_t{8});
  std::memcpy(secret.data(), "abcdefgh", 8);
  secret.shrink(3);
  EXPECT_EQ(secret.view(), "abc");
  EXPECT_EQ(secret.data()[5], '\0');
}

}  // namespace
}  // namespace reeve
