#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "api/view/small_world.h"
#include "api/view/view.h"
#include "base/strings.h"

namespace reeve::api::view {
namespace {

using journal::Kind;

constexpr TypeId kWorkflows = SmallWorld::kWorkflows;
constexpr TypeId kMissions = SmallWorld::kMissions;
constexpr TypeId kRuns = SmallWorld::kRuns;

/// A world and a view that follows it, on a clock that the test moves.
class ViewList : public testing::Test {
 protected:
  ViewList() : view_(options()) {}

  ViewOptions options() {
    ViewOptions options = SmallWorld::options();
    options.now = [this] {
      return now_;
    };
    options.limits.snapshots_max = 3;
    const ObjectType missions = options.types[1];
    options.types[1].project = [this, missions](const Stem& stem, std::vector<Projected>& objects) {
      ++projected_;
      missions.project(stem, objects);
    };
    return options;
  }

  void commit() { view_.apply(world_.commit()); }

  void put_missions(std::string_view ns, int count) {
    for (int i = 0; i < count; ++i) {
      world_.put(Kind::Mission, ns, concat("m", 1000 + i));
    }
    commit();
  }

  static Json run(std::uint64_t revision) {
    return Json::object().set("uid", concat("r", revision)).set("revision", Json(revision));
  }

  static std::vector<std::string> names(const Page& page) {
    std::vector<std::string> names;
    for (const ProjectedPtr& item : page.items) {
      names.push_back(concat(item->ns, "/", item->name));
    }
    return names;
  }

  SmallWorld world_;
  Timestamp now_ = from_unix_millis(1'000'000);
  int projected_ = 0;
  View view_;
};

TEST_F(ViewList, WritingMakesNoObjects) {
  put_missions("a", 100);
  EXPECT_EQ(projected_, 0);
  EXPECT_NE(view_.get(kMissions, "a", "m1000"), nullptr);
  EXPECT_EQ(projected_, 1);
  EXPECT_EQ(view_.get(kMissions, "a", "m1000"), view_.get(kMissions, "a", "m1000"));
  EXPECT_EQ(projected_, 1);
}

TEST_F(ViewList, GetsTheLastCommittedState) {
  world_.put(Kind::Mission, "a", "m", Json::object().set("phase", "new"));
  EXPECT_EQ(view_.get(kMissions, "a", "m"), nullptr);
  commit();
  EXPECT_EQ(view_.get(kMissions, "a", "m")->revision, Revision(1));
  EXPECT_EQ(view_.get(kMissions, "b", "m"), nullptr);
  EXPECT_EQ(view_.get(kWorkflows, "a", "m"), nullptr);
  world_.put_labels(Kind::Mission, "a", "m", Json::object().set("team", "red"));
  commit();
  const ProjectedPtr object = view_.get(kMissions, "a", "m");
  EXPECT_EQ(object->revision, Revision(2));
  EXPECT_EQ(*find_value(object->labels, "team"), "red");
  EXPECT_EQ(*find_value(object->fields, "phase"), "new");
  world_.remove(Kind::Mission, "a", "m");
  commit();
  EXPECT_EQ(view_.get(kMissions, "a", "m"), nullptr);
  EXPECT_EQ(view_.revision(), Revision(3));
}

TEST_F(ViewList, GetsDerivedObjectsByTheirNames) {
  Json runs = Json::object().set("m.1", run(1)).set("m.2", run(2));
  world_.put(Kind::Mission, "a", "n");
  world_.put(Kind::Mission, "a", "m", Json::object().set("runs", std::move(runs)));
  commit();
  EXPECT_EQ(view_.get(kRuns, "a", "m.2")->uid, Uid("r2"));
  EXPECT_EQ(view_.get(kRuns, "a", "m.3"), nullptr);
  EXPECT_EQ(view_.get(kRuns, "a", "n.1"), nullptr);
}

TEST_F(ViewList, MetadataWithoutItsRowIsNoObject) {
  world_.put_labels(Kind::Mission, "a", "m", Json::object());
  commit();
  EXPECT_EQ(view_.get(kMissions, "a", "m"), nullptr);
  EXPECT_TRUE(view_.list({.type = kMissions})->items.empty());
}

TEST_F(ViewList, IsOrderedByNamespaceAndName) {
  for (const auto& [ns, name] : {std::pair("b", "x"), std::pair("a", "z"), std::pair("a", "y")}) {
    world_.put(Kind::Mission, ns, name);
  }
  commit();
  const auto page = view_.list({.type = kMissions});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->revision, Revision(3));
  EXPECT_EQ(names(*page), (std::vector<std::string>{"a/y", "a/z", "b/x"}));
  EXPECT_FALSE(page->next);
  EXPECT_FALSE(page->remaining);
}

TEST_F(ViewList, AListThatIsReadInStepsShowsOneState) {
  put_missions("a", 250);
  auto lister = view_.begin_list({.type = kMissions, .selector = {.ns = "a"}});
  ASSERT_TRUE(lister) << lister.error().describe();
  std::vector<std::string> seen;
  int steps = 0;
  while (!lister->at_end()) {
    for (const ProjectedPtr& object : lister->next({.objects_max = 100})) {
      seen.push_back(object->name);
    }
    // It needs nothing that is kept for pages, however much changes and however late it goes on.
    now_ += std::chrono::hours(1);
    world_.remove(Kind::Mission, "a", concat("m", 1249 - steps));
    world_.put(Kind::Mission, "a", concat("m", 1000 + 150, "x", steps++));
    commit();
  }
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(lister->revision(), Revision(250));
  ASSERT_EQ(seen.size(), 250U);
  EXPECT_EQ(seen.front(), "m1000");
  EXPECT_EQ(seen.back(), "m1249");
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_TRUE(lister->next({}).empty());
}

TEST_F(ViewList, AStepEndsWhereItHasLookedAtEnough) {
  put_missions("a", 50);
  ListQuery query{.type = kMissions};
  query.selector.name = "m1049";
  auto named = view_.begin_list(query);
  ASSERT_TRUE(named);
  EXPECT_EQ(named->next({.stems_max = 1}).size(), 1U) << "goes where the name is";
  auto lister = view_.begin_list({.type = kMissions});
  ASSERT_TRUE(lister);
  EXPECT_EQ(lister->next({.stems_max = 7}).size(), 7U);
  EXPECT_EQ(projected_, 8);
  EXPECT_EQ(lister->next({.stem_bytes_max = 1}).size(), 1U) << "one, however long it is";
  const ListRest rest = view_.keep(*lister);
  EXPECT_EQ(rest.next.stem, "m1008");
  EXPECT_EQ(rest.remaining, 42U);
  query = {.type = kMissions};
  query.from = rest.next;
  const auto page = view_.list(query);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->items.size(), 42U);
  EXPECT_EQ(page->items.front()->name, "m1008");
}

