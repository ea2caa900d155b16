#include "telemetry/health.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "telemetry/fakes.h"

namespace reeve::telemetry {
namespace {

constexpr Duration kLong{20'000};

/// A door that checks wait at. It is declared before the registry, whose destructor waits for the
/// checks that still stand in it.
class Door {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

  void pass() {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    changed_.wait_for(lock, kLong, [this] { return open_; });
  }

  void wait_for_visitors(int count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kLong, [&] { return inside_ >= count; }));
  }

  int visitors() {
    const std::lock_guard lock(mutex_);
    return inside_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int inside_ = 0;
};

class HealthChecks : public testing::Test {
 protected:
  HealthOptions options() {
    return {.version = "0.1.0", .deadline = kLong, .stop_timeout = kLong, .monotonic = [this] {
              return Duration(millis.load());
            }};
  }

  static HealthCheck check(std::string name, std::function<Observation()> run) {
    return {.name = std::move(name), .timeout = kLong, .run = std::move(run)};
  }

  static std::function<Observation()> always(Health health, std::string message = {}) {
    return [health, message] {
      return Observation{.health = health, .message = message};
    };
  }

  FakeClock clock;
  std::atomic<std::int64_t> millis = 0;
};

TEST_F(HealthChecks, TheWorstCriticalCheckWins) {
  HealthRegistry registry(clock, options());
  registry.set_started();
  EXPECT_EQ(registry.report(Probe::Ready).health, Health::Healthy);
  ASSERT_TRUE(registry.add(check("store", always(Health::Healthy))).ok());
  HealthCheck optional = check("mail", always(Health::Unhealthy, "no route"));
  optional.critical = false;
  ASSERT_TRUE(registry.add(std::move(optional)).ok());
  const HealthReport degraded = registry.report(Probe::Ready);
  EXPECT_EQ(degraded.health, Health::Degraded);
  EXPECT_EQ(degraded.http_status(), 200);
  ASSERT_EQ(degraded.components.size(), 2U);
  EXPECT_EQ(degraded.components[0].name, "mail");
  EXPECT_EQ(degraded.components[0].health, Health::Unhealthy);

  ASSERT_TRUE(registry.add(check("disk", always(Health::Unhealthy, "full"))).ok());
  const HealthReport unhealthy = registry.report(Probe::Full);
  EXPECT_EQ(unhealthy.health, Health::Unhealthy);
  EXPECT_EQ(unhealthy.http_status(), 503);
}

TEST_F(HealthChecks, AFailedDependencyIsNoReasonForARestart) {
  HealthRegistry registry(clock, options());
  registry.set_started();
  ASSERT_TRUE(registry.add(check("store", always(Health::Unhealthy))).ok());
  EXPECT_EQ(registry.report(Probe::Ready).http_status(), 503);
  EXPECT_EQ(registry.report(Probe::Live).http_status(), 200);
  HealthCheck loop = check("loop", always(Health::Unhealthy));
  loop.live = true;
  ASSERT_TRUE(registry.add(std::move(loop)).ok());
  const HealthReport live = registry.report(Probe::Live);
  EXPECT_EQ(live.http_status(), 503);
  EXPECT_EQ(live.components.size(), 1U);
}

TEST_F(HealthChecks, ReadinessWaitsForTheStartAndEndsWithTheDrain) {
  HealthRegistry registry(clock, options());
  EXPECT_EQ(registry.report(Probe::Startup).http_status(), 503);
  EXPECT_EQ(registry.report(Probe::Ready).http_status(), 503);
  EXPECT_EQ(registry.report(Probe::Live).http_status(), 200);
  registry.set_started();
  EXPECT_EQ(registry.report(Probe::Startup).http_status(), 200);
  EXPECT_EQ(registry.report(Probe::Ready).http_status(), 200);
  registry.set_draining(true);
  EXPECT_EQ(registry.report(Probe::Ready).http_status(), 503);
  EXPECT_EQ(registry.report(Probe::Live).http_status(), 200);
  registry.set_draining(false);
  EXPECT_EQ(registry.report(Probe::Ready).http_status(), 200);
}

TEST_F(HealthChecks, AHungCheckHangsNeitherTheReportNorTheOthers) {
  Door door;
  HealthRegistry registry(clock, options());
  registry.set_started();
  HealthCheck hung = check("hung", [&door] {
    door.pass();
    return Observation{};
  });
  hung.timeout = Duration{20};
  ASSERT_TRUE(registry.add(std::move(hung)).ok());
  ASSERT_TRUE(registry.add(check("store", always(Health::Healthy))).ok());
  const HealthReport first = registry.report(Probe::Full);
  EXPECT_EQ(first.health, Health::Unhealthy);
  ASSERT_EQ(first.components.size(), 2U);
  EXPECT_EQ(first.components[0].message, "timeout");
  EXPECT_EQ(first.components[0].health, Health::Unhealthy);
  EXPECT_EQ(first.components[1].health, Health::Healthy);

  // It is neither waited for nor started again.
  millis += 100'000;
  EXPECT_EQ(registry.report(Probe::Full).components[0].message, "timeout");
  std::thread::id answered;
  registry.report_async(Probe::Full, [&](const HealthReport&) {
    answered = std::this_thread::get_id();
  });
  EXPECT_EQ(answered, std::this_thread::get_id());
  EXPECT_EQ(door.visitors(), 1);

  door.open();
  millis += 1000;
  HealthReport report = registry.report(Probe::Full);
  while (report.components[0].message == "timeout") {
    std::this_thread::yield();
    report = registry.report(Probe::Full);
  }
  EXPECT_EQ(report.health, Health::Healthy);
}

TEST_F(HealthChecks, AReportTakesNoLongerThanItsDeadline) {
  HealthOptions quick = options();
  quick.deadline = Duration{10};
  Door door;
  HealthRegistry registry(clock, quick);
  ASSERT_TRUE(registry
                  .add(check(
                      "slow",
                      [&door] {
                        door.pass();
                        return Observation{};
                      }
                  ))
                  .ok());
  const HealthReport report = registry.report(Probe::Full);
  EXPECT_EQ(report.health, Health::Degraded);
  EXPECT_EQ(report.components[0].message, "not checked yet");
  door.open();
}

TEST_F(HealthChecks, ResultsAreUsedAgainForASecond) {
  std::atomic<int> runs = 0;
  HealthRegistry registry(clock, options());
  ASSERT_TRUE(registry
                  .add(check(
                      "store",
                      [&runs] {
                        ++runs;
                        return Observation{};
                      }
                  ))
                  .ok());
  for (int i = 0; i < 100; ++i) {
    registry.report(Probe::Full);
  }
  EXPECT_EQ(runs, 1);
  millis += 999;
  registry.report(Probe::Full);
  EXPECT_EQ(runs, 1);
  millis += 1;
  registry.report(Probe::Full);
  EXPECT_EQ(runs, 2);
}

TEST_F(HealthChecks, ManyWhoAskAtOnceShareOneRun) {
  Door door;
  HealthRegistry registry(clock, options());
  ASSERT_TRUE(registry
                  .add(check(
                      "store",
                      [&door] {
                        door.pass();
                        return Observation{};
                      }
                  ))
                  .ok());
  std::atomic<int> healthy = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      healthy += registry.report(Probe::Full).health == Health::Healthy ? 1 : 0;
    });
  }
  door.wait_for_visitors(1);
  door.open();
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(healthy, 8);
  EXPECT_EQ(door.visitors(), 1);
}

