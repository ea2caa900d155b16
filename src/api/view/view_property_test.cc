#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "api/view/small_world.h"
#include "api/view/view.h"
#include "api/view/watch.h"
#include "base/strings.h"

namespace reeve::api::view {
namespace {

using journal::Kind;

/// What a client knows of an object: namespace and name, and its text.
using Known = std::map<std::string, std::string>;

std::string key_of(const Projected& object) {
  return concat(object.ns, "/", object.name);
}

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  bool percent(std::uint32_t percent) { return below(100) < percent; }

  template <class Item>
  const Item& pick(const std::vector<Item>& items) {
    return items[below(static_cast<std::uint32_t>(items.size()))];
  }

 private:
  std::mt19937 random_;
};

/// Changes a world at random.
class Life {
 public:
  Life(SmallWorld& world, Dice& dice) : world_(world), dice_(dice) {}

  /// A commit of one to six writes.
  store::Commit commit() {
    for (std::uint32_t left = 1 + dice_.below(6); left > 0; --left) {
      write();
    }
    return world_.commit();
  }

 private:
  void write() {
    const std::string ns = dice_.pick(kNamespaces);
    const std::string name = concat("m", dice_.below(6));
    const Kind kind = dice_.percent(25) ? Kind::Workflow : Kind::Mission;
    const std::uint32_t choice = dice_.below(100);
    if (choice < 12) {
      world_.remove(kind, ns, name);
    } else if (choice < 25) {
      world_.put_labels(kind, ns, name, Json::object().set("team", dice_.pick(kTeams)));
    } else if (choice < 30) {
      world_.remove_labels(kind, ns, name);
    } else if (choice < 33) {
      world_.put(Kind::Channel, ns, name);
    } else if (kind == Kind::Mission && choice < 80) {
      change_runs(ns, name);
    } else {
      Json body = world_.body(kind, ns, name);
      body.set("phase", dice_.pick(kPhases));
      world_.put(kind, ns, name, std::move(body));
    }
  }

  /// Adds or changes one run, or takes some away.
  void change_runs(const std::string& ns, const std::string& name) {
    Json body = world_.body(Kind::Mission, ns, name);
    const Json* old = body.find("runs");
    Json runs = old != nullptr ? *old : Json::object();
    const std::string run = concat(name, ".", dice_.below(4));
    if (dice_.percent(25)) {
      Json kept = Json::object();
      for (const auto& [each, value] : runs.as_object()) {
        if (dice_.percent(50)) {
          kept.set(each, value);
        }
      }
      runs = std::move(kept);
    } else {
      const Json* before = runs.find(run);
      const std::uint64_t revision = world_.coming().value();
      Json next = before != nullptr ? *before : Json::object().set("uid", concat("r", revision));
      next.set("revision", Json(revision));
      next.set("phase", dice_.pick(kPhases));
      next.set("labels", Json::object().set("team", dice_.pick(kTeams)));
      runs.set(run, std::move(next));
    }
    body.set("runs", std::move(runs));
    world_.put(Kind::Mission, ns, name, std::move(body));
  }

  inline static const std::vector<std::string> kNamespaces = {"a", "b", "c"};
  inline static const std::vector<std::string> kTeams = {"red", "blue"};
  inline static const std::vector<std::string> kPhases = {"queued", "active", "done"};

  SmallWorld& world_;
  Dice& dice_;
};

Selector any_selector(Dice& dice) {
  Selector selector;
  if (dice.percent(30)) {
    selector.ns = dice.percent(50) ? "a" : "b";
  }
  if (dice.percent(25)) {
    selector.name = concat("m", dice.below(6), dice.percent(50) ? ".1" : "");
  }
  if (dice.percent(35)) {
    selector.labels = has_label("team", dice.percent(50) ? "red" : "blue");
  }
  if (dice.percent(35)) {
    selector.fields = has_field("phase", dice.percent(50) ? "active" : "done");
  }
  return selector;
}

/// A client as informers are: lists, watches, and resumes from the last revision it was told.
class Client {
 public:
  Client(const View& view, Dice& dice)
      : view_(view), dice_(dice), type_(TypeId{dice.below(3)}), selector_(any_selector(dice)) {
    list();
  }

