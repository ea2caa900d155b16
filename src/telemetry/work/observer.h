#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "model/effect.h"
#include "store/ports.h"
#include "telemetry/work/work_log.h"
#include "telemetry/work/work_metrics.h"
#include "telemetry/work/work_spans.h"

namespace reeve::telemetry {

/// Reads what was committed once, and hands it to all who tell of it.
///
/// Threading: any thread; commits come in their order. Never blocks on anything but its own lock.
class Observer {
 public:
  struct Options {
    /// Takes spans; outlives this. Null: there are none.
    SpanSink* spans = nullptr;
    /// See model::is_sampled.
    double sample_ratio = 0;
  };

  Observer(LogHub& log, MetricRegistry& metrics, Options options);

  /// Before the first commit, and whenever the store was read again. The errors of `reader`.
  Result<void> load(store::Reader& reader);

  void committed(const store::Commit& commit);
  void asked(const model::Effect& effect);
  void reported(const model::Report& report);

  void measured(const CommitFigures& figures) { metrics_.see(figures); }

  WorkMetrics& metrics() { return metrics_; }

  /// Missions of which there are no spans because there were too many.
  std::uint64_t spans_skipped() const { return spans_ ? spans_->skipped() : 0; }

 private:
  using Heads = std::map<journal::ObjectKey, std::optional<MissionHead>>;

  const std::optional<MissionHead>& head_of(
      const journal::ObjectKey& mission, const store::Commit& commit, Heads& heads
  ) const;

  double sample_ratio_;
  WorkLog log_;
  WorkMetrics metrics_;
  /// The kernel's loop reads the store again while its writer is idle; still they are two threads.
  std::mutex spans_mutex_;
  std::optional<WorkSpans> spans_;
};

}  // namespace reeve::telemetry
