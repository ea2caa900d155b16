#include "cli/history_sweep.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::cli {
namespace {

constexpr Timestamp kNow = from_unix_millis(1'795'253'400'000);

/// Missions `m1`, `m2`, …, in the order of their creation.
class Past final : public store::Reader {
 public:
  void add(bool live, Duration ago, const std::string& parent = {}) {
    store::ListedRow listed;
    listed.created = Revision(rows_.size() + 1);
    listed.row.key = {
        .kind = journal::Kind::Mission,
        .ns = Namespace("default"),
        .name = concat("m", std::uint64_t{rows_.size() + 1})};
    listed.row.uid = Uid(concat("u-", listed.row.key.name));
    listed.row.live = live;
    Json spec = Json::object();
    if (!parent.empty()) {
      spec.set("parent", Json(Json::Object{{"mission", parent}}));
    }
    Json status = Json::object();
    if (!live) {
      status.set("endedAt", format_timestamp(kNow - ago));
    }
    listed.row.body =
        Json(Json::Object{{"spec", std::move(spec)}, {"status", std::move(status)}}).dump();
    rows_.push_back(std::move(listed));
  }

  std::vector<std::string> trimmed(HistoryLimits limits) {
    std::vector<std::string> removed;
    const Result<std::size_t> count =
        trim_history(*this, limits, kNow, [&](const journal::ObjectKey& mission, const Uid& uid) {
          EXPECT_EQ(uid.str(), "u-" + mission.name);
          removed.push_back(mission.name);
          return Result<void>();
        });
    EXPECT_TRUE(count.ok());
    EXPECT_EQ(count.ok() ? *count : 0, removed.size());
    return removed;
  }

  Result<store::Head> head() override { return store::Head{}; }

  Result<std::optional<store::Row>> get(const journal::ObjectKey& key) override {
    const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const auto& listed) {
      return listed.row.key == key;
    });
    return found == rows_.end() ? std::optional<store::Row>() : std::optional(found->row);
  }

  Result<std::vector<store::ListedRow>> list(const store::RowQuery& query) override {
    std::vector<store::ListedRow> page;
    for (auto listed = rows_.rbegin(); listed != rows_.rend(); ++listed) {
      const bool below = query.before == Revision() || listed->created < query.before;
      if (below && page.size() < query.limit) {
        page.push_back(*listed);
      }
    }
    return page;
  }

  Result<std::vector<journal::Event>> events(const store::EventQuery& /*query*/) override {
    return std::vector<journal::Event>();
  }

  Result<void> each_live_row(const std::function<Result<void>(store::Row)>& /*visit*/) override {
    return {};
  }

  Result<void> each_row(const std::function<Result<void>(store::Row)>& /*visit*/) override {
    return {};
  }

  Result<void> each_timer(const std::function<Result<void>(store::Timer)>& /*visit*/) override {
    return {};
  }

  Result<std::optional<store::InputRecord>> find_input(const InputId& /*id*/) override {
    return std::optional<store::InputRecord>();
  }

  Result<std::uint64_t> count_ended(std::string_view /*tally*/, Revision /*up_to*/) override {
    return std::uint64_t{0};
  }

 private:
  std::vector<store::ListedRow> rows_;
};

using Names = std::vector<std::string>;
using std::chrono::hours;

TEST(History, KeepsTheNewestMissionsThatHaveEnded) {
  Past past;
  past.add(false, hours(5));
  past.add(true, hours(0));
  past.add(false, hours(4));
  past.add(false, hours(3));
  past.add(false, hours(2));
  EXPECT_EQ(past.trimmed({.missions_max = 2}), (Names{"m1", "m3"}));
  EXPECT_EQ(past.trimmed({.missions_max = 4}), Names());
  EXPECT_EQ(past.trimmed({}), Names());
}

TEST(History, ForgetsWhatEndedLongAgo) {
  Past past;
  past.add(false, hours(1));
  past.add(false, hours(50));
  past.add(true, hours(0));
  past.add(false, hours(49));
  EXPECT_EQ(past.trimmed({.age = hours(48)}), (Names{"m2", "m4"}));
}

TEST(History, AMissionIsNeededAsLongAsItsParentLives) {
  Past past;
  past.add(true, hours(0));
  past.add(false, hours(50), "m1");
  past.add(false, hours(50), "m9");
  EXPECT_EQ(past.trimmed({.age = hours(48)}), Names{"m3"});
}

TEST(History, OneSweepHasABoundAndBeginsWithTheOldest) {
  Past past;
  for (std::size_t i = 0; i < kHistoryDeletesMax + 600; ++i) {
    past.add(false, hours(1));
  }
  const Names removed = past.trimmed({.missions_max = 100});
  EXPECT_EQ(removed.size(), kHistoryDeletesMax);
  EXPECT_EQ(removed.front(), "m1");
  EXPECT_EQ(removed.back(), concat("m", std::uint64_t{kHistoryDeletesMax}));
}

}  // namespace
}  // namespace reeve::cli
