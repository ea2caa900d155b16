#include "api/quota_rules.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::api {
namespace {

std::vector<resource::Cause> causes_of(
    std::string_view limits, std::string_view enforcement = "{}"
) {
  return quota_causes(
      journal::Kind::BudgetQuota,
      *parse_json(concat(
          R"({"apiVersion":"reeve.dev/v1","kind":"BudgetQuota","metadata":{"name":"q","namespace":"default"},)",
          R"("spec":{"limits":)",
          limits,
          R"(,"enforcement":)",
          enforcement,
          "}}"
      ))
  );
}

std::string fields_of(std::string_view limits, std::string_view enforcement = "{}") {
  std::string fields;
  for (const resource::Cause& cause : causes_of(limits, enforcement)) {
    fields += concat(cause.field, ";");
  }
  return fields;
}

TEST(QuotaRules, RefuseWhatTheMeterCannotRead) {
  EXPECT_EQ(fields_of(R"({"maxTotalCost":"5","maxDuration":"1h"})"), "");
  EXPECT_EQ(fields_of(R"({"maxDuration":"0s"})"), "spec.limits.maxDuration;");
  const auto causes = causes_of(R"({"maxTotalTokens":0})");
  ASSERT_EQ(causes.size(), 1U);
  EXPECT_NE(causes.front().message.find("maxTotalTokens"), std::string::npos);
}

TEST(QuotaRules, RefuseAllThatWouldBoundNothingAtOnce) {
  EXPECT_EQ(
      fields_of(
          R"({"maxCostPerRun":"5.01","maxTotalCost":"5","maxTokensPerRun":11,"maxTotalTokens":10})",
          R"({"onDurationLimit":"downgrade","onConcurrencyLimit":"downgrade"})"
      ),
      "spec.limits.maxTokensPerRun;spec.limits.maxCostPerRun;spec.enforcement.onDurationLimit;"
      "spec.enforcement.onConcurrencyLimit;"
  );
  EXPECT_EQ(
      fields_of(
          R"({"maxCostPerRun":"5.00","maxTotalCost":"5","maxTokensPerRun":10,"maxTotalTokens":10})",
          R"({"onCostLimit":"downgrade","onDurationLimit":"queue"})"
      ),
      ""
  );
}

}  // namespace
}  // namespace reeve::api
