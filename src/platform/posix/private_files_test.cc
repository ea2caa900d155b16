#include "platform/posix/private_files.h"

#include <fcntl.h>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "platform/posix/files.h"

namespace reeve::platform {
namespace {

namespace fs = std::filesystem;

class PrivateFiles : public testing::Test {
 protected:
  PrivateFiles() {
    std::string name = (fs::temp_directory_path() / "reeve-private-XXXXXX").native();
    dir_ = ::mkdtemp(name.data());
    file_ = dir_ / "secret";
  }

  ~PrivateFiles() override { fs::remove_all(dir_); }

  fs::path dir_;
  fs::path file_;
};

TEST_F(PrivateFiles, AreMadeOnceAndReadBack) {
  ASSERT_TRUE(create_private_file(file_, "one").value());
  EXPECT_FALSE(create_private_file(file_, "two").value());
  const auto bytes = read_private_file(file_, 3);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(bytes->view(), "one");
  // Nothing is left beside it.
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 1);
}

TEST_F(PrivateFiles, HaveALimit) {
  ASSERT_TRUE(create_private_file(file_, "four").value());
  EXPECT_EQ(read_private_file(file_, 3).error().code, ErrorCode::LimitExceeded);
  const FileDescriptor opened(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(read_secret(opened.get(), file_, 3).error().code, ErrorCode::LimitExceeded);
}

TEST_F(PrivateFiles, AreRefusedWhenOthersCanOpenThem) {
  ASSERT_TRUE(create_private_file(file_, "one").value());
  for (const mode_t mode : {0640U, 0604U, 0620U, 0601U}) {
    ::chmod(file_.c_str(), mode);
    const auto bytes = read_private_file(file_, 3);
    ASSERT_FALSE(bytes.ok()) << mode;
    EXPECT_EQ(bytes.error().code, ErrorCode::PermissionDenied);
    EXPECT_EQ(bytes.error().hint, "chmod 600 " + file_.native());
  }
  EXPECT_TRUE(check_private_directory(dir_).ok());
  ::chmod(dir_.c_str(), 0750);
  EXPECT_EQ(check_private_directory(dir_).error().code, ErrorCode::PermissionDenied);
}

TEST_F(PrivateFiles, AreNoLinksDirectoriesOrPipes) {
  ASSERT_TRUE(create_private_file(file_, "one").value());
  fs::create_symlink(file_, dir_ / "link");
  EXPECT_FALSE(read_private_file(dir_ / "link", 3).ok());
  fs::create_directory(dir_ / "sub");
  EXPECT_EQ(read_private_file(dir_ / "sub", 3).error().code, ErrorCode::Corrupt);
  ASSERT_EQ(::mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_private_file(dir_ / "pipe", 3).error().code, ErrorCode::Corrupt);
  EXPECT_EQ(read_private_file(dir_ / "none", 3).error().code, ErrorCode::NotFound);
  EXPECT_EQ(check_private_directory(file_).error().code, ErrorCode::Corrupt);
}

}  // namespace
}  // namespace reeve::platform
