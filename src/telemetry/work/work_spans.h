#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "store/ports.h"
#include "telemetry/trace.h"
#include "telemetry/work/work_event.h"

namespace reeve::telemetry {

/// Missions whose spans are in progress; of further ones there are none, and they are counted.
inline constexpr std::size_t kTracedMissionsMax = 20'000;

/// Spans of missions, their tasks and their runs, one below the other; the mission's is below the
/// request that made it. A task is from its first run to its end, a run from the asking of a host.
///
/// Threading: one thread at a time, but `skipped`.
class WorkSpans {
 public:
  /// `ratio`: see model::is_sampled. `sink` outlives this.
  WorkSpans(SpanSink& sink, double ratio) : sink_(sink), ratio_(ratio) {}

  /// What has been going on in live missions. The errors of `reader`.
  Result<void> load(store::Reader& reader);

  void see(const WorkEvent& seen);

  /// Missions that were too many.
  std::uint64_t skipped() const { return skipped_.load(std::memory_order_relaxed); }

 private:
  struct Task {
    Timestamp started_at;
  };

  struct Run {
    Timestamp started_at;
  };

  struct Mission {
    std::string workflow;
    std::uint32_t epoch = 1;
    std::map<std::string, Task> tasks;
    /// By task, and whether it is its compensation.
    std::map<std::pair<std::string, bool>, Run> runs;
  };

  Mission* mission_of(const WorkEvent& seen);
  void load_mission(const store::Row& row);
  void run_ended(const WorkEvent& seen, Mission& mission);
  void task_ended(const WorkEvent& seen, Mission& mission);
  void mission_ended(const WorkEvent& seen, const Mission& mission);
  void add(
      const WorkEvent& seen,
      SpanRecord record,
      std::string_view span,
      std::string_view parent,
      Timestamp started_at
  );

  SpanSink& sink_;
  double ratio_;
  std::atomic<std::uint64_t> skipped_ = 0;
  std::map<Uid, Mission> missions_;
};

}  // namespace reeve::telemetry
