#include "kernel/loop.h"

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "kernel/audit.h"
#include "kernel_fixture.h"
#include "store/faulty/faulty_store.h"

namespace reeve::kernel {
namespace {

using namespace std::chrono_literals;

/// Nothing here takes this long; it ends a test that would hang.
constexpr Duration kPatience = 30s;

/// A store whose commits a test can stop, fail and count.
class Commits {
 public:
  store::Fault next() {
    std::unique_lock lock(mutex_);
    ++begun_;
    changed_.notify_all();
    changed_.wait_for(lock, kPatience, [&] { return !closed_; });
    if (failures_ > 0) {
      --failures_;
      return kind_;
    }
    return store::Fault::None;
  }

  /// Commits wait from now on.
  void close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }

  void open() {
    const std::scoped_lock lock(mutex_);
    closed_ = false;
    changed_.notify_all();
  }

  void fail(int times, store::Fault kind) {
    const std::scoped_lock lock(mutex_);
    failures_ = times;
    kind_ = kind;
  }

  int begun() const {
    const std::scoped_lock lock(mutex_);
    return begun_;
  }

  /// Counts from here on.
  void count_anew() {
    const std::scoped_lock lock(mutex_);
    begun_ = 0;
  }

  /// Waits until `count` commits have begun.
  bool wait_begun(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return begun_ >= count; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  int failures_ = 0;
  int begun_ = 0;
  store::Fault kind_ = store::Fault::FailIo;
};

/// Collects what a loop hands out.
class Outside {
 public:
  Sinks sinks() {
    return {
        .effect =
            [this](model::Effect effect) {
              const std::scoped_lock lock(mutex_);
              if (auto* launch = std::get_if<model::LaunchRun>(&effect)) {
                launches_.push_back(std::move(*launch));
              }
              changed_.notify_all();
            },
        .events =
            [this](std::span<const journal::Event> events) {
              const std::scoped_lock lock(mutex_);
              for (const journal::Event& event : events) {
                revisions_.push_back(event.revision.value());
              }
              changed_.notify_all();
            }};
  }

  /// The launch number `index`, as soon as there is one.
  model::LaunchRun launch(std::size_t index) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return launches_.size() > index; }));
    return launches_.size() > index ? launches_[index] : model::LaunchRun{};
  }

  std::size_t launches() const {
    const std::scoped_lock lock(mutex_);
    return launches_.size();
  }

  void await_events() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return !revisions_.empty(); }));
  }

  std::vector<std::uint64_t> revisions() const {
    const std::scoped_lock lock(mutex_);
    return revisions_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<model::LaunchRun> launches_;
  std::vector<std::uint64_t> revisions_;
};

class LoopTest : public ::testing::Test {
 protected:
  LoopTest()
      : store_(disk_, [this](store::FaultPoint point) {
          return point == store::FaultPoint::Commit ? commits_.next() : store::Fault::None;
        }) {
    options_.core = core_options(engine::Limits{.run_slots = 1000});
    options_.now = [this] {
      return from_unix_millis(clock_.load());
    };
    options_.reload_period = 1ms;
  }

  ~LoopTest() override { commits_.open(); }

  /// A new store gets its first namespace at once; tests begin when that is over.
  void start() {
    const bool is_new = disk_.events({}).value().empty();
    Result<std::unique_ptr<Loop>> loop = Loop::start(store_, options_, outside_.sinks());
    ASSERT_TRUE(loop.ok()) << loop.error().describe();
    loop_ = std::move(*loop);
    if (is_new) {
      outside_.await_events();
      commits_.count_anew();
    }
  }

  static Input input(engine::Command command, std::string_view id = {}) {
    Input result;
    result.id = InputId(std::string(id));
    result.principal = Principal("user:test");
    result.command = std::move(command);
    return result;
  }

  Result<engine::Reply> call(engine::Command command, std::string_view id = {}) {
    return loop_->call(input(std::move(command), id), kPatience);
  }

  /// Posts and gives back the answer that is to come.
  std::future<Result<engine::Reply>> post(engine::Command command, std::string_view id = {}) {
    auto promise = std::make_shared<std::promise<Result<engine::Reply>>>();
    std::future<Result<engine::Reply>> future = promise->get_future();
    Input posted = input(std::move(command), id);
    posted.done = [promise](Result<engine::Reply> outcome) {
      promise->set_value(std::move(outcome));
    };
    if (Result<void> queued = loop_->post(std::move(posted)); !queued) {
      promise->set_value(queued.error());
    }
    return future;
  }