TEST_F(ViewList, PagesOfOneListShowTheStateOfTheFirst) {
  put_missions("a", 250);
  ListQuery query{.type = kMissions, .selector = {.ns = "a"}, .limit = 100};
  std::vector<std::string> seen;
  std::vector<std::uint64_t> remaining;
  int round = 0;
  while (true) {
    const auto page = view_.list(query);
    ASSERT_TRUE(page) << page.error().describe();
    EXPECT_EQ(page->revision, Revision(250));
    for (const std::string& name : names(*page)) {
      seen.push_back(name);
    }
    if (!page->next) {
      break;
    }
    remaining.push_back(*page->remaining);
    query.from = page->next;
    // What goes on meanwhile is not seen.
    world_.remove(Kind::Mission, "a", concat("m", 1000 + 120 + round));
    world_.put(Kind::Mission, "a", concat("m", 1000 + 150, "x"));
    world_.put(Kind::Mission, "a", concat("l", round++));
    commit();
  }
  EXPECT_EQ(seen.size(), 250U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(remaining, (std::vector<std::uint64_t>{150, 50}));
}

TEST_F(ViewList, PagesOfDerivedObjectsGoOnWithinAStem) {
  for (const char* name : {"m", "n"}) {
    Json runs = Json::object();
    for (int i = 0; i < 5; ++i) {
      runs.set(concat(name, ".", i), run(1));
    }
    world_.put(Kind::Mission, "a", name, Json::object().set("runs", std::move(runs)));
  }
  commit();
  ListQuery query{.type = kRuns, .limit = 3};
  std::vector<std::string> seen;
  do {
    const auto page = view_.list(query);
    ASSERT_TRUE(page);
    EXPECT_FALSE(page->remaining);
    for (const std::string& name : names(*page)) {
      seen.push_back(name);
    }
    query.from = page->next;
  } while (query.from);
  EXPECT_EQ(seen.size(), 10U);
  EXPECT_EQ(seen[3], "a/m.3");
  EXPECT_EQ(seen[9], "a/n.4");
}

TEST_F(ViewList, SelectsByLabelsAndFields) {
  for (int i = 0; i < 10; ++i) {
    const std::string name = concat("m", i);
    world_.put(Kind::Mission, "a", name, Json::object().set("phase", i % 2 == 0 ? "even" : "odd"));
    world_.put_labels(Kind::Mission, "a", name, Json::object().set("team", i < 5 ? "red" : "blue"));
  }
  commit();
  const auto page = view_.list(
      {.type = kMissions,
       .selector = {.labels = has_label("team", "red"), .fields = has_field("phase", "odd")}}
  );
  EXPECT_EQ(names(*page), (std::vector<std::string>{"a/m1", "a/m3"}));
  const auto part =
      view_.list({.type = kMissions, .selector = {.labels = has_label("team", "red")}, .limit = 2});
  EXPECT_TRUE(part->next);
  EXPECT_FALSE(part->remaining) << "it is not known without looking";
}

TEST_F(ViewList, ExactNamesAndNamespacesDoNotScan) {
  for (const char* ns : {"a", "b", "c"}) {
    put_missions(ns, 400);
  }
  EXPECT_EQ(
      names(*view_.list({.type = kMissions, .selector = {.ns = "b", .name = "m1007"}})),
      (std::vector<std::string>{"b/m1007"})
  );
  EXPECT_EQ(projected_, 1);
  EXPECT_EQ(
      names(*view_.list({.type = kMissions, .selector = {.name = "m1009"}})),
      (std::vector<std::string>{"a/m1009", "b/m1009", "c/m1009"})
  );
  EXPECT_EQ(projected_, 4);
  EXPECT_TRUE(view_.list({.type = kMissions, .selector = {.name = "none"}})->items.empty());
  EXPECT_TRUE(view_.list({.type = kMissions, .selector = {.ns = "ab"}})->items.empty());
  EXPECT_EQ(projected_, 4);
  EXPECT_EQ(view_.list({.type = kMissions, .selector = {.ns = "c"}})->items.size(), 400U);
  EXPECT_EQ(projected_, 403);
}

TEST_F(ViewList, NamesInAllNamespacesComeInPagesToo) {
  for (const char* ns : {"a", "b", "c", "d", "e"}) {
    world_.put(Kind::Mission, ns, "m");
    world_.put(Kind::Mission, ns, "n");
  }
  commit();
  ListQuery query{.type = kMissions, .selector = {.name = "m"}, .limit = 2};
  std::vector<std::string> seen;
  do {
    const auto page = view_.list(query);
    ASSERT_TRUE(page);
    for (const std::string& name : names(*page)) {
      seen.push_back(name);
    }
    query.from = page->next;
  } while (query.from);
  EXPECT_EQ(seen, (std::vector<std::string>{"a/m", "b/m", "c/m", "d/m", "e/m"}));
}

TEST_F(ViewList, OnePageLooksAtABoundedNumberOfStems) {
  for (std::uint32_t i = 0; i < kStemsVisitedMax + 5; ++i) {
    world_.put(Kind::Mission, "a", concat("m", 100'000 + i));
  }
  commit();
  ListQuery query{.type = kMissions, .selector = {.labels = has_label("no", "thing")}};
  const auto page = view_.list(query);
  EXPECT_TRUE(page->items.empty());
  ASSERT_TRUE(page->next);
  EXPECT_EQ(page->next->stem, concat("m", 100'000 + kStemsVisitedMax));
  query.from = page->next;
  EXPECT_FALSE(view_.list(query)->next);
}

TEST_F(ViewList, APositionExpiresWithItsSnapshot) {
  put_missions("a", 10);
  ListQuery query{.type = kMissions, .limit = 3};
  query.from = view_.list(query)->next;
  put_missions("b", 1);
  now_ += std::chrono::minutes(5);
  EXPECT_TRUE(view_.list(query));
  now_ += Duration(1);
  const auto expired = view_.list(query);
  ASSERT_FALSE(expired);
  EXPECT_TRUE(is_expired(expired.error()));
}

TEST_F(ViewList, HowLongSnapshotsAreKeptCanChange) {
  put_missions("a", 10);
  ListQuery query{.type = kMissions, .limit = 3};
  query.from = view_.list(query)->next;
  put_missions("b", 1);
  view_.change_limits(ViewLimits{}.changes_max, std::chrono::minutes(10));
  now_ += std::chrono::minutes(6);
  EXPECT_TRUE(view_.list(query));
  view_.change_limits(ViewLimits{}.changes_max, std::chrono::minutes(1));
  EXPECT_TRUE(is_expired(view_.list(query).error()));
}

TEST_F(ViewList, AnExpiredListCanGoOnInTheNewestState) {
  put_missions("a", 4);
  ListQuery query{.type = kMissions, .limit = 2};
  query.from = view_.list(query)->next;
  world_.put(Kind::Mission, "a", "m1002x");
  commit();
  query.from->revision = Revision(0);
  const auto rest = view_.list(query);
  ASSERT_TRUE(rest);
  EXPECT_EQ(names(*rest), (std::vector<std::string>{"a/m1002", "a/m1002x"}));
  EXPECT_EQ(rest->revision, view_.revision());
  // From there on its pages are of one state again.
  ASSERT_TRUE(rest->next);
  EXPECT_EQ(rest->next->revision, rest->revision);
}

TEST_F(ViewList, KeepsABoundedNumberOfSnapshots) {
  put_missions("a", 10);
  std::vector<Position> positions;
  for (int i = 0; i < 4; ++i) {
    positions.push_back(*view_.list({.type = kMissions, .limit = 3})->next);
    put_missions("b", 1);
  }
  EXPECT_FALSE(view_.list({.type = kMissions, .from = positions[0]}));
  for (int i = 1; i < 4; ++i) {
    const auto page =
        view_.list({.type = kMissions, .from = positions[static_cast<std::size_t>(i)]});
    ASSERT_TRUE(page) << i;
    EXPECT_EQ(page->items.size(), 8U);
  }
}

TEST_F(ViewList, AListOfAQuietKindDoesNotExpire) {
  for (int i = 0; i < 5; ++i) {
    world_.put(Kind::Workflow, "a", concat("w", i));
  }
  commit();
  ListQuery query{.type = kWorkflows, .limit = 3};
  query.from = view_.list(query)->next;
  put_missions("a", 10);
  now_ += std::chrono::hours(1);
  const auto page = view_.list(query);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->revision, Revision(5));
  EXPECT_EQ(page->items.size(), 2U);
}

TEST_F(ViewList, ShowsTheStateAtAnExactRevisionWhileItIsKept) {
  put_missions("a", 5);
  world_.put(Kind::Workflow, "a", "w");
  commit();
  const auto exact = view_.list({.type = kMissions, .limit = 2, .exactly = Revision(5)});
  ASSERT_TRUE(exact);
  EXPECT_EQ(exact->revision, Revision(5));
  put_missions("b", 1);
  const auto next = view_.list({.type = kMissions, .limit = 5, .from = exact->next});
  EXPECT_EQ(next->revision, Revision(5));
  EXPECT_EQ(next->items.size(), 3U);
  EXPECT_TRUE(is_expired(view_.list({.type = kMissions, .exactly = Revision(4)}).error()));
  EXPECT_EQ(
      view_.list({.type = kMissions, .exactly = Revision(8)}).error().code, ErrorCode::Invalid
  );
}

TEST_F(ViewList, RefusesWhatCannotBeMeant) {
  put_missions("a", 5);
  const Position position{.revision = Revision(5), .ns = "a", .stem = "m1002"};
  for (const ListQuery& query : {
           ListQuery{.type = kMissions, .limit = 0},
           ListQuery{.type = kMissions, .limit = kPageItemsMax + 1},
           ListQuery{.type = kMissions, .exactly = Revision(5), .from = position},
           ListQuery{.type = kMissions, .selector = {.ns = "b"}, .from = position},
           ListQuery{.type = kMissions, .from = Position{.revision = Revision(6)}},
       }) {
    const auto page = view_.list(query);
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code, ErrorCode::Invalid);
  }
}

TEST_F(ViewList, AnInventedPositionShowsNothingWrong) {
  put_missions("a", 5);
  const Revision head(5);
  EXPECT_EQ(
      view_.list({.type = kMissions, .from = Position{head, "a", "m1002", 7}})->items.size(), 2U
  );
  EXPECT_EQ(
      view_.list({.type = kMissions, .from = Position{head, "a", "m10025", 7}})->items.size(), 2U
  );
  EXPECT_TRUE(view_.list({.type = kMissions, .from = Position{head, "zz", "", 0}})->items.empty());
}

TEST_F(ViewList, LoadingGivesTheStateThatCommitsGave) {
  put_missions("a", 20);
  world_.put_labels(Kind::Mission, "a", "m1003", Json::object().set("team", "red"));
  world_.put_labels(Kind::Mission, "a", "m1004", Json::object().set("team", "red"));
  world_.remove(Kind::Mission, "a", "m1005");
  commit();
  world_.remove_labels(Kind::Mission, "a", "m1004");
  commit();
  View other(options());
  ASSERT_TRUE(other.load(world_));
  EXPECT_EQ(other.revision(), view_.revision());
  const auto before = view_.list({.type = kMissions});
  const auto after = other.list({.type = kMissions});
  ASSERT_EQ(names(*before), names(*after));
  for (std::size_t i = 0; i < before->items.size(); ++i) {
    EXPECT_EQ(before->items[i]->object, after->items[i]->object);
    EXPECT_EQ(before->items[i]->revision, after->items[i]->revision);
    EXPECT_EQ(before->items[i]->labels, after->items[i]->labels);
  }
  EXPECT_EQ(other.get(kMissions, "a", "m1004")->revision, Revision(24));
}

TEST_F(ViewList, AStoreThatCannotBeReadChangesNothing) {
  put_missions("a", 5);
  SmallWorld broken;
  broken.put(Kind::Mission, "a", "other");
  broken.commit();
  broken.fail(make_error(ErrorCode::Io, "read"));
  const auto loaded = view_.load(broken);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::Io);
  EXPECT_EQ(view_.list({.type = kMissions})->items.size(), 5U);
}

TEST_F(ViewList, ASnapshotStaysAsItIs) {
  put_missions("a", 5);
  const SnapshotPtr snapshot = view_.snapshot();
  put_missions("b", 5);
  EXPECT_EQ(snapshot->revision, Revision(5));
  EXPECT_EQ(snapshot->of(Kind::Mission).size(), 5U);
  EXPECT_EQ(view_.snapshot()->of(Kind::Mission).size(), 10U);
}

TEST(ViewParts, ARowMayBeAnObjectAndPartOfAnother) {
  ViewOptions options = SmallWorld::options();
  options.types.push_back(
      {.name = "settings",
       .kind = Kind::Setting,
       .project = options.types[1].project,
       .stems_of = {}}
  );
  const auto settings = static_cast<TypeId>(options.types.size() - 1);
  SmallWorld world;
  View live(options);
  world.put(Kind::Mission, "a", "m");
  world.put_labels(Kind::Mission, "a", "m", Json::object().set("used", "7"));
  live.apply(world.commit());
  View loaded(options);
  ASSERT_TRUE(loaded.load(world).ok());
  const std::string name = concat(to_string(Kind::Mission), "/m");
  for (const View* view : {&live, &loaded}) {
    const ProjectedPtr mission = view->get(kMissions, "a", "m");
    ASSERT_NE(mission, nullptr);
    EXPECT_EQ(mission->revision, Revision(2));
    ASSERT_NE(find_value(mission->labels, "used"), nullptr);
    EXPECT_EQ(*find_value(mission->labels, "used"), "7");
    EXPECT_NE(view->get(settings, "a", name), nullptr);
  }
  world.remove(Kind::Mission, "a", "m");
  live.apply(world.commit());
  EXPECT_EQ(live.get(kMissions, "a", "m"), nullptr);
  EXPECT_NE(live.get(settings, "a", name), nullptr) << "it outlives what it was about";
  world.put(Kind::Mission, "a", "m");
  live.apply(world.commit());
  EXPECT_EQ(*find_value(live.get(kMissions, "a", "m")->labels, "used"), "7");
}

}  // namespace
}  // namespace reeve::api::view
