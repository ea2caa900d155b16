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

TEST(ToolServerRules, RefuseProgramsThatCouldNotBeStarted) {
  EXPECT_EQ(
      fields_of(
          R"({"command":["npx","-y","x"],"environment":{"MODE":"a"},"credentials":{"KEY":"key"},)"
          R"("sandbox":{"level":"isolated","readable":["/srv"]}})"
      ),
      ""
  );
  EXPECT_EQ(fields_of(R"({"command":[]})"), "spec.url;");
  EXPECT_EQ(fields_of(R"({"command":["./x"]})"), "spec.command[0];");
  EXPECT_EQ(fields_of(R"({"command":["", "x\u0000"]})"), "spec.command[0];spec.command[1];");
  EXPECT_EQ(fields_of(R"({"command":["x"],"url":"https://a"})"), "spec.command;");
  EXPECT_EQ(fields_of(R"({"command":["x"],"builtin":"workspace"})"), "spec.command;");
  EXPECT_EQ(fields_of(R"({"command":["x"],"credential":"key"})"), "spec.credential;");
  EXPECT_EQ(
      fields_of(
          R"({"command":["x"],"environment":{"A":"1","REEVE_DATA":"/","B-C":"","D":"\u0000"},)"
          R"("credentials":{"A":"key","1":"key"}})"
      ),
      "spec.environment.REEVE_DATA;spec.environment.B-C;spec.environment.D;spec.credentials.A;"
      "spec.credentials.1;"
  );
  EXPECT_EQ(
      fields_of(R"({"url":"https://a","environment":{"A":"1"},"credentials":{"B":"key"},)"
                R"("sandbox":"isolated"})"),
      "spec.environment;spec.credentials;spec.sandbox;"
  );
  EXPECT_EQ(
      fields_of(R"({"command":["x"],"sandbox":{"level":"workspace","readable":["../x"]}})"),
      "spec.sandbox.readable;"
  );
}

TEST(ToolServerRules, LeaveWhatIsOfAnotherTypeToTheContract) {
  EXPECT_EQ(fields_of(R"({"command":[1]})"), "");
  EXPECT_EQ(fields_of(R"({"command":["x",1]})"), "");
  EXPECT_EQ(fields_of(R"({"command":[{}]})"), "");
  EXPECT_EQ(fields_of(R"({"command":[null,"x\u0000",[]]})"), "spec.command[1];");
  EXPECT_EQ(fields_of(R"({"command":["x"],"environment":{"A":1},"credentials":[1]})"), "");
  EXPECT_EQ(fields_of(R"({"url":"https://a","tools":[1,{"allow":1,"approval":1}]})"), "");
}

}  // namespace
}  // namespace reeve::api
