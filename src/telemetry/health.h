#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "platform/ports.h"

namespace reeve::telemetry {

inline constexpr std::size_t kHealthChecksMax = 64;
/// Reports that wait for checks at the same time; further ones get what is known.
inline constexpr std::size_t kHealthReportsMax = 256;

/// In order of badness. Observed, never a state.
enum class Health : std::uint8_t { Healthy, Degraded, Unhealthy };

std::string_view to_string(Health health);  ///< "healthy", "degraded", "unhealthy"

/// Which question is asked.
enum class Probe : std::uint8_t {
  Live,     ///< is this process worth keeping? Only checks with `live`
  Ready,    ///< shall it get requests? All checks, started, not draining
  Startup,  ///< has it started?
  Full,     ///< everything
};

/// What a check found.
struct Observation {
  Health health = Health::Healthy;
  /// For operators; anonymous callers do not see it.
  std::string message = {};
  Json details = {};
};

struct HealthCheck {
  std::string name;
  /// A critical check makes the whole unhealthy, an optional one at most degraded.
  bool critical = true;
  /// Also part of the liveness probe: for what only a restart repairs.
  bool live = false;
  Duration timeout{1000};
  /// A result is used again for so long; at least kHealthCacheMin.
  Duration cache{1000};
  /// So many failures in a row make it unhealthy; before, it is degraded.
  int failures_min = 1;
  /// Runs on a thread of the registry. A thrown exception is Unhealthy.
  std::function<Observation()> run;
};

inline constexpr Duration kHealthCacheMin{1000};

struct ComponentReport {
  std::string name;
  Health health = Health::Healthy;
  bool critical = true;
  std::string message;
  Duration response_time{};
  Timestamp at;
  Json details;
};

enum class Audience : std::uint8_t { Anonymous, Authorised };

struct HealthReport {
  Health health = Health::Healthy;
  std::vector<ComponentReport> components;
  bool draining = false;
  bool started = true;
  Duration uptime{};
  std::string version;
  Timestamp at;

  /// 200 for healthy and degraded, 503 for unhealthy.
  int http_status() const { return health == Health::Unhealthy ? 503 : 200; }

  /// `{"status":…}`, and for those who may see it components, uptime and version.
  Json json(Audience audience) const;
};

struct HealthOptions {
  std::string version = {};
  /// The longest that a report takes.
  Duration deadline{1500};
  /// How long the end waits for checks that run.
  Duration stop_timeout{2000};
  /// Milliseconds on a clock that only goes forward; by default that of the machine.
  std::function<Duration()> monotonic = {};
};

/// Runs checks in parallel on threads of its own, when somebody asks and the last result is too
/// old. A check that hangs is reported as unhealthy ("timeout") and is not started again before it
/// has returned; it does not delay the others: there are as many threads as checks that run at the
/// same time, so never more than checks. Any thread.
class HealthRegistry {
 public:
  HealthRegistry(platform::Clock& clock, HealthOptions options = {});
  /// A check that still hangs after `stop_timeout` keeps its thread; what it refers to must then
  /// live as long as the process.
  ~HealthRegistry();
  HealthRegistry(const HealthRegistry&) = delete;
  HealthRegistry& operator=(const HealthRegistry&) = delete;

  /// AlreadyExists: the name. LimitExceeded: kHealthChecksMax. Invalid: no name or function, a
  /// timeout or cache that is out of range.
  Result<void> add(HealthCheck check);

  /// From now on the startup probe succeeds.
  void set_started();
  /// From now on the readiness probe fails: no new requests, those in flight are finished.
  void set_draining(bool draining);

  /// Waits for the checks, at most `deadline`. Blocks: not on an io loop.
  HealthReport report(Probe probe);

  /// The same without waiting: `done` is called once; at once if all results are fresh or too many
  /// reports wait, else on a thread of the registry, which it must not block.
  void report_async(Probe probe, std::function<void(HealthReport)> done);

  /// What is known now, without running anything. A check that never ran is degraded, "not checked
  /// yet".
  HealthReport last(Probe probe) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace reeve::telemetry
