#include "telemetry/health.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "base/strings.h"
#include "platform/posix/system.h"

namespace reeve::telemetry {
namespace {

constexpr Duration kTimeoutMax{60'000};
constexpr Duration kCacheMax{3'600'000};
constexpr std::size_t kMessageBytesMax = 1024;

Observation run_check(const std::function<Observation()>& run) {
  // What a check calls is not ours; an exception must not end the process.
  try {
    return run();
  } catch (const std::exception& exception) {
    return {.health = Health::Unhealthy, .message = exception.what(), .details = {}};
  } catch (...) {
    return {.health = Health::Unhealthy, .message = "unknown exception", .details = {}};
  }
}

struct Check {
  HealthCheck definition;
  /// It waits for a thread, or has one.
  bool queued = false;
  bool running = false;
  /// It runs for longer than its timeout.
  bool hung = false;
  Duration started_at{};
  /// Changes whenever it ends.
  std::uint64_t rounds = 0;
  int failures = 0;
  std::optional<Duration> finished_at;
  ComponentReport last;
};

}  // namespace

std::string_view to_string(Health health) {
  switch (health) {
    case Health::Healthy:
      return "healthy";
    case Health::Degraded:
      return "degraded";
    case Health::Unhealthy:
      return "unhealthy";
  }
  return "unhealthy";
}

Json HealthReport::json(Audience audience) const {
  Json body = Json::object();
  body.set("status", to_string(health));
  if (audience == Audience::Anonymous) {
    return body;
  }
  Json list = Json::array();
  for (const ComponentReport& component : components) {
    Json entry = Json::object();
    entry.set("name", component.name);
    entry.set("status", to_string(component.health));
    entry.set("critical", component.critical);
    if (!component.message.empty()) {
      entry.set("message", component.message);
    }
    entry.set("response_time_ms", component.response_time.count());
    entry.set("timestamp", format_timestamp(component.at));
    if (!component.details.is_null()) {
      entry.set("details", component.details);
    }
    list.push(std::move(entry));
  }
  body.set("components", std::move(list));
  body.set("started", started);
  body.set("draining", draining);
  constexpr std::int64_t kMillis = 1000;
  body.set("uptime_seconds", uptime.count() / kMillis);
  body.set("version", version);
  body.set("timestamp", format_timestamp(at));
  return body;
}

/// Shared by the registry and its threads: one that hangs outlives the registry.
struct HealthRegistry::State {
  struct Request {
    Probe probe;
    std::function<void(HealthReport)> done;
  };

  State(platform::Clock& the_clock, HealthOptions the_options)
      : clock(&the_clock), options(std::move(the_options)) {
    if (!options.monotonic) {
      options.monotonic = platform::monotonic_now;
    }
    began = options.monotonic();
  }

  struct Worker {
    std::thread thread;
    bool ended = false;
  };

  struct Awaited {
    Check* check = nullptr;
    std::uint64_t rounds = 0;
    Duration wait{};
  };

  static void work(const std::shared_ptr<State>& state, Worker& self);
  static void answer(const std::shared_ptr<State>& state);
  static HealthReport collect(const std::shared_ptr<State>& state, Probe probe);

  // The functions below are called with the mutex held.
  void run_one(std::unique_lock<std::mutex>& lock);
  void finish(Check& check, Observation observation);
  std::vector<Awaited> start_checks(Probe probe);
  void await(std::unique_lock<std::mutex>& lock, std::vector<Awaited> awaited);
  bool is_due(Probe probe, const Check& check) const;
  ComponentReport component(const Check& check) const;
  HealthReport summary(Probe probe) const;

  static bool asks(Probe probe, const Check& check) {
    return probe != Probe::Startup && (probe != Probe::Live || check.definition.live);
  }

