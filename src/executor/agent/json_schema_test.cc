#include "executor/agent/json_schema.h"

#include <gtest/gtest.h>

namespace reeve::executor::agent {
namespace {

/// "" if it fits, else what is said.
std::string checked(std::string_view schema, std::string_view value) {
  const Result<void> fits = check_schema(*parse_json(schema), *parse_json(value));
  return fits ? std::string() : fits.error().describe();
}

constexpr std::string_view kReview =
    R"({"type":"object","required":["verdict"],"additionalProperties":false,"properties":{)"
    R"("verdict":{"enum":["good","bad"]},"score":{"type":"integer","minimum":0,"maximum":10},)"
    R"("notes":{"type":"array","items":{"type":"string","minLength":1},"maxItems":2}}})";

TEST(AgentJsonSchema, SaysWhatDoesNotFitAndWhere) {
  EXPECT_EQ(checked(kReview, R"({"verdict":"good","score":7,"notes":["a"]})"), "");
  EXPECT_NE(checked(kReview, R"({"score":7})").find("/verdict: is missing"), std::string::npos);
  EXPECT_NE(
      checked(kReview, R"({"verdict":"so so"})").find("/verdict: must be one of"), std::string::npos
  );
  EXPECT_NE(
      checked(kReview, R"({"verdict":"bad","score":11})").find("/score: breaks maximum"),
      std::string::npos
  );
  EXPECT_NE(checked(kReview, R"({"verdict":"bad","score":1.5})").find("/score"), std::string::npos);
  EXPECT_NE(
      checked(kReview, R"({"verdict":"bad","notes":["a",""]})").find("/notes/1"), std::string::npos
  );
  EXPECT_NE(
      checked(kReview, R"({"verdict":"bad","notes":["a","b","c"]})").find("/notes"),
      std::string::npos
  );
  EXPECT_NE(checked(kReview, R"({"verdict":"bad","more":1})").find("/more"), std::string::npos);
  EXPECT_NE(checked(kReview, "[]").find("type"), std::string::npos);
}

TEST(AgentJsonSchema, KnowsCombinationsAndReferences) {
  constexpr std::string_view kTree =
      R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"next":{"$ref":"#/$defs/node"},)"
      R"("value":{"type":["integer","null"]}}}}})";
  EXPECT_EQ(checked(kTree, R"({"next":{"next":{"value":1}},"value":null})"), "");
  EXPECT_NE(
      checked(kTree, R"({"next":{"next":{"value":"1"}}})").find("/next/next/value"),
      std::string::npos
  );
  EXPECT_EQ(checked(R"({"anyOf":[{"type":"string"},{"type":"integer"}]})", "1"), "");
  EXPECT_NE(checked(R"({"anyOf":[{"type":"string"},{"type":"integer"}]})", "true"), "");
  EXPECT_NE(checked(R"({"oneOf":[{"type":"number"},{"type":"integer"}]})", "1"), "");
  EXPECT_NE(checked(R"({"not":{"type":"string"}})", R"("a")"), "");
  EXPECT_EQ(checked(R"({"const":{"a":1,"b":2}})", R"({"b":2,"a":1.0})"), "");
  EXPECT_NE(checked(R"({"uniqueItems":true})", "[1,2,1]"), "");
  EXPECT_EQ(checked(R"({"maxLength":2})", R"("\u00e4\u00e4")"), "") << "characters, not bytes";
}

TEST(AgentJsonSchema, NothingFitsWhatIsNotUnderstood) {
  const auto code = [](std::string_view schema) {
    return check_schema(*parse_json(schema), Json("x")).error().code;
  };
  EXPECT_EQ(code(R"({"pattern":"^x$"})"), ErrorCode::Unsupported);
  EXPECT_EQ(code(R"({"anyOf":[{"pattern":"^x$"},{"type":"string"}]})"), ErrorCode::Unsupported);
  EXPECT_EQ(code(R"({"$ref":"https://example.org/s"})"), ErrorCode::Unsupported);
  EXPECT_EQ(code(R"({"$ref":"#"})"), ErrorCode::LimitExceeded) << "a circle ends";
}

}  // namespace
}  // namespace reeve::executor::agent
