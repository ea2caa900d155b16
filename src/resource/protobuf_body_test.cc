#include "resource/protobuf_body.h"

#include <gtest/gtest.h>

#include "resource/fixture.h"

namespace reeve::resource {
namespace {

using test::Chance;
using test::json;

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 128; value >>= 7U) {
    out.push_back(static_cast<char>(value | 128U));
  }
  out.push_back(static_cast<char>(value));
  return out;
}

std::string bytes(unsigned number, const std::string& content) {
  return varint(number << 3U | 2U) + varint(content.size()) + content;
}

std::string number(unsigned field, std::uint64_t value) {
  return varint(field << 3U) + varint(value);
}

std::string body(
    const std::string& api_version, const std::string& kind, const std::string& message
) {
  return std::string("k8s\0", 4) + bytes(1, bytes(1, api_version) + bytes(2, kind)) +
         bytes(2, message) + bytes(3, "") + bytes(4, "");
}

std::string pair(const std::string& key, const std::string& value) {
  return bytes(1, key) + bytes(2, value);
}

std::string access_review() {
  const std::string attributes = bytes(1, "default") + bytes(2, "delete") + bytes(3, "reeve.dev") +
                                 bytes(4, "*") + bytes(5, "missions") + bytes(6, "") + bytes(7, "");
  return body(
      "authorization.k8s.io/v1",
      "SelfSubjectAccessReview",
      bytes(1, bytes(1, "") + bytes(8, "")) + bytes(2, bytes(1, attributes)) +
          bytes(3, number(1, 0))
  );
}

int refusal(std::string_view text) {
  const Outcome<Json> result = decode_protobuf_body(text);
  EXPECT_FALSE(result);
  return result ? 0 : result.error().code;
}

TEST(ProtobufBody, OfANamespaceIsThatNamespace) {
  const std::string metadata = bytes(1, "team") + bytes(2, "") + bytes(8, "") +
                               bytes(11, pair("a", "b")) + bytes(11, pair("c", "")) +
                               bytes(12, pair("note", "x"));
  EXPECT_EQ(
      decode_protobuf_body(body("v1", "Namespace", bytes(1, metadata) + bytes(2, ""))).value(),
      json(
          R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"team","labels":{"a":"b","c":""},"annotations":{"note":"x"}},"spec":{}})"
      )
  );
}

TEST(ProtobufBody, OfASecretHasItsBytesAsBase64) {
  const std::string message = bytes(1, bytes(1, "x")) + bytes(2, pair("none", "")) +
                              bytes(2, pair("one", "a")) + bytes(2, pair("two", "ab")) +
                              bytes(2, pair("three", "abc")) +
                              bytes(2, pair("four", "\xff\xfe\xfd!")) + bytes(3, "Opaque") +
                              bytes(4, pair("text", "plain"));
  EXPECT_EQ(
      decode_protobuf_body(body("v1", "Secret", message)).value(),
      json(
          R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"data":{"none":"","one":"YQ==","two":"YWI=","three":"YWJj","four":"//79IQ=="},"type":"Opaque","stringData":{"text":"plain"}})"
      )
  );
}

TEST(ProtobufBody, OfReviewsSaysWhatIsAsked) {
  EXPECT_EQ(
      decode_protobuf_body(access_review()).value(),
      json(
          R"({"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","metadata":{},"spec":{"resourceAttributes":{"namespace":"default","verb":"delete","group":"reeve.dev","version":"*","resource":"missions"}}})"
      )
  );
  EXPECT_EQ(
      decode_protobuf_body(body(
                               "authorization.k8s.io/v1",
                               "SubjectAccessReview",
                               bytes(
                                   2,
                                   bytes(2, bytes(1, "/healthz") + bytes(2, "get")) +
                                       bytes(3, "alice") + bytes(4, "a") + bytes(4, "b") +
                                       bytes(5, pair("scopes", bytes(1, "x") + bytes(1, "y")))
                               )
                           ))
          .value()
          .find("spec")
          ->dump(),
      R"({"nonResourceAttributes":{"path":"/healthz","verb":"get"},"user":"alice","groups":["a","b"],"extra":{"scopes":["x","y"]}})"
  );
  EXPECT_EQ(
      decode_protobuf_body(
          body("authorization.k8s.io/v1", "SelfSubjectRulesReview", bytes(2, bytes(1, "ns")))
      )
          .value()
          .find("spec")
          ->dump(),
      R"({"namespace":"ns"})"
  );
  EXPECT_TRUE(decode_protobuf_body(body("authentication.k8s.io/v1", "SelfSubjectReview", "")));
}