TEST_F(HealthChecks, AnExceptionIsAFailure) {
  HealthRegistry registry(clock, options());
  ASSERT_TRUE(
      registry.add(check("a", []() -> Observation { throw std::runtime_error("broken pipe"); })
      ).ok()
  );
  const HealthReport report = registry.report(Probe::Full);
  EXPECT_EQ(report.health, Health::Unhealthy);
  EXPECT_EQ(report.components[0].message, "broken pipe");
}

TEST_F(HealthChecks, AFewFailuresMayBeForgiven) {
  std::atomic<bool> works = false;
  HealthRegistry registry(clock, options());
  HealthCheck flaky = check("a", [&works] {
    return Observation{.health = works ? Health::Healthy : Health::Unhealthy};
  });
  flaky.failures_min = 3;
  ASSERT_TRUE(registry.add(std::move(flaky)).ok());
  const auto next = [&] {
    millis += 1000;
    return registry.report(Probe::Full).health;
  };
  EXPECT_EQ(next(), Health::Degraded);
  EXPECT_EQ(next(), Health::Degraded);
  EXPECT_EQ(next(), Health::Unhealthy);
  works = true;
  EXPECT_EQ(next(), Health::Healthy);
  works = false;
  EXPECT_EQ(next(), Health::Degraded);
}

