#include "gateway/tool/line_reader.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::gateway {
namespace {

TEST(LineReader, ReadsLinesHoweverTheyCome) {
  const std::string said = "one\r\n\ntwo\n\r\nthree and four\nrest";
  for (std::size_t step = 1; step <= said.size(); ++step) {
    LineReader reader(14);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < said.size(); at += step) {
      const Result<void> fed =
          reader.feed(std::string_view(said).substr(at, step), [&](std::string_view line) {
            lines.emplace_back(line);
            return true;
          });
      ASSERT_TRUE(fed.ok());
    }
    EXPECT_EQ(join(lines, "|"), "one|two|three and four") << step;
  }
}

TEST(LineReader, TakesNoLineThatIsTooLong) {
  LineReader reader(4);
  const auto ignore = [](std::string_view) {
    return true;
  };
  EXPECT_TRUE(reader.feed("1234", ignore).ok());
  EXPECT_TRUE(reader.feed("\n1234\n", ignore).ok());
  EXPECT_EQ(reader.feed("12345", ignore).error().code, ErrorCode::LimitExceeded);
}

TEST(LineReader, StopsWhenNothingMoreIsWanted) {
  LineReader reader(100);
  int lines = 0;
  EXPECT_TRUE(reader.feed("a\nb\nc\n", [&](std::string_view) { return ++lines < 2; }).ok());
  EXPECT_EQ(lines, 2);
}

}  // namespace
}  // namespace reeve::gateway
