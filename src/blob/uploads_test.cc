#include "blob/uploads.h"

#include <fstream>
#include <string>
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

TEST_F(UploadsTest, OfOneNamespaceAreNoneOfOthers) {
  Uploads red(dir_, *blobs_, Namespace("red"));
  Uploads blue(dir_, *blobs_, Namespace("blue"));
  const Timestamp later = now_ + Duration(1000);
  const auto put = red.put(
      {.name = "a.txt",
       .bytes = "content",
       .now = now_,
       .expires_at = later,
       .owner = "alice",
       .namespace_uid = "u1"}
  );
  ASSERT_TRUE(put.ok()) << put.error().describe();
  ASSERT_TRUE(blue.put({.name = "b.txt", .bytes = "content", .now = now_}).ok());
  const auto found = red.find(sha256("content"), now_);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->name, "a.txt");
  EXPECT_EQ(found->owner, "alice");
  EXPECT_EQ(found->namespace_uid, "u1");
  EXPECT_EQ(found->expires_at, later);
  EXPECT_FALSE(uploads_->find(put->digest, now_).ok());
  EXPECT_TRUE(uploads_->list()->empty());
  EXPECT_EQ(*Uploads::namespaces(dir_), (std::vector{Namespace("blue"), Namespace("red")}));
  ASSERT_TRUE(blue.remove(put->digest).ok());
  EXPECT_TRUE(red.find(put->digest, now_).ok());
}

TEST_F(UploadsTest, OfOneNamespaceAreBounded) {
  Uploads uploads(dir_, *blobs_, Namespace("red"));
  const Timestamp soon = now_ + Duration(1000);
  for (std::size_t i = 0; i < kNamespaceUploadsMax; ++i) {
    const std::string digest = sha256(std::to_string(i)).str();
    const std::string record =
        R"({"name":"f","sizeBytes":1,"putAt":"2027-01-01T00:00:00.000Z","expiresAt":")" +
        format_timestamp(soon) + R"(","namespaceUid":"u1"})";
    ASSERT_TRUE(platform::make_directories(dir_ / "uploads" / "red").ok());
    ASSERT_TRUE(platform::replace_file(dir_ / "uploads" / "red" / (digest + ".json"), record).ok());
  }
  const auto over = uploads.put({.name = "g", .bytes = "more", .now = now_});
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code, ErrorCode::LimitExceeded);
  EXPECT_TRUE(uploads.put({.name = "g", .bytes = "7", .now = now_}).ok()) << "is there already";
  EXPECT_TRUE(uploads.put({.name = "g", .bytes = "more", .now = soon}).ok()) << "others expired";
  const NewUpload more{.name = "g", .bytes = "else", .now = now_, .namespace_uid = "u1"};
  EXPECT_EQ(uploads.put(more).error().code, ErrorCode::LimitExceeded);
  NewUpload of_next = more;
  of_next.namespace_uid = "u2";
  EXPECT_TRUE(uploads.put(of_next).ok()) << "others were sent to an earlier namespace";
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
