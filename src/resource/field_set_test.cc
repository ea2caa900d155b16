#include "resource/field_set.h"

#include <gtest/gtest.h>

#include "resource/fixture.h"

namespace reeve::resource {
namespace {

using test::Chance;
using test::json;

ListRule conditions(const std::vector<std::string>& path) {
  if (path == std::vector<std::string>{"status", "conditions"}) {
    return {ListType::Map, {"type"}};
  }
  if (path == std::vector<std::string>{"spec", "ports"}) {
    return {ListType::Map, {"protocol", "port"}};
  }
  return path == std::vector<std::string>{"spec", "tags"} ? ListRule{ListType::Set, {}}
                                                          : ListRule{};
}

std::string fields(std::string_view text) {
  return to_json(leaf_fields(json(text), conditions)).dump();
}

FieldSet set(std::string_view text) {
  return parse_field_set(json(text)).value();
}

TEST(FieldSet, OfAnObjectHasItsLeaves) {
  EXPECT_EQ(
      fields(R"({"spec":{"tool":"q","suspend":true,"list":[1,{"a":2}],"none":{}}})"),
      R"({"f:spec":{"f:list":{},"f:none":{},"f:suspend":{},"f:tool":{}}})"
  );
}

TEST(FieldSet, OfDeclaredListsHasTheirMembers) {
  EXPECT_EQ(
      fields(R"({"status":{"conditions":[{"type":"A","status":"True"}]}})"),
      R"({"f:status":{"f:conditions":{"k:{\"type\":\"A\"}":{".":{},"f:status":{},"f:type":{}}}}})"
  );
  EXPECT_EQ(
      fields(R"({"spec":{"tags":["b","a"],"ports":[{"port":80,"protocol":"TCP"}]}})"),
      R"({"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:protocol":{}}},"f:tags":{"v:\"a\"":{},"v:\"b\"":{}}}})"
  );
  EXPECT_EQ(
      fields(R"({"metadata":{"finalizers":["a/b"],"ownerReferences":[{"uid":"u"}]}})"),
      R"({"f:metadata":{"f:finalizers":{"v:\"a/b\"":{}},"f:ownerReferences":{"k:{\"uid\":\"u\"}":{".":{},"f:uid":{}}}}})"
  );
}

TEST(FieldSet, TakesListsThatBreakTheirRuleAsOneValue) {
  EXPECT_EQ(
      fields(R"({"status":{"conditions":[{"type":"A"},{"type":"A"}]}})"),
      R"({"f:status":{"f:conditions":{}}})"
  );
  EXPECT_EQ(fields(R"({"spec":{"tags":[{}]}})"), R"({"f:spec":{"f:tags":{}}})");
  const Result<void> twice =
      check_lists(json(R"({"status":{"conditions":[{"type":"A"},{"type":"A"}]}})"), conditions);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().subject, "status.conditions");
  EXPECT_EQ(twice.error().message, R"(duplicate entries for key [type="A"])");
  EXPECT_FALSE(check_lists(json(R"({"status":{"conditions":[{"a":"A"}]}})"), conditions));
  EXPECT_FALSE(check_lists(json(R"({"spec":{"tags":[[1]]}})"), conditions));
  EXPECT_TRUE(check_lists(json(R"({"spec":{"tags":["a",1],"other":[1,1]}})"), conditions));
}

TEST(FieldSet, TellsItsPathsAsText) {
  EXPECT_EQ(
      set(R"({"f:spec":{"f:tool":{}},"f:status":{"f:conditions":{"k:{\"type\":\"A\"}":{".":{},"f:type":{}}}},"f:metadata":{"f:finalizers":{"v:\"a/b\"":{}}},"f:x":{"i:3":{}}})"
      )
          .texts(),
      (std::vector<std::string>{
          ".metadata.finalizers[=\"a/b\"]",
          ".spec.tool",
          ".status.conditions[type=\"A\"]",
          ".status.conditions[type=\"A\"].type",
          ".x[3]"})
  );
}

TEST(FieldSet, SurvivesARoundTrip) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const FieldSet one = leaf_fields(Chance(seed).object(3), conditions);
    EXPECT_EQ(parse_field_set(to_json(one)).value(), one);
  }
  const std::string_view owner = R"({"f:a":{".":{},"f:b":{}}})";
  EXPECT_EQ(to_json(set(owner)).dump(), owner);
}

TEST(FieldSet, IsTheSameHoweverKeysAreOrdered) {
  EXPECT_EQ(
      set(R"({"f:a":{"k:{\"b\":1,\"a\":2}":{}}})"), set(R"({"f:a":{"k:{\"a\":2,\"b\":1}":{}}})")
  );
}

