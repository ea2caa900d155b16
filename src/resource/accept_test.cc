#include "resource/accept.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::resource {
namespace {

Representation agreed(std::string_view accept, Serving serving = Serving::Objects) {
  const Outcome<Representation> result = negotiate(accept, serving);
  EXPECT_TRUE(result) << accept;
  return result ? *result : Representation{};
}

TEST(Accept, MeansJsonIfItSaysNothing) {
  for (const std::string_view accept :
       {"",
        " ",
        "*/*",
        "application/*",
        "application/json",
        "application/json;stream=watch",
        "application/vnd.kubernetes.protobuf,application/json",
        "application/vnd.kubernetes.protobuf, */*",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}) {
    const Representation result = agreed(accept);
    EXPECT_EQ(result.shape, Shape::Object) << accept;
    EXPECT_EQ(result.content_type, "application/json") << accept;
  }
}

TEST(Accept, TakesTheFirstThatCanBeServed) {
  const Representation table = agreed(
      "application/json;as=Table;v=v1;g=meta.k8s.io,"
      "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
  );
  EXPECT_EQ(table.shape, Shape::Table);
  EXPECT_EQ(table.version, "v1");
  EXPECT_EQ(table.content_type, "application/json");
  EXPECT_EQ(
      agreed("application/json; as=Table; g=meta.k8s.io; v=v9, application/json").shape,
      Shape::Object
  );
  EXPECT_EQ(
      agreed("application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,"
             "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1beta1")
          .shape,
      Shape::PartialMetadata
  );
  EXPECT_FALSE(negotiate("application/yaml", Serving::Objects)) << "it is read, not written";
  EXPECT_EQ(agreed("application/yaml,*/*").content_type, "application/json");
}

TEST(Accept, HeedsWeights) {
  const std::string_view table = "application/json;as=Table;g=meta.k8s.io;v=v1";
  EXPECT_EQ(agreed(concat("application/json;q=0.5,", table)).shape, Shape::Table);
  EXPECT_EQ(agreed(concat(table, ";q=0,application/json;q=0.1")).shape, Shape::Object);
  EXPECT_FALSE(negotiate("application/json;q=0", Serving::Objects));
  EXPECT_FALSE(negotiate("application/json;q=many", Serving::Objects));
}

TEST(Accept, GivesDiscoveryTheContentTypeThatClientsLookFor) {
  const std::string_view both =
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
      "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
  const Representation result = agreed(both, Serving::Discovery);
  EXPECT_EQ(result.shape, Shape::Discovery);
  EXPECT_EQ(
      result.content_type, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
  );
  EXPECT_EQ(agreed(both, Serving::JsonOnly).shape, Shape::Object);
}

TEST(Accept, NeverSendsAnAtSignBack) {
  const Representation result =
      agreed("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", Serving::OpenApiV2);
  EXPECT_EQ(result.shape, Shape::OpenApiProtobuf);
  EXPECT_EQ(result.content_type, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  EXPECT_EQ(agreed("application/json", Serving::OpenApiV2).encoding, Encoding::Json);
}

TEST(Accept, ThatCannotBeMetIsRefused) {
  const Outcome<Representation> refused = negotiate("application/xml", Serving::Objects);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, 406);
  EXPECT_EQ(
      refused.error().message, "only the following media types are accepted: application/json"
  );
  EXPECT_FALSE(negotiate("application/json;as=Table;v=v1;g=meta.k8s.io", Serving::JsonOnly));
  EXPECT_FALSE(negotiate(std::string(kAcceptBytesMax + 1, 'a'), Serving::Objects));
  EXPECT_FALSE(negotiate(std::string(kAcceptRangesMax + 1, ','), Serving::Objects));
}

TEST(ContentType, OfObjectsIsJsonUnlessItSaysOtherwise) {
  EXPECT_EQ(object_body_format("").value(), BodyFormat::Json);
  EXPECT_EQ(object_body_format("application/json; charset=utf-8").value(), BodyFormat::Json);
  EXPECT_EQ(object_body_format("Application/YAML").value(), BodyFormat::Yaml);
  EXPECT_EQ(
      object_body_format("application/vnd.kubernetes.protobuf").value(), BodyFormat::Protobuf
  );
  EXPECT_EQ(
      object_body_format("text/plain").error().message,
      "the body of the request was in an unknown format - accepted media types include: "
      "application/json, application/yaml, application/vnd.kubernetes.protobuf"
  );
}

TEST(ContentType, OfPatchesSaysWhichKind) {
  EXPECT_EQ(patch_body_format("application/merge-patch+json").value(), BodyFormat::MergePatch);
  EXPECT_EQ(patch_body_format("application/json-patch+json").value(), BodyFormat::JsonPatch);
  EXPECT_EQ(patch_body_format("application/apply-patch+yaml").value(), BodyFormat::ApplyPatch);
  EXPECT_EQ(
      patch_body_format("application/strategic-merge-patch+json").value(),
      BodyFormat::StrategicMergePatch
  );
  EXPECT_EQ(patch_body_format("application/json").error().code, 415);
  EXPECT_EQ(patch_body_format("").error().code, 415);
}

}  // namespace
}  // namespace reeve::resource
