#include "resource/selector.h"

#include <gtest/gtest.h>

#include "resource/fixture.h"

namespace reeve::resource {
namespace {

using test::json;

bool selects(std::string_view selector, std::string_view labels) {
  const Json object = json(labels);
  return LabelSelector::parse(selector).value().matches(&object);
}

std::string canonical(std::string_view selector) {
  return LabelSelector::parse(selector).value().text();
}

std::string refusal(std::string_view selector) {
  const Outcome<LabelSelector> result = LabelSelector::parse(selector);
  EXPECT_FALSE(result) << selector;
  return result ? "" : result.error().message;
}

TEST(LabelSelector, SelectsByEqualityAndMembership) {
  const std::string_view labels = R"({"app":"web","tier":"a"})";
  for (const std::string_view yes :
       {"",
        "app=web",
        "app==web",
        "app!=db",
        "app in (db,web)",
        "app notin (db)",
        "app",
        "!old",
        "app = web , tier in ( a , b )",
        "old!=x",
        "old notin (x)",
        "tier,app"}) {
    EXPECT_TRUE(selects(yes, labels)) << yes;
  }
  for (const std::string_view no :
       {"app=db",
        "app!=web",
        "app in (db)",
        "app notin (web)",
        "old",
        "!app",
        "app=web,tier=b",
        "app="}) {
    EXPECT_FALSE(selects(no, labels)) << no;
  }
}

TEST(LabelSelector, TakesAnObjectWithoutLabelsAsHavingNone) {
  EXPECT_TRUE(LabelSelector::parse("!a,b!=c").value().matches(nullptr));
  EXPECT_FALSE(LabelSelector::parse("a").value().matches(nullptr));
  EXPECT_TRUE(
      LabelSelector::parse("a").value().matches_object(json(R"({"metadata":{"labels":{"a":""}}})"))
  );
  EXPECT_FALSE(LabelSelector::parse("a").value().matches_object(json("{}")));
}

TEST(LabelSelector, KnowsEmptyValues) {
  EXPECT_TRUE(selects("a=", R"({"a":""})"));
  EXPECT_TRUE(selects("a in ()", R"({"a":""})"));
  EXPECT_TRUE(selects("a in (b,)", R"({"a":""})"));
  EXPECT_TRUE(selects("a in (,b)", R"({"a":"b"})"));
  EXPECT_FALSE(selects("a in (,b)", R"({"a":"c"})"));
  EXPECT_TRUE(selects("in in (in)", R"({"in":"in"})"));
}

TEST(LabelSelector, HasOneTextForEqualSelectors) {
  EXPECT_EQ(canonical("b,a=1"), "a=1,b");
  EXPECT_EQ(canonical("a==1"), "a=1");
  EXPECT_EQ(canonical("a in (1)"), "a=1");
  EXPECT_EQ(canonical("a notin (2)"), "a!=2");
  EXPECT_EQ(canonical("a in (c, b,c)"), "a in (b,c)");
  EXPECT_EQ(canonical("!a, b notin (x,y)"), "!a,b notin (x,y)");
  for (const std::string_view text : {"a in (,b),c=,!d,e!=f,reeve.dev/g", ""}) {
    const std::string once = canonical(text);
    EXPECT_EQ(canonical(once), once);
    EXPECT_EQ(LabelSelector::parse(once).value(), LabelSelector::parse(text).value());
  }
}

TEST(LabelSelector, RefusesInKubernetesWords) {
  EXPECT_EQ(
      refusal("a b c"),
      "unable to parse requirement: found 'b', expected: '=', '!=', '==', 'in', notin'"
  );
  EXPECT_EQ(refusal(",a"), "found ',', expected: !, identifier, or 'end of string'");
  EXPECT_EQ(refusal("a,"), "found '', expected: identifier after ','");
  EXPECT_EQ(refusal("a=b=c"), "found '=', expected: ',' or 'end of string'");
  EXPECT_EQ(refusal("!a=b"), "found '=', expected: ',' or 'end of string'");
  EXPECT_EQ(refusal("a in b"), "unable to parse requirement: found 'b', expected: '('");
  EXPECT_EQ(refusal("a in (b"), "unable to parse requirement: found '', expected: ',' or ')'");
  EXPECT_EQ(refusal("a=(b)"), "unable to parse requirement: found '(', expected: identifier");
  for (const std::string_view bad :
       {"a>1", "!", "a=b/c", "_a=b", "a/b/c", "a=\xC3\xA4", "a in (b c)"}) {
    refusal(bad);
  }
}

TEST(LabelSelector, IsBounded) {
  std::string many = "a0";
  for (std::size_t i = 1; i <= kSelectorRequirementsMax; ++i) {
    many += ",a" + std::to_string(i);
  }
  EXPECT_EQ(refusal(many), "a selector has at most 256 requirements");
  std::string values = "a in (0";
  for (std::size_t i = 1; i <= kSelectorValuesMax; ++i) {
    values += "," + std::to_string(i);
  }
  EXPECT_EQ(
      refusal(values + ")"), "unable to parse requirement: a requirement has at most 1024 values"
  );
  refusal(std::string(kSelectorBytesMax + 1, 'a'));
}

TEST(FieldSelector, ComparesTheTextOfMembers) {
  const Json object = json(
      R"({"metadata":{"name":"a","namespace":"n"},"spec":{"count":3,"on":true,"text":"x,y=z\\"}})"
  );
  const std::vector<std::string> declared = {"spec.count", "spec.on", "spec.text", "spec.none"};
  const auto selects_object = [&](std::string_view text) {
    return FieldSelector::parse(text, declared).value().matches(object);
  };
  for (const std::string_view yes :
       {"",
        "metadata.name=a",
        "metadata.name==a,metadata.namespace=n",
        "metadata.name!=b",
        "spec.count=3",
        "spec.on=true",
        "spec.none=",
        R"(spec.text=x\,y\=z\\)"}) {
    EXPECT_TRUE(selects_object(yes)) << yes;
  }
  for (const std::string_view no : {"metadata.name=b", "metadata.name!=a", "spec.none=x"}) {
    EXPECT_FALSE(selects_object(no)) << no;
  }
}

TEST(FieldSelector, RefusesFieldsThatNobodyDeclared) {
  const Outcome<FieldSelector> unknown = FieldSelector::parse("spec.x=1", {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, 400);
  EXPECT_EQ(unknown.error().message, "field label not supported: spec.x");
  EXPECT_EQ(
      FieldSelector::parse("metadata.name", {}).error().message,
      "invalid selector: 'metadata.name'; can't understand 'metadata.name'"
  );
  EXPECT_FALSE(FieldSelector::parse(R"(metadata.name=\a)", {}));
  EXPECT_FALSE(FieldSelector::parse("metadata.name=a=b", {}));
  EXPECT_FALSE(FieldSelector::parse("metadata.name!a", {}));
}

TEST(FieldSelector, TellsTheNameItAsksFor) {
  const FieldSelector selector =
      FieldSelector::parse("metadata.name=a,metadata.namespace!=b", {}).value();
  ASSERT_NE(selector.required_value("metadata.name"), nullptr);
  EXPECT_EQ(*selector.required_value("metadata.name"), "a");
  EXPECT_EQ(selector.required_value("metadata.namespace"), nullptr);
}

TEST(FieldSelector, HasATextThatReadsBack) {
  const FieldSelector selector =
      FieldSelector::parse(R"(metadata.namespace!=b,metadata.name==x\,y)", {}).value();
  EXPECT_EQ(selector.text(), R"(metadata.name=x\,y,metadata.namespace!=b)");
  EXPECT_EQ(FieldSelector::parse(selector.text(), {}).value(), selector);
}

}  // namespace
}  // namespace reeve::resource
