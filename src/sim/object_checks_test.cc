#include "sim/object_checks.h"

#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/metadata_book.h"
#include "engine/resource_book.h"

namespace reeve::sim {
namespace {

using journal::Kind;
using journal::ObjectKey;

/// Tells a journal to the checks; answers with what is wrong.
class ObjectChecksTest : public testing::Test {
 protected:
  const ObjectKey quota_{.kind = Kind::BudgetQuota, .ns = Namespace("team"), .name = "q"};
  const ObjectKey other_{.kind = Kind::BudgetQuota, .ns = Namespace("team"), .name = "o"};
  const ObjectKey team_ = engine::namespace_key(Namespace("team"));
  const ObjectKey mission_{.kind = Kind::Mission, .ns = Namespace("team"), .name = "m"};

  void SetUp() override { EXPECT_EQ(see(team_, "created", "ns", "{}"), ""); }

  std::string tell(const ObjectKey& key, std::string type, std::string uid, std::string data) {
    journal::Event event;
    event.object = key;
    event.type = std::move(type);
    event.uid = Uid(std::move(uid));
    event.data = std::move(data);
    return checks_.see(event).value_or("");
  }

  /// An event of a plain resource with this metadata and spec.
  std::string see(
      const ObjectKey& key,
      std::string_view what,
      std::string uid,
      std::string_view metadata,
      std::string_view spec = "1"
  ) {
    return tell(
        key,
        concat("resource.", what),
        std::move(uid),
        concat(R"({"metadata":)", metadata, R"(,"spec":)", spec, "}")
    );
  }

  std::string left() const { return checks_.at_end().value_or(""); }

