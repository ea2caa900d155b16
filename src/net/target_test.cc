#include "net/target.h"

#include <string>
#include <vector>

#include "base/strings.h"

namespace reeve::net {
namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

std::string path_of(std::string_view raw) {
  const Result<Target> target = parse_target(raw);
  return target.ok() ? target->path : "refused";
}

TEST(Target, DecodesThePath) {
  EXPECT_EQ(path_of("/"), "/");
  EXPECT_EQ(path_of("/a%20b/%c3%A9"), "/a b/\xc3\xa9");
  EXPECT_EQ(path_of("/a//b/"), "/a//b/");
  EXPECT_EQ(path_of("/.../..a/a.."), "/.../..a/a..");
  EXPECT_EQ(path_of("/a+b"), "/a+b");
  EXPECT_EQ(path_of("/a:b|c"), "/a:b|c");
  EXPECT_EQ(path_of("*"), "*");
}

TEST(Target, KeepsEncodedSlashesFromSeparating) {
  EXPECT_EQ(path_of("/a%2fb/c"), "/a%2Fb/c");
  EXPECT_EQ(path_of("/a%252Fb"), "/a%252Fb");
  EXPECT_EQ(decode_path_segment("a%2Fb"), "a/b");
  EXPECT_EQ(decode_path_segment("a%252Fb"), "a%2Fb");
  EXPECT_EQ(decode_path_segment("100%25"), "100%");
}

TEST(Target, RefusesPathsThatClimb) {
  for (const char* raw :
       {"/..",
        "/.",
        "/a/../b",
        "/a/%2e%2E/b",
        "/a/..?x",
        "/%2e",
        "/a%2F..%2Fb",
        "/..%2fb",
        "http://h/../x"}) {
    EXPECT_EQ(path_of(raw), "refused") << raw;
  }
}

TEST(Target, RefusesWhatIsNoTarget) {
  for (const char* raw :
       {"",    "a",         "a/b",  "ftp://h/", "http:///x", "http://u@h/", "http://", "://x",
        "/%",  "/%2",       "/%g0", "/%00",     "/%0a",      "/%7f",        "/a b",    "/a\tb",
        "/#a", "/\xc3\xa9", "/%ff", "/?%",      "/?a=%4",    "/?%00",       "/?a=%ff", "**"}) {
    EXPECT_EQ(path_of(raw), "refused") << raw;
  }
}

TEST(Target, KeepsParametersInOrderAndRepeated) {
  const Result<Target> target = parse_target("/p?b=1&a=x+y%2B%26&b=2&&c&d=&=e&f=g=h");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(
      target->query,
      (Query{{"b", "1"}, {"a", "x y+&"}, {"b", "2"}, {"c", ""}, {"d", ""}, {"", "e"}, {"f", "g=h"}})
  );
  ASSERT_NE(target->find_query("b"), nullptr);
  EXPECT_EQ(*target->find_query("b"), "1");
  EXPECT_EQ(target->find_query("z"), nullptr);
}

TEST(Target, LimitsTheNumberOfParameters) {
  EXPECT_TRUE(parse_target("/?a&b", 2).ok());
  const Result<Target> target = parse_target("/?a&b&c", 2);
  ASSERT_FALSE(target.ok());
  EXPECT_EQ(target.error().message, "the query has more than 2 parameters");
}

TEST(Target, ReadsAbsoluteAddresses) {
  const Result<Target> target = parse_target("HTTP://example.org:8080?a=b");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->authority, "example.org:8080");
  EXPECT_EQ(target->path, "/");
  EXPECT_EQ(target->query, (Query{{"a", "b"}}));
}

}  // namespace
}  // namespace reeve::net
