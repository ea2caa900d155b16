#include "api/view/watch.h"

#include <memory>
#include <string>
#include <string_view>
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

using Lines = std::vector<std::string>;

/// A world, a view that follows it, and what its watchers are told, as text.
class Watch : public testing::Test {
 protected:
  Watch() : view_(std::make_unique<View>(options({}))) {}

  ViewOptions options(ViewLimits limits) {
    ViewOptions options = SmallWorld::options();
    options.notify = [this](const Notice& notice) {
      notices_.push_back(notice);
    };
    options.limits = limits;
    return options;
  }

  void commit() { view_->apply(world_.commit()); }

  void put(std::string_view name, std::string_view phase = "") {
    world_.put(Kind::Mission, "a", name, Json::object().set("phase", phase));
    commit();
  }

  void label(std::string_view name, std::string_view team) {
    world_.put_labels(Kind::Mission, "a", name, Json::object().set("team", team));
    commit();
  }

  std::unique_ptr<Watcher> watch(WatchQuery query) {
    auto watcher = view_->watch(std::move(query));
    EXPECT_TRUE(watcher) << watcher.error().describe();
    return watcher ? std::move(watcher).value() : nullptr;
  }

  std::unique_ptr<Watcher> watch_from(std::uint64_t revision, Selector selector = {}) {
    return watch({.type = kMissions, .selector = std::move(selector), .from = Revision(revision)});
  }

  static std::string line(const WatchEvent& event) {
    if (!event.object) {
      return concat(event.initial_end ? "END " : "BOOKMARK ", event.revision.value());
    }
    const std::string version =
        event.object->object.find("metadata")->get_string("resourceVersion");
    EXPECT_EQ(version, std::to_string(event.revision.value()));
    return concat(to_string(event.type), " ", event.object->name, " ", version);
  }

  /// Everything that is there, at most `max` at a time.
  static Lines read(Watcher& watcher, std::size_t max = 100) {
    Lines lines;
    while (true) {
      const auto step = watcher.next(max);
      if (!step) {
        lines.push_back(is_expired(step.error()) ? "EXPIRED" : "?");
        return lines;
      }
      EXPECT_LE(step->events.size(), max);
      for (const WatchEvent& event : step->events) {
        lines.push_back(line(event));
      }
      if (!step->more) {
        return lines;
      }
    }
  }

  static Json run(std::uint64_t revision) {
    return Json::object().set("uid", "r").set("revision", Json(revision));
  }

  void put_runs(std::string_view mission, Json runs) {
    world_.put(Kind::Mission, "a", mission, Json::object().set("runs", std::move(runs)));
  }

  SmallWorld world_;
  std::vector<Notice> notices_;
  std::unique_ptr<View> view_;
};

TEST_F(Watch, TellsWhatHappensAfterTheRevision) {
  put("m");
  const auto watcher = watch_from(1);
  EXPECT_EQ(read(*watcher), Lines{});
  put("n");
  put("m");
  world_.remove(Kind::Mission, "a", "n");
  commit();
  EXPECT_EQ(read(*watcher), (Lines{"ADDED n 2", "MODIFIED m 3", "DELETED n 4"}));
  EXPECT_EQ(read(*watcher), Lines{});
}

TEST_F(Watch, StartsWithTheCurrentState) {
  put("n");
  put("m");
  const auto watcher = watch({.type = kMissions});
  EXPECT_FALSE(watcher->bookmark());
  put("m");
  EXPECT_EQ(read(*watcher), (Lines{"ADDED m 2", "ADDED n 1", "MODIFIED m 3"}));
  EXPECT_EQ(watcher->bookmark(), Revision(3));
}

TEST_F(Watch, SaysWhereTheInitialEventsEnd) {
  put("m");
  put("n");
  for (const std::size_t max : {1U, 2U, 3U, 100U}) {
    const auto watcher = watch({.type = kMissions, .initial_bookmark = true});
    EXPECT_EQ(read(*watcher, max), (Lines{"ADDED m 1", "ADDED n 2", "END 2"})) << max;
  }
  const auto nothing = watch({.type = kWorkflows, .initial_bookmark = true});
  EXPECT_EQ(read(*nothing), (Lines{"END 2"}));
  EXPECT_FALSE(view_->watch({.type = kMissions, .from = Revision(1), .initial_bookmark = true}));
}

