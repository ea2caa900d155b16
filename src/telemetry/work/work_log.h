#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "model/effect.h"
#include "telemetry/log.h"
#include "telemetry/work/work_event.h"

namespace reeve::telemetry {

/// Runs in the hands of hosts that lines are written about; of further ones there are none.
inline constexpr std::size_t kLoggedRunsMax = 100'000;

/// Lines about missions (module "engine") and about what hosts do (module "host"), each with the
/// correlation id and the trace of the request that made the mission.
///
/// Threading: any thread.
class WorkLog {
 public:
  explicit WorkLog(LogHub& hub) : engine_(hub.logger("engine")), host_(hub.logger("host")) {}

  void see(const WorkEvent& seen);
  /// What a host is asked for, and what it answers. Repetitions are not told again.
  void see(const model::Effect& effect);
  void see(const model::Report& report);

 private:
  struct Run {
    Correlation correlation;
    bool started = false;
  };

  void mission_created(const WorkEvent& seen) const;
  void mission_moved(const WorkEvent& seen) const;
  void run_ended(const WorkEvent& seen) const;
  void gate(const WorkEvent& seen, std::string_view message) const;
  void trigger_failed(const WorkEvent& seen) const;
  void message_died(const WorkEvent& seen) const;
  Logger logger_for(const WorkEvent& seen) const;

  Logger engine_;
  Logger host_;
  std::mutex mutex_;
  std::map<std::string, Run> runs_;
};

}  // namespace reeve::telemetry