  ObjectChecks checks_;
};

constexpr std::string_view kNew = R"({"generation":1})";
constexpr std::string_view kHeld = R"({"generation":1,"finalizers":["f"]})";
constexpr std::string_view kGoing =
    R"({"generation":2,"finalizers":["f"],"deletionTimestamp":"t"})";

TEST_F(ObjectChecksTest, WhatIsRightPasses) {
  EXPECT_EQ(see(quota_, "created", "u1", kHeld), "");
  EXPECT_EQ(see(quota_, "deletion_requested", "u1", kGoing), "");
  EXPECT_TRUE(checks_.waits_for("f"));
  EXPECT_EQ(left(), "");
  EXPECT_EQ(see(quota_, "deleted", "u1", R"({"generation":2,"deletionTimestamp":"t"})"), "");
  EXPECT_EQ(see(quota_, "created", "u2", kNew), "");
  EXPECT_EQ(see(quota_, "updated", "u2", R"({"generation":2})", "2"), "");
  EXPECT_EQ(see(quota_, "deleted", "u2", R"({"generation":2})"), "");
  EXPECT_EQ(see(team_, "deleted", "ns", "{}"), "");
  EXPECT_EQ(checks_.removed(), 3U);
}

TEST_F(ObjectChecksTest, AnIncarnationIsMadeOnce) {
  see(quota_, "created", "u1", kNew);
  EXPECT_NE(see(quota_, "created", "u2", kNew), "");
  see(quota_, "deleted", "u2", kNew);
  EXPECT_NE(see(quota_, "created", "u2", kNew), "");
}

TEST_F(ObjectChecksTest, NothingChangesThatIsNotThere) {
  EXPECT_NE(see(quota_, "updated", "u1", kNew), "");
  see(quota_, "created", "u1", kNew);
  EXPECT_NE(see(quota_, "updated", "u2", kNew), "");
}

TEST_F(ObjectChecksTest, NamespacesAreThereAndOpen) {
  const ObjectKey nowhere{.kind = Kind::BudgetQuota, .ns = Namespace("nowhere"), .name = "q"};
  EXPECT_NE(see(nowhere, "created", "u1", kNew), "");
  see(team_, "deletion_requested", "ns", R"({"generation":1,"deletionTimestamp":"t"})");
  EXPECT_NE(see(quota_, "created", "u2", kNew), "");
  EXPECT_NE(tell(mission_, "mission.created", "u3", "{}"), "");
}

TEST_F(ObjectChecksTest, NamespacesAreEmptyWhenTheyGo) {
  see(quota_, "created", "u1", kNew);
  EXPECT_NE(see(team_, "deleted", "ns", "{}"), "");
}

TEST_F(ObjectChecksTest, NamespacesWithoutAnythingGo) {
  tell(mission_, "mission.created", "u1", "{}");
  see(team_, "deletion_requested", "ns", R"({"generation":1,"deletionTimestamp":"t"})");
  EXPECT_EQ(left(), "");
  tell(mission_, "mission.deleted", "u1", "{}");
  EXPECT_NE(left(), "");
}

TEST_F(ObjectChecksTest, FinalizersHoldAndNoneAreAdded) {
  see(quota_, "created", "u1", kHeld);
  EXPECT_NE(see(quota_, "deleted", "u1", kHeld), "");
  see(other_, "created", "u2", kHeld);
  see(other_, "deletion_requested", "u2", kGoing);
  EXPECT_NE(
      see(other_,
          "updated",
          "u2",
          R"({"generation":2,"finalizers":["f","g"],"deletionTimestamp":"t"})"),
      ""
  );
}

TEST_F(ObjectChecksTest, ADeletionIsAskedForOnce) {
  see(quota_, "created", "u1", kHeld);
  see(quota_, "deletion_requested", "u1", kGoing);
  EXPECT_NE(
      see(quota_,
          "deletion_requested",
          "u1",
          R"({"generation":3,"finalizers":["f"],"deletionTimestamp":"t"})"),
      ""
  );
  EXPECT_NE(see(quota_, "updated", "u1", R"({"generation":3,"finalizers":["f"]})"), "");
}

TEST_F(ObjectChecksTest, GenerationsFollowTheDesire) {
  see(quota_, "created", "u1", kNew);
  EXPECT_NE(see(quota_, "updated", "u1", kNew, "2"), "");
  EXPECT_NE(see(quota_, "updated", "u1", R"({"generation":2})", "2"), "");
}

TEST_F(ObjectChecksTest, NobodyOutlivesTheirOwners) {
  see(other_, "created", "owner", kNew);
  const std::string owned =
      R"({"generation":1,"ownerReferences":[{"apiVersion":"v","kind":"k","name":"o","uid":"owner"}]})";
  see(quota_, "created", "u1", owned);
  EXPECT_EQ(left(), "");
  see(other_, "deleted", "owner", kNew);
  EXPECT_NE(left(), "");
}

TEST_F(ObjectChecksTest, NothingWaitsForNothing) {
  see(quota_, "created", "u1", kHeld);
  see(quota_, "deletion_requested", "u1", R"({"generation":2,"deletionTimestamp":"t"})");
  EXPECT_NE(left(), "");
}

TEST_F(ObjectChecksTest, ForegroundAndOrphanComeToAnEnd) {
  for (const char* finalizer : {"foregroundDeletion", "orphan"}) {
    const std::string uid = concat("u-", finalizer);
    see(quota_, "created", uid, kNew);
    see(quota_,
        "deletion_requested",
        uid,
        concat(R"({"generation":2,"deletionTimestamp":"t","finalizers":[")", finalizer, R"("]})"));
    EXPECT_NE(left(), "") << finalizer;
    see(quota_, "deleted", uid, R"({"generation":2,"deletionTimestamp":"t"})");
    EXPECT_EQ(left(), "");
  }
}

TEST_F(ObjectChecksTest, MetadataGoesWithItsObject) {
  const ObjectKey beside = engine::metadata_key(mission_);
  tell(mission_, "mission.created", "u1", "{}");
  EXPECT_EQ(tell(beside, "metadata.set", "s", R"({"uid":"u1","metadata":{}})"), "");
  EXPECT_NE(tell(beside, "metadata.set", "s", R"({"uid":"u2","metadata":{}})"), "");
  EXPECT_NE(tell(beside, "metadata.set", "s", R"({"uid":"u2"})"), "");
  EXPECT_NE(tell(mission_, "mission.deleted", "u1", "{}"), "");
  EXPECT_EQ(tell(beside, "metadata.deleted", "s", "{}"), "");
  EXPECT_EQ(tell(mission_, "mission.deleted", "u1", "{}"), "");
}

}  // namespace
}  // namespace reeve::sim
