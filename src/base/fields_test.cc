#include "base/fields.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

Json json(std::string_view text) {
  return parse_json(text).value();
}

TEST(Fields, GivesWhatIsThereAndTheFallbackForWhatIsNot) {
  const Json data = json(R"({"a":"x","n":3,"b":true,"m":{"k":"v"},"l":["p","q"]})");
  Fields fields(data, "thing");
  EXPECT_EQ(fields.required_text("a"), "x");
  EXPECT_EQ(fields.text("absent", "other"), "other");
  EXPECT_EQ(fields.number("n", 0, 5), 3);
  EXPECT_TRUE(fields.flag("b"));
  EXPECT_EQ(fields.texts("m").front().second, "v");
  EXPECT_EQ(fields.text_list("l").size(), 2U);
  EXPECT_FALSE(fields.time("when").has_value());
  EXPECT_TRUE(fields.finish().ok());
}

TEST(Fields, TellsTheFirstProblemWithItsPlace) {
  const Json data = json(R"({"a":1,"n":9})");
  Fields fields(data, "thing");
  fields.text("a");
  fields.number("n", 0, 5);
  const Result<void> outcome = fields.finish();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().subject, "thing.a");
  EXPECT_EQ(outcome.error().message, "must be a text");
}

TEST(Fields, RefusesMembersThatNobodyAskedFor) {
  const Json data = json(R"({"mesage":"x"})");
  Fields fields(data, "thing");
  fields.text("message");
  const Result<void> outcome = fields.finish();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().subject, "thing.mesage");
  EXPECT_EQ(outcome.error().hint, "did you mean \"message\"?");
}

TEST(Fields, RefusesNumbersOutOfRangeMissingTextsAndValuesThatAreNoObject) {
  const Json number = json(R"({"n":9})");
  Fields ranged(number, "thing");
  EXPECT_EQ(ranged.number("n", 0, 5), 0);
  EXPECT_EQ(ranged.finish().error().message, "must be from 0 to 5");

  const Json empty = json("{}");
  Fields missing(empty, "thing");
  missing.required_text("name");
  EXPECT_EQ(missing.finish().error().subject, "thing.name");

  const Json list = json("[]");
  Fields none(list, "thing");
  none.text("name");
  EXPECT_EQ(none.finish().error().message, "must be an object");
}

}  // namespace
}  // namespace reeve
