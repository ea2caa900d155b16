#include "resource/names.h"

#include <gtest/gtest.h>

#include "resource/causes.h"
#include "resource/fixture.h"

namespace reeve::resource {
namespace {

using test::json;

std::vector<Cause> causes_of(std::string_view text) {
  std::vector<Cause> causes;
  validate_metadata(json(text), NameRule::Subdomain, causes);
  return causes;
}

/// The only cause, as text; all of them if there are more or none.
std::string cause_of(std::string_view text) {
  return describe(causes_of(text));
}

TEST(Names, OfObjectsAreSubdomains) {
  for (const std::string_view good : {"a", "a-b", "a.b", "0", "a1.b-2.c"}) {
    EXPECT_TRUE(dns_subdomain_problems(good).empty()) << good;
  }
  for (const std::string_view bad :
       {"", "A", "-a", "a-", "a..b", ".a", "a_b", "a b", "ä", "a.-b", "a/b"}) {
    EXPECT_FALSE(dns_subdomain_problems(bad).empty()) << bad;
  }
  EXPECT_TRUE(dns_subdomain_problems(std::string(253, 'a')).empty());
  EXPECT_EQ(
      dns_subdomain_problems(std::string(254, 'a')), Problems{"must be no more than 253 characters"}
  );
}

TEST(Names, OfNamespacesAreLabels) {
  EXPECT_TRUE(dns_label_problems("team-1").empty());
  EXPECT_FALSE(dns_label_problems("team.1").empty());
  EXPECT_TRUE(dns_label_problems(std::string(63, 'a')).empty());
  EXPECT_FALSE(dns_label_problems(std::string(64, 'a')).empty());
}

TEST(Names, MayEndInADashWhereTheyAreABeginning) {
  EXPECT_TRUE(name_prefix_problems(NameRule::Subdomain, "job-").empty());
  EXPECT_FALSE(name_prefix_problems(NameRule::Subdomain, "Job-").empty());
  EXPECT_FALSE(name_prefix_problems(NameRule::Subdomain, "-").empty());
}

TEST(Labels, HaveQualifiedKeysAndShortValues) {
  for (const std::string_view good : {"app", "reeve.dev/app", "A.b_c-d", "kubernetes.io/Name"}) {
    EXPECT_TRUE(qualified_name_problems(good).empty()) << good;
  }
  for (const std::string_view bad : {"", "/a", "a/", "a/b/c", "Reeve.dev/a", "_a", "a b"}) {
    EXPECT_FALSE(qualified_name_problems(bad).empty()) << bad;
  }
  for (const std::string_view good : {"", "a", "A_b.c-1"}) {
    EXPECT_TRUE(label_value_problems(good).empty()) << good;
  }
  for (const std::string_view bad : {"-", "a b", "a/b", "_"}) {
    EXPECT_FALSE(label_value_problems(bad).empty()) << bad;
  }
  EXPECT_FALSE(label_value_problems(std::string(64, 'a')).empty());
}

TEST(Finalizers, HaveADomainUnlessTheyAreKubernetesOwn) {
  EXPECT_TRUE(finalizer_problems("reeve.dev/undo").empty());
  EXPECT_TRUE(finalizer_problems("foregroundDeletion").empty());
  EXPECT_EQ(
      finalizer_problems("undo"),
      Problems{"name is neither a standard finalizer name nor is it fully qualified"}
  );
}

TEST(Metadata, AsAServerWritesItIsFine) {
  EXPECT_TRUE(
      causes_of(
          R"({"name":"a","namespace":"default","uid":"u","resourceVersion":"7","generation":2,
              "creationTimestamp":"2026-11-21T08:54:30Z","deletionTimestamp":null,
              "labels":{"a":"b","reeve.dev/c":""},"annotations":{"Any.Case/Key":"text of any kind"},
              "ownerReferences":[{"apiVersion":"v1","kind":"K","name":"n","uid":"u","controller":true}],
              "finalizers":["reeve.dev/a","orphan"],"managedFields":[]})"
      )
          .empty()
  );
  EXPECT_TRUE(causes_of("{}").empty());
}

