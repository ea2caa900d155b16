#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/engine.h"
#include "workflow/load/load.h"

/// One engine that never starts anew carries out very many runs, which end in every way there is.
/// In the end nothing is kept of any of them. $REEVE_SOAK_RUNS says how many.
namespace reeve::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kRunsByDefault = 20'000;
constexpr std::size_t kLiveMissions = 24;

/// Their tasks compete for places, for two pools and for slots.
constexpr const char* kDocuments[] = {
    R"(
apiVersion: reeve.dev/v1
kind: Workflow
metadata: {name: chain}
spec:
  maxConcurrency: 4
  pauseTime: 1s
  semaphores: [{pool: site}]
  tasks:
    - {name: a, script: x, semaphores: [{pool: gpu, units: 2}], compensate: {script: undo}}
    - {name: b, script: x, needs: [a], retry: {max: 1}, onExitCode: {"4": PAUSE_JOB}}
    - {name: c, script: x, alwaysRun: true, semaphores: [{pool: gpu}]}
)",
    R"(
apiVersion: reeve.dev/v1
kind: Workflow
metadata: {name: wide}
spec:
  tasks:
    - name: items
      script: x
      semaphores: [{pool: gpu}]
      fanOut: {over: 1..4, parallel: 2, policy: firstWins}
    - {name: a, script: x, needs: [items], allowFailure: true, semaphores: [{pool: gpu, units: 3}]}
)",
    R"(
apiVersion: reeve.dev/v1
kind: Workflow
metadata: {name: plain}
spec:
  maxConcurrency: 6
  tasks:
    - {name: a, script: x}
    - {name: b, script: x, semaphores: [{pool: site}, {pool: gpu}], onExitCode: {"3": RESTART_JOB}}
)"};

class Soak {
 public:
  explicit Soak(std::uint64_t seed) : random_(seed), engine_(limits(), "soak", nullptr) {
    for (const char* text : kDocuments) {
      workflows_.push_back(*workflow::load_source(text));
    }
    (void)turn(pool("gpu", 4));
    (void)turn(pool("site", 3));
  }

  std::uint64_t runs() const { return runs_; }

  const Engine& engine() const { return engine_; }

  /// What the live missions do or wait for.
  std::string situation() const {
    std::string text;
    for (const MissionName& name : engine_.live_missions()) {
      const model::Mission& mission = *engine_.find(name);
      text += concat(name.view(), " ", to_string(mission.state), " ", mission.waiting, "\n");
      for (std::size_t i = 0; i < mission.tasks.size(); ++i) {
        const model::TaskStatus& task = mission.tasks[i];
        text += concat("  ", i, " ", to_string(task.state), " ", task.message, "\n");
      }
    }
    return text;
  }

  /// One thing happens. False: nothing can.
  bool step(bool submit) {
    if (submit && engine_.live_missions().size() < kLiveMissions) {
      submit_one();
      return true;
    }
    if (!cancels_.empty()) {
      const model::CancelRun cancel = cancels_.front();
      cancels_.pop_front();
      end_run(cancel.run, model::RunEnd::Cancelled, 0);
      return true;
    }
    if (!on_host_.empty()) {
      auto run = on_host_.begin();
      std::advance(run, static_cast<std::ptrdiff_t>(below(on_host_.size())));
      end_somehow(run->first);
      return true;
    }
    return fire_timer() || give_up();
  }

 private:
  static Limits limits() {
    Limits limits;
    limits.run_slots = 10;
    limits.epochs_max = 3;
    return limits;
  }

  static ObjectCommand pool(const std::string& name, std::uint64_t units) {
    Json body = Json::object();
    body.set("units", units);
    return {
        .object = {.kind = journal::Kind::Pool, .ns = Namespace("default"), .name = name},
        .verb = "set",
        .body = std::move(body)};
  }

  std::uint64_t below(std::uint64_t limit) {
    return std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(random_);
  }

  void submit_one() {
    SubmitMission submit;
    submit.ns = Namespace("default");
    submit.workflow = workflows_[below(workflows_.size())];
    if (below(4) == 0) {
      submit.user_key = concat("key-", below(5));
    }
    submit.priority = static_cast<std::int32_t>(below(5));
    if (below(8) == 0 && !last_.empty() && engine_.find(last_) != nullptr &&
        !is_terminal(engine_.find(last_)->state)) {
      submit.after = {last_};
    }
    if (const Result<Reply> reply = turn(submit)) {
      last_ = reply->mission;
    }
  }

