#include "gateway/tool/schema.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::gateway {
namespace {

std::string outcome(std::string_view schema, std::string_view arguments) {
  const auto compiled = ArgumentSchema::compile(*parse_json(schema));
  if (!compiled) {
    return concat("schema ", compiled.error().subject);
  }
  const Result<void> checked = compiled->check(*parse_json(arguments));
  return checked ? "ok" : checked.error().subject;
}

TEST(ArgumentSchema, ChecksTypesAndMembers) {
  const std::string_view schema =
      R"({"type":"object","required":["path"],"additionalProperties":false,"properties":{
          "path":{"type":"string","minLength":1,"maxLength":4},"n":{"type":["integer","null"]},
          "mode":{"enum":["a","b",1]},"fixed":{"const":{"x":[1]}}}})";
  EXPECT_EQ(outcome(schema, R"({"path":"ab"})"), "ok");
  EXPECT_EQ(outcome(schema, R"({"path":"äöüß"})"), "ok") << "characters are counted, not bytes";
  EXPECT_EQ(outcome(schema, R"({})"), "path");
  EXPECT_EQ(outcome(schema, R"({"path":1})"), "path");
  EXPECT_EQ(outcome(schema, R"({"path":""})"), "path");
  EXPECT_EQ(outcome(schema, R"({"path":"abcde"})"), "path");
  EXPECT_EQ(outcome(schema, R"({"path":"a","other":1})"), "other");
  EXPECT_EQ(outcome(schema, R"({"path":"a","n":null})"), "ok");
  EXPECT_EQ(outcome(schema, R"({"path":"a","n":2.0})"), "ok");
  EXPECT_EQ(outcome(schema, R"({"path":"a","n":2.5})"), "n");
  EXPECT_EQ(outcome(schema, R"({"path":"a","mode":1})"), "ok");
  EXPECT_EQ(outcome(schema, R"({"path":"a","mode":"c"})"), "mode");
  EXPECT_EQ(outcome(schema, R"({"path":"a","fixed":{"x":[1]}})"), "ok");
  EXPECT_EQ(outcome(schema, R"({"path":"a","fixed":{"x":[2]}})"), "fixed");
  EXPECT_EQ(outcome(schema, "[]"), "arguments");
}

TEST(ArgumentSchema, ChecksNumbersAndLists) {
  const std::string_view schema =
      R"({"properties":{"n":{"minimum":1,"exclusiveMaximum":10,"multipleOf":0.5},
          "list":{"minItems":1,"maxItems":3,"uniqueItems":true,"items":{"type":"object",
                  "required":["id"]}},
          "pair":{"prefixItems":[{"type":"string"},{"type":"integer"}],"items":false}}})";
  EXPECT_EQ(outcome(schema, R"({"n":1})"), "ok");
  EXPECT_EQ(outcome(schema, R"({"n":0})"), "n");
  EXPECT_EQ(outcome(schema, R"({"n":10})"), "n");
  EXPECT_EQ(outcome(schema, R"({"n":1.3})"), "n");
  EXPECT_EQ(outcome(schema, R"({"list":[]})"), "list");
  EXPECT_EQ(outcome(schema, R"({"list":[{"id":1},{"id":1}]})"), "list");
  EXPECT_EQ(outcome(schema, R"({"list":[{"id":1},{}]})"), "list[1].id");
  EXPECT_EQ(outcome(schema, R"({"pair":["a",1]})"), "ok");
  EXPECT_EQ(outcome(schema, R"({"pair":["a","b"]})"), "pair[1]");
  EXPECT_EQ(outcome(schema, R"({"pair":["a",1,2]})"), "pair[2]");
}

TEST(ArgumentSchema, CombinesAndRefers) {
  const std::string_view schema =
      R"({"$defs":{"tree":{"type":"object","properties":{"kids":{"items":{"$ref":"#/$defs/tree"}}},
          "required":["name"]}},"properties":{"t":{"$ref":"#/$defs/tree"},
          "any":{"anyOf":[{"type":"string"},{"type":"integer"}]},
          "one":{"oneOf":[{"minimum":0},{"maximum":10}]},
          "all":{"allOf":[{"type":"string"},{"not":{"const":"no"}}]}}})";
  EXPECT_EQ(outcome(schema, R"({"t":{"name":1,"kids":[{"name":2}]}})"), "ok");
  EXPECT_EQ(outcome(schema, R"({"t":{"name":1,"kids":[{"kids":[]}]}})"), "t.kids[0].name");
  EXPECT_EQ(outcome(schema, R"({"any":1})"), "ok");
  EXPECT_EQ(outcome(schema, R"({"any":true})"), "any");
  EXPECT_EQ(outcome(schema, R"({"one":20})"), "ok");
  EXPECT_EQ(outcome(schema, R"({"one":5})"), "one");
  EXPECT_EQ(outcome(schema, R"({"all":"no"})"), "all");
}

