#include "resource/schema/openapi.h"

#include <algorithm>
#include <optional>
#include <set>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "resource/schema/gnostic.h"
#include "resource/schema/openapi_schema.h"

namespace reeve::resource::schema {
namespace {

constexpr std::string_view kMission = "dev.reeve.v1.Mission";

const OpenApi& documents() {
  static const OpenApi kDocuments = OpenApi::make(Contracts::embedded(), "v1.2.3");
  return kDocuments;
}

Json parsed(std::string_view text) {
  auto json = parse_json(text);
  EXPECT_TRUE(json.ok()) << json.error().describe();
  return json.ok() ? *json : Json();
}

Json v3(std::string_view path) {
  const std::string* text = documents().v3(path);
  EXPECT_NE(text, nullptr) << path;
  return text == nullptr ? Json() : parsed(*text);
}

/// The value at a path of members; fails if it is absent.
const Json& at(const Json& root, const std::vector<std::string>& path) {
  static const Json kNothing;
  const Json* here = &root;
  for (const std::string& name : path) {
    here = here->find(name);
    if (here == nullptr) {
      ADD_FAILURE() << name << " of " << join(path, " ");
      return kNothing;
    }
  }
  return *here;
}

void collect(const Json& json, std::string_view key, std::vector<std::string>& found) {
  if (json.is_array()) {
    for (const Json& item : json.as_array()) {
      collect(item, key, found);
    }
  } else if (json.is_object()) {
    for (const auto& [name, value] : json.as_object()) {
      if (name == key && value.is_string()) {
        found.push_back(value.as_string());
      }
      collect(value, key, found);
    }
  }
}

std::set<std::string> names_of(const Json& parameters) {
  std::set<std::string> names;
  for (const Json& parameter : parameters.as_array()) {
    names.insert(parameter.get_string("name"));
  }
  return names;
}

TEST(OpenApiV3, HasADocumentForEveryGroupVersion) {
  const Json index = parsed(documents().v3_index());
  const Json& paths = at(index, {"paths"});
  EXPECT_EQ(paths.as_object().size(), Contracts::embedded().groups().size() + 1);
  for (const auto& [path, entry] : paths.as_object()) {
    ASSERT_NE(documents().v3(path), nullptr) << path;
    EXPECT_EQ(
        entry.get_string("serverRelativeURL"),
        concat("/openapi/v3/", path, "?hash=", documents().v3_hash(path))
    );
    EXPECT_EQ(documents().v3_hash(path).size(), 64U);
    const Json document = v3(path);
    EXPECT_EQ(document.get_string("openapi"), "3.0.0");
    EXPECT_EQ(at(document, {"info", "version"}).as_string(), "v1.2.3");
  }
  EXPECT_EQ(documents().v3("apis/nothing.dev/v1"), nullptr);
  EXPECT_EQ(documents().v3_hash("apis/nothing.dev/v1"), "");
}

TEST(OpenApiV3, ChangesTheHashWithTheDocument) {
  const ContractText texts[] = {
      {"meta/object_meta.yaml",
       "schema: {type: object, properties: {apiVersion: {type: string}, kind: {type: string}, "
       "metadata: {type: object, description: d}}}\n"},
      {"thing.yaml",
       "group: g.dev\nversion: v1\nkind: Thing\nplural: things\nsingular: thing\n"
       "scope: Cluster\nschema: {type: object, properties: {spec: {type: object}}}\n"}};
  const Contracts contracts = std::move(Contracts::load(texts)).value();
  const OpenApi one = OpenApi::make(contracts, "v1");
  const OpenApi same = OpenApi::make(contracts, "v1");
  const OpenApi other = OpenApi::make(contracts, "v2");
  EXPECT_EQ(same.v3_hash("apis/g.dev/v1"), one.v3_hash("apis/g.dev/v1"));
  EXPECT_EQ(same.v2_hash(), one.v2_hash());
  EXPECT_EQ(same.v2_protobuf(), one.v2_protobuf());
  EXPECT_NE(other.v3_hash("apis/g.dev/v1"), one.v3_hash("apis/g.dev/v1"));
  EXPECT_NE(other.v2_hash(), one.v2_hash());
}

TEST(OpenApiV3, FindsKindsByTheirGroupVersionKind) {
  const Json document = v3("apis/reeve.dev/v1");
  const Json& mission = at(document, {"components", "schemas", std::string(kMission)});
  EXPECT_EQ(
      at(mission, {"x-kubernetes-group-version-kind"}).dump(),
      R"([{"group":"reeve.dev","kind":"Mission","version":"v1"}])"
  );
  EXPECT_EQ(
      at(mission, {"properties", "metadata", "allOf"}).dump(),
      R"([{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}])"
  );
  EXPECT_EQ(
      at(mission, {"properties", "spec", "oneOf"}).dump(),
      R"([{"required":["workflow"]},{"required":["source"]}])"
  );
}

TEST(OpenApiV3, SaysThatPatchesCanBeValidated) {
  const Json document = v3("apis/reeve.dev/v1");
  const Json& patch =
      at(document, {"paths", "/apis/reeve.dev/v1/namespaces/{namespace}/missions/{name}", "patch"});
  EXPECT_EQ(patch.get_string("x-kubernetes-action"), "patch");
  EXPECT_EQ(at(patch, {"x-kubernetes-group-version-kind"}).get_string("kind"), "Mission");
  EXPECT_TRUE(names_of(at(patch, {"parameters"})).contains("fieldValidation"));
  // With it, kubectl would send patches that nobody here understands.
  EXPECT_EQ(documents().v3("apis/reeve.dev/v1")->find("strategic-merge"), std::string::npos);
}

TEST(OpenApiV3, LeavesOutWhatAKindDoesNotOffer) {
  const Json document = v3("apis/reeve.dev/v1");
  const Json& paths = at(document, {"paths"});
  const Json* run = paths.find("/apis/reeve.dev/v1/namespaces/{namespace}/runs/{name}");
  ASSERT_NE(run, nullptr);
  EXPECT_NE(run->find("get"), nullptr);
  EXPECT_EQ(run->find("patch"), nullptr);
  EXPECT_NE(paths.find("/apis/reeve.dev/v1/hosts/{name}"), nullptr);
  EXPECT_NE(paths.find("/apis/reeve.dev/v1/missions"), nullptr);
  const Json& approve =
      at(document,
         {"paths",
          "/apis/reeve.dev/v1/namespaces/{namespace}/missions/{name}/approve",
          "post",
          "requestBody",
          "content",
          "application/json",
          "schema",
          "properties"});
  EXPECT_NE(approve.find("message"), nullptr);
}

TEST(OpenApi, HasNoReferenceThatLeadsNowhere) {
  const Json v2 = parsed(documents().v2_json());
  std::vector<std::string> references;
  collect(v2, "$ref", references);
  EXPECT_GT(references.size(), 40U);
  for (const std::string& reference : references) {
    EXPECT_NE(at(v2, {"definitions"}).find(reference.substr(14)), nullptr) << reference;
  }
  const Json index = parsed(documents().v3_index());
  for (const auto& [path, entry] : at(index, {"paths"}).as_object()) {
    const Json document = v3(path);
    std::vector<std::string> inner;
    collect(document, "$ref", inner);
    for (const std::string& reference : inner) {
      EXPECT_NE(at(document, {"components", "schemas"}).find(reference.substr(21)), nullptr)
          << reference;
    }
  }
}

TEST(OpenApi, NamesEveryOperationOnce) {
  std::vector<std::string> ids;
  collect(parsed(documents().v2_json()), "operationId", ids);
  const std::set<std::string> distinct(ids.begin(), ids.end());
  EXPECT_GT(ids.size(), 100U);
  EXPECT_EQ(distinct.size(), ids.size());
  EXPECT_TRUE(distinct.contains("patchReeveDevV1NamespacedMission"));
  EXPECT_TRUE(distinct.contains("readCoreV1Namespace"));
}

TEST(OpenApi, KeepsKeywordsOfOursToItself) {
  for (const std::string* text :
       {&documents().v2_json(), documents().v3("apis/reeve.dev/v1"), documents().v3("api/v1")}) {
    EXPECT_EQ(text->find("x-reeve"), std::string::npos);
    EXPECT_EQ(text->find("\"format\":\"duration\""), std::string::npos);
  }
  EXPECT_EQ(documents().v2_json().find("oneOf"), std::string::npos);
  EXPECT_EQ(documents().v2_json().find("nullable"), std::string::npos);
}

TEST(OpenApi, LetsATemplateStandForANumber) {
  const Json document = v3("apis/reeve.dev/v1");
  const Json& spec =
      at(document,
         {"components", "schemas", "dev.reeve.v1.Workflow", "properties", "spec", "properties"});
  EXPECT_EQ(at(spec, {"maxConcurrency", "x-kubernetes-int-or-string"}), Json(true));
  EXPECT_EQ(at(spec, {"maxConcurrency"}).find("type"), nullptr);
}

// --- protobuf -----------------------------------------------------------------------------------

/// Reads the fields of a message in order; for tests only.
class Wire {
 public:
  explicit Wire(std::string_view bytes) : bytes_(bytes) {}