  static Result<engine::Reply> wait(std::future<Result<engine::Reply>>& future) {
    if (future.wait_for(kPatience) != std::future_status::ready) {
      return make_error(ErrorCode::DeadlineExceeded, "the test lost its patience");
    }
    return future.get();
  }

  /// Calls until the loop takes inputs again.
  Result<engine::Reply> call_until_healthy(const engine::Command& command, std::string_view id) {
    Result<engine::Reply> reply = call(command, id);
    for (int tries = 0; tries < 100'000 && !reply && reply.error().retryable(); ++tries) {
      std::this_thread::yield();
      reply = call(command, id);
    }
    return reply;
  }

  store::MemoryStore disk_;
  Commits commits_;
  store::FaultyStore store_;
  Outside outside_;
  LoopOptions options_;
  std::atomic<std::int64_t> clock_{to_unix_millis(kStart)};
  std::unique_ptr<Loop> loop_;
};

TEST_F(LoopTest, CarriesAMissionFromSubmissionToItsEnd) {
  start();
  ASSERT_TRUE(call(submit_command("m")).ok());
  const model::LaunchRun launch = outside_.launch(0);
  EXPECT_EQ(launch.run.view(), "m.1.a.1");
  loop_->report(started(launch));
  ASSERT_TRUE(call(finished(launch, 0)).ok());
  const Result<std::optional<store::Row>> row = disk_.get(mission_key("m"));
  ASSERT_TRUE(row.ok() && row->has_value());
  EXPECT_NE((*row)->body.find("\"COMPLETE\""), std::string::npos);
  EXPECT_FALSE((*row)->live);
}

TEST_F(LoopTest, AnswersAndLaunchesOnlyWhatIsStored) {
  start();
  const std::vector<std::uint64_t> before = outside_.revisions();
  commits_.close();
  std::future<Result<engine::Reply>> answer = post(submit_command("m"));
  ASSERT_TRUE(commits_.wait_begun(1));
  EXPECT_EQ(answer.wait_for(0ms), std::future_status::timeout);
  EXPECT_EQ(outside_.launches(), 0U);
  EXPECT_EQ(outside_.revisions(), before);
  commits_.open();
  EXPECT_TRUE(wait(answer).ok());
  outside_.launch(0);
}

TEST_F(LoopTest, TellsEventsInOrderWithoutAGap) {
  start();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(call(submit_command(concat("m", i))).ok());
  }
  loop_->stop();
  const std::vector<std::uint64_t> revisions = outside_.revisions();
  ASSERT_EQ(revisions.size(), disk_.head()->revision.value());
  for (std::size_t i = 0; i < revisions.size(); ++i) {
    EXPECT_EQ(revisions[i], i + 1);
  }
}

TEST_F(LoopTest, BatchesWhatWaitsDuringACommit) {
  start();
  commits_.close();
  std::vector<std::future<Result<engine::Reply>>> answers;
  answers.push_back(post(submit_command("first")));
  ASSERT_TRUE(commits_.wait_begun(1));
  for (int i = 0; i < 100; ++i) {
    answers.push_back(post(submit_command(concat("m", i))));
  }
  commits_.open();
  for (auto& answer : answers) {
    EXPECT_TRUE(wait(answer).ok());
  }
  EXPECT_LE(commits_.begun(), 20) << "a hundred inputs took as many commits";
}

TEST_F(LoopTest, FiresTimers) {
  options_.core.limits.launch_timeout = 30s;
  start();
  ASSERT_TRUE(call(submit_command("m")).ok());
  outside_.launch(0);
  clock_ += 60'000;
  ASSERT_TRUE(call(submit_command("other")).ok()) << "wakes the loop";
  bool again = false;
  for (std::size_t i = 1; i < 3; ++i) {
    again = again || outside_.launch(i).run.view() == "m.1.a.2";
  }
  EXPECT_TRUE(again);
}

TEST_F(LoopTest, ItsTimeCatchesUpWithAClockThatWasSetBack) {
  start();
  ASSERT_TRUE(call(submit_command("first")).ok());
  loop_.reset();
  clock_ -= 3'600'000;
  start();
  const auto ahead = [this](std::string_view mission) {
    EXPECT_TRUE(call(submit_command(mission)).ok());
    const std::uint64_t last = disk_.head()->revision.value();
    const auto events = disk_.events({.after = Revision(last - 1), .object = {}, .limit = 1});
    return to_unix_millis(events->back().at) - clock_.load();
  };
  EXPECT_EQ(ahead("at-once"), 3'600'000);
  clock_ += 3'600'000;
  EXPECT_EQ(ahead("halfway"), 1'800'000);
  clock_ += 3'600'000;
  EXPECT_EQ(ahead("caught-up"), 0);
  clock_ += 3'600'000;
  EXPECT_EQ(ahead("later"), 0);
}

