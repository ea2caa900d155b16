#include "workflow/document/yaml.h"

#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::document {
namespace {

Node parsed(std::string_view text) {
  auto node = parse_yaml(text);
  EXPECT_TRUE(node.ok()) << (node.ok() ? "" : node.error().describe());
  return node.ok() ? std::move(node).value() : Node{};
}

Error refused(std::string_view text, const Limits& limits = {}) {
  auto node = parse_yaml(text, limits);
  EXPECT_FALSE(node.ok()) << text;
  return node.ok() ? Error{} : node.error();
}

std::string json(std::string_view text) {
  return to_json(parsed(text)).dump();
}

TEST(Yaml, KeepsOrderTextAndPositions) {
  const Node root = parsed("b: one\na:\n  - x\n  - \"two\"\n");
  ASSERT_TRUE(root.is_map());
  ASSERT_EQ(root.members.size(), 2U);
  EXPECT_EQ(root.members[0].key.text, "b");
  EXPECT_EQ(root.members[0].value.text, "one");
  EXPECT_EQ(root.members[0].value.position, (Position{1, 4}));
  const Node* list = root.find("a");
  ASSERT_NE(list, nullptr);
  ASSERT_EQ(list->items.size(), 2U);
  EXPECT_EQ(list->items[1].text, "two");
  EXPECT_EQ(list->items[1].style, Style::Quoted);
  EXPECT_EQ(list->items[1].position, (Position{4, 5}));
  EXPECT_EQ(list->items[1].content, (Position{4, 6}));
  EXPECT_EQ(root.find("c"), nullptr);
}

TEST(Yaml, KeepsBlankLinesOfBlocksAndTellsWhereTheirTextStarts) {
  const Node root = parsed("s: |\n    a\n\n    b\nf: >-\n  c\n  d\n");
  EXPECT_EQ(root.find("s")->text, "a\n\nb\n");
  EXPECT_EQ(root.find("s")->style, Style::Literal);
  EXPECT_EQ(root.find("s")->content, (Position{2, 5}));
  EXPECT_EQ(root.find("f")->text, "c d");
  EXPECT_EQ(root.find("f")->style, Style::Folded);
}

TEST(Yaml, StartsBlockTextAtItsLeadingBlankLine) {
  const Node root = parsed("s: |\n\n   a\n");
  EXPECT_EQ(root.find("s")->text, "\na\n");
  EXPECT_EQ(root.find("s")->content, (Position{2, 4}));
}

TEST(Yaml, PutsAnEmptyValueOnTheLineOfItsKey) {
  const Node root = parsed("a:\nb: 1\n");
  EXPECT_TRUE(root.find("a")->is_null());
  EXPECT_EQ(root.find("a")->position.line, 1);
}

TEST(Yaml, TypesPlainScalarsByTheCoreSchema) {
  EXPECT_EQ(
      json("[true, False, null, ~, 1, -7, +8, 0x1f, 0o17, 1.5, .5, -2e3, 1.]"),
      "[true,false,null,null,1,-7,8,31,15,1.5,0.5,-2000.0,1.0]"
  );
}

TEST(Yaml, KeepsWhatOnlyLooksLikeANumberOrSwitchAsText) {
  EXPECT_EQ(
      json("[yes, no, on, off, 012, 1_000, .inf, .nan, 2026-11-21, 99999999999999999999, 1e, ., 0x]"
      ),
      "[\"yes\",\"no\",\"on\",\"off\",\"012\",\"1_000\",\".inf\",\".nan\",\"2026-11-21\","
      "\"99999999999999999999\",\"1e\",\".\",\"0x\"]"
  );
  EXPECT_EQ(json("['1', \"true\", !!str 5]"), "[\"1\",\"true\",\"5\"]");
}

TEST(Yaml, ExpandsAliases) {
  EXPECT_EQ(json("a: &x [1, 2]\nb: *x\n"), "{\"a\":[1,2],\"b\":[1,2]}");
}

TEST(Yaml, AppliesMergeKeysWithOwnKeysAndEarlierMapsWinning) {
  EXPECT_EQ(
      json("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  a: 0\n"),
      "{\"x\":{\"a\":1,\"b\":1},\"y\":{\"b\":2,\"c\":2},\"z\":{\"a\":0,\"b\":1,\"c\":2}}"
  );
  const Error error = refused("a:\n  <<: text\n");
  EXPECT_EQ(error.message, "\"<<\" merges maps, this is text");
  EXPECT_EQ(error.position, (Position{2, 7}));
}

TEST(Yaml, RefusesDuplicateKeysNamingBothLines) {
  const Error error = refused("a: 1\nb: 2\na: 3\n");
  EXPECT_EQ(error.message, "the key \"a\" is there twice: line 1 and line 3");
  EXPECT_EQ(error.position, (Position{3, 1}));
}

TEST(Yaml, RefusesASecondDocumentNamingItsLine) {
  const Error error = refused("a: 1\n---\nb: 2\n");
  EXPECT_EQ(error.message, "more than one document: a second one starts at line 2");
  EXPECT_EQ(error.position.line, 2);
  EXPECT_EQ(json("---\na: 1\n"), "{\"a\":1}");
}

TEST(Yaml, RefusesEmptyDocuments) {
  EXPECT_EQ(refused("").message, "the document is empty");
  EXPECT_EQ(refused("# only a comment\n").message, "the document is empty");
}

TEST(Yaml, SaysTabsWhenTabsIndent) {
  for (const std::string_view text :
       {"a:\n\tb: c\n", "a:\n\t- b\n", "a: |\n\tfoo\n", "a:\n  b: 1\n\tc: 2\n"}) {
    const Error error = refused(text);
    EXPECT_EQ(error.message, "tabs cannot indent YAML") << text;
    EXPECT_EQ(error.position.column, 1) << text;
  }
  EXPECT_EQ(refused("a:\n\tb: c\n").position.line, 2);
}

TEST(Yaml, AllowsTabsInsideBlocksAndAtTheEndOfLines) {
  EXPECT_EQ(json("a: |\n  if:\n  \tx: 1\nb: 1\t\n"), "{\"a\":\"if:\\n\\tx: 1\\n\",\"b\":1}");
}

TEST(Yaml, RefusesInputThatIsNotText) {
  EXPECT_EQ(refused(std::string_view("a: b\nc\0d", 8)).message, "is not text: byte 0 at offset 6");
  EXPECT_EQ(refused(std::string_view("a: b\nc\0d", 8)).position, (Position{2, 2}));
  EXPECT_EQ(refused("a: \xff\xfe").message, "is not text: byte 0xff is not valid UTF-8");
  EXPECT_EQ(
      refused("\x7f"
              "ELF\x02\x01")
          .message,
      "is not text: byte 2 at offset 4"
  );
}

TEST(Yaml, SkipsAByteOrderMark) {
  EXPECT_EQ(
      json("\xEF\xBB\xBF"
           "a: 1\n"),
      "{\"a\":1}"
  );
}

TEST(Yaml, RefusesTextBeyondTheSizeLimitBeforeReadingIt) {
  const std::string big(std::size_t{100} << 20U, '\0');
  const Error error = refused(big);
  EXPECT_EQ(error.code, ErrorCode::LimitExceeded);
  EXPECT_EQ(error.message, "is 104857600 bytes long, at most 1048576 are allowed");
}

TEST(Yaml, RefusesABombOfNestedAliases) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += concat("a", i, ": &a", i, " [");
    for (int k = 0; k < 10; ++k) {
      text += concat(k == 0 ? "" : ", ", "*a", i - 1);
    }
    text += "]\n";
  }
  const Error error = refused(text);
  EXPECT_EQ(error.code, ErrorCode::LimitExceeded);
  EXPECT_EQ(error.message, "more than 100000 values once aliases are expanded");
}

