#include "cli/yaml.h"

#include <gtest/gtest.h>

#include "workflow/document/yaml.h"

namespace reeve::cli {

namespace {

Json read(const std::string& text) {
  const auto node = document::parse_yaml(text);
  return node ? document::to_json(*node) : Json(node.error().describe());
}

Json json(std::string_view text) {
  return *parse_json(text);
}

TEST(Yaml, WritesBlocksInTheOrderOfTheMembers) {
  EXPECT_EQ(
      to_yaml(json(R"({"kind":"X","a":{"n":1,"l":["x",{"k":"v","m":true}]},"e":{},"f":[]})")),
      "kind: X\na:\n  \"n\": 1\n  l:\n  - x\n  - k: v\n    m: true\ne: {}\nf: []\n"
  );
}

TEST(Yaml, QuotesWhatWouldBeReadAsSomethingElse) {
  for (const char* text : {"yes",  "null", "1",  "1e3",   "0x1f", "-",      "- a", "a: b",
                           "a #b", "",     " a", "a ",    "*a",   "a:",     "~",   "2026-01-01",
                           "!x",   "{a}",  "@",  "\x7F",  "\t",   "a\x01b", "On",  "12:30:45",
                           ".5",   "+1",   "=",  "a\\nb", "'",    "\"q\"",  "%",   "\xC2\x85"}) {
    const Json value = Json::object().set("k", text);
    EXPECT_EQ(read(to_yaml(value)), value) << to_yaml(value);
  }
  EXPECT_EQ(to_yaml(Json::object().set("k", "yes")), "k: \"yes\"\n");
}

TEST(Yaml, WritesTextsOfSeveralLinesAsBlocks) {
  EXPECT_EQ(to_yaml(Json::object().set("s", "a\n  b\n")), "s: |\n  a\n    b\n");
  for (const char* text : {"a\nb", "a\n\nb\n", "\na", " a\nb", "a\n\n", "a\n\n\n", "a\tb\nc\n"}) {
    const Json value = json(R"({"x":[{"y":[["z"]]}]})");
    Json whole = Json::object().set("v", value).set("t", text);
    whole.set("l", Json::array().push(text));
    EXPECT_EQ(read(to_yaml(whole)), whole) << to_yaml(whole);
  }
}

}  // namespace

}  // namespace reeve::cli
