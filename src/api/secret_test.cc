#include "api/secret.h"

#include <gtest/gtest.h>

#include "resource/schema/validator.h"

namespace reeve::api {
namespace {

const resource::schema::ResourceType& contract(std::string_view group, std::string_view kind) {
  const resource::schema::ResourceType* found =
      resource::schema::Contracts::embedded().find_kind(group, "v1", kind);
  EXPECT_NE(found, nullptr);
  return *found;
}

Json json(std::string_view text) {
  const Result<Json> parsed = parse_json(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed ? *parsed : Json();
}

resource::Outcome<Json> spec_of(std::string_view text) {
  return credential_spec(
      {.group = "", .version = "v1", .kind = "Secret", .plural = "secrets"}, json(text)
  );
}

TEST(Secrets, AreTheOneValueOfACredential) {
  struct Case {
    std::string_view secret;
    std::string_view spec;
  };

  for (const Case& each : {
           Case{R"({"data":{"token":"czNjcmV0"}})", R"({"value":"s3cret"})"},
           Case{R"({"stringData":{"value":"s3cret"}})", R"({"value":"s3cret"})"},
           Case{R"({"data":{"k":"b2xk"},"stringData":{"k":"new"}})", R"({"value":"new"})"},
           Case{R"({"data":{}})", "{}"},
           Case{R"({"metadata":{"name":"x"}})", "{}"},
       }) {
    const resource::Outcome<Json> spec = spec_of(each.secret);
    ASSERT_TRUE(spec.ok()) << each.secret;
    EXPECT_EQ(*spec, json(each.spec)) << each.secret;
  }
}

TEST(Secrets, AreRefusedWithoutTheirValue) {
  struct Case {
    std::string_view secret;
    std::string_view field;
    std::string_view says;
  };

  for (const Case& each : {
           Case{R"({"data":{"a":"eA==","b":"eQ=="}})", "data", "make a Secret for each"},
           Case{R"({"data":{"a":"eA=="},"stringData":{"b":"y"}})", "data", "not b, a"},
           Case{R"({"data":{"a":"not-base64-s3cret"}})", "data[a]", "must be base64"},
           Case{R"({"stringData":{"a":""}})", "stringData[a]", "not empty"},
           Case{R"({"data":{"a":"//79"}})", "data[a]", "UTF-8"},
       }) {
    const resource::Outcome<Json> spec = spec_of(each.secret);
    ASSERT_FALSE(spec.ok()) << each.secret;
    const resource::Status& status = spec.error();
    EXPECT_EQ(status.code, 422);
    ASSERT_EQ(status.details->causes.size(), 1U);
    EXPECT_EQ(status.details->causes[0].field, each.field);
    EXPECT_NE(status.message.find(each.says), std::string::npos) << status.message;
    EXPECT_EQ(status.message.find("s3cret"), std::string::npos) << status.message;
  }
}

TEST(AppliedCopies, LoseWhatIsNeverShown) {
  struct Case {
    std::string_view group;
    std::string_view kind;
    std::string_view applied;
  };

  for (const Case& each : {
           Case{"", "Secret", R"({"metadata":{"name":"x"},"data":{"k":"czNjcmV0"}})"},
           Case{"", "Secret", R"({"stringData":{"k":"czNjcmV0"},"type":"Opaque"})"},
           Case{"reeve.dev", "Credential", R"({"spec":{"value":"czNjcmV0","description":"d"}})"},
           Case{"", "Secret", "czNjcmV0 and no JSON"},
       }) {
    Json annotations = Json::object();
    annotations.set("kubectl.kubernetes.io/last-applied-configuration", each.applied);
    annotations.set("other", "stays");
    Json metadata = Json::object();
    metadata.set("annotations", std::move(annotations));
    Json object = Json::object();
    object.set("metadata", std::move(metadata));
    forget_applied_secrets(*contract(each.group, each.kind).schema, object);
    const std::string text = object.dump();
    EXPECT_EQ(text.find("czNjcmV0"), std::string::npos) << text;
    EXPECT_NE(text.find("stays"), std::string::npos) << text;
  }
}

TEST(AppliedCopies, WithoutSecretsStayAsTheyAre) {
  const Json object = json(
      R"({"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{ \"a\" : 1 }\n"}}})"
  );
  Json same = object;
  forget_applied_secrets(*contract("", "Secret").schema, same);
  EXPECT_EQ(same, object);
}

}  // namespace
}  // namespace reeve::api
