#include "cli/edit_merge.h"

#include <gtest/gtest.h>

namespace reeve::cli {

namespace {

Json json(std::string_view text) {
  return *parse_json(text);
}

Rebased rebased(std::string_view original, std::string_view edited, std::string_view current) {
  return rebase(json(original), json(edited), json(current));
}

TEST(EditMerge, KeepsWhatBothHaveChangedInDifferentPlaces) {
  const Rebased made = rebased(
      R"({"spec":{"a":1,"b":1,"c":1}})",
      R"({"spec":{"a":2,"b":1}})",
      R"({"spec":{"a":1,"b":3,"c":1,"d":4}})"
  );
  EXPECT_EQ(made.object.dump(), R"({"spec":{"a":2,"b":3,"d":4}})");
  EXPECT_TRUE(made.disputed.empty());
}

TEST(EditMerge, NamesWhereTheEditedValueWins) {
  const Rebased made = rebased(
      R"({"spec":{"a":1,"l":[1]}})", R"({"spec":{"a":2,"l":[1,2]}})", R"({"spec":{"a":3,"l":[0]}})"
  );
  EXPECT_EQ(made.object.dump(), R"({"spec":{"a":2,"l":[1,2]}})");
  EXPECT_EQ(made.disputed, (std::vector<std::string>{"spec.a", "spec.l"}));
}

TEST(EditMerge, TheSameChangeOfBothIsNoDispute) {
  const Rebased made = rebased(R"({"a":1,"b":1})", R"({"a":2})", R"({"a":2})");
  EXPECT_EQ(made.object.dump(), R"({"a":2})");
  EXPECT_TRUE(made.disputed.empty());
}

TEST(EditMerge, RemovingWhatSomebodyElseHasChangedIsOne) {
  const Rebased made = rebased(R"({"a":{"x":1}})", R"({})", R"({"a":{"x":2}})");
  EXPECT_EQ(made.object.dump(), "{}");
  EXPECT_EQ(made.disputed, std::vector<std::string>{"a"});
}

TEST(EditMerge, TheOrderOfMembersIsNoChange) {
  const Rebased made = rebased(R"({"a":1,"b":2})", R"({"b":2,"a":1})", R"({"a":5,"b":6})");
  EXPECT_EQ(made.object.dump(), R"({"a":5,"b":6})");
}

}  // namespace

}  // namespace reeve::cli