TEST(ArgumentSchema, RefusesWhatItCannotCheck) {
  EXPECT_EQ(
      outcome(R"({"properties":{"a":{"pattern":"(a+)+$"}}})", "{}"), "schema properties.a.pattern"
  );
  EXPECT_EQ(outcome(R"({"if":{},"then":{}})", "{}"), "schema if");
  EXPECT_EQ(outcome(R"({"$ref":"https://example.com/s.json"})", "{}"), "schema $ref");
  EXPECT_EQ(outcome(R"({"$ref":"#/$defs/none"})", "{}"), "schema $ref");
  EXPECT_EQ(outcome(R"({"type":"text"})", "{}"), "schema type");
  EXPECT_EQ(outcome("true", "{}"), "schema schema");
}

TEST(ArgumentSchema, EndsWhateverItRefersTo) {
  EXPECT_EQ(outcome(R"({"$ref":"#"})", "{}"), "arguments") << "a circle is nested too deeply";
  // Each level asks two ways: without a limit this would take 2^30 steps.
  std::string definitions = R"("l0":{"type":"string"})";
  for (int i = 1; i < 30; ++i) {
    definitions += concat(
        ",\"l",
        i,
        R"(":{"anyOf":[{"$ref":"#/$defs/l)",
        i - 1,
        R"("},{"$ref":"#/$defs/l)",
        i - 1,
        R"("}]})"
    );
  }
  const std::string schema =
      concat(R"({"$defs":{)", definitions, R"(},"properties":{"a":{"$ref":"#/$defs/l29"}}})");
  EXPECT_EQ(outcome(schema, R"({"a":1})"), "arguments") << "who was not looked at is not to blame";
}

std::string words(int count, std::string_view between) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += concat(i == 0 ? "" : between, "\"word", i, "\"");
  }
  return text;
}

TEST(ArgumentSchema, ComparesAValueWithManyOnes) {
  const std::string list =
      concat(R"({"properties":{"x":{"items":{"enum":[1,)", words(20'000, ","), "]}}}}");
  std::string items = R"("word19999")";
  for (int i = 0; i < 10'000; ++i) {
    items += R"(,"word19999")";
  }
  EXPECT_EQ(outcome(list, concat(R"({"x":[)", items, "]}")), "ok");
  EXPECT_EQ(outcome(list, R"({"x":["word19999","none"]})"), "x[1]");
  EXPECT_EQ(outcome(list, R"({"x":[1.0]})"), "ok")
      << "numbers are the same however they are written";
  EXPECT_EQ(outcome(list, R"({"x":["1"]})"), "x[0]");
}

TEST(ArgumentSchema, CountsWhatIsComparedAsWhatItTakes) {
  std::string forms = R"({"const":"a"})";
  std::string lengths = R"({"maxLength":1})";
  for (int i = 1; i < 900; ++i) {
    forms += R"(,{"const":"a"})";
    lengths += R"(,{"maxLength":1})";
  }
  const std::string large = concat(R"({"v":")", std::string(1'500'000, 'b'), R"("})");
  const auto why = [&](const std::string& list) {
    const auto schema =
        ArgumentSchema::compile(*parse_json(concat(R"({"properties":{"v":{"anyOf":[)", list, "]}}}")
        ));
    const Result<void> checked = schema->check(*parse_json(large));
    return checked ? std::string_view("ok") : to_string(checked.error().code);
  };
  EXPECT_EQ(why(forms), to_string(ErrorCode::LimitExceeded));
  EXPECT_EQ(why(lengths), to_string(ErrorCode::LimitExceeded));
  const std::string required =
      concat(R"({"required":[)", words(15'000, ","), R"(],"additionalProperties":true})");
  EXPECT_EQ(outcome(required, concat("{", words(15'000, ":1,"), ":1}")), "ok");
  EXPECT_EQ(outcome(required, concat("{", words(14'999, ":1,"), ":1}")), "word14999");
}

TEST(ArgumentSchema, TellsLongPlacesInShort) {
  const std::string name(100'000, 'n');
  const std::string schema =
      concat(R"({"properties":{")", name, R"(":{"items":{"type":"string"}}}})");
  EXPECT_EQ(outcome(schema, concat(R"({")", name, R"(":["a",1]})")), "(a long name)[1]");
}

}  // namespace
}  // namespace reeve::gateway
