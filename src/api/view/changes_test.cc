#include "api/view/changes.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "api/view/types.h"

namespace reeve::api::view {
namespace {

ProjectedPtr object_of(std::string name, std::string uid, std::uint64_t revision) {
  Projected object;
  object.name = std::move(name);
  object.uid = Uid(std::move(uid));
  object.revision = Revision(revision);
  object.object = Json::object().set(
      "metadata", Json::object().set("resourceVersion", std::to_string(revision))
  );
  return std::make_shared<const Projected>(std::move(object));
}

TEST(Compare, TellsWhatCameWhatChangedAndWhatWent) {
  const Stem::Objects before = {
      object_of("a", "1", 3), object_of("b", "2", 4), object_of("c", "3", 5)};
  const Stem::Objects after = {
      object_of("b", "2", 4), object_of("c", "3", 11), object_of("d", "4", 12)};
  const Deltas deltas = compare(before, after, Revision(9), Revision(13));
  ASSERT_EQ(deltas.size(), 3U);
  EXPECT_EQ(deltas[0].next->name, "c");
  EXPECT_EQ(deltas[0].previous->revision, Revision(5));
  EXPECT_EQ(deltas[0].order, Revision(11));
  EXPECT_EQ(deltas[1].next->name, "d");
  EXPECT_EQ(deltas[1].previous, nullptr);
  EXPECT_EQ(deltas[2].next, nullptr);
  EXPECT_EQ(deltas[2].previous->name, "a");
  EXPECT_EQ(deltas[2].order, Revision(13));
  EXPECT_EQ(deltas[2].gone()->revision, Revision(13));
  EXPECT_EQ(deltas[2].gone()->object.find("metadata")->get_string("resourceVersion"), "13");
}

TEST(Compare, AnotherUidIsAnotherObject) {
  const Deltas deltas =
      compare({object_of("a", "1", 3)}, {object_of("a", "2", 7)}, Revision(5), Revision(7));
  ASSERT_EQ(deltas.size(), 2U);
  EXPECT_EQ(deltas[0].next, nullptr);
  EXPECT_EQ(deltas[0].gone()->revision, Revision(6)) << "the new one is yet to come";
  EXPECT_EQ(deltas[1].previous, nullptr);
  EXPECT_EQ(deltas[1].next->uid, Uid("2"));
}

TEST(Compare, AllButTheLastThatGoTogetherLeaveTheOthersToBeResumedFrom) {
  const Stem::Objects before = {
      object_of("a", "1", 3), object_of("b", "2", 4), object_of("c", "3", 5)};
  const Deltas deltas = compare(before, {}, Revision(8), Revision(9));
  ASSERT_EQ(deltas.size(), 3U);
  EXPECT_EQ(deltas[0].gone()->revision, Revision(8));
  EXPECT_EQ(deltas[1].gone()->revision, Revision(8));
  EXPECT_EQ(deltas[2].gone()->revision, Revision(9));
}

TEST(Compare, WhatGoesIsToldBeforeWhatComesAtTheSameRevision) {
  const Stem::Objects before = {object_of("a", "1", 3), object_of("b", "2", 4)};
  const Deltas deltas = compare(before, {object_of("a", "9", 9)}, Revision(7), Revision(9));
  ASSERT_EQ(deltas.size(), 3U);
  EXPECT_EQ(deltas[0].gone()->name, "a");
  EXPECT_EQ(deltas[0].gone()->revision, Revision(8));
  EXPECT_EQ(deltas[1].gone()->name, "b");
  EXPECT_EQ(deltas[1].gone()->revision, Revision(8));
  EXPECT_EQ(deltas[2].next->uid, Uid("9"));
}

TEST(Compare, AnObjectThatSaysItChangedLongAgoIsToldOfWithItsStem) {
  const Deltas deltas =
      compare({object_of("a", "1", 3)}, {object_of("a", "1", 4)}, Revision(8), Revision(9));
  ASSERT_EQ(deltas.size(), 1U);
  EXPECT_EQ(deltas[0].order, Revision(9));
}

BatchPtr batch_of(std::uint64_t last) {
  auto batch = std::make_shared<Batch>();
  batch->changes.resize(1);
  batch->last = Revision(last);
  batch->size_bytes = 10;
  return batch;
}

TEST(ChangeRing, FindsTheFirstBatchAfterARevision) {
  ChangeRing ring;
  ring.push(batch_of(3));
  ring.push(batch_of(7));
  EXPECT_EQ(ring.find(Revision(0)), 0U);
  EXPECT_EQ(ring.find(Revision(2)), 0U);
  EXPECT_EQ(ring.find(Revision(3)), 1U);
  EXPECT_EQ(ring.find(Revision(7)), 2U);
  EXPECT_EQ(ring.find(Revision(99)), 2U);
  EXPECT_EQ(ring.at(2), nullptr);
  EXPECT_EQ(ring.at(1)->last, Revision(7));
}

TEST(ChangeRing, RefusesRevisionsWhoseChangesAreForgotten) {
  ChangeRing ring;
  ring.push(batch_of(3));
  ring.push(batch_of(7));
  ring.pop();
  EXPECT_TRUE(ring.forgotten(0));
  EXPECT_EQ(ring.find(Revision(2)), std::nullopt);
  EXPECT_EQ(ring.find(Revision(3)), 1U);
  EXPECT_EQ(ring.size_bytes(), 10U);
  EXPECT_EQ(ring.changes(), 1U);
}

TEST(ChangeRing, AfterARestartEveryPositionIsForgotten) {
  ChangeRing ring;
  ring.push(batch_of(3));
  ChangeRing next;
  next.restart_after(ring, Revision(5));
  EXPECT_TRUE(next.forgotten(0));
  EXPECT_TRUE(next.forgotten(ring.end()));
  EXPECT_EQ(next.find(Revision(4)), std::nullopt);
  EXPECT_EQ(next.find(Revision(5)), next.end());
}

TEST(Encodings, AreMadeOnceForEachRepresentation) {
  const ProjectedPtr object = object_of("a", "1", 3);
  int made = 0;
  const auto encode = [&](const WatchEvent& event) {
    ++made;
    return std::string(to_string(event.type));
  };
  const WatchEvent added{
      .type = WatchEventType::Added, .revision = object->revision, .object = object};
  const WatchEvent modified{
      .type = WatchEventType::Modified, .revision = object->revision, .object = object};
  EXPECT_EQ(*added.encoded("json", encode), "ADDED");
  EXPECT_EQ(added.encoded("json", encode), added.encoded("json", encode));
  EXPECT_EQ(*modified.encoded("json", encode), "MODIFIED");
  EXPECT_EQ(made, 2);
  EXPECT_EQ(object->text(), object->text());
  EXPECT_EQ(*object->text(), object->object.dump());
}

TEST(Encodings, AreStillMadeWhenTooManyAreKept) {
  const ProjectedPtr object = object_of("a", "1", 3);
  int made = 0;
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < kRepresentationsMax + 1; ++i) {
      const std::string name = std::to_string(i);
      EXPECT_EQ(*object->encodings.get(name, [&] { return ++made, name; }), name);
    }
  }
  EXPECT_EQ(made, static_cast<int>(kRepresentationsMax) + 2);
}

