#include "api/agent_rules.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::api {
namespace {

Json agent(std::string_view spec) {
  return *parse_json(concat(R"({"metadata":{"name":"coder"},"spec":)", spec, "}"));
}

std::string fields_of(std::string_view spec) {
  std::string fields;
  for (const resource::Cause& cause : agent_causes(agent(spec))) {
    fields += concat(cause.field, ";");
  }
  return fields;
}

TEST(AgentRules, RefuseWhatCouldNeverWork) {
  EXPECT_EQ(
      fields_of(R"({"cli":{"command":"claude"},"limits":{"iterations":200,"cost":"1"}})"), ""
  );
  EXPECT_EQ(
      fields_of(R"({"cli":{"command":"custom"},"validators":["coder"]})"),
      "spec.validators;spec.cli.argv;"
  );
  EXPECT_EQ(
      fields_of(R"({"cli":{"command":"custom","argv":["a","{model}","{modle}","{}","{1}"]}})"),
      "spec.cli.argv[2];"
  );
  EXPECT_EQ(
      fields_of(R"({"loop":{},"limits":{"iterations":51,"cost":"1"}})"),
      "spec.model;spec.limits.iterations;spec.limits.cost;"
  );
  EXPECT_EQ(fields_of(R"({"loop":{},"model":"m","limits":{"iterations":50}})"), "");
}

TEST(AgentRules, WarnOfAgentsThatAreEverything) {
  EXPECT_TRUE(agent_warnings(agent(R"({"loop":{},"tools":["a__*"],"prompt":"short"})")).empty());
  const std::string prompt(8004, 'x');
  const auto warnings =
      agent_warnings(agent(concat(R"({"tools":["*"],"prompt":")", prompt, R"("})")));
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_NE(warnings[0].find("about 2001 tokens"), std::string::npos);
  EXPECT_NE(warnings[1].find("every tool"), std::string::npos);
}

}  // namespace
}  // namespace reeve::api