  std::uint64_t lists() const { return lists_; }

  std::uint64_t events() const { return events_; }

  /// Reads a few events, or loses its connection.
  void step() {
    if (dice_.percent(15)) {
      resume(dice_.percent(50) && watcher_->bookmark() ? *watcher_->bookmark() : seen_);
    }
    read(1 + dice_.below(3));
  }

  /// Reads all there is and compares with a list.
  void catch_up() {
    for (bool more = true; more;) {
      more = read(1 + dice_.below(5));
    }
    ASSERT_EQ(known_, state()) << "at revision " << view_.revision().value();
    EXPECT_EQ(watcher_->bookmark(), view_.revision());
  }

 private:
  /// The state by small pages, all of one snapshot.
  Known state() {
    Known state;
    ListQuery query{.type = type_, .selector = selector_, .limit = 1 + dice_.below(7)};
    do {
      const auto page = view_.list(query);
      EXPECT_TRUE(page);
      for (const ProjectedPtr& object : page->items) {
        EXPECT_TRUE(state.emplace(key_of(*object), *object->text()).second);
      }
      listed_ = page->revision;
      query.from = page->next;
    } while (query.from);
    return state;
  }

  void list() {
    ++lists_;
    if (dice_.percent(50)) {
      known_ = state();
      seen_ = listed_;
      resume(listed_);
      return;
    }
    known_.clear();
    initial_ = true;
    auto watcher = view_.watch({.type = type_, .selector = selector_, .initial_bookmark = true});
    ASSERT_TRUE(watcher);
    watcher_ = std::move(watcher).value();
  }

  void resume(Revision from) {
    if (initial_) {
      return;  // without the end of the initial events there is nothing to resume from
    }
    auto watcher = view_.watch({.type = type_, .selector = selector_, .from = from});
    if (!watcher) {
      EXPECT_TRUE(is_expired(watcher.error()));
      list();
      return;
    }
    resumed_ = from;
    seen_ = from;
    watcher_ = std::move(watcher).value();
  }

  bool read(std::size_t max) {
    auto step = watcher_->next(max);
    if (!step) {
      EXPECT_TRUE(is_expired(step.error()));
      list();
      return true;
    }
    for (const WatchEvent& event : step->events) {
      take(event);
    }
    return step->more;
  }

  void take(const WatchEvent& event) {
    ++events_;
    if (!event.object) {
      EXPECT_TRUE(event.initial_end);
      EXPECT_TRUE(std::exchange(initial_, false));
      seen_ = event.revision;
      resumed_ = event.revision;
      return;
    }
    const std::string key = key_of(*event.object);
    EXPECT_TRUE(selector_.matches(*event.object));
    if (!initial_) {
      // Deletions that belong together tell the revision before, so they may tell it again.
      const Revision bound =
          event.type == WatchEventType::Deleted ? event.revision.next() : event.revision;
      EXPECT_GT(bound, resumed_) << key;
      EXPECT_GE(event.revision, seen_) << key;
      seen_ = event.revision;
    }
    switch (event.type) {
      case WatchEventType::Added:
        EXPECT_TRUE(known_.emplace(key, *event.object->text()).second) << key;
        break;
      case WatchEventType::Modified:
        EXPECT_TRUE(known_.contains(key)) << key;
        known_[key] = *event.object->text();
        break;
      case WatchEventType::Deleted:
        EXPECT_TRUE(known_.erase(key) == 1 || event.revision <= resumed_.next()) << key;
        break;
      case WatchEventType::Bookmark:
        FAIL();
    }
  }

