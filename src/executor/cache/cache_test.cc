#include <map>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/strings.h"
#include "executor/cache/cache_store.h"
#include "executor/cache/cache_tools.h"
#include "platform/posix/files.h"

namespace reeve::executor::cache {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;

class FakeClock final : public platform::Clock {
 public:
  Timestamp now() override { return now_; }

  void advance(Duration by) { now_ += by; }

 private:
  Timestamp now_ = from_unix_millis(1'800'000'000'000);
};

class Listener final : public ToolOutput {
 public:
  void write(std::string_view) override {}

  void note(std::string_view line) override { notes.append(line).append("\n"); }

  Result<void> publish(std::string_view, std::string_view) override { return {}; }

  void warn(std::string text) override { warnings.push_back(std::move(text)); }

  std::string notes;
  std::vector<std::string> warnings;
};

/// A data directory and runs in it that restore and save.
class CacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "reeve-cache-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = fs::canonical(pattern);
    new_run();
  }

  void TearDown() override { fs::remove_all(dir_); }

  void new_run() {
    run_ = dir_ / concat("run-", ++runs_);
    fs::create_directories(run_ / "steps");
    fs::create_directories(run_ / "work");
    listener_ = {};
  }

  void write(const std::string& path, std::string_view bytes) {
    fs::create_directories((run_ / "work" / path).parent_path());
    ASSERT_TRUE(platform::replace_file(run_ / "work" / path, bytes).ok());
  }

  std::string read(const std::string& path) const {
    const auto text = platform::read_file(run_ / "work" / path, 1 << 20);
    return text.ok() ? *text : "<none>";
  }

  ToolRequest request() const {
    Json input = Json::object();
    input.set("namespace", "team");
    input.set("workflow", workflow_);
    input.set("paths", Json::array().push("deps"));
    if (key_.empty()) {
      input.set("keyPaths", Json::array().push("lock"));
    } else {
      input.set("key", key_);
    }
    input.set("expiresAfterMs", std::int64_t{3'600'000});
    return {
        .input = std::move(input),
        .run_dir = run_,
        .working_dir = run_ / "work",
        .data_dir = dir_ / "data",
        .environment = {}};
  }

  void restore() { ASSERT_TRUE(RestoreTool(clock_).run(request(), listener_).ok()); }

  void save() { ASSERT_TRUE(SaveTool(clock_).run(request(), listener_).ok()); }

  /// A run that misses and keeps `bytes`.
  void keep(std::string_view bytes) {
    new_run();
    restore();
    write("deps/a", bytes);
    save();
  }

  std::string found() {
    new_run();
    restore();
    return read("deps/a");
  }

  CacheStore store() const { return CacheStore(dir_ / "data"); }

  fs::path dir_;
  fs::path run_;
  int runs_ = 0;
  std::string workflow_ = "nightly";
  std::string key_ = "k1";
  FakeClock clock_;
  Listener listener_;
};

TEST_F(CacheTest, GivesBackWhatAnEarlierRunKept) {
  EXPECT_EQ(found(), "<none>");
  EXPECT_EQ(listener_.notes, "cache: nothing is kept as k1\n");
  keep("one");
  EXPECT_EQ(found(), "one");
  EXPECT_EQ(listener_.notes, "cache: 1 files restored from k1\n");
}

TEST_F(CacheTest, BelongsToOneWorkflowAndOneKey) {
  keep("one");
  key_ = "k2";
  EXPECT_EQ(found(), "<none>");
  key_ = "k1";
  workflow_ = "other / ..";
  EXPECT_EQ(found(), "<none>");
  keep("two");
  EXPECT_EQ(found(), "two");
  workflow_ = "nightly";
  EXPECT_EQ(found(), "one");
}

TEST_F(CacheTest, LeavesAloneWhatIsThere) {
  keep("one");
  new_run();
  restore();
  write("deps/a", "changed");
  save();
  EXPECT_EQ(found(), "one");
}

TEST_F(CacheTest, MakesItsKeyOfTheContentThatIsThereWhenItRestores) {
  key_.clear();
  write("lock", "v1");
  restore();
  write("lock", "changed by the work");
  write("deps/a", "one");
  save();
  new_run();
  write("lock", "v1");
  restore();
  EXPECT_EQ(read("deps/a"), "one");
  new_run();
  write("lock", "v2");
  restore();
  EXPECT_EQ(read("deps/a"), "<none>");
}

TEST_F(CacheTest, WithoutTheFilesOfItsKeyItSaysSoAndKeepsNothing) {
  key_.clear();
  restore();
  EXPECT_EQ(listener_.warnings, std::vector<std::string>{"cache: key path lock matched nothing"});
  write("deps/a", "one");
  save();
  EXPECT_TRUE(store().list()->empty());
}

