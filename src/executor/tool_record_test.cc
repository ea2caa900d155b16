#include "executor/tool_record.h"

#include <unistd.h>

#include <gtest/gtest.h>

#include "executor/input_reader.h"
#include "platform/posix/files.h"

namespace reeve::executor {
namespace {

namespace fs = std::filesystem;

class ToolRecordTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "reeve-tool-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }

  void TearDown() override { fs::remove_all(dir_); }

  Result<ToolRecord> read(std::string_view text) {
    EXPECT_TRUE(platform::replace_file(dir_ / "0.end", text).ok());
    return read_tool_record(dir_ / "0.end");
  }

  fs::path dir_;
};

TEST_F(ToolRecordTest, IsReadBackAsItWasWritten) {
  ToolRecord record;
  record.end = {.exit_code = 7, .exit_text = "404", .reason = "why", .script_output = true};
  record.warnings = {"mind the gap"};
  const auto found = read(encode(record));
  ASSERT_TRUE(found.ok()) << found.error().describe();
  EXPECT_EQ(found->end.exit_code, 7);
  EXPECT_EQ(found->end.exit_text, "404");
  EXPECT_EQ(found->end.reason, "why");
  EXPECT_TRUE(found->end.script_output);
  EXPECT_EQ(found->warnings, record.warnings);
}

TEST_F(ToolRecordTest, AlwaysFitsWhatItsReaderTakes) {
  ToolRecord record;
  record.end.reason = std::string(1'000'000, 'x');
  record.warnings.assign(1000, std::string(100'000, 'w'));
  const auto found = read(encode(record));
  ASSERT_TRUE(found.ok()) << found.error().describe();
  EXPECT_EQ(found->warnings.size(), model::kWarningsMax);
}

TEST_F(ToolRecordTest, RefusesWhatIsNoRecord) {
  EXPECT_EQ(read_tool_record(dir_ / "none").error().code, ErrorCode::NotFound);
  for (const char* text :
       {"",
        "[]",
        "{}",
        R"({"exitCode":256,"warnings":[]})",
        R"({"exitCode":-1,"warnings":[]})",
        R"({"exitCode":0,"exitText":"not a word","warnings":[]})",
        R"({"exitCode":0})",
        R"({"exitCode":0,"warnings":[1]})"}) {
    EXPECT_EQ(read(text).error().code, ErrorCode::Corrupt) << text;
  }
}

TEST(InputReader, NamesTheFirstThingThatIsWrong) {
  const Json input = *parse_json(R"({"a":1,"b":"x","c":[1],"d":11,"e":0})");
  const auto wrong = [&](auto read) {
    InputReader reader(input);
    read(reader);
    const auto result = reader.finish();
    return result.ok() ? std::string("nothing") : result.error().subject;
  };
  EXPECT_EQ(wrong([](InputReader& r) { r.text("a"); }), "a");
  EXPECT_EQ(wrong([](InputReader& r) { r.text("z", true); }), "z");
  EXPECT_EQ(wrong([](InputReader& r) { r.flag("e", false); }), "e");
  EXPECT_EQ(wrong([](InputReader& r) { r.whole("d", 0, 10, 0); }), "d");
  EXPECT_EQ(wrong([](InputReader& r) { r.texts("c"); }), "c");
  EXPECT_EQ(wrong([](InputReader& r) { r.items("b"); }), "b");
  EXPECT_EQ(
      wrong([](InputReader& r) {
        r.whole("a", 0, 10, 0);
        r.text("b");
        r.items("c");
        r.whole("d", 0, 11, 0);
      }),
      "e"
  );
}

}  // namespace
}  // namespace reeve::executor
