#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "telemetry/metrics.h"

namespace reeve::telemetry {

/// What /proc/PID/stat tells about a process.
struct ProcessStat {
  /// User and system time, in clock ticks.
  std::uint64_t cpu_ticks = 0;
  std::uint64_t threads = 0;
  /// Clock ticks after boot.
  std::uint64_t start_ticks = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_pages = 0;
};

/// Reads a line of /proc/PID/stat (proc(5)); the name of the program may contain anything.
/// Invalid: too few fields, or not numbers.
Result<ProcessStat> parse_process_stat(std::string_view line);

/// The metrics of this process by the names that Prometheus' client libraries use:
/// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
/// process_open_fds, process_max_fds, process_threads, process_start_time_seconds. What /proc does
/// not tell is left out.
[[nodiscard]] std::vector<MetricCallback> register_process_metrics(MetricRegistry& registry);

struct BuildInfo {
  std::string version;
  std::string revision;
};

/// `reeve_build_info{version,revision,compiler} 1`.
void register_build_info(MetricRegistry& registry, const BuildInfo& build);

class LogHub;
class SpanExporter;

/// reeve_log_written_total, reeve_log_dropped_total, reeve_log_failed_total.
[[nodiscard]] std::vector<MetricCallback> register_log_metrics(
    MetricRegistry& registry, const LogHub& hub
);

/// reeve_spans_exported_total, reeve_spans_dropped_total, reeve_span_export_failures_total.
[[nodiscard]] std::vector<MetricCallback> register_span_metrics(
    MetricRegistry& registry, const SpanExporter& exporter
);

}  // namespace reeve::telemetry
