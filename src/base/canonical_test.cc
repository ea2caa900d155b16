#include "base/canonical.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

TEST(CanonicalJson, SortsMembersAtEveryDepthAndKeepsArrays) {
  const auto json = parse_json(R"({"b": [2, {"z": 1, "a": null}], "a": "ä\n", "B": 1.5})");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(canonical_json(*json), "{\"B\":1.5,\"a\":\"ä\\n\",\"b\":[2,{\"a\":null,\"z\":1}]}");
}

TEST(CanonicalJson, TellsValuesApartAndNotTheirOrder) {
  const auto digest = [](std::string_view text) {
    return canonical_digest(*parse_json(text));
  };
  EXPECT_EQ(digest(R"({"a":1,"b":2})"), digest(R"({ "b": 2, "a": 1 })"));
  EXPECT_NE(digest(R"({"a":1})"), digest(R"({"a":"1"})"));
  EXPECT_NE(digest(R"({"a":[1,2]})"), digest(R"({"a":[2,1]})"));
}

}  // namespace
}  // namespace reeve
