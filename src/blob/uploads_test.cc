#include "blob/uploads.h"

#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "platform/posix/files.h"

namespace reeve::blob {
namespace {

namespace fs = std::filesystem;

class UploadsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "reeve-uploads-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    blobs_.emplace(dir_ / "blobs");
    uploads_.emplace(dir_, *blobs_);
    ASSERT_TRUE(platform::replace_file(dir_ / "report.pdf", "content", 0640).ok());
  }

  void TearDown() override { fs::remove_all(dir_); }

  const Timestamp now_ = from_unix_millis(1'800'000'000'000);
  fs::path dir_;
  std::optional<BlobStore> blobs_;
  std::optional<Uploads> uploads_;
};

TEST_F(UploadsTest, RemembersNameAndModeOfAFile) {
  const auto put = uploads_->put(dir_ / "report.pdf", now_, std::nullopt);
  ASSERT_TRUE(put.ok()) << put.error().describe();
  EXPECT_EQ(put->digest, sha256("content"));
  const auto found = uploads_->find(put->digest, now_);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->name, "report.pdf");
  EXPECT_EQ(found->mode, 0640U);
  EXPECT_EQ(found->size_bytes, 7U);
  EXPECT_EQ(uploads_->list()->size(), 1U);
  ASSERT_TRUE(uploads_->remove(put->digest).ok());
  EXPECT_EQ(uploads_->find(put->digest, now_).error().code, ErrorCode::NotFound);
}

TEST_F(UploadsTest, ExpireWhenTheirTimeHasCome) {
  const auto put = uploads_->put(dir_ / "report.pdf", now_, now_ + Duration(1000));
  ASSERT_TRUE(put.ok());
  EXPECT_TRUE(uploads_->find(put->digest, now_ + Duration(999)).ok());
  const auto late = uploads_->find(put->digest, now_ + Duration(1000));
  ASSERT_FALSE(late.ok());
  EXPECT_NE(late.error().message.find("has expired"), std::string::npos);
}

TEST_F(UploadsTest, RefusesWhatIsNoFileAndWhatIsNoDigest) {
  EXPECT_EQ(uploads_->put(dir_ / "none", now_, {}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(uploads_->put(dir_, now_, {}).error().code, ErrorCode::Invalid);
  EXPECT_EQ(uploads_->find(Digest("../../etc/passwd"), now_).error().code, ErrorCode::NotFound);
}

TEST_F(UploadsTest, RefusesARecordWithANameThatIsAPath) {
  const auto put = uploads_->put(dir_ / "report.pdf", now_, std::nullopt);
  const fs::path record = dir_ / "uploads" / (put->digest.str() + ".json");
  std::ofstream(record) << R"({"name":"../x","sizeBytes":7,"putAt":"2026-01-01T00:00:00.000Z"})";
  EXPECT_EQ(uploads_->find(put->digest, now_).error().code, ErrorCode::Corrupt);
}

}  // namespace
}  // namespace reeve::blob