TEST_F(Watch, ObjectsEnterAndLeaveASelection) {
  put("m");
  label("m", "blue");
  const auto watcher = watch_from(2, {.labels = has_label("team", "red")});
  label("m", "red");
  put("m");
  label("m", "blue");
  put("m");
  label("m", "red");
  world_.remove(Kind::Mission, "a", "m");
  commit();
  EXPECT_EQ(
      read(*watcher),
      (Lines{"ADDED m 3", "MODIFIED m 4", "DELETED m 5", "ADDED m 7", "DELETED m 8"})
  );
}

TEST_F(Watch, DeletedCarriesTheLastStateThatWasSelected) {
  put("m", "active");
  const auto watcher = watch_from(1, {.fields = has_field("phase", "active")});
  put("m", "done");
  const auto step = watcher->next(10);
  ASSERT_EQ(step->events.size(), 1U);
  const WatchEvent& event = step->events[0];
  EXPECT_EQ(event.type, WatchEventType::Deleted);
  EXPECT_EQ(event.revision, Revision(2));
  EXPECT_EQ(event.object->object.find("spec")->get_string("phase"), "active");
  EXPECT_EQ(event.object->object.find("metadata")->get_string("resourceVersion"), "2");
}

TEST_F(Watch, ANewObjectOfAnOldNameComesAfterTheOldOneHasGone) {
  put("m");
  const auto watcher = watch_from(1);
  world_.remove(Kind::Mission, "a", "m");
  world_.put(Kind::Mission, "a", "m");
  commit();
  EXPECT_EQ(read(*watcher), (Lines{"DELETED m 2", "ADDED m 3"}));
}

TEST_F(Watch, ComesAndGoesWithinOneCommitUnseen) {
  const auto watcher = watch_from(0);
  world_.put(Kind::Mission, "a", "m");
  world_.remove(Kind::Mission, "a", "m");
  commit();
  EXPECT_EQ(read(*watcher), Lines{});
  EXPECT_EQ(watcher->bookmark(), Revision(2));
}

TEST_F(Watch, OneNameOrNamespaceOnly) {
  const auto named = watch_from(0, {.ns = "a", .name = "m"});
  const auto spaced = watch_from(0, {.ns = "b"});
  put("m");
  put("n");
  world_.put(Kind::Mission, "b", "m");
  commit();
  EXPECT_EQ(read(*named), (Lines{"ADDED m 1"}));
  EXPECT_EQ(read(*spaced), (Lines{"ADDED m 3"}));
}

TEST_F(Watch, DerivedObjectsChangeOneByOneInOrderOfRevision) {
  put_runs("m", Json::object().set("m.1", run(1)));
  put_runs("n", Json::object().set("n.1", run(2)));
  commit();
  const auto runs = watch({.type = kRuns, .from = Revision(2)});
  const auto one = watch({.type = kRuns, .selector = {.name = "n.1"}, .from = Revision(2)});
  // One commit with revisions 3 to 6.
  put_runs("m", Json::object().set("m.1", run(3)));
  put_runs("n", Json::object().set("n.1", run(4)));
  put_runs("m", Json::object().set("m.1", run(3)).set("m.2", run(5)));
  put_runs("m", Json::object().set("m.1", run(3)).set("m.2", run(5)));
  commit();
  EXPECT_EQ(read(*runs), (Lines{"MODIFIED m.1 3", "MODIFIED n.1 4", "ADDED m.2 5"}));
  EXPECT_EQ(read(*one), (Lines{"MODIFIED n.1 4"}));
  for (const auto& [revision, lines] : std::vector<std::pair<std::uint64_t, Lines>>{
           {3, {"MODIFIED n.1 4", "ADDED m.2 5"}}, {4, {"ADDED m.2 5"}}, {5, {}}}) {
    EXPECT_EQ(read(*watch({.type = kRuns, .from = Revision(revision)})), lines);
  }
}

TEST_F(Watch, AClientThatResumesAmongThoseThatWentTogetherMissesNone) {
  put_runs("m", Json::object().set("m.1", run(1)).set("m.2", run(1)).set("m.3", run(1)));
  world_.put(Kind::Workflow, "a", "w");
  commit();
  const auto watcher = watch({.type = kRuns, .from = Revision(2)});
  world_.remove(Kind::Mission, "a", "m");
  commit();
  EXPECT_EQ(read(*watcher), (Lines{"DELETED m.1 2", "DELETED m.2 2", "DELETED m.3 3"}));
  EXPECT_EQ(read(*watch({.type = kRuns, .from = Revision(2)})).size(), 3U);
  EXPECT_EQ(read(*watch({.type = kRuns, .from = Revision(3)})).size(), 0U);
}

