#include "artifact/retention.h"

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "blob/uploads.h"
#include "executor/cache/cache_store.h"
#include "platform/posix/files.h"

namespace reeve::artifact {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;

TEST(References, AreFoundAtAnyDepthUnlessTheyHaveExpired) {
  const std::string a(64, 'a');
  const std::string b(64, 'b');
  const std::string c(64, 'c');
  const Timestamp now = *parse_timestamp("2026-11-27T12:00:00.000Z");
  const Json json = *parse_json(
      R"({"x":[{"digest":")" + a + R"(","expiresAt":"2026-11-27T12:00:00.001Z"}],)" +
      R"("y":{"z":[")" + b + R"("]},"w":{"digest":")" + c +
      R"(","expiresAt":"2026-11-27T12:00:00.000Z"},"v":"not a digest","u":3})"
  );
  std::set<Digest> references;
  add_references(json, now, references);
  EXPECT_EQ(references, (std::set<Digest>{Digest(a), Digest(b)}));
}

/// A store that has rows and nothing else.
class Rows final : public store::Reader {
 public:
  Result<store::Head> head() override { return nothing(); }

  Result<std::optional<store::Row>> get(const journal::ObjectKey&) override { return nothing(); }

  Result<std::vector<store::ListedRow>> list(const store::RowQuery&) override { return nothing(); }

  Result<std::vector<journal::Event>> events(const store::EventQuery&) override {
    return nothing();
  }

  Result<void> each_live_row(const std::function<Result<void>(store::Row)>&) override {
    return nothing();
  }

  Result<void> each_row(const std::function<Result<void>(store::Row)>& visit) override {
    for (const store::Row& row : rows) {
      REEVE_CHECK(visit(row));
    }
    return {};
  }

  Result<void> each_timer(const std::function<Result<void>(store::Timer)>&) override {
    return nothing();
  }

  Result<std::uint64_t> count_ended(std::string_view /*tally*/, Revision /*up_to*/) override {
    return std::uint64_t{0};
  }

  Result<std::optional<store::InputRecord>> find_input(const InputId&) override {
    return nothing();
  }

  std::vector<store::Row> rows;

 private:
  static Error nothing() { return make_error(ErrorCode::Unsupported, "not asked for"); }
};

/// A data directory with old blobs.
class RetentionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "reeve-retention-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    blobs_.emplace(dir_ / "blobs");
  }

  void TearDown() override { fs::remove_all(dir_); }

  Digest old_blob(std::string_view content) {
    const Digest digest = blobs_->put(content)->digest;
    const timespec old{.tv_sec = 1'577'836'800, .tv_nsec = 0};
    const timespec times[2] = {old, old};
    EXPECT_EQ(::utimensat(AT_FDCWD, blobs_->path_of(digest).c_str(), times, 0), 0);
    return digest;
  }

  bool is_there(const Digest& digest) { return blobs_->verify(digest).ok(); }

  Expired expire_now() {
    const auto expired = expire(store_, {.data_dir = dir_, .now = now_});
    EXPECT_TRUE(expired.ok());
    return expired.ok() ? *expired : Expired{};
  }

  /// A row as a mission with an artifact has it.
  void add_row(const std::string& name, const Digest& digest, const std::string& expires) {
    store::Row row;
    row.key = {.kind = journal::Kind::Mission, .ns = Namespace("default"), .name = name};
    row.body = R"({"artifacts":[{"digest":")" + digest.str() + "\"" + expires + "}]}";
    store_.rows.push_back(std::move(row));
  }

  const Timestamp now_ = *parse_timestamp("2026-11-27T12:00:00.000Z");
  fs::path dir_;
  std::optional<blob::BlobStore> blobs_;
  Rows store_;
};

TEST_F(RetentionTest, RemovesOldFilesThatNobodyRefersTo) {
  const Digest kept = old_blob("kept");
  const Digest lost = old_blob("lost");
  const Digest young = blobs_->put("young")->digest;
  add_row("m", kept, "");
  EXPECT_EQ(expire_now().blobs.blobs, 1U);
  EXPECT_TRUE(is_there(kept));
  EXPECT_TRUE(is_there(young));
  EXPECT_FALSE(is_there(lost));
}

TEST_F(RetentionTest, RemovesArtifactsWhoseTimeHasCome) {
  const Digest digest = old_blob("expired");
  add_row("m", digest, R"(,"expiresAt":"2026-11-27T11:59:59.000Z")");
  EXPECT_EQ(expire_now().blobs.blobs, 1U);
  EXPECT_FALSE(is_there(digest));
}

TEST_F(RetentionTest, LeavesWhatAResultRefersToThatIsNotYetInTheStore) {
  const Digest digest = old_blob("waiting");
  const fs::path run = dir_ / "missions" / "m" / "runs" / "m.1.t.1";
  fs::create_directories(run);
  ASSERT_TRUE(platform::replace_file(
                  run / "result.json",
                  R"({"result":{"artifacts":[{"digest":")" + digest.str() + "\"}]}}"
  )
                  .ok());
  EXPECT_EQ(expire_now().blobs.blobs, 0U);
  EXPECT_TRUE(is_there(digest));
}

