#include "api/quota_rules.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::api {
namespace {

std::vector<resource::Cause> causes_of(std::string_view limits) {
  return quota_causes(
      journal::Kind::BudgetQuota,
      *parse_json(concat(
          R"({"apiVersion":"reeve.dev/v1","kind":"BudgetQuota","metadata":{"name":"q","namespace":"default"},)",
          R"("spec":{"limits":)",
          limits,
          "}}"
      ))
  );
}

TEST(QuotaRules, RefuseWhatTheMeterCannotRead) {
  EXPECT_TRUE(causes_of(R"({"maxTotalCost":"5","maxDuration":"1h"})").empty());
  const auto causes = causes_of(R"({"maxDuration":"0s"})");
  ASSERT_EQ(causes.size(), 1U);
  EXPECT_NE(causes.front().message.find("maxDuration"), std::string::npos);
}

}  // namespace
}  // namespace reeve::api
