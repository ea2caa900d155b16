#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
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

constexpr int kCommits = 200;
constexpr int kObjects = 40;

/// One thread commits, others list, get and watch the same view; each reader stops when it has seen
/// the last commit.
class ViewThreads : public testing::Test {
 protected:
  static ViewOptions options() {
    ViewOptions options = SmallWorld::options();
    options.limits.projections_max = 30;
    options.limits.snapshots_max = 2;
    options.limits.changes_max = 50;
    options.limits.events_max = 50;
    return options;
  }

  void write() {
    SmallWorld world;
    for (int i = 0; i < kCommits; ++i) {
      const std::uint64_t revision = world.coming().value();
      const std::string name = concat("m", i % kObjects);
      Json run = Json::object().set("uid", "r").set("revision", Json(revision));
      Json runs = Json::object().set(concat(name, ".1"), std::move(run));
      world.put(Kind::Mission, "a", name, Json::object().set("runs", std::move(runs)));
      if (i % 7 == 0) {
        world.remove(Kind::Mission, "a", concat("m", (i * 3) % kObjects));
      }
      if (i % 5 == 0) {
        world.put_labels(
            Kind::Mission, "a", concat("m", (i * 5) % kObjects), Json::object().set("team", "red")
        );
      }
      if (i + 1 == kCommits) {
        last_ = world.head_revision();
      }
      view_.apply(world.commit());
    }
    done_ = true;
  }

  void follow(TypeId type, Selector selector) {
    std::map<std::string, Revision> known;
    std::unique_ptr<Watcher> watcher;
    while (true) {
      const bool done = done_;
      if (!watcher) {
        known.clear();
        watcher = std::move(*view_.watch({.type = type, .selector = selector}));
      }
      auto step = watcher->next(5);
      if (!step) {
        EXPECT_TRUE(is_expired(step.error()));
        watcher = nullptr;
        continue;
      }
      for (const WatchEvent& event : step->events) {
        take(event, known);
      }
      if (!step->more && done) {
        break;
      }
    }
    const auto page = view_.list({.type = type, .selector = selector});
    EXPECT_EQ(page->items.size(), known.size());
    for (const ProjectedPtr& object : page->items) {
      EXPECT_EQ(known[object->name], object->revision);
    }
  }

  static void take(const WatchEvent& event, std::map<std::string, Revision>& known) {
    const auto bytes = event.encoded("text", [](const WatchEvent& each) {
      return concat(to_string(each.type), *each.object->text());
    });
    EXPECT_FALSE(bytes->empty());
    if (event.type == WatchEventType::Deleted) {
      EXPECT_EQ(known.erase(event.object->name), 1U);
    } else {
      EXPECT_EQ(known.contains(event.object->name), event.type == WatchEventType::Modified);
      known[event.object->name] = event.revision;
    }
  }

  void page() {
    for (bool done = false; !done;) {
      done = done_;
      ListQuery query{.type = SmallWorld::kMissions, .limit = 9};
      Revision revision;
      do {
        const auto page = view_.list(query);
        if (!page) {
          EXPECT_TRUE(is_expired(page.error()));
          break;
        }
        EXPECT_TRUE(!query.from || page->revision == revision);
        revision = page->revision;
        for (const ProjectedPtr& object : page->items) {
          EXPECT_LE(object->revision, revision);
        }
        query.from = page->next;
      } while (query.from);
    }
  }

  void tail() {
    Revision at;
    for (bool done = false; !done;) {
      done = done_;
      const auto page = view_.events().after(at, {}, 10);
      if (!page) {
        EXPECT_TRUE(is_expired(page.error()));
        at = view_.events().floor();
        done = false;
        continue;
      }
      for (const auto& event : page->events) {
        EXPECT_EQ(event->revision, at.next());
        at = event->revision;
      }
      done = done && !page->more;
    }
    EXPECT_EQ(at, last_.load());
  }

  View view_{options()};
  std::atomic<bool> done_ = false;
  std::atomic<Revision> last_ = Revision();
};

TEST_F(ViewThreads, ReadersSeeOneHistoryWhileTheWriterGoesOn) {
  std::vector<std::thread> threads;
  threads.emplace_back([&] { follow(SmallWorld::kMissions, {}); });
  threads.emplace_back([&] { follow(SmallWorld::kRuns, {}); });
  threads.emplace_back([&] { follow(SmallWorld::kMissions, {.labels = has_label("team", "red")}); }
  );
  threads.emplace_back([&] { page(); });
  threads.emplace_back([&] { tail(); });
  write();
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(view_.revision(), last_.load());
}

}  // namespace
}  // namespace reeve::api::view
