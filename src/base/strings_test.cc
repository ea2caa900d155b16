#include "base/strings.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

using Views = std::vector<std::string_view>;

TEST(ReplaceAll, ReplacesEveryPlaceOnce) {
  EXPECT_EQ(replace_all("a &lt; b &lt;", "&lt;", "<"), "a < b <");
  EXPECT_EQ(replace_all("aaa", "a", "aa"), "aaaaaa");
  EXPECT_EQ(replace_all("abc", "x", ""), "abc");
  EXPECT_EQ(replace_all("", "x", "y"), "");
}

TEST(Concat, JoinsTextsCharactersAndNumbers) {
  EXPECT_EQ(
      concat("a", std::string("b"), 'c', 1, -2, std::uint64_t{18446744073709551615U}),
      "abc1-218446744073709551615"
  );
  EXPECT_EQ(concat(), "");
}

TEST(Split, KeepsEmptyPieces) {
  EXPECT_EQ(split("a,b,,c", ','), (Views{"a", "b", "", "c"}));
  EXPECT_EQ(split("", ','), (Views{""}));
  EXPECT_EQ(split(",", ','), (Views{"", ""}));
}

TEST(Join, PutsTheSeparatorBetween) {
  EXPECT_EQ(join({"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(join({}, ","), "");
  EXPECT_EQ(join({"", ""}, ","), ",");
}

TEST(Trim, RemovesWhiteSpaceAtBothEnds) {
  EXPECT_EQ(trim(" \t\r\n\v\fa b\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Case, MapsAsciiOnly) {
  EXPECT_EQ(to_upper("aZ09ß"), "AZ09ß");
  EXPECT_EQ(to_lower("aZ09Ä"), "az09Ä");
}

TEST(Utf8, AcceptsWellFormedText) {
  for (const std::string_view text :
       {"",
        "ascii",
        "äöü",
        "€",
        "日本語",
        "\xF0\x9F\x98\x80",
        "\xEF\xBF\xBF",
        "\xF4\x8F\xBF\xBF",
        "\xED\x9F\xBF",
        "\xEE\x80\x80"}) {
    EXPECT_TRUE(is_utf8(text)) << to_hex(text);
  }
  EXPECT_TRUE(is_utf8(std::string_view("a\0b", 3)));
}

TEST(Utf8, RefusesMalformedText) {
  for (const std::string_view text :
       {"\x80",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC3",
        "\xC3(",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xE2\x82",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x80\x80\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80\x80",
        "\xFF",
        "a\xFE",
        "\xF0\x9F\x98"}) {
    EXPECT_FALSE(is_utf8(text)) << to_hex(text);
  }
}

TEST(Nearest, FindsTheMostSimilarWord) {
  const std::vector<std::string> words = {"script", "before_script", "timeout", "retry"};
  EXPECT_EQ(nearest("scirpt", words), "script");
  EXPECT_EQ(nearest("timout", words), "timeout");
  EXPECT_EQ(nearest("Timeout", words), "timeout");
  EXPECT_EQ(nearest("retyr", words), "retry");
}

TEST(Nearest, FindsNothingWhenNothingIsSimilar) {
  const std::vector<std::string> words = {"script", "timeout"};
  EXPECT_EQ(nearest("colour", words), "");
  EXPECT_EQ(nearest("x", words), "");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(nearest("script", {}), "");
  EXPECT_EQ(nearest(std::string(1000, 's'), words), "");
}

TEST(Nearest, StaysWithinAThirdOfTheWord) {
  EXPECT_EQ(nearest("abc", {"abd"}), "abd");
  EXPECT_EQ(nearest("abc", {"ade"}), "");
  EXPECT_EQ(nearest("abcdef", {"abcdxy"}), "abcdxy");
  EXPECT_EQ(nearest("abcdef", {"abcxyz"}), "");
}

struct Glob {
  std::string_view pattern;
  std::string_view path;
  bool matches;
};

TEST(Glob, MatchesLikeAShellAndCrossesFoldersWithTwoStars) {
  const Glob vectors[] = {
      {"a", "a", true},
      {"a", "b", false},
      {"a", "ab", false},
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"*", "a", true},
      {"*", "a/b", false},
      {"*.log", "x.log", true},
      {"*.log", ".log", true},
      {"*.log", "d/x.log", false},
      {"*.log", "x.logs", false},
      {"d/*.log", "d/x.log", true},
      {"d/*/x", "d/e/x", true},
      {"d/*/x", "d/x", false},
      {"d/*/x", "d/e/f/x", false},
      {"a*b*c", "aXbYc", true},
      {"a*b*c", "aXbYbZc", true},
      {"a*b*c", "aXbY", false},
      {"?", "a", true},
      {"?", "", false},
      {"?", "/", false},
      {"a?c", "abc", true},
      {"**", "", true},
      {"**", "a", true},
      {"**", "a/b/c", true},
      {"**/x", "x", true},
      {"**/x", "a/x", true},
      {"**/x", "a/b/x", true},
      {"**/x", "ax", false},
      {"**/x", "a/bx", false},
      {"a/**", "a/b", true},
      {"a/**", "a/b/c", true},
      {"a/**", "a", false},
      {"a/**/b", "a/b", true},
      {"a/**/b", "a/x/b", true},
      {"a/**/b", "a/x/y/b", true},
      {"a/**/b", "a/xb", false},
      {"a/**/b", "ab", false},
      {"**/*.txt", "x.txt", true},
      {"**/*.txt", "a/b/x.txt", true},
      {"**/*.txt", "a/b/x.md", false},
      {"out/**/*.html", "out/a/b/c.html", true},
      {"**/a/**/b", "x/a/y/z/b", true},
      {"**/a/**/b", "x/b/y/a", false},
      {"a/**/c/*.x", "a/c/c/f.x", true},
      {"**/c/*.x", "c/d/c/f.x", true},
      {"[abc]", "b", true},
      {"[abc]", "d", false},
      {"[a-c]x", "bx", true},
      {"[!a]", "b", true},
      {"[!a]", "a", false},
      {"[^a]", "b", true},
      {"[!a]", "/", false},
      {"[]]", "]", true},
      {"[a-]", "-", true},
      {"[ab", "[ab", true},
      {"[ab", "a", false},
      {"*[0-9]", "x7", true},
      {"*[0-9]", "x77", true},
      {"*[0-9]", "x7y", false},
      {"A", "a", false},
      {"**/a*b/c", "xa/a/ab/c", true},
      {"**/a*b/c", "xab/c", false},
      {"a**/b", "axy/z/b", true},
      {"a**/b", "ab", false},
      {"**x", "a/bx", true},
      {"**/**/x", "x", true},
      {"**/**/x", "a/b/x", true},
  };
  for (const Glob& vector : vectors) {
    EXPECT_EQ(glob_match(vector.pattern, vector.path), vector.matches)
        << vector.pattern << " on " << vector.path;
  }
}

TEST(Glob, EndsSoonOnHostilePatterns) {
  std::string stars;
  for (int i = 0; i < 60; ++i) {
    stars += "*a";
  }
  EXPECT_FALSE(glob_match(stars + "b", std::string(2000, 'a')));
  std::string folders;
  for (int i = 0; i < 30; ++i) {
    folders += "**/a/";
  }
  std::string path;
  for (int i = 0; i < 500; ++i) {
    path += "a/";
  }
  EXPECT_FALSE(glob_match(folders + "b", path + "c"));
}

TEST(ToHex, PrintsEveryByteAsTwoDigits) {
  EXPECT_EQ(to_hex(std::string_view("\x00\x7F\xFF", 3)), "007fff");
  EXPECT_EQ(to_hex(""), "");
}

}  // namespace
}  // namespace reeve
