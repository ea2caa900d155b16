#include "platform/posix/files.h"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace reeve::platform {
namespace {

namespace fs = std::filesystem;

class FilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "reeve-files-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }

  void TearDown() override { fs::remove_all(dir_); }

  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(dir_), fs::directory_iterator())
    );
  }

  fs::path dir_;
};

using FileDescriptorTest = FilesTest;

TEST_F(FileDescriptorTest, ClosesWhatItOwnsOnce) {
  const int raw = open("/dev/null", O_RDONLY | O_CLOEXEC);
  {
    FileDescriptor first(raw);
    FileDescriptor second(std::move(first));
    EXPECT_EQ(second.get(), raw);
    EXPECT_NE(fcntl(raw, F_GETFD), -1);
  }
  EXPECT_EQ(fcntl(raw, F_GETFD), -1);
}

TEST_F(FilesTest, WritesAndReplacesWithoutLeavingTempFiles) {
  const fs::path path = dir_ / "a.json";
  ASSERT_TRUE(write_file_atomically(path, "one").ok());
  ASSERT_TRUE(write_file_atomically(path, "two").ok());
  ASSERT_TRUE(replace_file(path, "three", 0600).ok());
  EXPECT_EQ(read_file(path, 100).value(), "three");
  EXPECT_EQ(entries(), 1U);

  struct stat info {};

  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(FilesTest, LeavesTheOldContentWhenTheReplacementFails) {
  fs::create_directories(dir_ / "d" / "full");
  const auto replaced = write_file_atomically(dir_ / "d", "x");
  ASSERT_FALSE(replaced.ok());
  EXPECT_TRUE(fs::is_directory(dir_ / "d" / "full"));
  EXPECT_EQ(entries(), 1U) << "the temp file is gone";
}

TEST_F(FilesTest, NamesTheCallThePathAndTheReason) {
  const auto missing = read_file(dir_ / "none", 10);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::NotFound);
  EXPECT_EQ(
      missing.error().message, "open " + (dir_ / "none").string() + ": no such file or directory"
  );
  errno = ENOSPC;
  const Error full = errno_error("write", "x");
  EXPECT_EQ(full.code, ErrorCode::LimitExceeded);
  EXPECT_FALSE(full.hint.empty());
  errno = EACCES;
  EXPECT_EQ(errno_error("open", "x").code, ErrorCode::PermissionDenied);
  errno = EEXIST;
  EXPECT_EQ(errno_error("open", "x").code, ErrorCode::AlreadyExists);
  errno = EIO;
  EXPECT_EQ(errno_error("read", "x").code, ErrorCode::Io);
}

TEST_F(FilesTest, RefusesToReadMoreThanTheLimit) {
  ASSERT_TRUE(replace_file(dir_ / "a", "12345").ok());
  EXPECT_TRUE(read_file(dir_ / "a", 5).ok());
  EXPECT_EQ(read_file(dir_ / "a", 4).error().code, ErrorCode::LimitExceeded);
}

TEST_F(FilesTest, DoesNotHangOnAFifo) {
  ASSERT_EQ(mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_file(dir_ / "pipe", 5).value(), "");
}

TEST_F(FilesTest, MakesDirectoriesWithTheModeAndAgain) {
  const fs::path path = dir_ / "a" / "b" / "c";
  ASSERT_TRUE(make_directories(path / "", 0700).ok());
  ASSERT_TRUE(make_directories(path, 0700).ok());

  struct stat info {};

  ASSERT_EQ(stat((dir_ / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(FilesTest, RefusesDirectoriesBelowAFile) {
  ASSERT_TRUE(replace_file(dir_ / "file", "x").ok());
  EXPECT_FALSE(make_directories(dir_ / "file").ok());
  EXPECT_FALSE(make_directories(dir_ / "file" / "below").ok());
}

TEST_F(FilesTest, RemovesATreeButNotWhatLinksPointTo) {
  const fs::path outside = dir_ / "outside";
  fs::create_directories(outside);
  ASSERT_TRUE(replace_file(outside / "kept", "x").ok());
  const fs::path tree = dir_ / "tree";
  fs::create_directories(tree / "a" / "b");
  fs::create_symlink(outside, tree / "a" / "link");
  ASSERT_TRUE(replace_file(tree / "a" / "b" / "file", "x").ok());
  ASSERT_EQ(chmod((tree / "a").c_str(), 0500), 0);
  ASSERT_TRUE(remove_tree(tree).ok());
  EXPECT_FALSE(fs::exists(tree));
  EXPECT_TRUE(fs::exists(outside / "kept"));
  EXPECT_TRUE(remove_tree(tree).ok()) << "a missing tree is a success";
}

TEST_F(FilesTest, RemovesOnlyTheLinkWhenTheRootIsALink) {
  fs::create_directories(dir_ / "real" / "x");
  fs::create_directory_symlink(dir_ / "real", dir_ / "link");
  ASSERT_TRUE(remove_tree(dir_ / "link").ok());
  EXPECT_FALSE(fs::is_symlink(dir_ / "link"));
  EXPECT_TRUE(fs::exists(dir_ / "real" / "x"));
}

TEST_F(FilesTest, RemovesATreeDeeperThanThereAreDescriptors) {
  FileDescriptor at(open(dir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int depth = 0; depth < 1000; ++depth) {
    ASSERT_EQ(mkdirat(at.get(), "dddddddd", 0700), 0);
    at.reset(openat(at.get(), "dddddddd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  at.reset();
  rlimit usual{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
  const rlimit few{.rlim_cur = 256, .rlim_max = usual.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto removed = remove_tree(dir_ / "dddddddd");
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
  EXPECT_TRUE(removed.ok()) << (removed.ok() ? "" : removed.error().describe());
  EXPECT_EQ(entries(), 0U);
}

TEST_F(FilesTest, SyncsADirectoryAndReportsAMissingOne) {
  EXPECT_TRUE(sync_directory(dir_).ok());
  EXPECT_EQ(sync_directory(dir_ / "none").error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace reeve::platform
