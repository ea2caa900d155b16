#include "blob/blob_store.h"

#include <fcntl.h>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "platform/posix/files.h"

namespace reeve::blob {
namespace {

namespace fs = std::filesystem;

class BlobStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "reeve-blob-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    store_.emplace(dir_ / "blobs");
  }

  void TearDown() override { fs::remove_all(dir_); }

  void write(const fs::path& path, std::string_view bytes) {
    ASSERT_TRUE(platform::replace_file(path, bytes).ok());
  }

  std::size_t files_in_store() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(dir_ / "blobs")) {
      count += entry.is_regular_file() && entry.path().filename() != "lock" ? 1U : 0U;
    }
    return count;
  }

  fs::path dir_;
  std::optional<BlobStore> store_;
};

TEST_F(BlobStoreTest, GivesBackWhatWasPut) {
  const auto stored = store_->put("hello");
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(stored->digest, sha256("hello"));
  EXPECT_EQ(stored->size_bytes, 5U);
  ASSERT_TRUE(store_->fetch(stored->digest, dir_ / "out", 0755).ok());
  EXPECT_EQ(platform::read_file(dir_ / "out", 100).value(), "hello");

  struct stat info {};

  ASSERT_EQ(stat((dir_ / "out").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0755U);
}

TEST_F(BlobStoreTest, StoresTheSameContentOnce) {
  write(dir_ / "in", "same");
  const auto first = store_->put_file(dir_ / "in", 100);
  const auto second = store_->put("same");
  const auto third = store_->put_file(dir_ / "in", 100);
  ASSERT_TRUE(first.ok() && second.ok() && third.ok());
  EXPECT_EQ(first->digest, second->digest);
  EXPECT_EQ(files_in_store(), 1U);
}

TEST_F(BlobStoreTest, KeepsAnEmptyAndALongFile) {
  const std::string longer(std::size_t{700'001}, 'x');
  write(dir_ / "empty", "");
  write(dir_ / "long", longer);
  EXPECT_EQ(store_->put_file(dir_ / "empty", 0)->digest, sha256(""));
  EXPECT_EQ(store_->put_file(dir_ / "long", longer.size())->digest, sha256(longer));
}

TEST_F(BlobStoreTest, RefusesWhatIsNotARegularFile) {
  write(dir_ / "in", "x");
  fs::create_symlink(dir_ / "in", dir_ / "link");
  ASSERT_EQ(mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(store_->put_file(dir_ / "link", 100).error().code, ErrorCode::Invalid);
  EXPECT_EQ(store_->put_file(dir_ / "pipe", 100).error().code, ErrorCode::Invalid);
  EXPECT_EQ(store_->put_file(dir_, 100).error().code, ErrorCode::Invalid);
  EXPECT_EQ(store_->put_file(dir_ / "none", 100).error().code, ErrorCode::NotFound);
}

TEST_F(BlobStoreTest, RefusesFilesAboveTheLimitAndLeavesNothing) {
  write(dir_ / "in", "12345");
  EXPECT_EQ(store_->put_file(dir_ / "in", 4).error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(files_in_store(), 0U);
}

TEST_F(BlobStoreTest, SaysWhichBlobIsMissing) {
  const auto fetched = store_->fetch(sha256("never"), dir_ / "out", 0644);
  ASSERT_FALSE(fetched.ok());
  EXPECT_EQ(fetched.error().code, ErrorCode::NotFound);
  EXPECT_FALSE(fs::exists(dir_ / "out"));
}

TEST_F(BlobStoreTest, RefusesADigestThatIsAPath) {
  const auto fetched = store_->fetch(Digest("../../etc/passwd"), dir_ / "out", 0644);
  ASSERT_FALSE(fetched.ok());
  EXPECT_EQ(fetched.error().code, ErrorCode::Invalid);
}

TEST_F(BlobStoreTest, DetectsCorruptionAndLeavesTheTargetAlone) {
  const Digest digest = store_->put("precious")->digest;
  fs::permissions(store_->path_of(digest), fs::perms::owner_all);
  std::ofstream(store_->path_of(digest)) << "damaged!";
  write(dir_ / "out", "before");
  const auto fetched = store_->fetch(digest, dir_ / "out", 0644);
  ASSERT_FALSE(fetched.ok());
  EXPECT_EQ(fetched.error().code, ErrorCode::Corrupt);
  EXPECT_EQ(platform::read_file(dir_ / "out", 100).value(), "before");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 2);
}

TEST_F(BlobStoreTest, RepairsACorruptBlobWhenItIsPutAgain) {
  const Digest digest = store_->put("precious")->digest;
  fs::permissions(store_->path_of(digest), fs::perms::owner_all);
  std::ofstream(store_->path_of(digest)) << "damaged!";
  ASSERT_TRUE(store_->put("precious").ok());
  EXPECT_TRUE(store_->fetch(digest, dir_ / "out", 0644).ok());
}

TEST_F(BlobStoreTest, VerifiesWhatItHolds) {
  const Digest digest = store_->put("precious")->digest;
  EXPECT_EQ(store_->verify(digest)->size_bytes, 8U);
  fs::permissions(store_->path_of(digest), fs::perms::owner_all);
  std::ofstream(store_->path_of(digest)) << "damaged!";
  EXPECT_EQ(store_->verify(digest).error().code, ErrorCode::Corrupt);
  EXPECT_EQ(store_->verify(sha256("never")).error().code, ErrorCode::NotFound);
}

/// Makes a file look as if it had been put on New Year's Day of 2020.
void age(const fs::path& file) {
  const timespec old{.tv_sec = 1'577'836'800, .tv_nsec = 0};
  const timespec times[2] = {old, old};
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
}

TEST_F(BlobStoreTest, SweepsOldBlobsThatNobodyRefersTo) {
  const Timestamp limit = from_unix_millis(1'577'923'200'000);
  const Digest wanted = store_->put("wanted")->digest;
  const Digest unwanted = store_->put("unwanted")->digest;
  const Digest young = store_->put("young")->digest;
  age(store_->path_of(wanted));
  age(store_->path_of(unwanted));
  write(dir_ / "blobs" / "tmp" / "left.tmp", "x");
  age(dir_ / "blobs" / "tmp" / "left.tmp");
  fs::create_directories(dir_ / "blobs" / "ab");
  write(dir_ / "blobs" / "ab" / "stranger", "x");
  age(dir_ / "blobs" / "ab" / "stranger");
  const auto swept = store_->sweep([&](const Digest& one) { return one == wanted; }, limit);
  ASSERT_TRUE(swept.ok()) << swept.error().describe();
  EXPECT_EQ(swept->blobs, 1U);
  EXPECT_EQ(swept->bytes, 8U);
  EXPECT_TRUE(store_->verify(wanted).ok());
  EXPECT_TRUE(store_->verify(young).ok());
  EXPECT_FALSE(store_->verify(unwanted).ok());
  EXPECT_FALSE(fs::exists(dir_ / "blobs" / "tmp" / "left.tmp"));
  EXPECT_TRUE(fs::exists(dir_ / "blobs" / "ab" / "stranger"));
}

TEST_F(BlobStoreTest, SparesAnOldBlobThatIsPutAgain) {
  const Timestamp limit = from_unix_millis(1'577'923'200'000);
  const auto nobody = [](const Digest&) {
    return false;
  };
  const Digest digest = store_->put("again")->digest;
  age(store_->path_of(digest));
  ASSERT_TRUE(store_->put("again").ok());
  EXPECT_EQ(store_->sweep(nobody, limit)->blobs, 0U);
  age(store_->path_of(digest));
  write(dir_ / "in", "again");
  ASSERT_TRUE(store_->put_file(dir_ / "in", 100).ok());
  EXPECT_EQ(store_->sweep(nobody, limit)->blobs, 0U);
  EXPECT_EQ(BlobStore(dir_ / "nowhere").sweep(nobody, limit)->blobs, 0U);
}

}  // namespace
}  // namespace reeve::blob
