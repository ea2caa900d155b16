#include "gateway/tool/param_headers.h"

#include <gtest/gtest.h>

namespace reeve::gateway {
namespace {

const char* const kSchema =
    R"({"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},)"
    R"("count":{"type":"integer","x-mcp-header":"Count"},"bad":{"x-mcp-header":"a b"},"free":{}}})";

Json schema() {
  return *parse_json(kSchema);
}

Json arguments(std::string_view region) {
  return Json::object().set("region", region);
}

std::string mismatch(std::string_view region, std::string value) {
  return param_mismatch(schema(), arguments(region), {{"mcp-param-region", std::move(value)}});
}

TEST(ParamHeaders, RepeatWhatTheSchemaNames) {
  const auto headers =
      param_headers(schema(), *parse_json(R"({"region":"eu","count":3,"bad":"x","free":"y"})"));
  ASSERT_EQ(headers.size(), 2U);
  EXPECT_EQ(headers[0].name, "Mcp-Param-Region");
  EXPECT_EQ(headers[0].value, "eu");
  EXPECT_EQ(headers[1].value, "3");
}

TEST(ParamHeaders, WrapWhatIsNoPlainText) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"Hello", "Hello"},
      {"a\nb", "=?base64?YQpi?="},
      {" a", "=?base64?IGE=?="},
      {"ä", "=?base64?w6Q=?="},
      {"=?base64?x?=", "=?base64?PT9iYXNlNjQ/eD89?="}};
  for (const auto& [value, header] : cases) {
    EXPECT_EQ(param_headers(schema(), arguments(value)).at(0).value, header);
    EXPECT_EQ(mismatch(value, header), "") << value;
  }
}

TEST(ParamHeaders, MustSayWhatTheArgumentsSay) {
  EXPECT_EQ(mismatch("Hello", "=?base64?SGVsbG8=?="), "");
  EXPECT_NE(mismatch("Hello", "=?base64?SGVsbG8?="), "") << "wrong padding";
  EXPECT_NE(mismatch("Hello", "=?base64?SGVs!!!bG8=?="), "");
  EXPECT_NE(mismatch("Hello", "SGVsbG8="), "") << "this is plain text";
  EXPECT_EQ(mismatch("=?base64?SGVsbG8=", "=?base64?SGVsbG8="), "") << "and so is this";
  EXPECT_NE(mismatch("eu", "us"), "");
  EXPECT_NE(param_mismatch(schema(), arguments("eu"), {}), "");
  EXPECT_NE(param_mismatch(schema(), Json::object(), {{"Mcp-Param-Region", "eu"}}), "");
  EXPECT_EQ(param_mismatch(schema(), Json::object(), {}), "");
}

}  // namespace
}  // namespace reeve::gateway