TEST_F(LoopTest, TimersGoOnAfterTheClockWasSetBackBetweenTwoLives) {
  options_.core.limits.launch_timeout = 30s;
  start();
  ASSERT_TRUE(call(submit_command("m")).ok());
  outside_.launch(0);
  loop_.reset();
  clock_ -= 3'600'000;
  start();
  EXPECT_EQ(outside_.launch(1).run.view(), "m.1.a.1") << "asked again";
  clock_ += 60'000;
  ASSERT_TRUE(call(submit_command("other")).ok()) << "wakes the loop";
  bool again = false;
  for (std::size_t i = 2; i < 4; ++i) {
    again = again || outside_.launch(i).run.view() == "m.1.a.2";
  }
  EXPECT_TRUE(again) << "an hour must not pass first";
}

TEST_F(LoopTest, ForgetsInputsAsFastAsTheyCome) {
  constexpr int kInputs = 20;
  options_.forget_inputs_max = 4;
  start();
  for (int i = 0; i < kInputs; ++i) {
    ASSERT_TRUE(call(submit_command(concat("old", i)), concat("old-", i)).ok());
  }
  clock_ += std::chrono::milliseconds(options_.core.input_memory + 1min).count();
  for (int i = 0; i < kInputs; ++i) {
    ASSERT_TRUE(call(submit_command(concat("new", i)), concat("new-", i)).ok());
  }
  loop_->stop();
  for (int i = 0; i < kInputs; ++i) {
    EXPECT_FALSE(disk_.find_input(InputId(concat("old-", i)))->has_value()) << i;
    EXPECT_TRUE(disk_.find_input(InputId(concat("new-", i)))->has_value()) << i;
  }
}

// --- failing stores -----------------------------------------------------------------------------

TEST_F(LoopTest, AcknowledgesNothingThatWasNotStored) {
  start();
  ASSERT_TRUE(call(submit_command("before")).ok());
  commits_.close();
  commits_.fail(1, store::Fault::FailFull);
  std::future<Result<engine::Reply>> first = post(submit_command("first"));
  ASSERT_TRUE(commits_.wait_begun(2));
  std::future<Result<engine::Reply>> second = post(submit_command("second"));
  commits_.open();
  for (auto* answer : {&first, &second}) {
    const Result<engine::Reply> reply = wait(*answer);
    if (answer == &first || !reply.ok()) {
      ASSERT_FALSE(reply.ok());
      EXPECT_EQ(reply.error().code, ErrorCode::Unavailable);
      EXPECT_FALSE(reply.error().hint.empty());
    }
  }
  EXPECT_FALSE(disk_.get(mission_key("first"))->has_value());
  const Result<engine::Reply> later = call_until_healthy(submit_command("later"), "id-1");
  ASSERT_TRUE(later.ok()) << later.error().describe();
  loop_->stop();
  EXPECT_FALSE(disk_.get(mission_key("first"))->has_value());
  EXPECT_TRUE(disk_.get(mission_key("later"))->has_value());
  EXPECT_TRUE(audit(disk_, core_options().loader).ok());
}

TEST_F(LoopTest, ReleasesNoEffectOfAFailedBatch) {
  start();
  const std::vector<std::uint64_t> before = outside_.revisions();
  commits_.fail(1, store::Fault::FailIo);
  ASSERT_FALSE(call(submit_command("m")).ok());
  EXPECT_EQ(outside_.launches(), 0U);
  EXPECT_EQ(outside_.revisions(), before);
}

TEST_F(LoopTest, AsksHostsAgainAfterAFailure) {
  start();
  ASSERT_TRUE(call(submit_command("m")).ok());
  const model::LaunchRun launch = outside_.launch(0);
  commits_.fail(1, store::Fault::FailIo);
  ASSERT_FALSE(call(finished(launch, 0)).ok());
  const model::LaunchRun again = outside_.launch(1);
  EXPECT_EQ(again.run, launch.run);
  EXPECT_EQ(again.fence, launch.fence);
  ASSERT_TRUE(call_until_healthy(finished(again, 0), {}).ok());
}

