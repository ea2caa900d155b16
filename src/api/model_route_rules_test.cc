#include "api/model_route_rules.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::api {
namespace {

Json route(std::string_view model) {
  return *parse_json(concat(
      R"({"apiVersion":"reeve.dev/v1","kind":"ModelRoute","metadata":{"name":"r","namespace":"default"},)",
      R"("spec":{"providers":[{"name":"a","kind":"anthropic","baseUrl":"https://api.example.com"}],)",
      R"("models":[)",
      model,
      "]}}"
  ));
}

TEST(ModelRouteRules, RefuseAllThatContradictsItselfAtOnce) {
  Json object = route(
      R"({"name":"m","provider":"a","contextWindow":100,"maxOutputTokens":101,"outputLimit":102,"free":true})"
  );
  Json spec = *object.find("spec");
  spec.set(
      "rules",
      *parse_json(
          R"([{"use":[{"model":"m","weight":0}]},{"use":[{"model":"m","weight":0},{"model":"n"}]}])"
      )
  );
  object.set("spec", std::move(spec));
  std::string fields;
  for (const resource::Cause& cause : model_route_causes(object)) {
    fields += concat(cause.field, ";");
  }
  EXPECT_EQ(
      fields,
      "spec.models[0].maxOutputTokens;spec.models[0].outputLimit;spec.rules[0].use;"
      "spec.rules[1].use[1].model;"
  );
}

TEST(ModelRouteRules, RefuseWhatCouldNeverBeUsed) {
  EXPECT_TRUE(model_route_causes(
                  route(R"({"name":"m","provider":"a","prices":{"input":"1","output":"2"}})")
  )
                  .empty());
  const auto causes =
      model_route_causes(route(R"({"name":"m","provider":"b","prices":{"input":"1","output":"2"}})")
      );
  ASSERT_EQ(causes.size(), 1U);
  EXPECT_EQ(causes.front().field, "spec.models[0].provider");
}

}  // namespace
}  // namespace reeve::api
