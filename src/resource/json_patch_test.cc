#include "resource/json_patch.h"

#include <gtest/gtest.h>

#include "resource/fixture.h"
#include "resource/json_compare.h"

namespace reeve::resource {
namespace {

using test::json;

TEST(JsonPatch, DoesWhatTheRfcShows) {
  // Target, patch, result; the examples of RFC 6902, Appendix A, and of RFC 6901.
  const std::string_view cases[][3] = {
      {R"({"foo":"bar"})",
       R"([{"op":"add","path":"/baz","value":"qux"}])",
       R"({"foo":"bar","baz":"qux"})"},
      {R"({"foo":["bar","baz"]})",
       R"([{"op":"add","path":"/foo/1","value":"qux"}])",
       R"({"foo":["bar","qux","baz"]})"},
      {R"({"baz":"qux","foo":"bar"})", R"([{"op":"remove","path":"/baz"}])", R"({"foo":"bar"})"},
      {R"({"foo":["a","b","c"]})", R"([{"op":"remove","path":"/foo/1"}])", R"({"foo":["a","c"]})"},
      {R"({"a":1})", R"([{"op":"replace","path":"/a","value":[2]}])", R"({"a":[2]})"},
      {R"({"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}})",
       R"([{"op":"move","from":"/foo/waldo","path":"/qux/thud"}])",
       R"({"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}})"},
      {R"({"foo":["all","grass","cows","eat"]})",
       R"([{"op":"move","from":"/foo/1","path":"/foo/3"}])",
       R"({"foo":["all","cows","eat","grass"]})"},
      {R"({"a":{"b":1}})",
       R"([{"op":"copy","from":"/a","path":"/c"}])",
       R"({"a":{"b":1},"c":{"b":1}})"},
      {R"({"foo":["a",2,"c"]})",
       R"([{"op":"test","path":"/foo/1","value":2.0},{"op":"add","path":"/foo/-","value":["x"]}])",
       R"({"foo":["a",2,"c",["x"]]})"},
      {R"({"foo":"bar"})",
       R"([{"op":"add","path":"/child","value":{"x":1},"xyz":123}])",
       R"({"foo":"bar","child":{"x":1}})"},
      {R"({"a/b":1,"m~n":2,"":3})",
       R"([{"op":"replace","path":"/a~1b","value":4},{"op":"test","path":"/m~0n","value":2},{"op":"remove","path":"/"}])",
       R"({"a/b":4,"m~n":2})"},
      {R"({"a":1})", R"([{"op":"replace","path":"","value":[1]}])", R"([1])"},
      {R"({"a":1})", R"([{"op":"test","path":"","value":{"a":1}}])", R"({"a":1})"},
      {R"({"a":null})", R"([{"op":"test","path":"/a","value":null}])", R"({"a":null})"},
      {R"({"a":1})", R"([{"op":"move","from":"/a","path":"/a"}])", R"({"a":1})"},
      {R"({})", R"([])", R"({})"}};
  for (const auto& [target, patch, result] : cases) {
    const Outcome<Json> done = json_patch(json(target), json(patch));
    ASSERT_TRUE(done) << patch << to_json(done.error()).dump();
    EXPECT_TRUE(equivalent(*done, json(result))) << patch << done->dump();
  }
}

TEST(JsonPatch, FailsAsAWholeWhereThePathOrTheTestDoes) {
  const std::string_view patches[] = {
      R"([{"op":"test","path":"/spec/tool","value":"zzz"}])",
      R"([{"op":"replace","path":"/spec/none","value":1}])",
      R"([{"op":"remove","path":"/none"}])",
      R"([{"op":"add","path":"/none/a","value":1}])",
      R"([{"op":"add","path":"/list/4","value":1}])",
      R"([{"op":"add","path":"/list/01","value":1}])",
      R"([{"op":"add","path":"/list/x","value":1}])",
      R"([{"op":"remove","path":"/list/-"}])",
      R"([{"op":"remove","path":"/list/99999999999999999999"}])",
      R"([{"op":"move","from":"/spec","path":"/spec/tool/x"}])",
      R"([{"op":"copy","from":"/none","path":"/a"}])",
      R"([{"op":"add","path":"/spec/tool/x","value":1}])"};
  for (const std::string_view patch : patches) {
    const Outcome<Json> done =
        json_patch(json(R"({"spec":{"tool":"bash"},"list":[1,2,3]})"), json(patch));
    ASSERT_FALSE(done) << patch;
    EXPECT_EQ(done.error().code, 422) << patch;
    EXPECT_EQ(
        done.error().message, "the server rejected our request due to an error in our request"
    );
    EXPECT_EQ(done.error().details->causes.size(), 1U);
  }
}

TEST(JsonPatch, IsRefusedIfItIsNone) {
  for (const std::string_view patch :
       {R"({"op":"add"})",
        R"([1])",
        R"([{"path":"/a","value":1}])",
        R"([{"op":"jump","path":"/a"}])",
        R"([{"op":"add","path":"/a"}])",
        R"([{"op":"add","path":"a","value":1}])",
        R"([{"op":"add","path":"/~2","value":1}])",
        R"([{"op":"add","path":7,"value":1}])",
        R"([{"op":"move","path":"/a"}])"}) {
    const Outcome<Json> done = json_patch(json(R"({"a":1})"), json(patch));
    ASSERT_FALSE(done) << patch;
    EXPECT_EQ(done.error().code, 400) << patch;
  }
}

TEST(JsonPatch, CannotGrowWithoutEnd) {
  // Each copy doubles the document.
  Json doubling = Json::array();
  for (int i = 0; i < 60; ++i) {
    doubling.push(json(R"({"op":"copy","from":"","path":"/)" + std::to_string(i) + R"("})"));
  }
  const Outcome<Json> wide =
      json_patch(json(R"({"a":"0123456789"})"), doubling, {.depth_max = 1000});
  ASSERT_FALSE(wide);
  EXPECT_EQ(wide.error().code, 422);

  Json deepening = Json::array();
  std::string path;
  for (int i = 0; i < 200; ++i) {
    path += "/a";
    deepening.push(json(R"({"op":"add","path":")" + path + R"(","value":{}})"));
  }
  const Outcome<Json> deep = json_patch(Json::object(), deepening);
  ASSERT_FALSE(deep);
  EXPECT_EQ(
      deep.error().details->causes[0].message, "operation 99 (add): more than 100 levels of nesting"
  );

  const Json many(Json::Array(1001, json(R"({"op":"test","path":"","value":{}})")));
  const Outcome<Json> long_patch = json_patch(Json::object(), many);
  ASSERT_FALSE(long_patch);
  EXPECT_EQ(long_patch.error().code, 413);

  // Each removal moves all that is behind it.
  const Json list = Json::object().set("a", Json(Json::Array(200'000, Json(0))));
  const Json removals(Json::Array(100, json(R"({"op":"remove","path":"/a/0"})")));
  const Outcome<Json> moving = json_patch(list, removals);
  ASSERT_FALSE(moving);
  EXPECT_EQ(
      moving.error().details->causes[0].message, "operation 50 (remove): too many members are moved"
  );

  const Outcome<Json> big = json_patch(
      Json::object(),
      json(R"([{"op":"add","path":"/a","value":"0123456789"}])"),
      {.size_bytes_max = 10}
  );
  ASSERT_FALSE(big);
  EXPECT_EQ(big.error().code, 413);
}

}  // namespace
}  // namespace reeve::resource
