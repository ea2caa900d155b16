#include "resource/merge_patch.h"

#include <gtest/gtest.h>

#include "resource/fixture.h"
#include "resource/json_compare.h"

namespace reeve::resource {
namespace {

using test::Chance;
using test::json;

// RFC 7386, Appendix A.
TEST(MergePatch, DoesWhatTheRfcShows) {
  const std::string_view cases[][3] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", R"(null)", R"(null)"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"}};
  for (const auto& [target, patch, result] : cases) {
    EXPECT_EQ(merge_patch(json(target), json(patch)), json(result)) << target << " " << patch;
  }
}

TEST(MergePatch, IsIdempotentAndNeedsNoSecondTime) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Chance chance(seed);
    const Json target = chance.object(3);
    const Json patch = chance.object(3);
    const Json once = merge_patch(target, patch);
    EXPECT_EQ(merge_patch(once, patch), once) << target.dump() << patch.dump();
    EXPECT_EQ(merge_patch(target, Json::object()), target);
    EXPECT_TRUE(equivalent(merge_patch(Json::object(), target), target)) << target.dump();
  }
}

TEST(MergePatch, HandlesObjectsOfManyMembers) {
  Json target = Json::object();
  Json patch = Json::object();
  for (int i = 0; i < 20'000; ++i) {
    target.as_object().emplace_back("k" + std::to_string(i), i);
    patch.as_object().emplace_back("k" + std::to_string(20'000 - i), i % 2 == 0 ? Json() : Json(i));
  }
  const Json result = merge_patch(target, patch);
  // The even ones from k2 to k19998 are gone; k20000 was never there.
  EXPECT_EQ(result.as_object().size(), 10'001U);
}

TEST(StrategicPatch, IsAMergePatchWithoutDirectives) {
  const Outcome<Json> result =
      strategic_merge_patch(json(R"({"spec":{"a":1}})"), json(R"({"spec":{"b":[1]}})"));
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, json(R"({"spec":{"a":1,"b":[1]}})"));
}

TEST(StrategicPatch, IsRefusedWithADirectiveAnywhere) {
  for (const std::string_view patch :
       {R"({"metadata":{"ownerReferences":[{"$patch":"delete","uid":"x"}]}})",
        R"({"$retainKeys":["a"]})",
        R"({"spec":{"$setElementOrder/list":[1]}})",
        R"({"spec":{"x":[[{"$deleteFromPrimitiveList/f":["a"]}]]}})"}) {
    const Outcome<Json> result = strategic_merge_patch(Json::object(), json(patch));
    ASSERT_FALSE(result) << patch;
    EXPECT_EQ(result.error().code, 415);
    EXPECT_EQ(
        result.error().message,
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    );
  }
}

TEST(Equivalent, IgnoresOrderButNotContent) {
  EXPECT_TRUE(equivalent(
      json(R"({"a":1,"b":[1,{"c":2,"d":3}]})"), json(R"({"b":[1.0,{"d":3,"c":2}],"a":1})")
  ));
  EXPECT_FALSE(equivalent(json("[1,2]"), json("[2,1]")));
  EXPECT_FALSE(equivalent(json(R"({"a":1})"), json(R"({"a":1,"b":null})")));
  EXPECT_FALSE(equivalent(json(R"({"a":1})"), json(R"({"a":true})")));
  EXPECT_FALSE(equivalent(json(R"({"a":9007199254740993})"), json(R"({"a":9007199254740992})")));
}

TEST(MemberIndex, FindsEveryMemberAndNoOther) {
  Json object = Json::object();
  for (int i = 0; i < 100; ++i) {
    object.set("k" + std::to_string(i * 7 % 100), i);
  }
  const MemberIndex index(object.as_object());
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(index.position(object.as_object()[i].first), i);
  }
  EXPECT_EQ(index.find("k100"), nullptr);
  EXPECT_EQ(index.find(""), nullptr);
}

}  // namespace
}  // namespace reeve::resource
