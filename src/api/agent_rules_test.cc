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

TEST(AgentRules, RefuseLimitsAtWhichNothingCouldBegin) {
  EXPECT_EQ(
      fields_of(R"({"cli":{"command":"claude"},"limits":{"duration":"0s","cost":"0.00"}})"),
      "spec.limits.duration;spec.limits.cost;"
  );
  EXPECT_EQ(
      fields_of(R"({"cli":{"command":"claude"},"limits":{"duration":"1s","cost":"0.01"}})"), ""
  );
  EXPECT_EQ(fields_of(R"({"loop":{"decisionWait":"1h"},"model":"m"})"), "");
  EXPECT_EQ(fields_of(R"({"loop":{"decisionWait":"61m"},"model":"m"})"), "spec.loop.decisionWait;");
}

TEST(AgentRules, RefuseNamesThatNoVariableHas) {
  EXPECT_EQ(
      fields_of(R"({"cli":{"command":"claude"},"environment":{"A_1":"x","1A":"x","A-B":"","":""}})"
      ),
      "spec.environment.1A;spec.environment.A-B;spec.environment.;"
  );
}

TEST(AgentRules, RefuseSchemasThatAreNone) {
  const auto fields = [](std::string_view schema) {
    return fields_of(concat(R"({"cli":{"command":"claude"},"outputSchema":)", schema, "}"));
  };
  EXPECT_EQ(
      fields(R"({"type":"object","required":["a"],"additionalProperties":false,"title":"x",
        "properties":{"a":{"type":["string","null"],"minLength":1},"b":{"$ref":"#/$defs/b"}},
        "$defs":{"b":{"anyOf":[{"enum":[1,"x"]},true]}}})"),
      ""
  );
  EXPECT_EQ(
      fields(R"({"type":"objekt","required":"a","minItems":-1,"pattern":"x",
        "properties":{"a":{"type":[]},"b":7,"c":{"$ref":"#/$defs/c"},"d":{"$ref":"https://x"}},
        "anyOf":[{"type":"text"}],"enum":[]})"),
      "spec.outputSchema.type;spec.outputSchema.required;spec.outputSchema.minItems;"
      "spec.outputSchema.pattern;spec.outputSchema.properties.a.type;"
      "spec.outputSchema.properties.b;spec.outputSchema.properties.c.$ref;"
      "spec.outputSchema.properties.d.$ref;spec.outputSchema.anyOf[0].type;spec.outputSchema.enum;"
  );
  std::string deep = R"({"type":"string"})";
  for (int i = 0; i < 40; ++i) {
    deep = concat(R"({"items":)", deep, "}");
  }
  EXPECT_NE(fields(deep), "");
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
