#include "cli/notifier.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "notify/message.h"

namespace reeve::cli {
namespace {

/// A journal, sinks and receivers in memory. What the notifier asks comes from its threads.
class World {
 public:
  explicit World(std::size_t waiting_max = 256) : waiting_max_(waiting_max) {}

  void add_sink(
      const std::string& name,
      std::string_view events,
      std::int64_t cursor = -1,
      std::string_view ns = "default"
  ) {
    const std::lock_guard lock(mutex_);
    Json object = *parse_json(concat(
        R"({"metadata":{"namespace":")",
        ns,
        R"(","name":")",
        name,
        R"(","uid":"uid-)",
        name,
        R"(","generation":1},"spec":{"events":[)",
        events,
        R"(],"webhook":{"url":"http://h/","secretCredential":"key"}}})"
    ));
    object.set("revision", std::int64_t{0});
    if (cursor >= 0) {
      object.set("status", Json::object().set("cursor", cursor));
    }
    sinks_[name] = std::move(object);
  }

  void happens(std::string_view state, std::string_view ns = "default") {
    const std::lock_guard lock(mutex_);
    auto event = std::make_shared<journal::Event>();
    event->revision = Revision(events_.size() + 1);
    event->at = from_unix_millis(1'800'000'000'000);
    event->object = {
        .kind = journal::Kind::Mission, .ns = Namespace(std::string(ns)), .name = "build"};
    event->type = "mission.transitioned";
    event->data = concat(R"({"from":"ACTIVE","to":")", state, R"(","message":"key is hunter2"})");
    events_.push_back(std::move(event));
  }

  void start(NotifierOptions options = {}) {
    options.queue.waiting_max = waiting_max_;
    options.queue.first_pause = Duration(2);
    options.queue.attempts_max = 3;
    options.save_period = Duration(1);
    notifier = std::make_unique<Notifier>(ports(), options);
  }

  NotifierPorts ports() {
    NotifierPorts ports;
    ports.sinks = [this]() -> Result<std::vector<Json>> {
      const std::lock_guard lock(mutex_);
      std::vector<Json> all;
      for (const auto& [name, object] : sinks_) {
        all.push_back(object);
      }
      return all;
    };
    ports.events = [this](Revision after, std::size_t max) -> Result<EventPage> {
      const std::lock_guard lock(mutex_);
      EventPage page{.events = {}, .through = after};
      for (std::size_t i = after.value(); i < events_.size() && page.events.size() < max; ++i) {
        page.events.push_back(events_[i]);
        page.through = events_[i]->revision;
      }
      return page;
    };
    ports.head = [this] {
      const std::lock_guard lock(mutex_);
      return Revision(events_.size());
    };
    ports.facts = [](const Namespace& /*ns*/, const std::string& /*mission*/) {
      return notify::MissionFacts{.workflow = "deploy", .labels = {}};
    };
    ports.redact = [](std::string_view text) {
      return replace_all(text, "hunter2", "***");
    };
    ports.attempt = [this](const Attempt& attempt) {
      std::unique_lock lock(mutex_);
      if (attempt.sink->name.starts_with("hangs")) {
        ++hanging_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return released_; });
      }
      told_.push_back(concat(attempt.sink->name, ":", attempt.notification.revision.value()));
      texts_.push_back(attempt.notification.text);
      std::uint32_t& left = failures_[attempt.sink->name];
      notify::AttemptResult result;
      result.taken = left == 0;
      if (left > 0) {
        --left;
        result.problem = "status 500";
      }
      changed_.notify_all();
      return result;
    };
    ports.save = [this](const SinkReport& report) {
      const std::lock_guard lock(mutex_);
      saved_[report.name] = report;
      changed_.notify_all();
    };
    ports.trouble = [this](const notify::Sink& sink, const std::string& problem) {
      const std::lock_guard lock(mutex_);
      troubles_.push_back(concat(sink.name, ":", problem));
    };
    ports.now = [] {
      return from_unix_millis(
          1'800'000'000'000 +
          std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())
              .count()
      );
    };
    ports.jitter = [] {
      return 0.0;
    };
    return ports;
  }

  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), condition);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Json> sinks_;
  std::vector<std::shared_ptr<const journal::Event>> events_;
  std::vector<std::string> told_;
  std::vector<std::string> texts_;
  std::vector<std::string> troubles_;
  std::map<std::string, std::uint32_t> failures_;
  std::map<std::string, SinkReport> saved_;
  std::size_t waiting_max_;
  /// Attempts that do not end before they are released.
  std::size_t hanging_ = 0;
  bool released_ = false;
  /// Last: its threads use the others.
  std::unique_ptr<Notifier> notifier;
};