TEST_F(LoopTest, FindsOutWhatAnAmbiguousCommitDid) {
  start();
  commits_.fail(1, store::Fault::FailAfter);
  const Result<engine::Reply> reply = call(submit_command("m"), "id-1");
  ASSERT_FALSE(reply.ok()) << "it was stored, but nobody knows";
  EXPECT_EQ(reply.error().code, ErrorCode::Unavailable);
  const Result<engine::Reply> again = call_until_healthy(submit_command("m"), "id-1");
  ASSERT_TRUE(again.ok()) << again.error().describe();
  EXPECT_EQ(again->mission.view(), "m");
  loop_->stop();
  EXPECT_TRUE(audit(disk_, core_options().loader).ok());
}

TEST_F(LoopTest, IsUnhealthyWhileTheStoreCannotBeRead) {
  std::atomic<bool> broken = false;
  store::FaultyStore unreadable(disk_, [&](store::FaultPoint point) {
    const bool strikes = point == store::FaultPoint::Commit || point == store::FaultPoint::Head;
    return broken && strikes ? store::Fault::FailIo : store::Fault::None;
  });
  Result<std::unique_ptr<Loop>> loop = Loop::start(unreadable, options_, outside_.sinks());
  ASSERT_TRUE(loop.ok());
  loop_ = std::move(*loop);
  broken = true;
  ASSERT_FALSE(call(submit_command("m")).ok());
  const Result<engine::Reply> refused = call(submit_command("m"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::Unavailable);
  EXPECT_FALSE(loop_->health().healthy);
  EXPECT_FALSE(loop_->health().problem.message.empty());
  broken = false;
  ASSERT_TRUE(call_until_healthy(submit_command("m"), {}).ok());
  EXPECT_TRUE(loop_->health().healthy);
  loop_.reset();
}

TEST_F(LoopTest, StopsAlthoughTheStoreNeverWorksAgain) {
  start();
  ASSERT_TRUE(call(submit_command("m")).ok());
  // The recovered core has timers to store anew, so this would go round for ever.
  ++clock_;
  commits_.fail(1'000'000'000, store::Fault::FailFull);
  ASSERT_FALSE(call(submit_command("n")).ok());
  loop_->stop();
  SUCCEED();
}

TEST_F(LoopTest, DoesNotHammerAStoreThatCannotBeWritten) {
  options_.reload_period = 1h;
  start();
  ASSERT_TRUE(call(submit_command("m")).ok());
  ++clock_;
  commits_.fail(1'000'000'000, store::Fault::FailFull);
  ASSERT_FALSE(call(submit_command("n")).ok());
  ASSERT_TRUE(commits_.wait_begun(3)) << "the recovered core tries once";
  loop_->stop();
  EXPECT_EQ(commits_.begun(), 3);
}

TEST_F(LoopTest, DoesNotStartOnAStoreThatCannotBeRead) {
  store::FaultyStore unreadable(disk_, [](store::FaultPoint) { return store::Fault::FailIo; });
  const Result<std::unique_ptr<Loop>> loop = Loop::start(unreadable, options_, outside_.sinks());
  ASSERT_FALSE(loop.ok());
  EXPECT_EQ(loop.error().code, ErrorCode::Io);
}

// --- limits and the end -------------------------------------------------------------------------

TEST_F(LoopTest, RefusesInputsWhenItsQueueIsFull) {
  options_.queue_max = 2;
  options_.turns_max = 1;
  options_.staged_events_max = 1;
  start();
  commits_.close();
  std::vector<std::future<Result<engine::Reply>>> answers;
  answers.push_back(post(submit_command("first")));
  ASSERT_TRUE(commits_.wait_begun(1));
  Result<void> queued;
  int sent = 0;
  std::atomic<int> answered = 0;
  for (; sent < 100 && queued.ok(); ++sent) {
    Input posted = input(submit_command(concat("m", sent)));
    posted.done = [&](const Result<engine::Reply>&) {
      ++answered;
    };
    queued = loop_->post(std::move(posted));
  }
  ASSERT_FALSE(queued.ok());
  EXPECT_EQ(queued.error().code, ErrorCode::Unavailable);
  EXPECT_LE(sent, 6) << "one staged, one on its way, two waiting, one refused";
  model::LaunchRun none;
  none.mission = MissionName("first");
  loop_->report(finished(none, 0));
  commits_.open();
  EXPECT_TRUE(wait(answers[0]).ok());
  loop_->stop();
  EXPECT_EQ(answered, sent - 1) << "the refused one is never answered, the others once";
}

TEST_F(LoopTest, DoesNotBeginWhatWasWithdrawnWhileItWaited) {
  options_.turns_max = 1;
  options_.staged_events_max = 1;
  start();
  commits_.close();
  auto first = post(submit_command("first"));
  ASSERT_TRUE(commits_.wait_begun(1));
  auto staged = post(submit_command("staged"));
  std::atomic<int> cancelled = 0;
  const auto flag = std::make_shared<std::atomic<bool>>(false);
  for (int i = 0; i < 3; ++i) {
    Input impatient = input(submit_command(concat("impatient", i)));
    impatient.withdrawn = flag;
    impatient.done = [&](const Result<engine::Reply>& reply) {
      cancelled += !reply && reply.error().code == ErrorCode::Cancelled ? 1 : 0;
    };
    ASSERT_TRUE(loop_->post(std::move(impatient)).ok());
  }
  auto last = post(submit_command("last"));
  *flag = true;
  commits_.open();
  EXPECT_TRUE(wait(first).ok());
  EXPECT_TRUE(wait(staged).ok());
  EXPECT_TRUE(wait(last).ok());
  loop_->stop();
  EXPECT_EQ(cancelled, 3);
  EXPECT_EQ(disk_.list({})->size(), 3U);
}

TEST_F(LoopTest, StopFinishesWhatItHas) {
  start();
  commits_.close();
  std::vector<std::future<Result<engine::Reply>>> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(post(submit_command(concat("m", i))));
  }
  ASSERT_TRUE(commits_.wait_begun(1));
  std::thread stopper([&] { loop_->stop(); });
  commits_.open();
  stopper.join();
  for (auto& answer : answers) {
    EXPECT_TRUE(wait(answer).ok());
  }
  EXPECT_EQ(disk_.list({})->size(), 50U);
}

TEST_F(LoopTest, TakesNothingAfterStop) {
  start();
  loop_->stop();
  loop_->stop();
  const Result<engine::Reply> reply = call(submit_command("m"));
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::Cancelled);
  loop_->report(finished(model::LaunchRun{}, 0));
}

TEST_F(LoopTest, CallGivesUpButTheInputDoesNot) {
  start();
  commits_.close();
  const Result<engine::Reply> reply = loop_->call(input(submit_command("m")), 0ms);
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::DeadlineExceeded);
  commits_.open();
  loop_->stop();
  EXPECT_TRUE(disk_.get(mission_key("m"))->has_value());
}

