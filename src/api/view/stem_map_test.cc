#include "api/view/stem_map.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::api::view {
namespace {

using Key = std::pair<std::string, std::string>;

StemPtr make_stem(const Key& key, std::uint64_t revision) {
  store::Row row;
  row.revision = Revision(revision);
  row.body = "{}";
  const StemUpdate update{.row = &row};
  return Stem::follow(
      journal::Kind::Mission, {.ns = key.first, .name = key.second}, nullptr, update
  );
}

Place place_of(const Key& key) {
  return {.ns = key.first, .name = key.second};
}

/// What the map must be.
struct Model {
  std::map<Key, std::uint64_t> stems;

  void expect_same(const StemMap& map) const {
    ASSERT_EQ(map.size(), stems.size());
    StemMap::Rank rank = 0;
    for (const auto& [key, revision] : stems) {
      ASSERT_EQ(map.lower_bound({.ns = key.first, .name = key.second}), rank);
      const StemPtr* stem = map.at(rank++);
      ASSERT_NE(stem, nullptr);
      ASSERT_EQ((*stem)->ns(), key.first);
      ASSERT_EQ((*stem)->name(), key.second);
      ASSERT_EQ((*stem)->revision(), Revision(revision));
    }
    EXPECT_EQ(map.at(rank), nullptr);
    EXPECT_EQ(map.count(0, map.size()), stems.size());
    EXPECT_EQ(map.count(rank / 3, rank / 2), rank / 2 - rank / 3);
    for (const auto& level : map.node_sizes()) {
      for (const std::size_t size : level) {
        EXPECT_GE(size, 1U);
        EXPECT_LE(size, kNodeEntriesMax);
      }
    }
  }
};

class Writer {
 public:
  explicit Writer(std::uint32_t seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  /// Writes and removes up to `count` stems in the model and in the map.
  StemMap step(const StemMap& map, Model& model, std::uint32_t count, std::uint32_t removals) {
    std::map<Key, StemPtr> edits;
    for (std::uint32_t i = 0; i < count; ++i) {
      const Key key(concat("ns", below(3)), concat("m", below(900)));
      if (below(100) < removals) {
        edits[key] = nullptr;
        model.stems.erase(key);
      } else {
        edits[key] = make_stem(key, ++revision_);
        model.stems[key] = revision_;
      }
    }
    std::vector<StemMap::Edit> list;
    for (const auto& [key, stem] : edits) {
      list.push_back({.place = place_of(key), .stem = stem});
    }
    return map.with(list);
  }

 private:
  std::mt19937 random_;
  std::uint64_t revision_ = 0;
};

TEST(StemMap, IsTheSameAsAnOrderedMapAfterAnyEdits) {
  for (std::uint32_t seed = 1; seed <= 2; ++seed) {
    Writer writer(seed);
    Model model;
    StemMap map;
    for (std::uint32_t step = 0; step < 60; ++step) {
      const std::uint32_t removals = step < 30 ? 10 : 80;
      map = writer.step(map, model, 1 + writer.below(step % 10 == 0 ? 400 : 20), removals);
      if (step % 5 == 0 || step > 55) {
        model.expect_same(map);
      }
      if (HasFatalFailure()) {
        return;
      }
    }
  }
}

TEST(StemMap, EarlierVersionsStayAsTheyWere) {
  Writer writer(7);
  Model model;
  const StemMap first = writer.step(StemMap(), model, 500, 0);
  const Model before = model;
  const StemMap second = writer.step(first, model, 500, 50);
  before.expect_same(first);
  model.expect_same(second);
}

TEST(StemMap, FindsWhatIsThereAndNothingElse) {
  std::vector<StemPtr> stems;
  for (int i = 0; i < 300; ++i) {
    stems.push_back(make_stem({"ns", concat("m", 1000 + 2 * i)}, 1));
  }
  const StemMap map(std::move(stems));
  EXPECT_EQ(map.node_sizes().size(), 3U) << "levels";
  for (int i = 0; i < 300; ++i) {
    EXPECT_NE(map.find({.ns = "ns", .name = concat("m", 1000 + 2 * i)}), nullptr);
    EXPECT_EQ(map.find({.ns = "ns", .name = concat("m", 1001 + 2 * i)}), nullptr);
  }
  EXPECT_EQ(map.find({.ns = "a", .name = "m1000"}), nullptr);
  EXPECT_EQ(map.find({.ns = "z", .name = "m1000"}), nullptr);
}

TEST(StemMap, KeepsTheStemsThatAnEditDoesNotTouch) {
  std::vector<StemPtr> stems;
  for (int i = 0; i < 1000; ++i) {
    stems.push_back(make_stem({"ns", concat("m", 1000 + i)}, 1));
  }
  const StemPtr last = stems.back();
  const StemMap map(std::move(stems));
  const Key key("ns", "m1000");
  const std::vector<StemMap::Edit> edits = {{.place = place_of(key), .stem = make_stem(key, 2)}};
  const long users = last.use_count();
  const StemMap next = map.with(edits);
  // The node of the last stem is shared, not copied.
  EXPECT_EQ(last.use_count(), users);
  EXPECT_EQ(next.find(last->place()), last);
  EXPECT_EQ(next.find(place_of(key))->revision(), Revision(2));
  EXPECT_EQ(map.find(place_of(key))->revision(), Revision(1));
}

TEST(StemMap, ShrinksWithWhatItHolds) {
  std::vector<StemPtr> stems;
  std::vector<StemMap::Edit> removals;
  for (int i = 0; i < 2000; ++i) {
    stems.push_back(make_stem({"ns", concat("m", 10'000 + i)}, 1));
    if (i % 50 != 0) {
      removals.push_back({.place = stems.back()->place(), .stem = nullptr});
    }
  }
  StemMap map(stems);
  EXPECT_EQ(map.node_sizes().size(), 3U);
  for (const StemMap::Edit& removal : removals) {
    map = map.with({&removal, 1});
  }
  EXPECT_EQ(map.size(), 40U);
  EXPECT_LE(map.node_sizes().front().size(), 20U) << "leaves";
  EXPECT_LE(map.node_sizes().size(), 2U);
  for (int i = 0; i < 2000; i += 50) {
    const StemMap::Edit removal{.place = stems[static_cast<std::size_t>(i)]->place(), .stem = {}};
    map = map.with({&removal, 1});
  }
  EXPECT_EQ(map.size(), 0U);
  EXPECT_EQ(map.at(0), nullptr);
}

TEST(StemMap, CountsOnlyWhatExists) {
  std::vector<StemPtr> stems;
  for (int i = 0; i < 100; ++i) {
    const Key key("ns", concat("m", 1000 + i));
    store::Row row;
    const StemUpdate alone{.sidecar = &row};
    stems.push_back(
        i % 2 == 0 ? make_stem(key, 1)
                   : Stem::follow(journal::Kind::Mission, place_of(key), nullptr, alone)
    );
  }
  const StemMap map(std::move(stems));
  EXPECT_EQ(map.count(0, 100), 50U);
  EXPECT_EQ(map.count(1, 4), 1U);
  EXPECT_EQ(map.count(50, 40), 0U);
}

TEST(StemMap, OrdersByNamespaceThenNameInBytes) {
  std::vector<Key> keys = {{"", "z"}, {"a", "b"}, {"a", "\xc3\xa9"}, {"a-b", "a"}, {"ab", "A"}};
  StemMap map;
  for (const Key& key : {keys[3], keys[0], keys[4], keys[2], keys[1]}) {
    const std::vector<StemMap::Edit> edits = {{.place = place_of(key), .stem = make_stem(key, 1)}};
    map = map.with(edits);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    ASSERT_NE(map.at(i), nullptr);
    EXPECT_EQ((*map.at(i))->place(), place_of(keys[i]));
  }
}

}  // namespace
}  // namespace reeve::api::view