TEST_F(Watch, TheFutureIsSilentUntilItComes) {
  put("m");
  const auto watcher = watch_from(3);
  EXPECT_EQ(read(*watcher), Lines{});
  EXPECT_EQ(watcher->bookmark(), Revision(3));
  put("m");
  put("m");
  EXPECT_EQ(read(*watcher), Lines{});
  put("m");
  EXPECT_EQ(read(*watcher), (Lines{"MODIFIED m 4"}));
}

TEST_F(Watch, ThoseWhoHaveToldEverythingStandAtOnePlace) {
  put("m");
  const auto early = watch_from(0);
  const auto late = watch({.type = kMissions});
  const auto ahead = watch_from(3);
  EXPECT_EQ(late->place(), std::nullopt);
  EXPECT_EQ(read(*early).size(), 1U);
  EXPECT_EQ(read(*late).size(), 1U);
  EXPECT_EQ(read(*ahead).size(), 0U);
  ASSERT_NE(early->place(), std::nullopt);
  EXPECT_EQ(early->place(), late->place());
  // It would skip what the others tell.
  EXPECT_EQ(ahead->place(), std::nullopt);

  put("m");
  put("m");
  EXPECT_EQ(read(*early), (Lines{"MODIFIED m 2", "MODIFIED m 3"}));
  EXPECT_NE(early->place(), late->place());
  EXPECT_TRUE(late->next(1)->more);
  EXPECT_EQ(late->place(), std::nullopt);
  EXPECT_EQ(read(*late), (Lines{"MODIFIED m 3"}));
  EXPECT_EQ(read(*ahead), Lines{});
  EXPECT_EQ(early->place(), late->place());
  EXPECT_EQ(early->place(), ahead->place());
}

TEST_F(Watch, BookmarksGoOnThoughNothingIsSelected) {
  const auto watcher = watch_from(0, {.name = "none"});
  put("m");
  world_.put(Kind::Workflow, "a", "w");
  commit();
  EXPECT_EQ(read(*watcher), Lines{});
  EXPECT_EQ(watcher->bookmark(), Revision(2));
}

TEST_F(Watch, ABookmarkAmidACommitDoesNotPromiseTheRest) {
  const auto watcher = watch_from(0);
  for (const char* name : {"m", "n", "o"}) {
    world_.put(Kind::Mission, "a", name);
  }
  commit();
  EXPECT_TRUE(watcher->next(1)->more);
  EXPECT_EQ(watcher->bookmark(), Revision(1));
  EXPECT_EQ(read(*watch_from(watcher->bookmark()->value())), (Lines{"ADDED n 2", "ADDED o 3"}));
  EXPECT_EQ(read(*watcher, 1), (Lines{"ADDED n 2", "ADDED o 3"}));
  EXPECT_EQ(watcher->bookmark(), Revision(3));
}

TEST_F(Watch, ChangesThatAreForgottenExpireAndAreNeverSkipped) {
  view_ = std::make_unique<View>(options({.changes_max = 3}));
  const auto slow = watch_from(0);
  const auto quick = watch_from(0);
  for (int i = 0; i < 5; ++i) {
    put("m");
    if (i < 4) {
      read(*quick);
    }
  }
  EXPECT_EQ(read(*quick), (Lines{"MODIFIED m 5"}));
  EXPECT_EQ(read(*slow), (Lines{"EXPIRED"}));
  put("m");
  EXPECT_EQ(read(*slow), (Lines{"EXPIRED"}));
  EXPECT_TRUE(is_expired(view_->watch({.type = kMissions, .from = Revision(2)}).error()));
  EXPECT_EQ(read(*watch_from(3)).size(), 3U);
  EXPECT_EQ(read(*watch({.type = kMissions})), (Lines{"ADDED m 6"}));
}

TEST_F(Watch, HowFarItMayFallBehindCanChange) {
  const auto slow = watch_from(0);
  for (int i = 0; i < 5; ++i) {
    put("m");
  }
  view_->change_limits(3, ViewLimits{}.snapshot_age_max);
  put("m");
  EXPECT_EQ(read(*slow), (Lines{"EXPIRED"}));
  EXPECT_EQ(read(*watch_from(3)).size(), 3U);
}

TEST_F(Watch, HandsOutWhatItHasBeforeItTellsThatItExpired) {
  view_ = std::make_unique<View>(options({.changes_max = 3}));
  const auto watcher = watch_from(0);
  world_.put(Kind::Mission, "a", "m");
  world_.put(Kind::Mission, "a", "n");
  commit();
  EXPECT_TRUE(watcher->next(1)->more);
  for (int i = 0; i < 5; ++i) {
    put("o");
  }
  EXPECT_EQ(read(*watcher), (Lines{"ADDED n 2", "EXPIRED"}));
}

