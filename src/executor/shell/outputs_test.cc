#include "executor/shell/outputs.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::executor::shell {
namespace {

using Values = std::vector<model::NamedValue>;

TEST(SetOutput, SplitsAtTheFirstColonPairAfterTheName) {
  const OutputCollector out = parse_set_outputs("::set-output name=url::http://a::b\n");
  EXPECT_EQ(out.values(), Values({{"url", "http://a::b"}}));
}

TEST(SetOutput, TrimsTheLineButMustStartIt) {
  const OutputCollector out = parse_set_outputs(
      "  ::set-output name=a::1  \r\nsay ::set-output name=b::2\n::set-output name=c::"
  );
  EXPECT_EQ(out.values(), Values({{"a", "1"}, {"c", ""}}));
  EXPECT_TRUE(out.warnings().empty());
}

TEST(SetOutput, KeepsTheLastValueOfAName) {
  const OutputCollector out =
      parse_set_outputs("::set-output name=a::1\n::set-output name=b::2\n::set-output name=a::3\n");
  EXPECT_EQ(out.values(), Values({{"a", "3"}, {"b", "2"}}));
}

TEST(SetOutput, IsFoundAcrossPiecesOfAnySize) {
  const std::string text = "noise\n::set-output name=key::value\nmore\n::set-output name=k2::v2";
  for (std::size_t size = 1; size < 12; ++size) {
    OutputCollector out;
    SetOutputScanner scanner(out);
    for (std::size_t at = 0; at < text.size(); at += size) {
      scanner.feed(std::string_view(text).substr(at, size));
    }
    scanner.finish();
    EXPECT_EQ(out.values(), Values({{"key", "value"}, {"k2", "v2"}})) << size;
  }
}

TEST(SetOutput, WarnsAboutMalformedAndOversizedLines) {
  const OutputCollector out = parse_set_outputs(concat(
      "::set-output name=a\n::set-output name=::x\n::set-output name=big::",
      std::string(200000, 'x'),
      "\n::set-output name=ok::1\n",
      std::string(300000, 'y'),
      "\n"
  ));
  EXPECT_EQ(out.values(), Values({{"ok", "1"}}));
  EXPECT_EQ(out.warnings().size(), 3U);
}

TEST(SetOutput, RefusesValuesThatAreNotUtf8) {
  const OutputCollector out = parse_set_outputs("::set-output name=a::\xff\xfe\n");
  EXPECT_TRUE(out.values().empty());
  ASSERT_EQ(out.warnings().size(), 1U);
  EXPECT_NE(out.warnings()[0].find("UTF-8"), std::string::npos);
}

TEST(OutputFile, ReadsAssignmentsAndMultiLineValues) {
  const OutputCollector out =
      parse_output_file("a=1\r\n\nb = x=y \ntext<<END\nline 1\n\nline=3\nEND\nempty<<E\nE\nc=3");
  EXPECT_EQ(
      out.values(),
      Values({{"a", "1"}, {"b", " x=y "}, {"text", "line 1\n\nline=3"}, {"empty", ""}, {"c", "3"}})
  );
  EXPECT_TRUE(out.warnings().empty());
}

TEST(OutputFile, TreatsAssignmentWithShiftAsAssignment) {
  EXPECT_EQ(parse_output_file("a=1<<2\n").values(), Values({{"a", "1<<2"}}));
}

TEST(OutputFile, WarnsAboutMissingDelimiterAndStrayLines) {
  const OutputCollector out = parse_output_file("what\na<<\nb<<END\nnever ends\n");
  EXPECT_TRUE(out.values().empty());
  ASSERT_EQ(out.warnings().size(), 3U);
  EXPECT_NE(out.warnings()[0].find("line 1"), std::string::npos);
}

TEST(OutputLimits, BoundNumberSizeAndTotal) {
  OutputCollector many;
  for (std::size_t i = 0; i <= model::kOutputsMax; ++i) {
    many.add(concat("k", i), "v", "test");
  }
  EXPECT_EQ(many.values().size(), model::kOutputsMax);
  EXPECT_EQ(many.warnings().size(), 1U);

  OutputCollector large;
  const std::string value(model::kOutputValueBytesMax, 'x');
  for (int i = 0; i < 5; ++i) {
    large.add(concat("k", i), value, "test");
  }
  large.add("k0", "small", "test");
  large.add("k9", value.substr(0, 1000), "test");
  EXPECT_EQ(large.values().size(), 4U);
  EXPECT_EQ(large.warnings().size(), 2U);

  OutputCollector wide;
  wide.add(std::string(model::kOutputNameBytesMax + 1, 'n'), "v", "test");
  wide.add("n", std::string(model::kOutputValueBytesMax + 1, 'v'), "test");
  EXPECT_TRUE(wide.values().empty());
  EXPECT_EQ(wide.warnings().size(), 2U);
}

}  // namespace
}  // namespace reeve::executor::shell