// --- many senders -------------------------------------------------------------------------------

TEST_F(LoopTest, LetsOneOfThirtyTwoSendersWinEveryName) {
  constexpr int kSenders = 32;
  constexpr int kNames = 20;
  start();
  std::mutex mutex;
  std::map<std::string, int> winners;
  std::atomic<int> strange = 0;
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&] {
      for (int name = 0; name < kNames; ++name) {
        const Result<engine::Reply> reply = call(submit_command(concat("m", name)));
        if (reply.ok()) {
          const std::scoped_lock lock(mutex);
          ++winners[reply->mission.str()];
        } else if (reply.error().code != ErrorCode::AlreadyExists) {
          ++strange;
        }
      }
    });
  }
  for (std::thread& sender : senders) {
    sender.join();
  }
  loop_->stop();
  EXPECT_EQ(strange, 0);
  EXPECT_EQ(winners.size(), static_cast<std::size_t>(kNames));
  for (const auto& [name, count] : winners) {
    EXPECT_EQ(count, 1) << name;
  }
  const Result<AuditReport> report = audit(disk_, core_options().loader);
  ASSERT_TRUE(report.ok()) << report.error().describe();
  EXPECT_EQ(report->missions, static_cast<std::uint64_t>(kNames));
  EXPECT_EQ(report->events, disk_.head()->revision.value()) << "gap-free";
}

TEST_F(LoopTest, GivesThirtyTwoSendersOfOneIdOneMission) {
  constexpr int kSenders = 32;
  start();
  std::mutex mutex;
  std::set<std::string> names;
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&] {
      const Result<engine::Reply> reply = call(submit_command(""), "same");
      const std::scoped_lock lock(mutex);
      names.insert(reply.ok() ? reply->mission.str() : reply.error().describe());
    });
  }
  for (std::thread& sender : senders) {
    sender.join();
  }
  loop_->stop();
  EXPECT_EQ(names.size(), 1U);
  EXPECT_EQ(outside_.launches(), 1U);
}

}  // namespace
}  // namespace reeve::kernel
