#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/loop.h"
#include "model/effect.h"
#include "store/ports.h"
#include "telemetry/metrics.h"
#include "telemetry/work/work_event.h"

namespace reeve::telemetry {

/// What one commit took.
struct CommitFigures {
  double seconds = 0;
  std::size_t events = 0;
  bool stored = true;
};

/// Runs whose beginning is remembered until they end; of further ones no duration is counted.
inline constexpr std::size_t kTimedRunsMax = 100'000;
/// Workflows that missions are counted by; further ones are "other".
inline constexpr std::size_t kWorkflowSeriesMax = 200;
/// Limits of budgets that are told.
inline constexpr std::size_t kBudgetSeriesMax = 1000;

/// By what a run is carried out: `shell`, `container`, or the name of a tool (`http`).
std::string executor_of(const model::RunSpec& spec);

/// Metrics of missions, runs, triggers, channels, budgets and commits. Counters begin at zero with
/// the process; gauges are right from the first moment on.
///
/// Threading: any thread.
class WorkMetrics {
 public:
  explicit WorkMetrics(MetricRegistry& registry);

  /// Before the first event, and again whenever the store was read again. Returns the errors of
  /// `reader`.
  Result<void> load(store::Reader& reader);

  void see(const WorkEvent& seen);
  /// An object of a kind that is told of as it is.
  void see(const store::Row& row);
  void see(const model::Effect& effect);
  void see(const CommitFigures& commit);

  using Statistics = std::function<kernel::Statistics()>;
  using Healthy = std::function<bool()>;

  /// Tells gauges as long as the result lives; the functions are called on any thread.
  [[nodiscard]] std::vector<MetricCallback> register_gauges(
      const Statistics& statistics, const Healthy& healthy, std::function<Timestamp()> now
  );

 private:
  struct Run {
    std::string executor;
    Timestamp launched_at;
    Timestamp active_at;
  };

  void mission_moved(const WorkEvent& seen);
  void forget_runs(const journal::ObjectKey& mission);
  void gate_opened(const WorkEvent& seen);
  void run_launching(const WorkEvent& seen);
  void run_active(const WorkEvent& seen);
  void run_ended(const WorkEvent& seen);
  void load_runs(const store::Row& row);
  std::vector<Sample> budget_limits();
  /// What is settled in the period of each budget, or promised to calls under way.
  std::vector<Sample> budget_usage(std::string_view section);
  void register_kernel(std::vector<MetricCallback>& kept, const Statistics& statistics);
  void register_missions(std::vector<MetricCallback>& kept, const Statistics& statistics);
  void register_channels(
      std::vector<MetricCallback>& kept,
      const Statistics& statistics,
      std::function<Timestamp()> now
  );

  MetricRegistry& registry_;
  Family<Counter>& events_;
  Family<Counter>& submitted_;
  Family<Counter>& transitions_;
  Family<Histogram>& mission_seconds_;
  Family<Counter>& runs_ended_;
  Family<Histogram>& run_seconds_;
  Family<Histogram>& launch_seconds_;
  Family<Counter>& retries_;
  Family<Counter>& gates_;
  Family<Counter>& triggers_;
  Family<Counter>& messages_;
  Family<Histogram>& commit_seconds_;
  Family<Histogram>& commit_events_;
  Family<Counter>& commit_failures_;

  std::mutex mutex_;
  /// By mission, task and leg.
  std::map<std::string, Run> runs_;
  /// Limits by namespace and budget.
  std::map<std::pair<std::string, std::string>, std::map<std::string, double>> budgets_;
  /// The rows of what is used of budgets; read when somebody asks, as they change with every call.
  std::map<std::pair<std::string, std::string>, std::string> usage_;
};

}  // namespace reeve::telemetry