struct Owner {
  Slots<int> slots;
};

TEST(SlotCache, LetsTheOldestValuesGo) {
  SlotCache<Owner, int> cache({.values_max = 2, .cost_max = 100});
  std::vector<std::shared_ptr<const Owner>> owners;
  int made = 0;
  const auto get = [&](std::size_t owner, std::uint64_t cost) {
    return *cache.get(owners[owner], owners[owner]->slots, 0, cost, [&] {
      return std::make_shared<const int>(++made);
    });
  };
  for (int i = 0; i < 4; ++i) {
    owners.push_back(std::make_shared<const Owner>());
  }
  EXPECT_EQ(get(0, 1), 1);
  EXPECT_EQ(get(1, 1), 2);
  EXPECT_EQ(get(0, 1), 1);
  EXPECT_EQ(get(2, 1), 3);
  EXPECT_EQ(get(0, 1), 4) << "it was let go for the third";
  EXPECT_EQ(get(3, 100), 5);
  EXPECT_EQ(get(0, 1), 6) << "the large one leaves no room";
  EXPECT_LE(cache.cost(), 100U);
}

TEST(SlotCache, DoesNotKeepOwnersAlive) {
  SlotCache<Owner, int> cache({.values_max = 1, .cost_max = 100});
  auto owner = std::make_shared<const Owner>();
  const std::weak_ptr<const Owner> watched = owner;
  cache.get(owner, owner->slots, 3, 1, [] { return std::make_shared<const int>(1); });
  owner.reset();
  EXPECT_TRUE(watched.expired());
  owner = std::make_shared<const Owner>();
  EXPECT_EQ(
      *cache.get(owner, owner->slots, 0, 1, [] { return std::make_shared<const int>(2); }), 2
  );
}

TEST(Once, AllThreadsGetTheSameValue) {
  for (int round = 0; round < 20; ++round) {
    const Once<int> once;
    std::vector<const int*> got(4);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < got.size(); ++i) {
      threads.emplace_back([&, i] { got[i] = &once.get([&] { return static_cast<int>(i); }); });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    for (const int* each : got) {
      EXPECT_EQ(each, got.front());
    }
  }
}

}  // namespace
}  // namespace reeve::api::view
