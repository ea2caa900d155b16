#include "store/sqlite/backup.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "store/sqlite/sqlite_store.h"

namespace reeve::store {

namespace {

class Backup : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::temp_directory_path() / ("reeve-backup-" + std::to_string(::getpid()));
    std::filesystem::create_directories(dir_);
  }

  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::string path(const char* name) const { return (dir_ / name).string(); }

 private:
  std::filesystem::path dir_;
};

TEST_F(Backup, IsAWholeStoreInOneFileWhileTheOriginalIsOpen) {
  const auto original = SqliteStore::open(path("a.db"));
  ASSERT_TRUE(original.ok());
  Commit commit;
  commit.inputs.push_back(
      {.id = InputId("i"),
       .revision = Revision(0),
       .expires_at = Timestamp(Duration(9)),
       .subject = "s"}
  );
  ASSERT_TRUE((*original)->commit(commit).ok());
  ASSERT_TRUE(back_up_store(path("a.db"), path("b.db")).ok());
  EXPECT_FALSE(std::filesystem::exists(path("b.db-wal")));
  const auto copy = SqliteStore::open(path("b.db"), {.read_only = true});
  ASSERT_TRUE(copy.ok()) << copy.error().describe();
  const auto input = (*copy)->find_input(InputId("i"));
  ASSERT_TRUE(input.ok());
  ASSERT_TRUE(input->has_value());
  EXPECT_EQ((*input)->subject, "s");
}

TEST_F(Backup, LeavesWhatIsThereAlone) {
  const auto original = SqliteStore::open(path("a.db"));
  ASSERT_TRUE(original.ok());
  std::ofstream(path("b.db")) << "mine";
  const auto done = back_up_store(path("a.db"), path("b.db"));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::AlreadyExists);
  EXPECT_EQ(std::filesystem::file_size(path("b.db")), 4U);
}

TEST_F(Backup, LeavesNothingBehindWhereItFails) {
  std::ofstream(path("a.db")) << std::string(8192, 'x');
  EXPECT_EQ(back_up_store(path("a.db"), path("b.db")).error().code, ErrorCode::Corrupt);
  EXPECT_EQ(back_up_store(path("absent.db"), path("b.db")).error().code, ErrorCode::NotFound);
  EXPECT_FALSE(std::filesystem::exists(path("b.db")));
}

}  // namespace

}  // namespace reeve::store
