#include "workflow/items.h"

#include <gtest/gtest.h>

namespace reeve::workflow {
namespace {

std::string items(std::string_view text) {
  auto parsed = parse_items(text);
  return parsed.ok() ? parsed->dump() : parsed.error().message;
}

TEST(Items, AreAJsonArrayOrARange) {
  EXPECT_EQ(items("[1, \"two\", {\"n\": 3}]"), "[1,\"two\",{\"n\":3}]");
  EXPECT_EQ(items(" [] "), "[]");
  EXPECT_EQ(items("1..3"), "[1,2,3]");
  EXPECT_EQ(items("-1 .. 1"), "[-1,0,1]");
  EXPECT_EQ(items("5..5"), "[5]");
  EXPECT_EQ(items("1..0"), "[]");
  EXPECT_EQ(
      items("9223372036854775806..9223372036854775807"), "[9223372036854775806,9223372036854775807]"
  );
}

TEST(Items, AreNothingElse) {
  EXPECT_EQ(items("names"), "is neither a JSON array nor a range such as 1..10");
  EXPECT_EQ(items("{}"), "is neither a JSON array nor a range such as 1..10");
  EXPECT_EQ(items("1..x"), "is neither a JSON array nor a range such as 1..10");
  EXPECT_EQ(items("[1").substr(0, 18), "is no JSON array: ");
}

TEST(Items, AreLimited) {
  EXPECT_EQ(parse_items("1..10000")->as_array().size(), 10'000U);
  EXPECT_EQ(parse_items("0..10000").error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(
      parse_items("-9223372036854775808..9223372036854775806").error().code,
      ErrorCode::LimitExceeded
  );
  EXPECT_EQ(
      parse_items("-9223372036854775808..9223372036854775807").error().code,
      ErrorCode::LimitExceeded
  );
}

TEST(Items, MayComeAsAValue) {
  EXPECT_TRUE(check_items(Json::array().push(Json(1))).ok());
  EXPECT_EQ(check_items(Json("[1]")).error().message, "is no JSON array");
  Json many = Json::array();
  for (std::size_t i = 0; i <= 10'000; ++i) {
    many.push(Json(1));
  }
  EXPECT_EQ(check_items(many).error().code, ErrorCode::LimitExceeded);
}

TEST(Items, NamesOfValuesAreTold) {
  EXPECT_TRUE(is_value_name("regions"));
  EXPECT_TRUE(is_value_name("plan.items_2"));
  EXPECT_FALSE(is_value_name("1..3"));
  EXPECT_FALSE(is_value_name("a b"));
  EXPECT_FALSE(is_value_name(""));
}

}  // namespace
}  // namespace reeve::workflow