  const View& view_;
  Dice& dice_;
  const TypeId type_;
  const Selector selector_;
  std::unique_ptr<Watcher> watcher_;
  Known known_;
  bool initial_ = false;
  Revision listed_;
  /// The last revision it was told, and where its watch began.
  Revision seen_;
  Revision resumed_;
  std::uint64_t lists_ = 0;
  std::uint64_t events_ = 0;
};

struct Totals {
  std::uint64_t lists = 0;
  std::uint64_t events = 0;
};

Totals live(std::uint32_t seed, const ViewLimits& limits, bool restarts) {
  Dice dice(seed);
  SmallWorld world;
  Life life(world, dice);
  ViewOptions options = SmallWorld::options();
  options.limits = limits;
  View view(options);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<Client>(view, dice));
  }
  Revision before;
  for (int step = 0; step < 60; ++step) {
    view.apply(life.commit());
    if (restarts && dice.percent(5)) {
      EXPECT_TRUE(view.load(world));
    }
    EXPECT_GE(view.revision(), before);
    before = view.revision();
    for (const auto& client : clients) {
      if (dice.percent(50)) {
        client->step();
      }
      if (dice.percent(10)) {
        client->catch_up();
      }
    }
  }
  Totals totals;
  for (const auto& client : clients) {
    client->catch_up();
    totals.lists += client->lists();
    totals.events += client->events();
  }
  return totals;
}

TEST(ViewProperty, AListAndTheWatchFromItGiveEveryLaterList) {
  Totals totals;
  for (std::uint32_t seed = 1; seed <= 6 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const Totals each = live(seed, {}, false);
    totals.events += each.events;
    EXPECT_EQ(each.lists, 12U) << "nothing expired";
  }
  EXPECT_GT(totals.events, 1'000U);
}

TEST(ViewProperty, ClientsThatFallBehindListAgainAndMissNothing) {
  Totals totals;
  for (std::uint32_t seed = 100; seed < 103 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const Totals each = live(seed, {.changes_max = 20, .projections_max = 10}, false);
    totals.lists += each.lists;
  }
  EXPECT_GT(totals.lists, 3U * 12U) << "some expired";
}

TEST(ViewProperty, RestartsAreLikeFallingBehind) {
  for (std::uint32_t seed = 200; seed < 203 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    live(seed, {}, true);
  }
}

struct Told {
  WatchEventType type;
  std::string key;
  Revision revision;

  friend bool operator==(const Told&, const Told&) = default;
};

std::vector<Told> all_events(
    const View& view, const Selector& selector, TypeId type, Revision from
) {
  auto watcher = view.watch({.type = type, .selector = selector, .from = from});
  EXPECT_TRUE(watcher);
  std::vector<Told> told;
  for (bool more = true; more;) {
    auto step = (*watcher)->next(3);
    EXPECT_TRUE(step);
    for (const WatchEvent& event : step->events) {
      told.push_back({event.type, key_of(*event.object), event.revision});
    }
    more = step->more;
  }
  return told;
}

TEST(ViewProperty, AWatchResumesAfterAnyEventItWasTold) {
  for (std::uint32_t seed = 300; seed < 304; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    SmallWorld world;
    Life life(world, dice);
    View view(SmallWorld::options());
    for (int step = 0; step < 25; ++step) {
      view.apply(life.commit());
    }
    for (std::uint32_t type = 0; type < 3; ++type) {
      const Selector selector = any_selector(dice);
      const std::vector<Told> all = all_events(view, selector, TypeId{type}, Revision(0));
      for (std::size_t i = 0; i < all.size(); ++i) {
        const auto rest = all_events(view, selector, TypeId{type}, all[i].revision);
        const std::size_t expected = all.size() - i - 1;
        ASSERT_GE(rest.size(), expected);
        const std::size_t repeated = rest.size() - expected;
        EXPECT_TRUE(std::equal(
            all.end() - static_cast<std::ptrdiff_t>(rest.size()), all.end(), rest.begin()
        ));
        for (std::size_t at = 0; at < repeated; ++at) {
          EXPECT_EQ(rest[at].type, WatchEventType::Deleted);
          EXPECT_EQ(rest[at].revision, all[i].revision);
        }
      }
    }
  }
}

}  // namespace
}  // namespace reeve::api::view
