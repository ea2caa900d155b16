// Garbage collection: owners, dependents, and how deletions propagate.

#include "engine/collector.h"

#include "base/strings.h"
#include "objects_fixture.h"

namespace reeve::kernel {
namespace {

using journal::Kind;
using journal::ObjectKey;

class GarbageCollection : public ObjectsTest {
 protected:
  const ObjectKey owner_ = key(Kind::BudgetQuota, "owner");
  const ObjectKey other_ = key(Kind::BudgetQuota, "other");

  static ObjectKey entry(std::string name) { return key(Kind::BlackboardEntry, std::move(name)); }

  static std::string finalizers(std::string_view list) {
    return concat(R"("finalizers":[)", list, "],");
  }

  Uid make_owner(const ObjectKey& named) {
    const auto made = create(named);
    EXPECT_EQ(outcome(made), "done");
    return made->uid;
  }

  /// A blackboard entry that belongs to somebody.
  Uid make_dependent(
      const std::string& name, const std::vector<std::string>& references, std::string more = {}
  ) {
    const auto made = create(entry(name), concat(owners(references), more));
    EXPECT_EQ(outcome(made), "done");
    return made.ok() ? made->uid : Uid();
  }

  std::string owners_of(const ObjectKey& named) {
    const Json object = stored(named);
    const Json* references =
        object.is_null() ? nullptr : object.find("metadata")->find("ownerReferences");
    std::string names;
    if (references != nullptr) {
      for (const Json& reference : references->as_array()) {
        names += reference.get_string("name");
      }
    }
    return names;
  }
};

constexpr std::string_view kBlocks = R"("blockOwnerDeletion":true,)";
constexpr std::string_view kForeground = R"({"propagationPolicy":"Foreground"})";
constexpr std::string_view kOrphan = R"({"propagationPolicy":"Orphan"})";

TEST_F(GarbageCollection, DependentsGoAfterTheirOwner) {
  const Uid uid = make_owner(owner_);
  const Uid middle = make_dependent("a", {owner(owner_, uid)});
  make_dependent("b", {owner(entry("a"), middle)});
  collect();
  EXPECT_TRUE(there(entry("a")));
  remove(owner_).value();
  EXPECT_TRUE(there(entry("a")));
  collect();
  EXPECT_FALSE(there(entry("a")));
  EXPECT_FALSE(there(entry("b")));
}

TEST_F(GarbageCollection, AnObjectStaysWhileOneOfItsOwnersDoes) {
  const Uid first = make_owner(owner_);
  const Uid second = make_owner(other_);
  make_dependent("a", {owner(owner_, first), owner(other_, second)});
  remove(owner_).value();
  collect();
  EXPECT_EQ(owners_of(entry("a")), "other");
  remove(other_).value();
  collect();
  EXPECT_FALSE(there(entry("a")));
}

TEST_F(GarbageCollection, AnOwnerThatIsNotThereOrAnotherOneIsGone) {
  make_owner(owner_);
  make_dependent("absent", {owner(other_, Uid("u"))});
  make_dependent("another", {owner(owner_, Uid("u"))});
  EXPECT_TRUE(there(entry("absent")));
  collect();
  EXPECT_FALSE(there(entry("absent")));
  EXPECT_FALSE(there(entry("another")));
}

TEST_F(GarbageCollection, KnowsNothingAboutOtherKindsAndVersions) {
  make_dependent("pod", {R"({"apiVersion":"v1","kind":"Pod","name":"p","uid":"u"})"});
  make_dependent("group", {R"({"apiVersion":"x/v1","kind":"BudgetQuota","name":"p","uid":"u"})"});
  create(
      cluster_key(Kind::ClusterRole, "r"),
      owners({R"({"apiVersion":"reeve.dev/v1","kind":"BudgetQuota","name":"p","uid":"u"})"})
  )
      .value();
  collect();
  EXPECT_TRUE(there(entry("pod")));
  EXPECT_TRUE(there(entry("group")));
  EXPECT_TRUE(there(cluster_key(Kind::ClusterRole, "r")));
}

TEST_F(GarbageCollection, OwnersAreOfTheSameNamespaceOrOfNone) {
  make_namespace("team");
  const Uid here = make_owner(owner_);
  const auto role = create(cluster_key(Kind::ClusterRole, "r"));
  const ObjectKey far = key(Kind::BlackboardEntry, "far", "team");
  const ObjectKey of_role = key(Kind::BlackboardEntry, "of-role", "team");
  create(far, owners({owner(owner_, here)})).value();
  create(of_role, owners({owner(cluster_key(Kind::ClusterRole, "r"), role->uid)})).value();
  collect();
  EXPECT_FALSE(there(far));
  EXPECT_TRUE(there(of_role));
  remove(cluster_key(Kind::ClusterRole, "r")).value();
  collect();
  EXPECT_FALSE(there(of_role));
}

TEST_F(GarbageCollection, AnOwnerThatIsAddedLaterCounts) {
  make_dependent("a", {});
  Json object = stored(entry("a"));
  object.find("metadata")
      ->set("ownerReferences", *parse_json(concat("[", owner(owner_, Uid("gone")), "]")));
  update(entry("a"), std::move(object)).value();
  collect();
  EXPECT_FALSE(there(entry("a")));
}

TEST_F(GarbageCollection, ForegroundWaitsForThoseThatBlock) {
  const Uid uid = make_owner(owner_);
  make_dependent("blocks", {owner(owner_, uid, kBlocks)}, finalizers(R"("a/b")"));
  make_dependent("lags", {owner(owner_, uid)}, finalizers(R"("a/b")"));
  make_dependent("plain", {owner(owner_, uid, kBlocks)});
  const auto asked = remove(owner_, kForeground);
  ASSERT_EQ(outcome(asked), "done");
  EXPECT_FALSE(asked->gone);
  EXPECT_EQ(
      asked->detail.find("metadata")->find("finalizers")->dump(), R"(["foregroundDeletion"])"
  );
  collect();
  EXPECT_FALSE(there(entry("plain")));
  EXPECT_TRUE(there(owner_));
  Json object = stored(entry("blocks"));
  object.find("metadata")->set("finalizers", Json::array());
  EXPECT_TRUE(update(entry("blocks"), std::move(object)).value().gone);
  collect();
  EXPECT_FALSE(there(owner_));
  EXPECT_TRUE(there(entry("lags")));
}

TEST_F(GarbageCollection, ForegroundGoesDownAllTheWay) {
  const Uid top = make_owner(owner_);
  const Uid a = make_dependent("a", {owner(owner_, top, kBlocks)});
  make_dependent("b", {owner(entry("a"), a, kBlocks)}, finalizers(R"("a/b")"));
  remove(owner_, kForeground).value();
  collect();
  EXPECT_TRUE(there(owner_));
  EXPECT_TRUE(there(entry("a")));
  Json object = stored(entry("b"));
  object.find("metadata")->set("finalizers", Json::array());
  update(entry("b"), std::move(object)).value();
  collect();
  EXPECT_FALSE(there(owner_));
  EXPECT_FALSE(there(entry("a")));
}

TEST_F(GarbageCollection, ForegroundComesOutOfACircle) {
  const Uid a = make_dependent("a", {});
  const Uid b = make_dependent("b", {owner(entry("a"), a, kBlocks)});
  const Uid c = make_dependent("c", {owner(entry("b"), b, kBlocks)});
  Json object = stored(entry("a"));
  object.find("metadata")
      ->set("ownerReferences", *parse_json(concat("[", owner(entry("c"), c, kBlocks), "]")));
  update(entry("a"), std::move(object)).value();
  collect();
  EXPECT_TRUE(there(entry("a")));
  remove(entry("a"), kForeground).value();
  collect();
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_FALSE(there(entry(name))) << name;
  }
}

TEST_F(GarbageCollection, ABlockingDependentThatChangesItsOwnerBlocksNoLonger) {
  const Uid uid = make_owner(owner_);
  make_dependent("a", {owner(owner_, uid, kBlocks)}, finalizers(R"("a/b")"));
  remove(owner_, kForeground).value();
  collect();
  ASSERT_TRUE(there(owner_));
  Json object = stored(entry("a"));
  object.find("metadata")->set("ownerReferences", Json::array());
  update(entry("a"), std::move(object)).value();
  collect();
  EXPECT_FALSE(there(owner_));
}

TEST_F(GarbageCollection, OrphansLoseTheirOwnerAndStay) {
  const Uid uid = make_owner(owner_);
  const Uid second = make_owner(other_);
  make_dependent("a", {owner(owner_, uid)});
  make_dependent("b", {owner(owner_, uid), owner(other_, second)});
  EXPECT_FALSE(remove(owner_, kOrphan).value().gone);
  collect();
  EXPECT_FALSE(there(owner_));
  EXPECT_EQ(owners_of(entry("a")), "");
  EXPECT_TRUE(there(entry("a")));
  EXPECT_EQ(owners_of(entry("b")), "other");
}

TEST_F(GarbageCollection, AnUnknownPolicyIsRefused) {
  make_owner(owner_);
  EXPECT_EQ(
      remove(owner_, R"({"propagationPolicy":"Sideways"})").error().subject, "propagationPolicy"
  );
}

TEST_F(GarbageCollection, ManyDependentsAreWorkForManyTurns) {
  const Uid uid = make_owner(owner_);
  constexpr int kMany = 250;
  for (int i = 0; i < kMany; ++i) {
    Json body = Json::object();
    const ObjectKey named = entry(concat("e", i));
    body.set("object", object(named, owners({owner(owner_, uid)})));
    bench_.post(engine::ObjectCommand{.object = named, .verb = "create", .body = body});
  }
  bench_.commit();
  collect();
  remove(owner_).value();
  int left = kMany;
  int steps = 0;
  while (left > 0 && steps < kMany) {
    const std::size_t before = bench_.store().head()->revision.value();
    bench_.advance(engine::kCollectPause);
    const std::size_t done = bench_.store().head()->revision.value() - before;
    EXPECT_LE(done, engine::kCollectMax);
    left -= static_cast<int>(done);
    ++steps;
  }
  EXPECT_EQ(left, 0);
  EXPECT_GE(steps, 3);
}

TEST_F(GarbageCollection, AtRestNothingIsWrittenHoweverOftenItLooks) {
  const Uid uid = make_owner(owner_);
  make_dependent("a", {owner(owner_, uid)});
  make_dependent("held", {owner(owner_, uid)}, finalizers(R"("k.dev/hold")"));
  make_namespace("team");
  create(key(Kind::BlackboardEntry, "b", "team"), finalizers(R"("k.dev/hold")")).value();
  remove(cluster_key(Kind::Namespace, "team")).value();
  submit("m");
  finish_runs();
  remove(owner_).value();
  collect();
  // Two finalizers hold what is left, and nobody removes them.
  const Revision rest = bench_.store().head()->revision;
  for (int look = 0; look < 100; ++look) {
    bench_.advance(Duration(30'000));
    bench_.commit();
    if (look == 50) {
      bench_.restart();
      bench_.commit();
    }
  }
  EXPECT_EQ(bench_.store().head()->revision, rest);
  EXPECT_TRUE(there(entry("held")));
}

TEST_F(GarbageCollection, GoesOnAfterARestart) {
  const Uid uid = make_owner(owner_);
  make_dependent("a", {owner(owner_, uid)});
  const Uid second = make_owner(other_);
  make_dependent("b", {owner(other_, second, kBlocks)});
  collect();
  remove(owner_).value();
  remove(other_, kForeground).value();
  bench_.restart();
  bench_.commit();
  collect();
  EXPECT_FALSE(there(entry("a")));
  EXPECT_FALSE(there(entry("b")));
  EXPECT_FALSE(there(other_));
}

TEST_F(GarbageCollection, MissionsOwnAndAreOwned) {
  const engine::Reply parent = submit("parent");
  const ObjectKey mission = key(Kind::Mission, "parent");
  Json metadata = *parse_json(concat("{", owners({owner(mission, parent.uid)}), R"("labels":{}})"));
  submit("child", "default", metadata);
  make_dependent("a", {owner(mission, parent.uid)});
  finish_runs();
  collect();
  EXPECT_TRUE(there(entry("a")));
  // The owner is in the store alone.
  bench_.restart();
  bench_.commit();
  collect();
  EXPECT_TRUE(there(entry("a")));
  EXPECT_TRUE(row(about(Kind::Mission, "child"))->live);
  EXPECT_TRUE(remove(about(Kind::Mission, "parent")).value().gone);
  collect();
  EXPECT_FALSE(there(entry("a")));
  EXPECT_FALSE(there(key(Kind::Mission, "child")));
}

TEST_F(GarbageCollection, ALiveDependentMissionIsAborted) {
  const Uid uid = make_owner(owner_);
  Json metadata =
      *parse_json(concat("{", owners({owner(owner_, uid, kBlocks)}), R"("labels":{}})"));
  submit("m", "default", metadata);
  remove(owner_, kForeground).value();
  collect();
  EXPECT_TRUE(there(owner_));
  EXPECT_TRUE(there(key(Kind::Mission, "m")));
  finish_runs();
  collect();
  EXPECT_FALSE(there(key(Kind::Mission, "m")));
  EXPECT_FALSE(there(owner_));
}

TEST_F(GarbageCollection, AStoreThatFailsDoesNotMakeAnOwnerGone) {
  const engine::Reply parent = submit("parent");
  finish_runs();
  const ObjectKey mission = key(Kind::Mission, "parent");
  make_dependent("a", {owner(mission, parent.uid)});
  collect();
  EXPECT_TRUE(there(entry("a")));
}

}  // namespace
}  // namespace reeve::kernel