TEST(Metadata, HasANameInKubernetesWords) {
  EXPECT_EQ(
      cause_of(R"({"name":"Bad_Name"})"),
      R"(metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'))"
  );
}

TEST(Metadata, MembersHaveTypes) {
  for (const std::string_view bad :
       {R"([])",
        R"({"name":1})",
        R"({"generation":"1"})",
        R"({"generation":-1})",
        R"({"creationTimestamp":"yesterday"})",
        R"({"creationTimestamp":5})",
        R"({"labels":[]})",
        R"({"labels":{"a":1}})",
        R"({"annotations":{"a":null}})",
        R"({"finalizers":"a/b"})",
        R"({"finalizers":[1]})",
        R"({"ownerReferences":{}})",
        R"({"ownerReferences":[1]})",
        R"({"ownerReferences":[{"apiVersion":"v1","kind":"K","name":"n","uid":"u","controller":1}]})",
        R"({"managedFields":{}})"}) {
    EXPECT_EQ(causes_of(bad).size(), 1U) << bad;
  }
}

TEST(Metadata, LimitsWhatIsWrittenOnAnObject) {
  Json many = Json::object();
  for (std::size_t i = 0; i <= kLabelsMax; ++i) {
    many.set("l" + std::to_string(i), "x");
  }
  Json metadata = Json::object();
  metadata.set("labels", many);
  Json annotations = Json::object();
  annotations.set("a", std::string(kAnnotationsBytesMax, 'x'));
  metadata.set("annotations", annotations);
  std::vector<Cause> causes;
  validate_metadata(metadata, NameRule::Subdomain, causes);
  ASSERT_EQ(causes.size(), 2U);
  EXPECT_EQ(causes[0].reason, "FieldValueTooMany");
  EXPECT_EQ(describe(causes[1]), "metadata.annotations: Too long: must have at most 262144 bytes");
}

TEST(Metadata, HasEachFinalizerOnceAndOneCollector) {
  EXPECT_EQ(causes_of(R"({"finalizers":["a/b","a/b"]})")[0].reason, "FieldValueDuplicate");
  EXPECT_EQ(causes_of(R"({"finalizers":["orphan","foregroundDeletion"]})").size(), 1U);
}

TEST(Metadata, HasOneControllerAmongItsOwners) {
  const std::string owner =
      R"({"apiVersion":"v1","kind":"K","name":"n","uid":"u","controller":true})";
  EXPECT_EQ(causes_of(R"({"ownerReferences":[)" + owner + "]}").size(), 0U);
  EXPECT_EQ(causes_of(R"({"ownerReferences":[)" + owner + "," + owner + "]}").size(), 1U);
  EXPECT_EQ(causes_of(R"({"ownerReferences":[{}]})").size(), 4U);
}

TEST(Metadata, TellsMembersThatDoNotExist) {
  const Json metadata =
      json(R"({"name":"a","lables":{},"ownerReferences":[{"name":"x","nmae":"y"}]})");
  EXPECT_EQ(
      unknown_metadata_fields(metadata),
      (std::vector<std::string>{"metadata.lables", "metadata.ownerReferences[0].nmae"})
  );
}

TEST(FreeNames, MayHaveCapitalsAndUnderscores) {
  for (const std::string_view name : {"build", "Build_2.x", "9-lives", "a"}) {
    EXPECT_TRUE(name_problems(NameRule::Free, name).empty()) << name;
  }
  for (const std::string_view name : {"", "-a", ".a", "a..b", "a/b", "a~b", "a b"}) {
    EXPECT_FALSE(name_problems(NameRule::Free, name).empty()) << name;
  }
  EXPECT_FALSE(name_problems(NameRule::Free, std::string(101, 'a')).empty());
}

TEST(SegmentNames, AreAnythingThatCanStandInAPath) {
  for (const std::string_view name : {"system:discovery", "Admin role", "a"}) {
    EXPECT_TRUE(name_problems(NameRule::Segment, name).empty()) << name;
  }
  for (const std::string_view name : {"", ".", "..", "a/b", "50%"}) {
    EXPECT_FALSE(name_problems(NameRule::Segment, name).empty()) << name;
  }
}

}  // namespace
}  // namespace reeve::resource