TEST_F(CacheTest, ForgetsWhatHasExpired) {
  keep("one");
  clock_.advance(hours(1));
  EXPECT_EQ(found(), "<none>");
  keep("two");
  EXPECT_EQ(found(), "two");
}

TEST_F(CacheTest, ADamagedEntryIsAMissWithAWarningAndCanBeKeptAgain) {
  keep("one");
  const blob::BlobStore blobs(dir_ / "data" / "blobs");
  const fs::path pack = blobs.path_of(store().list()->at(0).pack);
  fs::permissions(pack, fs::perms::owner_all);
  ASSERT_TRUE(platform::replace_file(pack, "damaged").ok());
  EXPECT_EQ(found(), "<none>");
  ASSERT_EQ(listener_.warnings.size(), 1U);
  EXPECT_NE(listener_.warnings[0].find("holds bytes with the digest"), std::string::npos);
  write("deps/a", "again");
  save();
  EXPECT_EQ(found(), "again");
}

TEST_F(CacheTest, AnUnreadableEntryIsAMiss) {
  keep("one");
  for (const auto& file : fs::recursive_directory_iterator(dir_ / "data" / "caches")) {
    if (file.path().extension() == ".json") {
      ASSERT_TRUE(platform::replace_file(file.path(), "{").ok());
    }
  }
  EXPECT_EQ(found(), "<none>");
  EXPECT_EQ(listener_.warnings.size(), 1U);
  EXPECT_TRUE(store().list()->empty());
}

TEST_F(CacheTest, PathsThatMatchNothingKeepNothing) {
  restore();
  save();
  EXPECT_TRUE(store().list()->empty());
  EXPECT_EQ(listener_.warnings, std::vector<std::string>{"cache path deps matched nothing"});
}

TEST_F(CacheTest, KeepsNoLinkThatLeavesTheWorkingDirectory) {
  restore();
  write("deps/a", "one");
  fs::create_symlink("/etc/passwd", run_ / "work" / "deps" / "out");
  fs::create_symlink("a", run_ / "work" / "deps" / "in");
  save();
  ASSERT_EQ(listener_.warnings.size(), 1U);
  EXPECT_EQ(found(), "one");
  EXPECT_EQ(read("deps/in"), "one");
  EXPECT_FALSE(fs::exists(run_ / "work" / "deps" / "out"));
}

TEST_F(CacheTest, RefusesInputThatIsWrong) {
  ToolRequest wrong = request();
  wrong.input.set("keyPaths", Json::array().push("x"));
  EXPECT_EQ(RestoreTool(clock_).run(wrong, listener_).error().subject, "key");
  wrong = request();
  wrong.data_dir.clear();
  EXPECT_FALSE(SaveTool(clock_).run(wrong, listener_).ok());
}

TEST(CacheStore, RemovesWhatWasNotUsedForLongestUntilTheRestFits) {
  std::string pattern = (fs::temp_directory_path() / "reeve-cache-XXXXXX").string();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  const fs::path dir = pattern;
  const CacheStore store(dir, 100);
  const Timestamp start = from_unix_millis(1'800'000'000'000);
  const auto entry = [&](const std::string& name, std::uint64_t bytes, int minute) {
    const Timestamp now = start + std::chrono::minutes(minute);
    return CacheEntry{
        .key = {.ns = "n", .workflow = "w", .hash = sha256(name).str()},
        .label = name,
        .pack = sha256("x"),
        .size_bytes = bytes,
        .files = 1,
        .created_at = now,
        .expires_at = now + hours(1),
        .used_at = now};
  };
  const auto names = [&] {
    std::map<std::string, int> labels;
    const std::vector<CacheEntry> entries = *store.list();
    for (const CacheEntry& one : entries) {
      ++labels[one.label];
    }
    std::string text;
    for (const auto& [label, count] : labels) {
      text += label;
    }
    return text;
  };
  for (const auto& one : {entry("a", 40, 0), entry("b", 40, 1)}) {
    ASSERT_TRUE(store.put(one).ok());
  }
  EXPECT_EQ(names(), "ab");
  store.touch(entry("a", 0, 0).key, start + std::chrono::minutes(2));
  ASSERT_TRUE(store.put(entry("c", 40, 3)).ok());
  EXPECT_EQ(names(), "ac");
  EXPECT_EQ(store.put(entry("d", 101, 4)).error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(names(), "ac");
  ASSERT_TRUE(store.put(entry("e", 1, 62)).ok());
  EXPECT_EQ(names(), "ce");
  fs::remove_all(dir);
}

}  // namespace
}  // namespace reeve::executor::cache
