#include "workflow/document/lines.h"

#include <string>

#include <gtest/gtest.h>

namespace reeve::document {
namespace {

/// One character a line: '|' in a block, '.' not.
std::string blocks(std::string_view text, bool (*is_foreign)(std::string_view) = nullptr) {
  std::string out;
  for (const Line& line : scan_lines(text, is_foreign)) {
    out += line.in_block ? '|' : '.';
  }
  return out;
}

TEST(Lines, KnowsNumbersOffsetsAndIndentation) {
  const auto lines = scan_lines("a: 1\r\n  b: 2\n\n");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].text, "a: 1");
  EXPECT_EQ(lines[1].offset, 6U);
  EXPECT_EQ(lines[1].indent, 2U);
  EXPECT_EQ(lines[1].number, 2);
  EXPECT_TRUE(lines[2].blank);
}

TEST(Lines, FindsBlocksOfKeysAndItems) {
  EXPECT_EQ(blocks("a: |\n  x\n\n  y\nb: 1\n"), ".|||.");
  EXPECT_EQ(blocks("s:\n  - |\n    x: 1\n     y\n  - >-\n    z\nb: 1\n"), "..||.|.");
  EXPECT_EQ(blocks("a: |2-  # note\n    x\nb: 1\n"), ".|.");
  EXPECT_EQ(blocks("- k: |\n    x\n  l: 1\n"), ".|.");
  EXPECT_EQ(blocks("- - |\n   x\n- b\n"), ".|.");
}

TEST(Lines, DoesNotTakePipesInTextForBlocks) {
  EXPECT_EQ(blocks("a: x |\n  b\n"), "..");
  EXPECT_EQ(blocks("# a: |\n  b: 1\n"), "..");
  EXPECT_EQ(blocks("a: b >\n  c\n"), "..");
}

TEST(Lines, LetsForeignLinesInterruptABlockWithoutEndingIt) {
  const auto foreign = [](std::string_view line) {
    return line.starts_with("{{");
  };
  EXPECT_EQ(blocks("a: |\n  x\n{{if}}\n  y\n{{end}}\nb: 1\n", foreign), ".|.|..");
}

}  // namespace
}  // namespace reeve::document
