#include "store/sqlite/migrations.h"

#include <filesystem>
#include <stdlib.h>
#include <vector>

#include <gtest/gtest.h>

#include "store/sqlite/store_file.h"

namespace reeve::store::sqlite {
namespace {

constexpr std::string_view kFirst =
    "CREATE TABLE meta(schema_version INTEGER NOT NULL);"
    "INSERT INTO meta VALUES (0);"
    "CREATE TABLE event(revision INTEGER PRIMARY KEY);";
constexpr std::string_view kSecond = "CREATE TABLE extra(id INTEGER PRIMARY KEY);";
constexpr std::string_view kBroken = "CREATE TABLE more(id INTEGER PRIMARY KEY); NONSENSE;";

class MigrationsTest : public ::testing::Test {
 protected:
  MigrationsTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "reeve-schema-XXXXXX").string();
    REEVE_ASSERT(mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    const std::string path = (directory_ / "reeve.db").string();
    EXPECT_TRUE(create_file(path).ok());
    Result<Connection> opened = Connection::open(path, Access::Write, Duration(1000));
    EXPECT_TRUE(opened.ok());
    connection_ = std::move(opened).value();
  }

  ~MigrationsTest() override {
    connection_ = Connection();
    std::filesystem::remove_all(directory_);
  }

  std::int64_t version() {
    const Result<std::int64_t> found = schema_version(connection_);
    EXPECT_TRUE(found.ok());
    return found.ok() ? *found : -1;
  }

  bool has_table(const std::string& name) {
    return connection_.execute("SELECT 1 FROM " + name).ok();
  }

  std::filesystem::path directory_;
  Connection connection_;
};

TEST_F(MigrationsTest, AreNumberedFromOneWithoutAGap) {
  std::int64_t expected = 1;
  for (const Migration& step : migrations()) {
    EXPECT_EQ(step.version, expected++);
  }
  EXPECT_GE(expected, 2);
}

TEST_F(MigrationsTest, BringAnEmptyFileToTheLastVersion) {
  EXPECT_EQ(version(), 0);
  ASSERT_TRUE(migrate(connection_, migrations()).ok());
  EXPECT_EQ(version(), migrations().back().version);
  EXPECT_TRUE(require_current_schema(connection_, migrations()).ok());
}

TEST_F(MigrationsTest, ApplyOnlyMissingSteps) {
  const std::vector<Migration> one = {{1, kFirst}};
  const std::vector<Migration> two = {{1, kFirst}, {2, kSecond}};
  ASSERT_TRUE(migrate(connection_, one).ok());
  EXPECT_FALSE(has_table("extra"));
  ASSERT_TRUE(migrate(connection_, two).ok());
  EXPECT_TRUE(has_table("extra"));
  EXPECT_EQ(version(), 2);
  EXPECT_TRUE(migrate(connection_, two).ok());
}

TEST_F(MigrationsTest, ChangeNothingIfOneStepFails) {
  ASSERT_TRUE(migrate(connection_, std::vector<Migration>{{1, kFirst}}).ok());
  const std::vector<Migration> steps = {{1, kFirst}, {2, kSecond}, {3, kBroken}};
  EXPECT_FALSE(migrate(connection_, steps).ok());
  EXPECT_EQ(version(), 1);
  EXPECT_FALSE(has_table("extra"));
  EXPECT_FALSE(has_table("more"));
  EXPECT_FALSE(connection_.in_transaction());
}

TEST_F(MigrationsTest, RefuseAFileOfANewerProgram) {
  const std::vector<Migration> two = {{1, kFirst}, {2, kSecond}};
  ASSERT_TRUE(migrate(connection_, two).ok());
  const std::vector<Migration> one = {{1, kFirst}};
  const Result<void> migrated = migrate(connection_, one);
  ASSERT_FALSE(migrated.ok());
  EXPECT_EQ(migrated.error().code, ErrorCode::Unsupported);
  EXPECT_NE(migrated.error().message.find("schema 2"), std::string::npos);
  EXPECT_EQ(require_current_schema(connection_, one).error().code, ErrorCode::Unsupported);
}

TEST_F(MigrationsTest, TellAReaderOfAnOlderFileToStartTheServer) {
  ASSERT_TRUE(migrate(connection_, std::vector<Migration>{{1, kFirst}}).ok());
  const std::vector<Migration> two = {{1, kFirst}, {2, kSecond}};
  const Result<void> readable = require_current_schema(connection_, two);
  ASSERT_FALSE(readable.ok());
  EXPECT_EQ(readable.error().code, ErrorCode::Unsupported);
  EXPECT_NE(readable.error().hint.find("start the server"), std::string::npos);
}

TEST_F(MigrationsTest, RefuseTheDatabaseOfAnotherProgram) {
  ASSERT_TRUE(connection_.execute("CREATE TABLE recipes(id INTEGER PRIMARY KEY)").ok());
  const Result<void> migrated = migrate(connection_, migrations());
  ASSERT_FALSE(migrated.ok());
  EXPECT_EQ(migrated.error().code, ErrorCode::Corrupt);
  EXPECT_FALSE(has_table("meta"));
}

}  // namespace
}  // namespace reeve::store::sqlite
