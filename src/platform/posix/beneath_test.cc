#include "platform/posix/beneath.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace reeve::platform {
namespace {

class BeneathTest : public ::testing::Test {
 protected:
  BeneathTest()
      : top_(
            std::filesystem::temp_directory_path() / ("reeve-beneath-" + std::to_string(::getpid()))
        ) {
    std::filesystem::create_directories(top_ / "in" / "sub");
    std::ofstream(top_ / "outside") << "secret";
    std::ofstream(top_ / "in" / "a.txt") << "hello";
  }

  ~BeneathTest() override { std::filesystem::remove_all(top_); }

  Beneath dir() const { return std::move(*Beneath::open(top_ / "in")); }

  std::filesystem::path top_;
};

TEST_F(BeneathTest, ReadsWritesListsAndRemoves) {
  const Beneath in = dir();
  EXPECT_EQ(*in.read("a.txt", 100), "hello");
  ASSERT_TRUE(in.write("new/deep/b.txt", "text").ok());
  EXPECT_EQ(*in.read("new/deep/b.txt", 4), "text");
  ASSERT_TRUE(in.write("a.txt", "replaced").ok());
  EXPECT_EQ(*in.read("a.txt", 100), "replaced");
  const auto listed = in.list("", 10);
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 3U);
  EXPECT_EQ(listed->at(0).name, "a.txt");
  EXPECT_EQ(listed->at(0).size_bytes, 8U);
  EXPECT_TRUE(listed->at(1).directory);
  ASSERT_TRUE(in.remove("a.txt").ok());
  EXPECT_EQ(in.read("a.txt", 100).error().code, ErrorCode::NotFound);
}

TEST_F(BeneathTest, NeverLeavesItsDirectory) {
  std::filesystem::create_symlink(top_ / "outside", top_ / "in" / "link");
  std::filesystem::create_directory_symlink(top_, top_ / "in" / "up");
  std::filesystem::create_directory_symlink("../..", top_ / "in" / "sub" / "far");
  const Beneath in = dir();
  for (const char* path :
       {"../outside",
        "/etc/passwd",
        "link",
        "up/outside",
        "sub/far/outside",
        "sub/../../outside"}) {
    EXPECT_EQ(in.read(path, 100).error().code, ErrorCode::PermissionDenied) << path;
  }
  EXPECT_FALSE(in.write("up/new", "x").ok());
  EXPECT_FALSE(in.write("../new", "x").ok());
  EXPECT_FALSE(in.list("up", 10).ok());
  EXPECT_FALSE(in.remove("up/outside").ok());
  EXPECT_FALSE(std::filesystem::exists(top_ / "new"));
  // A link is replaced and not followed.
  ASSERT_TRUE(in.write("link", "mine").ok());
  EXPECT_EQ(*in.read("link", 100), "mine");
  EXPECT_EQ(std::filesystem::file_size(top_ / "outside"), 6U);
}

TEST_F(BeneathTest, TakesRegularFilesOnlyAndNoMoreThanIsAskedFor) {
  ASSERT_EQ(::mkfifo((top_ / "in" / "pipe").c_str(), 0600), 0);
  const Beneath in = dir();
  EXPECT_EQ(in.read("pipe", 100).error().code, ErrorCode::Invalid);
  EXPECT_EQ(in.read("sub", 100).error().code, ErrorCode::Invalid);
  EXPECT_EQ(in.read("a.txt", 4).error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(in.list("", 1).error().code, ErrorCode::LimitExceeded);
}

}  // namespace
}  // namespace reeve::platform