  platform::Clock* clock;
  HealthOptions options;
  Duration began{};

  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable finished;
  std::condition_variable asked;
  /// By name; never removed, so that addresses stay.
  std::map<std::string, Check> checks;
  std::deque<Check*> queue;
  std::deque<Request> requests;
  bool started = false;
  bool draining = false;
  bool stopping = false;
  /// Addresses stay; none is removed before the end.
  std::list<Worker> workers;
  /// Those that wait for a check, or are about to.
  std::size_t idle = 0;
  std::thread answering;
};

void HealthRegistry::State::finish(Check& check, Observation observation) {
  const Duration now = options.monotonic();
  if (observation.message.size() > kMessageBytesMax) {
    observation.message.resize(kMessageBytesMax);
  }
  check.failures = observation.health == Health::Unhealthy ? check.failures + 1 : 0;
  if (check.failures > 0 && check.failures < check.definition.failures_min) {
    observation.health = Health::Degraded;
  }
  check.last.health = observation.health;
  check.last.message = std::move(observation.message);
  check.last.details = std::move(observation.details);
  check.last.response_time = now - check.started_at;
  check.last.at = clock->now();
  check.finished_at = now;
}

void HealthRegistry::State::run_one(std::unique_lock<std::mutex>& lock) {
  Check& check = *queue.front();
  queue.pop_front();
  check.queued = false;
  check.running = true;
  check.started_at = options.monotonic();
  lock.unlock();
  Observation observation = run_check(check.definition.run);
  lock.lock();
  // After the end the clock may be gone, and nobody asks any more.
  if (!stopping) {
    finish(check, std::move(observation));
  }
  check.running = false;
  check.hung = false;
  ++check.rounds;
  finished.notify_all();
}

void HealthRegistry::State::work(const std::shared_ptr<State>& state, Worker& self) {
  std::unique_lock lock(state->mutex);
  for (;;) {
    state->wake.wait(lock, [&] { return state->stopping || !state->queue.empty(); });
    if (state->stopping) {
      break;
    }
    --state->idle;
    state->run_one(lock);
    ++state->idle;
  }
  self.ended = true;
  state->finished.notify_all();
}

ComponentReport HealthRegistry::State::component(const Check& check) const {
  ComponentReport report = check.last;
  report.name = check.definition.name;
  report.critical = check.definition.critical;
  if (check.hung) {
    report.health =
        check.failures < check.definition.failures_min ? Health::Degraded : Health::Unhealthy;
    report.message = "timeout";
    report.response_time = check.definition.timeout;
    report.details = {};
  } else if (!check.finished_at) {
    report.health = Health::Degraded;
    report.message = "not checked yet";
    report.at = clock->now();
  }
  return report;
}

HealthReport HealthRegistry::State::summary(Probe probe) const {
  HealthReport report;
  report.draining = draining;
  report.started = started;
  report.version = options.version;
  report.uptime = options.monotonic() - began;
  report.at = clock->now();
  for (const auto& [name, check] : checks) {
    if (!asks(probe, check)) {
      continue;
    }
    report.components.push_back(component(check));
    const ComponentReport& found = report.components.back();
    const Health worst = found.critical ? found.health : std::min(found.health, Health::Degraded);
    report.health = std::max(report.health, worst);
  }
  const bool refuses = probe == Probe::Ready && (draining || !started);
  if (refuses || (probe == Probe::Startup && !started)) {
    report.health = Health::Unhealthy;
  }
  return report;
}

bool HealthRegistry::State::is_due(Probe probe, const Check& check) const {
  const bool fresh =
      check.finished_at && options.monotonic() - *check.finished_at < check.definition.cache;
  return asks(probe, check) && !fresh && !check.hung && !stopping;
}

/// Queues what is due and returns what to wait for.
std::vector<HealthRegistry::State::Awaited> HealthRegistry::State::start_checks(Probe probe) {
  std::vector<Awaited> awaited;
  for (auto& [name, check] : checks) {
    if (!is_due(probe, check)) {
      continue;
    }
    Duration wait = check.definition.timeout;
    if (check.running) {
      wait = std::max(Duration{0}, wait - (options.monotonic() - check.started_at));
    } else if (!check.queued) {
      check.queued = true;
      queue.push_back(&check);
    }
    awaited.push_back({.check = &check, .rounds = check.rounds, .wait = wait});
  }
  return awaited;
}

void HealthRegistry::State::await(
    std::unique_lock<std::mutex>& lock, std::vector<Awaited> awaited
) {
  // Shortest first: each wait goes on where the one before it ended.
  std::sort(awaited.begin(), awaited.end(), [](const Awaited& a, const Awaited& b) {
    return a.wait < b.wait;
  });
  Duration waited{0};
  for (const Awaited& one : awaited) {
    const Duration until = std::min(one.wait, options.deadline);
    const bool ended = finished.wait_for(lock, std::max(until - waited, Duration{0}), [&] {
      return stopping || one.check->rounds != one.rounds;
    });
    if (!ended) {
      waited = std::max(waited, until);
      if (one.wait <= options.deadline && !one.check->hung) {
        one.check->hung = true;
        ++one.check->failures;
        one.check->last.at = clock->now();
      }
    }
  }
}

HealthReport HealthRegistry::State::collect(const std::shared_ptr<State>& state, Probe probe) {
  std::unique_lock lock(state->mutex);
  std::vector<Awaited> awaited = state->start_checks(probe);
  while (state->queue.size() > state->idle) {
    ++state->idle;
    Worker& worker = state->workers.emplace_back();
    worker.thread = std::thread([state, &worker] { work(state, worker); });
  }
  state->wake.notify_all();
  state->await(lock, std::move(awaited));
  return state->summary(probe);
}

void HealthRegistry::State::answer(const std::shared_ptr<State>& state) {
  for (;;) {
    std::deque<Request> requests;
    {
      std::unique_lock lock(state->mutex);
      state->asked.wait(lock, [&] { return state->stopping || !state->requests.empty(); });
      requests.swap(state->requests);
      if (requests.empty()) {
        return;
      }
    }
    // Those of one kind that came together get the same report.
    std::map<Probe, HealthReport> reports;
    for (const Request& request : requests) {
      if (!reports.contains(request.probe)) {
        reports.emplace(request.probe, collect(state, request.probe));
      }
      request.done(reports.at(request.probe));
    }
  }
}

HealthRegistry::HealthRegistry(platform::Clock& clock, HealthOptions options)
    : state_(std::make_shared<State>(clock, std::move(options))) {
  state_->answering = std::thread([state = state_] { State::answer(state); });
}

HealthRegistry::~HealthRegistry() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->queue.clear();
  }
  state_->wake.notify_all();
  state_->asked.notify_all();
  state_->finished.notify_all();
  state_->answering.join();
  {
    std::unique_lock lock(state_->mutex);
    const auto has_ended = [](const State::Worker& worker) {
      return worker.ended;
    };
    state_->finished.wait_for(lock, state_->options.stop_timeout, [&] {
      return std::all_of(state_->workers.begin(), state_->workers.end(), has_ended);
    });
    for (State::Worker& worker : state_->workers) {
      if (!worker.ended) {
        worker.thread.detach();
      }
    }
  }
  for (State::Worker& worker : state_->workers) {
    if (worker.thread.joinable()) {
      worker.thread.join();
    }
  }
}