TEST_F(RetentionTest, LeavesUploadsAndCachesUntilTheyExpire) {
  const executor::cache::CacheStore caches(dir_);
  executor::cache::CacheEntry entry;
  entry.key = {.ns = "n", .workflow = "w", .hash = sha256("k").str()};
  entry.pack = old_blob("pack");
  entry.created_at = now_ - hours(3);
  entry.expires_at = now_ + hours(1);
  ASSERT_TRUE(caches.put(entry).ok());
  ASSERT_TRUE(platform::replace_file(dir_ / "file", "upload").ok());
  blob::Uploads uploads(dir_, *blobs_);
  ASSERT_TRUE(uploads.put(dir_ / "file", now_, now_ + hours(1)).ok());
  const Digest upload = old_blob("upload");
  EXPECT_EQ(expire_now().blobs.blobs, 0U);
  entry.expires_at = now_;
  ASSERT_TRUE(caches.put(entry).ok());
  ASSERT_TRUE(uploads.put(dir_ / "file", now_, now_).ok());
  old_blob("upload");
  old_blob("pack");
  const Expired expired = expire_now();
  EXPECT_EQ(expired.uploads, 1U);
  EXPECT_EQ(expired.caches, 1U);
  EXPECT_EQ(expired.blobs.blobs, 2U);
  EXPECT_FALSE(is_there(upload));
}

TEST_F(RetentionTest, LeavesUploadsOfNamespacesUntilTheyExpire) {
  blob::Uploads uploads(dir_, *blobs_, Namespace("red"));
  const auto put =
      uploads.put({.name = "f", .bytes = "upload", .now = now_, .expires_at = now_ + hours(1)});
  ASSERT_TRUE(put.ok());
  old_blob("upload");
  EXPECT_EQ(expire_now().blobs.blobs, 0U);
  EXPECT_TRUE(is_there(put->digest));
  ASSERT_TRUE(uploads.put({.name = "f", .bytes = "upload", .now = now_, .expires_at = now_}).ok());
  old_blob("upload");
  const Expired expired = expire_now();
  EXPECT_EQ(expired.uploads, 1U);
  EXPECT_EQ(expired.blobs.blobs, 1U);
}

TEST_F(RetentionTest, RemovesUploadsWhoseNamespaceIsGone) {
  store::Row row;
  row.key = {.kind = journal::Kind::Namespace, .ns = Namespace(), .name = "red"};
  row.uid = Uid("u2");
  row.body = "{}";
  store_.rows.push_back(row);
  blob::Uploads uploads(dir_, *blobs_, Namespace("red"));
  const auto send = [&](std::string_view bytes, Timestamp at, const std::string& uid) {
    return uploads
        .put(
            {.name = "f",
             .bytes = bytes,
             .now = at,
             .expires_at = now_ + hours(1),
             .namespace_uid = uid}
        )
        ->digest;
  };
  const Digest of_earlier = send("earlier", now_ - hours(25), "u1");
  const Digest of_this = send("this", now_ - hours(25), "u2");
  const Digest of_newest = send("newest", now_ - hours(23), "u3");
  const Digest of_unknown = send("unknown", now_ - hours(25), "");
  EXPECT_EQ(expire_now().uploads, 1U);
  EXPECT_FALSE(uploads.find(of_earlier, now_).ok());
  for (const Digest& kept : {of_this, of_newest, of_unknown}) {
    EXPECT_TRUE(uploads.find(kept, now_).ok());
  }
}

TEST_F(RetentionTest, RemovesNothingIfARowCannotBeRead) {
  const Digest digest = old_blob("unknown");
  store_.rows.push_back({});
  EXPECT_FALSE(expire(store_, {.data_dir = dir_, .now = now_}).ok());
  EXPECT_TRUE(is_there(digest));
}

TEST_F(RetentionTest, ADamagedRecordKeepsWhatItIsAbout) {
  const Digest upload = old_blob("upload");
  const Digest result = old_blob("result");
  fs::create_directories(dir_ / "uploads");
  ASSERT_TRUE(platform::replace_file(dir_ / "uploads" / (upload.str() + ".json"), "{").ok());
  const fs::path run = dir_ / "missions" / "m" / "runs" / "m.1.t.1";
  fs::create_directories(run);
  const std::string half = R"({"result":{"artifacts":[{"digest":")" + result.str() + "\"";
  ASSERT_TRUE(platform::replace_file(run / "result.json", half).ok());
  EXPECT_EQ(expire_now().blobs.blobs, 0U);
  EXPECT_TRUE(is_there(upload));
  EXPECT_TRUE(is_there(result));
}

TEST_F(RetentionTest, RemovesNothingIfAFolderCannotBeListed) {
  for (const char* folder : {"uploads", "caches", "missions"}) {
    const Digest digest = old_blob("unknown");
    // A loop of symbolic links cannot be listed, whoever asks.
    fs::create_symlink(folder, dir_ / folder);
    EXPECT_FALSE(expire(store_, {.data_dir = dir_, .now = now_}).ok()) << folder;
    EXPECT_TRUE(is_there(digest)) << folder;
    fs::remove(dir_ / folder);
  }
}

TEST_F(RetentionTest, RemovesNothingIfARecordCannotBeRead) {
  const Digest digest = old_blob("unknown");
  fs::create_directories(dir_ / "uploads");
  const std::string name = digest.str() + ".json";
  fs::create_symlink(name, dir_ / "uploads" / name);
  EXPECT_FALSE(expire(store_, {.data_dir = dir_, .now = now_}).ok());
  EXPECT_TRUE(is_there(digest));
}

TEST_F(RetentionTest, WithoutAnythingKeptThereIsNothingToDo) {
  fs::remove_all(dir_ / "blobs");
  EXPECT_EQ(expire_now().blobs.blobs, 0U);
}

}  // namespace
}  // namespace reeve::artifact
