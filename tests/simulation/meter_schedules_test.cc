// A thousand runs on one small budget, in a hundred random schedules of crashes: inputs that are
// lost, batches that are lost, batches that are stored and never answered. The provider's own count
// never exceeds the budget. (meter_test.cc has the same with all checkers, and fewer runs.)

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "../engine/kernel_fixture.h"
#include "base/strings.h"
#include "sim/random.h"

namespace reeve::kernel {
namespace {

using journal::Kind;

constexpr std::uint64_t kCallTokensMax = 300;
constexpr std::uint64_t kShards = 4;

journal::ObjectKey key_of(Kind kind, std::string name) {
  return {.kind = kind, .ns = Namespace("default"), .name = std::move(name)};
}

std::uint64_t setting(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

class Schedule {
 public:
  Schedule(std::uint64_t seed, std::uint64_t runs)
      : random_(seed), runs_(runs), tokens_max_(runs * 20), bench_(limits_for(runs)) {
    order(
        key_of(Kind::BudgetQuota, "q"),
        "create",
        concat(
            R"({"object":{"apiVersion":"reeve.dev/v1","kind":"BudgetQuota","metadata":{"name":"q"},)",
            R"("spec":{"limits":{"maxTotalTokens":)",
            tokens_max_,
            R"(},"enforcement":{"onTokenLimit":")",
            seed % 2 == 0 ? "queue" : "alert",
            R"("}}}})"
        )
    );
    // An alert lets everybody pass: a second quota, of the installation, holds the same bound.
    if (seed % 2 != 0) {
      order(
          {.kind = Kind::ClusterBudgetQuota, .ns = Namespace(), .name = "all"},
          "create",
          concat(
              R"({"object":{"apiVersion":"reeve.dev/v1","kind":"ClusterBudgetQuota",)",
              R"("metadata":{"name":"all"},"spec":{"limits":{"maxTotalTokens":)",
              tokens_max_,
              R"(},"enforcement":{"onTokenLimit":"queue"}}}})"
          )
      );
    }
    bench_.commit();
    start();
  }

  void play(std::uint64_t steps) {
    for (std::uint64_t i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      step();
    }
    bench_.commit();
    take_answers();
    while (!sent_.empty()) {
      settle(sent_.begin()->first);
    }
    bench_.commit();
    crash();
    EXPECT_GE(settled(), given_) << "less is settled than the provider has given";
    EXPECT_LE(settled(), tokens_max_);
    EXPECT_GT(given_, tokens_max_ / 4) << "the budget was hardly used";
    EXPECT_GT(refused_, 0U);
  }

  std::uint64_t crashes() const { return crashes_; }

 private:
  static engine::Limits limits_for(std::uint64_t runs) {
    engine::Limits limits;
    limits.run_slots = static_cast<std::uint32_t>(runs);
    return limits;
  }

  void order(journal::ObjectKey key, std::string verb, const std::string& body) {
    bench_.post(
        engine::ObjectCommand{
            .object = std::move(key), .verb = std::move(verb), .body = *parse_json(body)},
        {},
        "system:models"
    );
  }

  /// A run for each mission.
  void start() {
    for (std::uint64_t i = 0; i < runs_; ++i) {
      bench_.post(submit_command(concat("m", i)));
    }
    bench_.commit();
    for (const model::LaunchRun& launch : bench_.take_launches()) {
      bench_.post(started(launch));
    }
    bench_.commit();
  }

  void step() {
    const std::uint64_t dice = random_.below(1000);
    if (dice < 550) {
      ask();
    } else if (dice < 850 && !sent_.empty()) {
      auto one = sent_.begin();
      std::advance(one, static_cast<std::ptrdiff_t>(random_.below(sent_.size())));
      settle(one->first);
    } else if (dice < 996) {
      bench_.commit();
      take_answers();
    } else if (dice < 998) {
      crash();
    } else {
      // Stored, and nobody was told.
      const Batch batch = bench_.core().seal();
      ASSERT_TRUE(bench_.store().commit(linked(batch.commit)).ok());
      crash();
    }
  }

  store::Commit linked(store::Commit commit) {
    const auto head = bench_.store().head();
    journal::Chain chain(head->chain);
    for (journal::Event& event : commit.events) {
      chain.link(event);
    }
    return commit;
  }

  /// Everything that was not stored is lost, and so are the answers; what the gateway has sent is
  /// at the provider.
  void crash() {
    ++crashes_;
    asked_.clear();
    sent_.clear();
    bench_.restart();
    bench_.commit();
    bench_.take_launches();
    check();
  }

  void ask() {
    const std::uint64_t run = random_.below(runs_);
    const std::uint64_t worst = 1 + random_.below(kCallTokensMax);
    const std::string call = concat("c", ++calls_);
    const std::size_t number = bench_.post(
        engine::ObjectCommand{
            .object = key_of(Kind::ModelCall, call),
            .verb = "reserve",
            .body = *parse_json(concat(
                R"({"mission":"m)",
                run,
                R"(","run":"m)",
                run,
                R"(.1.a.1","provider":"p","model":"m","cost":"0","inputTokens":)",
                worst,
                R"(,"outputTokens":0})"
            ))},
        {},
        "system:models"
    );
    asked_[number] = {call, worst};
  }

  /// What was granted is sent at once: nothing stops it any more.
  void take_answers() {
    for (auto one = asked_.begin(); one != asked_.end();) {
      if (!bench_.answered(one->first)) {
        ++one;
        continue;
      }
      const Result<engine::Reply>& answer = bench_.answer(one->first);
      ASSERT_TRUE(answer.ok()) << answer.error().describe();
      if (answer->detail.get_bool("granted")) {
        const std::uint64_t worst = one->second.second;
        const std::uint64_t used = random_.percent(50) ? worst : random_.below(worst + 1);
        given_ += used;
        sent_[one->second.first] = used;
      } else {
        ++refused_;
      }
      one = asked_.erase(one);
    }
    check();
  }

  void settle(const std::string& call) {
    order(
        key_of(Kind::ModelCall, call),
        "settle",
        concat(R"({"outcome":"completed","cost":"0","inputTokens":)", sent_.at(call), "}")
    );
    sent_.erase(call);
  }

  void check() { ASSERT_LE(given_, tokens_max_) << "the provider has given more than the budget"; }

  std::uint64_t settled() {
    const auto row = bench_.store().get(key_of(Kind::BudgetUsage, "quota.q"));
    const Json body = *parse_json((*row)->body);
    return static_cast<std::uint64_t>(body.find("status")->find("period")->get_int("tokens"));
  }

  sim::Random random_;
  std::uint64_t runs_;
  std::uint64_t tokens_max_;
  Bench bench_;
  std::uint64_t calls_ = 0;
  std::uint64_t given_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t crashes_ = 0;
  std::map<std::size_t, std::pair<std::string, std::uint64_t>> asked_;
  std::map<std::string, std::uint64_t> sent_;
};

/// A quarter of the schedules each, so that ctest can run them side by side. $REEVE_METER_SCHEDULES
/// and $REEVE_METER_RUNS ask for others.
class MeterSchedules : public testing::TestWithParam<std::uint64_t> {};

TEST_P(MeterSchedules, AThousandRunsNeverGetMoreThanTheBudget) {
  const std::uint64_t runs = setting("REEVE_METER_RUNS", 1000);
  const std::uint64_t schedules = setting("REEVE_METER_SCHEDULES", 100) / kShards;
  std::uint64_t crashes = 0;
  for (std::uint64_t i = 1; i <= schedules; ++i) {
    const std::uint64_t seed = GetParam() * schedules + i;
    SCOPED_TRACE(seed);
    Schedule schedule(seed, runs);
    schedule.play(800);
    crashes += schedule.crashes();
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GE(crashes, 2 * schedules);
}

INSTANTIATE_TEST_SUITE_P(Schedules, MeterSchedules, testing::Range<std::uint64_t>(0, kShards));

}  // namespace
}  // namespace reeve::kernel