TEST_F(HealthChecks, AnonymousCallersSeeTheStatusOnly) {
  HealthRegistry registry(clock, options());
  registry.set_started();
  ASSERT_TRUE(registry
                  .add(check(
                      "store",
                      [] {
                        Json details = Json::object();
                        details.set("free_bytes", 5);
                        return Observation{
                            .health = Health::Unhealthy,
                            .message = "disk /var full",
                            .details = details};
                      }
                  ))
                  .ok());
  millis = 61'500;
  const HealthReport report = registry.report(Probe::Full);
  EXPECT_EQ(report.json(Audience::Anonymous).dump(), R"({"status":"unhealthy"})");
  EXPECT_EQ(
      report.json(Audience::Authorised).dump(),
      R"({"status":"unhealthy","components":[{"name":"store","status":"unhealthy",)"
      R"("critical":true,"message":"disk /var full","response_time_ms":0,)"
      R"("timestamp":"2026-11-21T09:30:00.123Z","details":{"free_bytes":5}}],"started":true,)"
      R"("draining":false,"uptime_seconds":61,"version":"0.1.0",)"
      R"("timestamp":"2026-11-21T09:30:00.123Z"})"
  );
}

TEST_F(HealthChecks, WhoDoesNotWaitIsCalledBack) {
  Door door;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Health> answers;
  HealthRegistry registry(clock, options());
  ASSERT_TRUE(registry
                  .add(check(
                      "store",
                      [&door] {
                        door.pass();
                        return Observation{};
                      }
                  ))
                  .ok());
  const auto done = [&](const HealthReport& report) {
    const std::lock_guard lock(mutex);
    answers.push_back(report.health);
    changed.notify_all();
  };
  for (int i = 0; i < 3; ++i) {
    registry.report_async(Probe::Full, done);
  }
  // Nothing to wait for: at once.
  std::thread::id answered;
  registry.report_async(Probe::Live, [&](const HealthReport&) {
    answered = std::this_thread::get_id();
  });
  EXPECT_EQ(answered, std::this_thread::get_id());
  door.wait_for_visitors(1);
  {
    const std::lock_guard lock(mutex);
    EXPECT_TRUE(answers.empty());
  }
  door.open();
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, kLong, [&] { return answers.size() == 3; }));
  EXPECT_EQ(answers, std::vector<Health>(3, Health::Healthy));
  EXPECT_EQ(door.visitors(), 1);
}

TEST_F(HealthChecks, EndsWhileACheckHangs) {
  struct Shared {
    Door door;
    Door left;
  };

  const auto shared = std::make_shared<Shared>();
  {
    HealthOptions quick = options();
    quick.stop_timeout = Duration{10};
    HealthRegistry registry(clock, quick);
    HealthCheck hung = check("hung", [shared] {
      shared->door.pass();
      shared->left.open();
      shared->left.pass();
      return Observation{};
    });
    hung.timeout = Duration{10};
    ASSERT_TRUE(registry.add(std::move(hung)).ok());
    EXPECT_EQ(registry.report(Probe::Full).components[0].message, "timeout");
  }
  shared->door.open();
  shared->left.wait_for_visitors(1);
}

TEST_F(HealthChecks, TellsTheLastKnownWithoutRunning) {
  HealthRegistry registry(clock, options());
  ASSERT_TRUE(registry.add(check("store", always(Health::Healthy))).ok());
  EXPECT_EQ(registry.last(Probe::Full).components[0].message, "not checked yet");
  registry.report(Probe::Full);
  EXPECT_EQ(registry.last(Probe::Full).health, Health::Healthy);
}

TEST_F(HealthChecks, RefusesWrongChecks) {
  HealthRegistry registry(clock, options());
  EXPECT_FALSE(registry.add(check("", always(Health::Healthy))).ok());
  EXPECT_FALSE(registry.add(check("a", nullptr)).ok());
  HealthCheck eager = check("a", always(Health::Healthy));
  eager.cache = Duration{999};
  EXPECT_FALSE(registry.add(eager).ok());
  eager.cache = Duration{1000};
  eager.timeout = Duration{0};
  EXPECT_FALSE(registry.add(eager).ok());
  ASSERT_TRUE(registry.add(check("a", always(Health::Healthy))).ok());
  const auto twice = registry.add(check("a", always(Health::Healthy)));
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().code, ErrorCode::AlreadyExists);
  for (std::size_t i = 1; i < kHealthChecksMax; ++i) {
    ASSERT_TRUE(registry.add(check("c" + std::to_string(i), always(Health::Healthy))).ok());
  }
  const auto full = registry.add(check("z", always(Health::Healthy)));
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code, ErrorCode::LimitExceeded);
}

}  // namespace
}  // namespace reeve::telemetry
