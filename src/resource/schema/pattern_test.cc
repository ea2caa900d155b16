#include "resource/schema/pattern.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::resource::schema {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  const Result<Pattern> compiled = Pattern::compile(pattern);
  EXPECT_TRUE(compiled.ok()) << pattern;
  return compiled.ok() && compiled->matches(text);
}

TEST(Pattern, FindsLiteralsAnywhereUnlessAnchored) {
  EXPECT_TRUE(matches("b", "abc"));
  EXPECT_FALSE(matches("^b", "abc"));
  EXPECT_FALSE(matches("b$", "abc"));
  EXPECT_TRUE(matches("^abc$", "abc"));
  EXPECT_FALSE(matches("^abc$", "abcd"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches("^$", ""));
  EXPECT_FALSE(matches("^$", "a"));
}

TEST(Pattern, KnowsClassesAndEscapes) {
  EXPECT_TRUE(matches("^[A-Za-z0-9._-]+$", "a.B_9-"));
  EXPECT_FALSE(matches("^[A-Za-z0-9._-]+$", "a b"));
  EXPECT_TRUE(matches("^[^/]+$", "ab"));
  EXPECT_FALSE(matches("^[^/]+$", "a/b"));
  EXPECT_TRUE(matches("^\\d{3}$", "123"));
  EXPECT_TRUE(matches("^[\\d.]+\\.$", "1.2."));
  EXPECT_TRUE(matches("^\\w\\s\\$$", "a $"));
  EXPECT_TRUE(matches("^[]]$", "]"));
  EXPECT_TRUE(matches("^a.b$", "aäb"));
  EXPECT_FALSE(matches("^a.b$", "a\nb"));
  EXPECT_TRUE(matches("^[ä-ü]$", "ö"));
}

TEST(Pattern, RepeatsAndChooses) {
  EXPECT_TRUE(matches("^(ab|cd)*e?$", "abcdab"));
  EXPECT_FALSE(matches("^(ab|cd)*e?$", "abc"));
  EXPECT_TRUE(matches("^a{2,3}$", "aaa"));
  EXPECT_FALSE(matches("^a{2,3}$", "aaaa"));
  EXPECT_FALSE(matches("^a{2,3}$", "a"));
  EXPECT_TRUE(matches("^a{2,}$", "aaaaa"));
  EXPECT_TRUE(matches("^(?:a|)b$", "b"));
  EXPECT_TRUE(matches("^([0-9]+(ms|s|m|h))+$", "1h30m"));
  EXPECT_FALSE(matches("^([0-9]+(ms|s|m|h))+$", "1h30"));
  EXPECT_TRUE(matches("^(a{0,2}){2}$", "aaa"));
}

TEST(Pattern, RefusesWhatItDoesNotKnow) {
  for (const char* text :
       {"(", ")", "[a", "a**", "*", "a{", "a{2,1}", "a{1001}", "\\", "\\q", "[b-a]", "(?=a)"}) {
    EXPECT_EQ(Pattern::compile(text).error().code, ErrorCode::Invalid) << text;
  }
}

TEST(Pattern, RefusesWhatIsTooLarge) {
  EXPECT_EQ(Pattern::compile("((a{100}){100}){100}").error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(Pattern::compile("(((){1000}){1000}){1000}").error().code, ErrorCode::LimitExceeded);
  const std::string deep = std::string(50, '(') + std::string(50, ')');
  EXPECT_EQ(Pattern::compile(deep).error().code, ErrorCode::LimitExceeded);
}

TEST(Pattern, TakesTimeInProportionToTheTextWhateverItIs) {
  // Backtracking would need 2^10000 steps.
  EXPECT_FALSE(matches("^(a|a)*(a*)*$", concat(std::string(10'000, 'a'), "b")));
}

}  // namespace
}  // namespace reeve::resource::schema
