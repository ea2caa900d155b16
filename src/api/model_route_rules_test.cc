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
