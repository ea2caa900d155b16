#include "executor/json_pointer.h"

#include <gtest/gtest.h>

namespace reeve::executor {
namespace {

/// The document of RFC 6901, section 5.
const Json& document() {
  static const Json kDocument = *parse_json(
      R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8})"
  );
  return kDocument;
}

std::string at(std::string_view pointer) {
  const auto value = resolve_pointer(document(), pointer);
  return value.ok() ? output_text(**value) : std::string(to_string(value.error().code));
}

TEST(JsonPointer, FindsWhatTheStandardsExamplesName) {
  EXPECT_EQ(at(""), document().dump());
  EXPECT_EQ(at("/foo"), R"(["bar","baz"])");
  EXPECT_EQ(at("/foo/0"), "bar");
  EXPECT_EQ(at("/"), "0");
  EXPECT_EQ(at("/a~1b"), "1");
  EXPECT_EQ(at("/c%d"), "2");
  EXPECT_EQ(at("/e^f"), "3");
  EXPECT_EQ(at("/g|h"), "4");
  EXPECT_EQ(at("/i\\j"), "5");
  EXPECT_EQ(at("/k\"l"), "6");
  EXPECT_EQ(at("/ "), "7");
  EXPECT_EQ(at("/m~0n"), "8");
}

TEST(JsonPointer, FindsNothingWhereNothingIs) {
  for (const char* pointer :
       {"/x", "/foo/2", "/foo/-", "/foo/01", "/foo/0/x", "/foo/-1", "/foo/"}) {
    EXPECT_EQ(at(pointer), "not_found") << pointer;
  }
}

TEST(JsonPointer, RefusesWhatIsNoPointer) {
  EXPECT_EQ(at("foo"), "invalid");
  EXPECT_EQ(at("/m~n"), "invalid");
  EXPECT_EQ(at("/~"), "invalid");
}

}  // namespace
}  // namespace reeve::executor
