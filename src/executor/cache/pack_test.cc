#include "executor/cache/pack.h"

#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/json.h"
#include "platform/posix/files.h"

namespace reeve::executor::cache {
namespace {

namespace fs = std::filesystem;

class PackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "reeve-pack-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = fs::canonical(pattern);
    for (const char* name : {"in", "out"}) {
      fs::create_directory(dir_ / name);
    }
  }

  void TearDown() override { fs::remove_all(dir_); }

  void write(const std::string& path, std::string_view bytes, mode_t mode = 0644) {
    fs::create_directories((dir_ / path).parent_path());
    ASSERT_TRUE(platform::replace_file(dir_ / path, bytes, mode).ok());
  }

  std::string read(const std::string& path) const {
    const auto text = platform::read_file(dir_ / path, 1 << 20);
    return text.ok() ? *text : "<" + text.error().describe() + ">";
  }

  std::vector<platform::FoundFile> files() const {
    platform::FindOptions options;
    options.keep_links = true;
    return platform::find_inner_files(dir_ / "in", {"**"}, options).files;
  }

  /// What unpacking this pack says.
  ErrorCode unpacked(std::string_view entries) {
    write("pack", "reeve-pack 1\n" + std::string(entries));
    const auto result = unpack(dir_ / "pack", dir_ / "out");
    return result.ok() ? ErrorCode::Ambiguous : result.error().code;
  }

  fs::path dir_;
};

TEST_F(PackTest, GivesBackFilesModesAndLinks) {
  write("in/a", "alpha");
  write("in/deep/er/b", std::string(700'000, 'b'), 0755);
  write("in/empty", "", 0600);
  fs::create_symlink("deep/er/b", dir_ / "in" / "link");
  fs::create_symlink("../../a", dir_ / "in" / "deep" / "er" / "up");
  ASSERT_TRUE(write_pack(dir_ / "pack", files()).ok());
  write("out/a", "an older one");
  const auto count = unpack(dir_ / "pack", dir_ / "out");
  ASSERT_TRUE(count.ok()) << count.error().describe();
  EXPECT_EQ(*count, 5U);
  EXPECT_EQ(read("out/a"), "alpha");
  EXPECT_EQ(read("out/deep/er/b"), std::string(700'000, 'b'));
  EXPECT_EQ(read("out/empty"), "");
  EXPECT_EQ(read("out/link"), std::string(700'000, 'b'));
  EXPECT_EQ(fs::read_symlink(dir_ / "out" / "deep" / "er" / "up"), "../../a");

  struct stat info {};

  ASSERT_EQ(::stat((dir_ / "out/deep/er/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0755U);
}

TEST_F(PackTest, RefusesPathsThatLeaveTheDirectory) {
  for (const char* path : {"/etc/passwd", "../x", "a/../../x", "a//b", "", "./a"}) {
    EXPECT_EQ(
        unpacked(Json(Json::Object{{"path", path}, {"mode", 420}, {"size", 1}}).dump() + "\nx"),
        ErrorCode::Corrupt
    ) << path;
  }
  EXPECT_FALSE(fs::exists(dir_ / "x"));
}

TEST_F(PackTest, RefusesLinksThatLeaveTheDirectory) {
  for (const char* link : {"/etc/passwd", "..", "../x", "a/../../x"}) {
    EXPECT_EQ(
        unpacked(Json(Json::Object{{"path", "l"}, {"link", link}}).dump() + "\n"),
        ErrorCode::Corrupt
    ) << link;
  }
}

TEST_F(PackTest, WritesThroughNoLink) {
  fs::create_directory(dir_ / "elsewhere");
  write("elsewhere/a", "precious");
  fs::create_symlink(dir_ / "elsewhere", dir_ / "out" / "d");
  fs::create_symlink(dir_ / "elsewhere" / "a", dir_ / "out" / "a");
  EXPECT_EQ(unpacked("{\"path\":\"d/a\",\"mode\":420,\"size\":1}\nx"), ErrorCode::Invalid);
  EXPECT_EQ(unpacked("{\"path\":\"a\",\"mode\":420,\"size\":1}\nx"), ErrorCode::Ambiguous);
  EXPECT_EQ(read("elsewhere/a"), "precious");
  EXPECT_EQ(read("out/a"), "x");
  // A link of the pack itself and a file below it.
  EXPECT_EQ(
      unpacked("{\"path\":\"e\",\"link\":\"f\"}\n{\"path\":\"e/x\",\"mode\":420,\"size\":1}\nx"),
      ErrorCode::Io
  );
}

TEST_F(PackTest, RefusesWhatIsNoPack) {
  write("pack", "PK\3\4");
  EXPECT_EQ(unpack(dir_ / "pack", dir_ / "out").error().code, ErrorCode::Corrupt);
  EXPECT_EQ(unpacked("{\"path\":\"a\",\"mode\":420,\"size\":9}\nshort"), ErrorCode::Corrupt);
  EXPECT_EQ(unpacked("{\"path\":\"a\",\"mode\":420"), ErrorCode::Corrupt);
  EXPECT_EQ(unpacked("{\"path\":\"a\",\"mode\":2048,\"size\":0}\n"), ErrorCode::Corrupt);
  EXPECT_EQ(unpacked("{\"path\":\"a\",\"mode\":420,\"size\":-1}\n"), ErrorCode::Corrupt);
  EXPECT_EQ(unpacked("[]\n"), ErrorCode::Corrupt);
  EXPECT_EQ(unpacked("\n"), ErrorCode::Corrupt);
  EXPECT_EQ(unpacked(std::string(100'000, 'x')), ErrorCode::Corrupt);
}

TEST_F(PackTest, StopsAtItsLimits) {
  write("in/a", "12345");
  write("in/b", "12345");
  const auto error = [&](const PackLimits& limits) {
    const auto written = write_pack(dir_ / "pack", files(), limits);
    return written.ok() ? ErrorCode::Ambiguous : written.error().code;
  };
  EXPECT_EQ(error({.files_max = 1}), ErrorCode::LimitExceeded);
  EXPECT_EQ(error({.bytes_max = 9}), ErrorCode::LimitExceeded);
  EXPECT_EQ(error({.files_max = 2, .bytes_max = 10}), ErrorCode::Ambiguous);
  EXPECT_EQ(
      unpack(dir_ / "pack", dir_ / "out", {.files_max = 1}).error().code, ErrorCode::LimitExceeded
  );
  EXPECT_EQ(
      unpack(dir_ / "pack", dir_ / "out", {.bytes_max = 9}).error().code, ErrorCode::LimitExceeded
  );
}

}  // namespace
}  // namespace reeve::executor::cache
