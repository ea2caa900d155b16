#include "resource/schema/discovery.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::resource::schema {
namespace {

constexpr std::string_view kMeta =
    "schema: {type: object, properties: {apiVersion: {type: string}, kind: {type: string}, "
    "metadata: {type: object}}}\n";

constexpr std::string_view kThing =
    "group: g.dev\nversion: v1\nkind: Thing\nplural: things\nsingular: thing\nscope: Namespaced\n"
    "shortNames: [th]\ncategories: [all-things]\nverbs: [list, get]\n"
    "schema: {type: object, properties: {spec: {type: object}}}\n"
    "subresources:\n  - {name: status, verbs: [update, get]}\n"
    "  - {name: scale, group: autoscaling, version: v1, kind: Scale, verbs: [get]}\n";

constexpr std::string_view kPlace =
    "group: ''\nversion: v1\nkind: Place\nplural: places\nsingular: place\nscope: Cluster\n"
    "verbs: [get]\nschema: {type: object, properties: {spec: {type: object}}}\n";

const Contracts& contracts() {
  static const Contracts kContracts = [] {
    const ContractText texts[] = {
        {"meta/object_meta.yaml", kMeta}, {"thing.yaml", kThing}, {"place.yaml", kPlace}};
    return std::move(Contracts::load(texts)).value();
  }();
  return kContracts;
}

TEST(Discovery, NamesTheVersionsOfTheCore) {
  EXPECT_EQ(
      api_versions("127.0.0.1:8443").dump(),
      R"({"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":)"
      R"([{"clientCIDR":"0.0.0.0/0","serverAddress":"127.0.0.1:8443"}]})"
  );
}

TEST(Discovery, ListsGroupsWithoutTheCore) {
  const std::string_view version = R"({"groupVersion":"g.dev/v1","version":"v1"})";
  EXPECT_EQ(
      api_group_list(contracts()).dump(),
      concat(
          R"({"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"g.dev","versions":[)",
          version,
          R"(],"preferredVersion":)",
          version,
          "}]}"
      )
  );
  EXPECT_EQ(
      api_group(contracts(), "g.dev")->dump(),
      concat(
          R"({"kind":"APIGroup","apiVersion":"v1","name":"g.dev","versions":[)",
          version,
          R"(],"preferredVersion":)",
          version,
          "}"
      )
  );
  EXPECT_FALSE(api_group(contracts(), "h.dev").has_value());
  EXPECT_FALSE(api_group(contracts(), "").has_value());
}

TEST(Discovery, ListsResourcesWithTheirSubresources) {
  EXPECT_EQ(
      api_resource_list(contracts(), "g.dev", "v1")->dump(),
      R"({"kind":"APIResourceList","apiVersion":"v1","groupVersion":"g.dev/v1","resources":[)"
      R"({"name":"things","singularName":"thing","namespaced":true,"kind":"Thing",)"
      R"("verbs":["get","list"],"shortNames":["th"],"categories":["all-things"]},)"
      R"({"name":"things/status","singularName":"","namespaced":true,"kind":"Thing",)"
      R"("verbs":["get","update"]},)"
      R"({"name":"things/scale","singularName":"","namespaced":true,"group":"autoscaling",)"
      R"("version":"v1","kind":"Scale","verbs":["get"]}]})"
  );
  EXPECT_EQ(
      api_resource_list(contracts(), "", "v1")->dump(),
      R"({"kind":"APIResourceList","apiVersion":"v1","groupVersion":"v1","resources":[)"
      R"({"name":"places","singularName":"place","namespaced":false,"kind":"Place",)"
      R"("verbs":["get"]}]})"
  );
  EXPECT_FALSE(api_resource_list(contracts(), "g.dev", "v2").has_value());
}

TEST(Discovery, TellsEverythingAtOnceToThoseWhoAsk) {
  EXPECT_EQ(
      aggregated_discovery(contracts(), false, DiscoveryVersion::V2).dump(),
      R"({"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{},)"
      R"("items":[{"metadata":{"name":"g.dev"},"versions":[{"version":"v1","resources":[)"
      R"({"resource":"things","responseKind":{"group":"g.dev","version":"v1","kind":"Thing"},)"
      R"("scope":"Namespaced","singularResource":"thing","verbs":["get","list"],)"
      R"("shortNames":["th"],"categories":["all-things"],"subresources":[)"
      R"({"subresource":"status","responseKind":{"group":"g.dev","version":"v1","kind":"Thing"},)"
      R"("verbs":["get","update"]},)"
      R"({"subresource":"scale","responseKind":{"group":"autoscaling","version":"v1",)"
      R"("kind":"Scale"},"verbs":["get"]}]}],"freshness":"Current"}]}]})"
  );
  const Json core = aggregated_discovery(contracts(), true, DiscoveryVersion::V2Beta1);
  EXPECT_EQ(core.get_string("apiVersion"), "apidiscovery.k8s.io/v2beta1");
  ASSERT_EQ(core.find("items")->as_array().size(), 1U);
  EXPECT_EQ(core.find("items")->as_array()[0].find("metadata")->dump(), "{}");
  EXPECT_NE(core.dump().find(R"("scope":"Cluster")"), std::string::npos);
  EXPECT_NE(
      aggregated_discovery_type(DiscoveryVersion::V2Beta1).find("v=v2beta1"), std::string_view::npos
  );
}

TEST(Discovery, ShowsTheKindsOfTheProgram) {
  const Contracts& all = Contracts::embedded();
  for (const std::string& group : all.groups()) {
    EXPECT_TRUE(api_group(all, group).has_value()) << group;
    EXPECT_TRUE(api_resource_list(all, group, all.versions(group).front()).has_value()) << group;
  }
  EXPECT_NE(
      api_resource_list(all, "reeve.dev", "v1")->dump().find(R"("missions/approve")"),
      std::string::npos
  );
}

}  // namespace
}  // namespace reeve::resource::schema