TEST(Yaml, RefusesABombOfOneLongTextAliasedOften) {
  std::string text = concat("a: &a \"", std::string(100'000, 'x'), "\"\nb:\n");
  for (int i = 0; i < 200; ++i) {
    text += "  - *a\n";
  }
  const Error error = refused(text);
  EXPECT_EQ(error.code, ErrorCode::LimitExceeded);
  EXPECT_EQ(error.message, "more than 8388608 bytes once aliases are expanded");
}

TEST(Yaml, RefusesABombOfNestedAnchors) {
  std::string text;
  for (int i = 0; i < 60; ++i) {
    text += concat("&a", i, " [");
  }
  for (int i = 0; i < 10'000; ++i) {
    text += "x, ";
  }
  text += std::string(60, ']');
  EXPECT_EQ(refused(text).code, ErrorCode::LimitExceeded);
}

TEST(Yaml, RefusesDeepNesting) {
  EXPECT_EQ(refused(std::string(10'000, '[')).code, ErrorCode::LimitExceeded);
  std::string block;
  for (std::size_t i = 0; i < 70; ++i) {
    block += std::string(i, ' ') + "a:\n";
  }
  EXPECT_EQ(refused(block).message, "nested more than 64 levels deep");
  EXPECT_TRUE(parse_yaml(std::string(64, '[') + std::string(64, ']')).ok());
}

TEST(Yaml, CountsTheDepthOfAliases) {
  const std::string deep = std::string(40, '[') + std::string(40, ']');
  const std::string text =
      "a: &a " + deep + "\nb: " + std::string(40, '[') + "*a" + std::string(40, ']') + "\n";
  EXPECT_EQ(refused(text).message, "nested more than 64 levels deep");
}

TEST(Yaml, RefusesAnAliasInsideItsOwnAnchor) {
  const Error error = refused("a: &x [1, *x]\n");
  EXPECT_EQ(error.message, "an alias inside its own anchor never ends");
  EXPECT_EQ(error.position, (Position{1, 11}));
  EXPECT_EQ(refused("a: *y\n").message, "the alias names an anchor that does not exist");
}

TEST(Yaml, RefusesUnquotedTemplatesWithTheQuotedForm) {
  const Error error = refused("a: {{ .X }}\n");
  EXPECT_EQ(error.message, "a value that begins with {{ must be quoted");
  EXPECT_EQ(error.hint, "quote it: \"{{ .X }}\"");
  EXPECT_EQ(error.position, (Position{1, 4}));
}

TEST(Yaml, RefusesKeysThatAreNotText) {
  EXPECT_EQ(refused("? [a]\n: 1\n").message, "a key must be text, this one is a list");
}

TEST(Yaml, RefusesQuotesThatNeverClose) {
  const Error error = refused("a: \"x\nb: 1\n");
  EXPECT_EQ(error.message, "the quoted text that starts here is never closed");
  EXPECT_EQ(error.position, (Position{1, 4}));
  EXPECT_EQ(refused("a: 'it''s\n").position, (Position{1, 4}));
}

TEST(Yaml, RefusesTagsItDoesNotKnow) {
  EXPECT_EQ(refused("a: !thing x\n").message, "the tag \"!thing\" is not supported");
}

TEST(Yaml, ExplainsSyntaxErrorsWithTheirPlace) {
  const Error colon = refused("a: b: c\n");
  EXPECT_EQ(colon.message, "\": \" is not allowed here");
  EXPECT_EQ(colon.position, (Position{1, 5}));
  const Error flow = refused("a: [1, 2\n");
  EXPECT_EQ(flow.message, "a list in [ ] is never closed");
  const Error indentation = refused("a: 1\n  b: 2\n");
  EXPECT_EQ(indentation.position.line, 2);
}

TEST(Yaml, SurvivesEveryPrefixOfADocument) {
  const std::string text =
      "a: &x {k: \"v\\n\", l: 'w'}\nb:\n  - |\n    c\n\n  - >-\n   d\n<<: *x\ne: [1, {f: g}]\n";
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const auto node = parse_yaml(std::string_view(text).substr(0, i));
    EXPECT_TRUE(node.ok() || !node.error().message.empty());
  }
}

}  // namespace
}  // namespace reeve::document