  struct Field {
    std::uint64_t number = 0;
    std::uint64_t whole = 0;
    std::string_view bytes;
  };

  std::optional<Field> next() {
    if (bytes_.empty()) {
      return std::nullopt;
    }
    const std::uint64_t tag = varint();
    Field field{.number = tag >> 3U, .whole = 0, .bytes = {}};
    if ((tag & 7U) == 0) {
      field.whole = varint();
    } else {
      const std::uint64_t size = (tag & 7U) == 1 ? 8 : varint();
      EXPECT_LE(size, bytes_.size());
      field.bytes = bytes_.substr(0, size);
      bytes_.remove_prefix(std::min<std::size_t>(size, bytes_.size()));
    }
    return field;
  }

  /// The first field with this number.
  std::string_view find(std::uint64_t number) const {
    Wire copy(bytes_);
    while (auto field = copy.next()) {
      if (field->number == number) {
        return field->bytes;
      }
    }
    return {};
  }

  /// The value of the entry `name` among repeated `{name = 1, value = 2}`.
  std::string_view entry(std::uint64_t number, std::string_view name) const {
    Wire copy(bytes_);
    while (auto field = copy.next()) {
      if (field->number == number && Wire(field->bytes).find(1) == name) {
        return Wire(field->bytes).find(2);
      }
    }
    return {};
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; !bytes_.empty() && shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) {
        break;
      }
    }
    return value;
  }

