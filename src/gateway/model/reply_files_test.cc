#include "gateway/model/reply_files.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::gateway::model {
namespace {

namespace fs = std::filesystem;

/// Hides nothing, and opens under the right name only.
Sealer open_book() {
  return {
      .seal = [](std::string_view name, std::string_view plain) -> Result<std::string> {
        return concat(name, "|", replace_all(plain, "\n", "\\n"));
      },
      .open = [](std::string_view name, std::string_view sealed) -> Result<Secret> {
        if (!sealed.starts_with(concat(name, "|"))) {
          return make_error(ErrorCode::Corrupt, "was sealed for another name", std::string(name));
        }
        return Secret(replace_all(sealed.substr(name.size() + 1), "\\n", "\n"));
      }};
}

class ReplyFilesTest : public ::testing::Test {
 protected:
  ReplyFilesTest() {
    std::string scratch = (fs::temp_directory_path() / "reeve-replies-XXXXXX").string();
    EXPECT_NE(::mkdtemp(scratch.data()), nullptr);
    root_ = fs::path(scratch) / "replies";
  }

  ~ReplyFilesTest() override { (void)platform::remove_tree(root_.parent_path()); }

  fs::path root_;
};

using Found = std::vector<std::pair<std::string, std::string>>;

TEST_F(ReplyFilesTest, KeepWhatIsSavedUntilItIsDropped) {
  const ReplyFiles files(root_, open_book());
  EXPECT_EQ(files.all(), Found{});
  const std::string large = concat(std::string(3 * kSealedPieceBytes, 'x'), "\nend");
  ASSERT_TRUE(files.save("aa", large));
  ASSERT_TRUE(files.save("bb", "old"));
  ASSERT_TRUE(files.save("bb", "new"));
  EXPECT_EQ(files.all(), (Found{{"aa", large}, {"bb", "new"}}));
  files.drop("aa");
  EXPECT_EQ(files.all(), (Found{{"bb", "new"}}));
}

TEST_F(ReplyFilesTest, RemoveWhatIsNotWhole) {
  const ReplyFiles files(root_, open_book());
  ASSERT_TRUE(files.save("aa", std::string(2 * kSealedPieceBytes, 'x')));
  const std::string lines = platform::read_file(root_ / "aa", 1U << 20U).value();
  std::ofstream(root_ / "aa") << lines.substr(0, lines.find('\n') + 1);
  EXPECT_EQ(files.all(), Found{});
  EXPECT_FALSE(fs::exists(root_ / "aa"));
}

TEST_F(ReplyFilesTest, KeepWhatHasNoKeyNow) {
  ASSERT_TRUE(ReplyFiles(root_, open_book()).save("aa", "text"));
  const auto with = [this](ErrorCode code) {
    Sealer sealer = open_book();
    sealer.open = [code](std::string_view name, std::string_view /*sealed*/) -> Result<Secret> {
      return make_error(code, "the test says so", std::string(name));
    };
    return ReplyFiles(root_, std::move(sealer));
  };
  EXPECT_EQ(with(ErrorCode::Unavailable).all(), Found{});
  EXPECT_EQ(ReplyFiles(root_, open_book()).all(), (Found{{"aa", "text"}}));
  EXPECT_EQ(with(ErrorCode::NotFound).all(), Found{});
  EXPECT_FALSE(fs::exists(root_ / "aa"));
}

}  // namespace
}  // namespace reeve::gateway::model