Result<void> HealthRegistry::add(HealthCheck check) {
  if (check.name.empty() || !check.run) {
    return make_error(ErrorCode::Invalid, "a check has a name and a function", check.name);
  }
  if (check.timeout <= Duration{0} || check.timeout > kTimeoutMax) {
    return make_error(ErrorCode::Invalid, "the timeout is out of range", check.name);
  }
  if (check.cache < kHealthCacheMin || check.cache > kCacheMax || check.failures_min < 1) {
    return make_error(ErrorCode::Invalid, "cache or failures are out of range", check.name);
  }
  const std::lock_guard lock(state_->mutex);
  if (state_->checks.contains(check.name)) {
    return make_error(ErrorCode::AlreadyExists, "there is a check of this name", check.name);
  }
  if (state_->checks.size() >= kHealthChecksMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("more than ", kHealthChecksMax, " checks"), check.name
    );
  }
  const std::string name = check.name;
  state_->checks[name].definition = std::move(check);
  return {};
}

void HealthRegistry::set_started() {
  const std::lock_guard lock(state_->mutex);
  state_->started = true;
}

void HealthRegistry::set_draining(bool draining) {
  const std::lock_guard lock(state_->mutex);
  state_->draining = draining;
}

HealthReport HealthRegistry::report(Probe probe) {
  return State::collect(state_, probe);
}

void HealthRegistry::report_async(Probe probe, std::function<void(HealthReport)> done) {
  {
    const std::lock_guard lock(state_->mutex);
    const bool waits =
        std::any_of(state_->checks.begin(), state_->checks.end(), [&](const auto& entry) {
          return state_->is_due(probe, entry.second);
        });
    if (waits && state_->requests.size() < kHealthReportsMax) {
      state_->requests.push_back({.probe = probe, .done = std::move(done)});
      state_->asked.notify_one();
      return;
    }
  }
  done(last(probe));
}

HealthReport HealthRegistry::last(Probe probe) const {
  const std::lock_guard lock(state_->mutex);
  return state_->summary(probe);
}

}  // namespace reeve::telemetry