TEST(Notifier, TellsInOrderAndKeepsItsPlace) {
  World world(2);
  world.add_sink("all", R"("mission.*")");
  world.add_sink("failures", R"("mission.failed")");
  for (int i = 0; i < 10; ++i) {
    world.happens(i % 5 == 0 ? "FAILED" : "COMPLETE");
  }
  world.start();
  ASSERT_TRUE(world.wait([&] { return world.told_.size() == 12; }));
  world.notifier->stop();
  std::vector<std::string> all;
  std::vector<std::string> failures;
  for (const std::string& told : world.told_) {
    (told.starts_with("all") ? all : failures).push_back(told);
  }
  EXPECT_EQ(failures, (std::vector<std::string>{"failures:1", "failures:6"}));
  EXPECT_EQ(all.size(), 10U);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end() - 1));
  EXPECT_EQ(world.saved_["all"].cursor, Revision(10));
  EXPECT_EQ(world.saved_["all"].delivered, 10U);
  EXPECT_EQ(world.texts_.front(), "key is ***");
}

TEST(Notifier, BeginsWhereItWas) {
  World world;
  world.add_sink("all", R"("mission.*")", 2);
  for (int i = 0; i < 3; ++i) {
    world.happens("FAILED");
  }
  world.start();
  ASSERT_TRUE(world.wait([&] { return world.saved_["all"].delivered == 1; }));
  world.notifier->stop();
  EXPECT_EQ(world.told_, std::vector<std::string>{"all:3"});
}

TEST(Notifier, TriesAgainAndGivesUp) {
  World world;
  world.add_sink("bad", R"("mission.*")");
  world.add_sink("good", R"("mission.*")");
  world.failures_["bad"] = 3;
  world.happens("FAILED");
  world.happens("HELD");
  world.start();
  ASSERT_TRUE(world.wait([&] {
    return world.saved_["bad"].delivered == 1 && world.saved_["good"].delivered == 2;
  }));
  world.notifier->stop();
  std::vector<std::string> bad;
  for (const std::string& told : world.told_) {
    if (told.starts_with("bad")) {
      bad.push_back(told);
    }
  }
  EXPECT_EQ(bad, (std::vector<std::string>{"bad:1", "bad:1", "bad:1", "bad:2"}));
  EXPECT_EQ(world.saved_["bad"].dead, 1U);
  EXPECT_FALSE(world.saved_["bad"].last_dead.empty());
  EXPECT_TRUE(world.saved_["bad"].ready);
  EXPECT_EQ(world.notifier->figures().dead, 1U);
  EXPECT_EQ(world.notifier->figures().retried, 2U);
  EXPECT_NE(
      std::find(world.troubles_.begin(), world.troubles_.end(), "bad:status 500"),
      world.troubles_.end()
  );
  EXPECT_EQ(world.troubles_.back(), "bad:");
}

TEST(Notifier, SinksOfOneNamespaceDoNotKeepAllSenders) {
  World world;
  const NotifierOptions options;
  for (std::size_t i = 0; i < 2 * options.senders; ++i) {
    world.add_sink(concat("hangs-", i), R"("mission.*")", -1, "slow");
  }
  world.add_sink("good", R"("mission.*")");
  world.happens("FAILED", "slow");
  world.start();
  EXPECT_TRUE(world.wait([&] { return world.hanging_ == options.senders - 1; }));
  world.happens("FAILED");
  world.notifier->committed();
  EXPECT_TRUE(world.wait([&] { return world.told_ == std::vector<std::string>{"good:2"}; }));
  {
    const std::lock_guard lock(world.mutex_);
    EXPECT_EQ(world.hanging_, options.senders - 1);
    world.released_ = true;
  }
  world.changed_.notify_all();
  EXPECT_TRUE(world.wait([&] { return world.told_.size() == 2 * options.senders + 1; }));
  world.notifier->stop();
}

TEST(Notifier, TellsWhatIsWrongWithASink) {
  World world;
  world.add_sink("odd", R"("mission.*")");
  world.sinks_["odd"].find("spec")->set("slack", *parse_json(R"({"urlCredential":"u"})"));
  world.happens("FAILED");
  world.start();
  ASSERT_TRUE(world.wait([&] { return world.saved_.contains("odd"); }));
  world.notifier->stop();
  EXPECT_FALSE(world.saved_["odd"].ready);
  EXPECT_NE(world.saved_["odd"].problem.find("exactly one"), std::string::npos);
  EXPECT_TRUE(world.told_.empty());
}

}  // namespace
}  // namespace reeve::cli