TEST(ProtobufBody, OfRolesAndBindingsSaysWhoMayWhat) {
  const std::string group = "rbac.authorization.k8s.io";
  const std::string rule =
      bytes(1, "get") + bytes(1, "list") + bytes(2, "reeve.dev") + bytes(3, "missions");
  const std::string role = bytes(1, bytes(1, "reader")) + bytes(2, rule) +
                           bytes(2, bytes(1, "get") + bytes(4, "one") + bytes(5, "/metrics"));
  for (const std::string kind : {"Role", "ClusterRole"}) {
    EXPECT_EQ(
        decode_protobuf_body(body(group + "/v1", kind, role)).value().find("rules")->dump(),
        R"([{"verbs":["get","list"],"apiGroups":["reeve.dev"],"resources":["missions"]},)"
        R"({"verbs":["get"],"resourceNames":["one"],"nonResourceURLs":["/metrics"]}])"
    );
  }
  const std::string subject = bytes(1, "User") + bytes(2, group) + bytes(3, "alice") + bytes(4, "");
  const std::string binding = bytes(1, bytes(1, "reads")) + bytes(2, subject) +
                              bytes(2, bytes(1, "Group")) +
                              bytes(3, bytes(1, group) + bytes(2, "Role") + bytes(3, "reader"));
  for (const std::string kind : {"RoleBinding", "ClusterRoleBinding"}) {
    const Json read = decode_protobuf_body(body(group + "/v1", kind, binding)).value();
    EXPECT_EQ(
        read.find("subjects")->dump(),
        R"([{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"alice"},{"kind":"Group"}])"
    );
    EXPECT_EQ(
        read.find("roleRef")->dump(),
        R"({"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"reader"})"
    );
  }
}

TEST(ProtobufBody, OfASelfReviewNamesNobodyElse) {
  const Json review =
      decode_protobuf_body(
          body("authorization.k8s.io/v1", "SelfSubjectAccessReview", bytes(2, bytes(3, "root")))
      )
          .value();
  EXPECT_EQ(review.find("spec")->dump(), "{}");
}

TEST(ProtobufBody, OfDeleteOptionsHasThemAll) {
  const std::string options = number(1, 5) + bytes(2, bytes(1, "u") + bytes(2, "7")) +
                              number(3, 1) + bytes(4, "Background") + bytes(5, "All");
  for (const std::string& api_version :
       std::vector<std::string>{"v1", "meta.k8s.io/v1", "reeve.dev/v1"}) {
    Json expected = json(
        R"({"apiVersion":"","kind":"DeleteOptions","gracePeriodSeconds":5,"preconditions":{"uid":"u","resourceVersion":"7"},"orphanDependents":true,"propagationPolicy":"Background","dryRun":["All"]})"
    );
    expected.set("apiVersion", api_version);
    EXPECT_EQ(decode_protobuf_body(body(api_version, "DeleteOptions", options)).value(), expected);
  }
}

TEST(ProtobufBody, HasNumbersAndTextsOfAnyLength) {
  const Json options =
      decode_protobuf_body(
          body("v1", "DeleteOptions", number(1, 1'000'000) + bytes(4, std::string(300, 'x')))
      )
          .value();
  EXPECT_EQ(options.get_int("gracePeriodSeconds"), 1'000'000);
  EXPECT_EQ(options.get_string("propagationPolicy"), std::string(300, 'x'));
  const Json negative =
      decode_protobuf_body(body("v1", "DeleteOptions", number(1, ~std::uint64_t{0}))).value();
  EXPECT_EQ(negative.get_int("gracePeriodSeconds"), -1);
}

TEST(ProtobufBody, OfAnythingElseIsUnsupported) {
  EXPECT_EQ(refusal(body("v1", "Pod", "")), 415);
  EXPECT_EQ(refusal(body("v2", "Namespace", "")), 415);
  EXPECT_EQ(refusal(body("", "", "")), 415);
  EXPECT_EQ(
      refusal(
          std::string("k8s\0", 4) + bytes(1, bytes(1, "v1") + bytes(2, "Namespace")) +
          bytes(3, "gzip")
      ),
      415
  );
}

TEST(ProtobufBody, ThatIsBrokenIsABadRequest) {
  EXPECT_EQ(refusal(""), 400);
  EXPECT_EQ(refusal("{}"), 400);
  EXPECT_EQ(refusal(std::string("k8s\0\x0a", 5)), 400);
  EXPECT_EQ(refusal(std::string("k8s\0", 4) + number(2, 1)), 400);
  for (const std::string& message :
       {std::string("\x0a\x05x"),              // longer than it is
        std::string(11, '\xff'),               // an endless number
        std::string("\x00\x01", 2),            // field 0
        std::string("\x0b"),                   // a group
        std::string("\x09\x01"),               // half a fixed number
        number(1, 1),                          // a number for a message
        bytes(1, number(1, 1)),                // a number for a text
        bytes(1, bytes(1, "\xff")),            // no UTF-8
        bytes(1, bytes(11, number(1, 1)))}) {  // a map of something else
    EXPECT_EQ(refusal(body("v1", "Namespace", message)), 400) << message;
  }
  EXPECT_EQ(refusal(body("v1", "DeleteOptions", bytes(1, "x"))), 400);
  std::string many;
  for (std::size_t i = 0; i <= kProtobufFieldsMax; ++i) {
    many += number(99, 1);
  }
  EXPECT_EQ(refusal(body("v1", "Namespace", many)), 400);
  EXPECT_EQ(refusal(std::string(kProtobufBodyBytesMax + 1, 'k')), 413);
}

TEST(ProtobufBody, MayBeCutOrChangedAnywhere) {
  const std::string good = access_review();
  for (std::size_t length = 0; length < good.size(); ++length) {
    (void)decode_protobuf_body(std::string_view(good).substr(0, length)).ok();
  }
  Chance chance(7);
  std::size_t refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string changed = good;
    changed[4 + chance.below(changed.size() - 4)] = static_cast<char>(chance.below(256));
    refused += decode_protobuf_body(changed) ? 0U : 1U;
  }
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace reeve::resource