TEST(FieldSet, RefusesWhatIsNone) {
  for (const std::string_view bad :
       {R"([])",
        R"({"f:a":1})",
        R"({"a":{}})",
        R"({"":{}})",
        R"({".":{}})",
        R"({"f:a":{".":{"f:b":{}}}})",
        R"({"k:":{}})",
        R"({"k:[]":{}})",
        R"({"k:{}":{}})",
        R"({"k:{\"a\":[]}":{}})",
        R"({"v:x":{}})",
        R"({"i:-1":{}})",
        R"({"i:":{}})"}) {
    EXPECT_FALSE(parse_field_set(json(bad))) << bad;
  }
}

TEST(FieldSet, IsBounded) {
  Json deep = Json::object();
  for (std::size_t i = 0; i < kFieldSetDepthMax + 1; ++i) {
    Json outer = Json::object();
    outer.set("f:a", std::move(deep));
    deep = std::move(outer);
  }
  const Result<FieldSet> too_deep = parse_field_set(deep);
  ASSERT_FALSE(too_deep);
  EXPECT_EQ(too_deep.error().code, ErrorCode::LimitExceeded);

  Json wide = Json::object();
  for (std::size_t i = 0; i <= kFieldSetPathsMax; ++i) {
    wide.as_object().emplace_back("f:" + std::to_string(i), Json::object());
  }
  const Result<FieldSet> too_wide = parse_field_set(wide);
  ASSERT_FALSE(too_wide);
  EXPECT_EQ(too_wide.error().code, ErrorCode::LimitExceeded);
}

TEST(FieldSet, OfADeepObjectFitsIntoThatObject) {
  Json deep = Json::object();
  for (int i = 0; i < 120; ++i) {
    Json outer = Json::object();
    outer.set("a", std::move(deep));
    deep = std::move(outer);
  }
  const FieldSet leaves = leaf_fields(deep, conditions);
  EXPECT_EQ(leaves.paths(), 1U);
  EXPECT_TRUE(parse_field_set(to_json(leaves)));
  const FieldChanges changes = compare_fields(Json::object(), deep, conditions);
  EXPECT_EQ(changes.added.paths(), kFieldSetDepthMax);
  EXPECT_TRUE(parse_field_set(to_json(changes.added)));
}

TEST(FieldSet, ObeysTheLawsOfSets) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const FieldSet left = leaf_fields(Chance(seed).object(3), conditions);
    const FieldSet right = leaf_fields(Chance(seed + 1000).object(3), conditions);
    FieldSet both = left;
    both.unite(right);
    FieldSet only_left = left;
    only_left.subtract(right);
    EXPECT_TRUE(only_left.intersection(right).empty());
    EXPECT_EQ(both.intersection(left), left);
    EXPECT_EQ(only_left.paths() + left.intersection(right).paths(), left.paths());
    FieldSet again = only_left;
    again.unite(left.intersection(right));
    EXPECT_EQ(again, left);
    FieldSet none = left;
    none.subtract(left);
    EXPECT_TRUE(none.empty());
    EXPECT_TRUE(none.children.empty());
  }
}

TEST(CompareFields, TellsWhatCameChangedAndWent) {
  const FieldChanges changes = compare_fields(
      json(R"({"spec":{"a":1,"b":{"c":1},"d":1,"tags":["x","y"]}})"),
      json(R"({"spec":{"a":2,"d":1,"e":{"f":1},"tags":["z","y"]}})"),
      conditions
  );
  EXPECT_EQ(to_json(changes.changed).dump(), R"({"f:spec":{"f:a":{}}})");
  EXPECT_EQ(
      to_json(changes.added).dump(),
      R"({"f:spec":{"f:e":{".":{},"f:f":{}},"f:tags":{"v:\"z\"":{}}}})"
  );
  EXPECT_EQ(
      to_json(changes.removed).dump(),
      R"({"f:spec":{"f:b":{".":{},"f:c":{}},"f:tags":{"v:\"x\"":{}}}})"
  );
}

TEST(CompareFields, OfAValueThatBecomesAnotherTypeCountsItsParts) {
  const FieldChanges changes =
      compare_fields(json(R"({"a":{"b":1}})"), json(R"({"a":[1]})"), conditions);
  EXPECT_EQ(to_json(changes.changed).dump(), R"({"f:a":{}})");
  EXPECT_EQ(to_json(changes.removed).dump(), R"({"f:a":{"f:b":{}}})");
}

}  // namespace
}  // namespace reeve::resource