  std::string_view bytes_;
};

TEST(Gnostic, WritesTheBytesThatProtobufAsksFor) {
  Json document = parsed(R"({"swagger":"2.0","info":{"title":"t","version":"v"},"paths":{},)"
                         R"("definitions":{"A":{"type":"string","maxLength":300,"x-a":true}}})");
  const std::string expected = concat(
      std::string_view(
          "\x0a\x03"
          "2.0",
          5
      ),
      std::string_view("\x12\x06\x0a\x01t\x12\x01v", 8),
      std::string_view("\x42\x00", 2),
      std::string_view(
          "\x4a\x25\x0a\x23\x0a\x01"
          "A\x12\x1e",
          9
      ),
      std::string_view("\x58\xac\x02", 3),
      std::string_view("\xb2\x01\x08\x0a\x06string", 11),
      std::string_view("\xfa\x01\x0d\x0a\x03x-a\x12\x06\x12\x04true", 16)
  );
  EXPECT_EQ(to_hex(encode_gnostic(document)), to_hex(expected));
}

TEST(Gnostic, HoldsTheDefinitionsAndPathsOfTheDocument) {
  const Wire document(documents().v2_protobuf());
  EXPECT_EQ(document.find(1), "2.0");
  const Wire mission(Wire(document.find(9)).entry(1, kMission));
  EXPECT_EQ(
      Wire(mission.entry(31, "x-kubernetes-group-version-kind")).find(2),
      R"([{"group":"reeve.dev","kind":"Mission","version":"v1"}])"
  );
  const Wire spec(Wire(mission.find(25)).entry(1, "spec"));
  EXPECT_EQ(spec.find(4), "What is wanted. Either `workflow` or `source`.");
  const Wire priority(Wire(spec.find(25)).entry(1, "priority"));
  EXPECT_EQ(Wire(priority.find(22)).find(1), "integer");
  const Wire path(
      Wire(document.find(8)).entry(2, "/apis/reeve.dev/v1/namespaces/{namespace}/missions/{name}")
  );
  Wire patch(path.find(8));
  EXPECT_NE(patch.entry(13, "x-kubernetes-group-version-kind"), "");
  bool validates = false;
  while (auto field = patch.next()) {
    if (field->number == 8) {
      const Wire query(Wire(Wire(Wire(field->bytes).find(1)).find(2)).find(3));
      validates = validates || query.find(4) == "fieldValidation";
    }
  }
  EXPECT_TRUE(validates);
}

TEST(Gnostic, HoldsTextOnly) {
  EXPECT_TRUE(is_utf8(documents().v2_json()));
  std::vector<std::string> ids;
  collect(parsed(documents().v2_json()), "operationId", ids);
  for (const std::string& id : ids) {
    EXPECT_EQ(id.find("\xEF\xBF\xBD"), std::string::npos) << id;
  }
}

// --- definitions for clusters -------------------------------------------------------------------

TEST(CustomResourceDefinitions, AreStructural) {
  for (const ResourceType& type : Contracts::embedded().types("reeve.dev", "v1")) {
    const Json crd = custom_resource_definition(type);
    EXPECT_EQ(at(crd, {"metadata", "name"}).as_string(), concat(type.plural, ".reeve.dev"));
    const Json& version = at(crd, {"spec", "versions"}).as_array().at(0);
    const Json& schema = at(version, {"schema", "openAPIV3Schema"});
    EXPECT_EQ(at(schema, {"properties", "metadata"}).dump(), R"({"type":"object"})");
    std::vector<std::string> references;
    collect(schema, "$ref", references);
    EXPECT_TRUE(references.empty()) << type.kind;
    EXPECT_EQ(schema.dump().find("x-reeve"), std::string::npos);
    EXPECT_EQ(schema.dump().find("writeOnly"), std::string::npos);
    EXPECT_EQ(at(version, {"additionalPrinterColumns"}).as_array().size(), type.columns.size());
  }
}

}  // namespace
}  // namespace reeve::resource::schema