TEST_F(Watch, ManyChangesOfOneKindDoNotForgetThoseOfAnother) {
  view_ = std::make_unique<View>(options({.changes_bytes_max = 20'000}));
  world_.put(Kind::Workflow, "a", "w");
  commit();
  const std::string phase(1'000, 'x');
  for (int i = 0; i < 100; ++i) {
    put("m", phase);
  }
  EXPECT_EQ(read(*watch({.type = kWorkflows, .from = Revision(0)})), (Lines{"ADDED w 1"}));
  EXPECT_TRUE(is_expired(view_->watch({.type = kMissions, .from = Revision(80)}).error()));
  EXPECT_EQ(read(*watch_from(95)).size(), 6U);
}

TEST_F(Watch, TheNewestCommitIsKeptHoweverLarge) {
  view_ = std::make_unique<View>(options({.changes_bytes_max = 100}));
  const auto watcher = watch_from(0);
  put("m", std::string(1'000, 'x'));
  EXPECT_EQ(read(*watcher), (Lines{"ADDED m 1"}));
}

TEST_F(Watch, ResumesAfterARestartFromTheLastChangeOfItsKind) {
  put("m");
  put("n");
  world_.remove(Kind::Mission, "a", "n");
  world_.put(Kind::Workflow, "a", "w");
  commit();
  View other(options({}));
  ASSERT_TRUE(other.load(world_));
  EXPECT_EQ(other.revision(), Revision(4));
  EXPECT_TRUE(is_expired(other.watch({.type = kMissions, .from = Revision(2)}).error()));
  const auto resumed = other.watch({.type = kMissions, .from = Revision(3)});
  ASSERT_TRUE(resumed);
  put("m");
  other.apply([&] {
    world_.put(Kind::Mission, "a", "o");
    store::Commit commit = world_.commit();
    return commit;
  }());
  EXPECT_EQ(read(**resumed), (Lines{"ADDED o 6"}));
}

TEST_F(Watch, LoadingAnewEndsWatches) {
  put("m");
  const auto watcher = watch_from(1);
  ASSERT_TRUE(view_->load(world_));
  EXPECT_EQ(read(*watcher), (Lines{"EXPIRED"}));
  EXPECT_EQ(view_->revision(), Revision(1));
  EXPECT_EQ(read(*watch_from(1)), Lines{});
}

TEST_F(Watch, EachCommitNotifiesOnceAndSaysWhatChanged) {
  const auto watcher = watch_from(0);
  world_.put(Kind::Mission, "a", "m");
  world_.put(Kind::Mission, "a", "n");
  world_.put_labels(Kind::Workflow, "a", "w", Json::object());
  commit();
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].revision, Revision(3));
  EXPECT_TRUE(notices_[0].has(Kind::Mission));
  EXPECT_TRUE(notices_[0].has(Kind::Workflow));
  EXPECT_FALSE(notices_[0].has(Kind::Setting));
  EXPECT_TRUE(watcher->concerned(notices_[0]));
  world_.put(Kind::Channel, "a", "c");
  commit();
  ASSERT_EQ(notices_.size(), 2U);
  EXPECT_EQ(notices_[1].revision, Revision(4));
  EXPECT_FALSE(watcher->concerned(notices_[1]));
  EXPECT_EQ(view_->events().after(Revision(0), {}, 10)->events.size(), 4U);
}

TEST_F(Watch, WatchersOfOneRepresentationShareItsBytes) {
  const auto one = watch_from(0);
  const auto other = watch_from(0);
  put("m");
  label("m", "red");
  int encoded = 0;
  const auto encode = [&](const WatchEvent& event) {
    ++encoded;
    return line(event);
  };
  std::vector<Encodings::Bytes> bytes;
  for (Watcher* watcher : {one.get(), other.get()}) {
    const auto step = watcher->next(10);
    for (const WatchEvent& event : step->events) {
      bytes.push_back(event.encoded("json", encode));
    }
  }
  ASSERT_EQ(bytes.size(), 4U);
  EXPECT_EQ(bytes[0], bytes[2]);
  EXPECT_EQ(bytes[1], bytes[3]);
  EXPECT_EQ(encoded, 2);
}

}  // namespace
}  // namespace reeve::api::view
