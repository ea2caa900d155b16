#include "api/tool_server_rules.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::api {
namespace {

std::string fields_of(std::string_view spec) {
  std::string fields;
  const Json object = *parse_json(concat(R"({"metadata":{"name":"s"},"spec":)", spec, "}"));
  for (const resource::Cause& cause : tool_server_causes(object)) {
    fields += concat(cause.field, ";");
  }
  return fields;
}

TEST(ToolServerRules, RefuseWhatCouldServeNothing) {
  EXPECT_EQ(fields_of(R"({"url":"https://tools.example.com/mcp"})"), "");
  EXPECT_EQ(fields_of(R"({"builtin":"http","allowedHosts":["*.example.com"]})"), "");
  EXPECT_EQ(fields_of("{}"), "spec.url;");
  EXPECT_EQ(
      fields_of(R"({"url":"https://a","builtin":"workspace","allowedHosts":["a"]})"),
      "spec.builtin;spec.allowedHosts;"
  );
  EXPECT_EQ(fields_of(R"({"builtin":"http"})"), "spec.allowedHosts;");
  EXPECT_EQ(
      fields_of(
          R"({"url":"https://a","tools":[{"name":"a"},{"name":"b","allow":false,"approval":{}}]})"
      ),
      "spec.tools[1].approval;"
  );
}

}  // namespace
}  // namespace reeve::api