  void end_somehow(RunName run) {
    const std::uint64_t dice = below(100);
    if (dice < 5) {
      const model::LaunchRun launch = on_host_.at(run);
      (void)turn(AbortMission{.mission = launch.mission, .message = "enough"});
    } else if (dice < 10) {
      const model::LaunchRun launch = on_host_.at(run);
      ++runs_;
      on_host_.erase(run);
      (void)turn(model::Report(model::RunLost{
          .mission = launch.mission, .run = run, .fence = launch.fence, .detail = "gone"}));
    } else if (dice < 13) {
      end_run(run, model::RunEnd::TimedOut, 0);
    } else {
      end_run(run, model::RunEnd::Exited, dice < 80 ? 0 : static_cast<int>(dice % 5));
    }
  }

  void end_run(RunName run, model::RunEnd end, int exit_code) {
    const auto found = on_host_.find(run);
    if (found == on_host_.end()) {
      return;
    }
    ++runs_;
    const model::LaunchRun launch = found->second;
    on_host_.erase(found);
    model::RunFinished report;
    report.mission = launch.mission;
    report.run = run;
    report.fence = launch.fence;
    report.result.end = end;
    report.result.exit_code = exit_code;
    (void)turn(model::Report(report));
  }

  /// A person gives up what could not be undone.
  bool give_up() {
    for (const MissionName& name : engine_.live_missions()) {
      if (engine_.find(name)->state == model::MissionState::Held) {
        return turn(AbortMission{.mission = name, .message = "given up"}).ok();
      }
    }
    return false;
  }

  bool fire_timer() {
    const auto first =
        std::min_element(timers_.begin(), timers_.end(), [](const auto& a, const auto& b) {
          return a.second < b.second;
        });
    if (first == timers_.end()) {
      return false;
    }
    now_ = std::max(now_, first->second);
    const auto id = first->first;
    timers_.erase(first);
    (void)turn(TimerFired{.owner = id.first, .key = id.second});
    return true;
  }

  Result<Reply> turn(const Command& command) {
    Scope scope;
    scope.now = now_;
    scope.next = next_;
    scope.actor = Principal("user:test");
    Result<Reply> reply = engine_.turn(command, scope);
    next_ = scope.next;
    now_ += 1ms;
    for (const TimerChange& change : scope.timers) {
      if (change.due) {
        timers_[{change.owner, change.key}] = *change.due;
      } else {
        timers_.erase({change.owner, change.key});
      }
    }
    for (model::Effect& effect : scope.effects) {
      if (auto* launch = std::get_if<model::LaunchRun>(&effect)) {
        on_host_[launch->run] = std::move(*launch);
      } else if (const auto* cancel = std::get_if<model::CancelRun>(&effect)) {
        cancels_.push_back(*cancel);
      }
    }
    forget_ended(scope);
    return reply;
  }

  /// As the kernel does once the end is stored.
  void forget_ended(const Scope& scope) {
    for (const journal::Event& event : scope.events) {
      const model::Mission* mission = event.object.kind == journal::Kind::Mission
                                          ? engine_.find(MissionName(event.object.name))
                                          : nullptr;
      if (mission != nullptr && is_terminal(mission->state)) {
        std::erase_if(timers_, [&](const auto& timer) {
          return timer.first.first == event.object;
        });
        engine_.forget(event.object);
      }
    }
  }

  std::mt19937_64 random_;
  Engine engine_;
  std::vector<std::shared_ptr<const workflow::Workflow>> workflows_;
  Timestamp now_ = from_unix_millis(1'767'225'600'000);
  Revision next_ = Revision(1);
  MissionName last_;
  std::map<RunName, model::LaunchRun> on_host_;
  std::deque<model::CancelRun> cancels_;
  std::map<std::pair<journal::ObjectKey, std::string>, Timestamp> timers_;
  std::uint64_t runs_ = 0;
};

TEST(Soak, NothingIsKeptOfRunsThatAreOver) {
  const char* wanted = std::getenv("REEVE_SOAK_RUNS");
  const std::uint64_t runs =
      wanted == nullptr ? kRunsByDefault : std::strtoull(wanted, nullptr, 10);
  Soak soak(1);
  while (soak.runs() < runs) {
    ASSERT_TRUE(soak.step(true)) << soak.situation();
  }
  EXPECT_FALSE(soak.engine().at_rest());
  while (!soak.engine().live_missions().empty()) {
    ASSERT_TRUE(soak.step(false)) << soak.situation();
  }
  EXPECT_TRUE(soak.engine().at_rest());
}

}  // namespace
}  // namespace reeve::engine
