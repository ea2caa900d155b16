#include "telemetry/process_metrics.h"

#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>
#include <unistd.h>

#include <sys/resource.h>

#include "base/strings.h"
#include "platform/posix/files.h"
#include "telemetry/log.h"
#include "telemetry/span_exporter.h"

namespace reeve::telemetry {
namespace {

constexpr std::uint64_t kProcBytesMax = std::uint64_t{1} << 20U;

std::optional<std::uint64_t> whole(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) {
    return std::nullopt;
  }
  return number;
}

std::optional<ProcessStat> own_stat() {
  const auto line = platform::read_file("/proc/self/stat", kProcBytesMax);
  if (!line) {
    return std::nullopt;
  }
  auto stat = parse_process_stat(*line);
  return stat ? std::optional<ProcessStat>(*stat) : std::nullopt;
}

double ticks_per_second() {
  return static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// Seconds since 1970 at which the machine started, by /proc/stat.
std::optional<std::uint64_t> boot_seconds() {
  const auto text = platform::read_file("/proc/stat", kProcBytesMax);
  if (!text) {
    return std::nullopt;
  }
  for (const std::string_view line : split(*text, '\n')) {
    if (line.starts_with("btime ")) {
      return whole(trim(line.substr(line.find(' '))));
    }
  }
  return std::nullopt;
}

std::optional<double> open_descriptors() {
  std::error_code error;
  std::size_t count = 0;
  auto entry = std::filesystem::directory_iterator("/proc/self/fd", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    ++count;
  }
  // One of them is that of the iteration.
  return error ? std::nullopt : std::optional<double>(static_cast<double>(count) - 1);
}

std::optional<double> descriptors_max() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::nullopt;
  }
  return static_cast<double>(limit.rlim_cur);
}

using Reading = std::function<std::optional<double>()>;

MetricCallback register_reading(
    MetricRegistry& registry, MetricType type, std::string name, std::string help, Reading reading
) {
  MetricOptions options{.name = std::move(name), .help = std::move(help)};
  return registry.callback(type, std::move(options), [reading = std::move(reading)] {
    std::vector<Sample> samples;
    if (const auto value = reading()) {
      samples.push_back({.labels = {}, .value = *value});
    }
    return samples;
  });
}

/// A reading of `part` of what /proc/self/stat tells.
Reading of_stat(std::function<double(const ProcessStat&)> part) {
  return [part = std::move(part)]() -> std::optional<double> {
    const auto stat = own_stat();
    return stat ? std::optional<double>(part(*stat)) : std::nullopt;
  };
}

}  // namespace

Result<ProcessStat> parse_process_stat(std::string_view line) {
  // proc(5) counts from 1; the second field is the name in parentheses, which may contain some.
  constexpr std::size_t kFirst = 3;
  const std::size_t name_end = line.rfind(')');
  const std::string_view rest =
      name_end == std::string_view::npos ? std::string_view() : trim(line.substr(name_end + 1));
  const std::vector<std::string_view> fields = split(rest, ' ');
  const auto number = [&](std::size_t field) -> std::optional<std::uint64_t> {
    return field - kFirst < fields.size() ? whole(fields[field - kFirst]) : std::nullopt;
  };
  constexpr std::size_t kUser = 14;
  constexpr std::size_t kSystem = 15;
  constexpr std::size_t kThreads = 20;
  constexpr std::size_t kStart = 22;
  constexpr std::size_t kVirtual = 23;
  constexpr std::size_t kResident = 24;
  for (const std::size_t field : {kUser, kSystem, kThreads, kStart, kVirtual, kResident}) {
    if (!number(field)) {
      return make_error(ErrorCode::Invalid, concat("field ", field, " is no number"), "stat");
    }
  }
  return ProcessStat{
      .cpu_ticks = *number(kUser) + *number(kSystem),
      .threads = *number(kThreads),
      .start_ticks = *number(kStart),
      .virtual_bytes = *number(kVirtual),
      .resident_pages = *number(kResident)};
}

std::vector<MetricCallback> register_process_metrics(MetricRegistry& registry) {
  const double page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
  std::vector<MetricCallback> callbacks;
  const auto add = [&](MetricType type, std::string name, std::string help, Reading reading) {
    callbacks.push_back(
        register_reading(registry, type, std::move(name), std::move(help), std::move(reading))
    );
  };
  add(MetricType::Counter,
      "process_cpu_seconds_total",
      "Total user and system CPU time spent in seconds",
      of_stat([](const ProcessStat& stat) {
        return static_cast<double>(stat.cpu_ticks) / ticks_per_second();
      }));
  add(MetricType::Gauge,
      "process_resident_memory_bytes",
      "Resident memory size in bytes",
      of_stat([page_bytes](const ProcessStat& stat) {
        return static_cast<double>(stat.resident_pages) * page_bytes;
      }));
  add(MetricType::Gauge,
      "process_virtual_memory_bytes",
      "Virtual memory size in bytes",
      of_stat([](const ProcessStat& stat) { return static_cast<double>(stat.virtual_bytes); }));
  add(MetricType::Gauge,
      "process_threads",
      "Number of threads",
      of_stat([](const ProcessStat& stat) { return static_cast<double>(stat.threads); }));
  add(MetricType::Gauge, "process_open_fds", "Number of open file descriptors", open_descriptors);
  add(MetricType::Gauge,
      "process_max_fds",
      "Maximum number of open file descriptors",
      descriptors_max);
  add(MetricType::Gauge,
      "process_start_time_seconds",
      "Start time of the process since unix epoch in seconds",
      []() -> std::optional<double> {
        const auto stat = own_stat();
        const auto boot = boot_seconds();
        if (!stat || !boot) {
          return std::nullopt;
        }
        return static_cast<double>(*boot) +
               static_cast<double>(stat->start_ticks) / ticks_per_second();
      });
  return callbacks;
}

void register_build_info(MetricRegistry& registry, const BuildInfo& build) {
  registry
      .gauge(
          {.name = "reeve_build_info",
           .help = "Always 1; the labels tell which build this is",
           .labels = {"version", "revision", "compiler"}}
      )
      .with({build.version, build.revision, concat("clang ", __clang_major__)})
      .set(1);
}

std::vector<MetricCallback> register_log_metrics(MetricRegistry& registry, const LogHub& hub) {
  struct Row {
    std::string_view name;
    std::string_view help;
    std::uint64_t LogCounters::*member;
  };

  constexpr std::array<Row, 3> kRows = {{
      {"reeve_log_written_total", "Lines of the log that were written", &LogCounters::written},
      {"reeve_log_dropped_total",
       "Records that were dropped because the log was not taken fast enough",
       &LogCounters::dropped},
      {"reeve_log_failed_total", "Lines of the log that were refused", &LogCounters::failed},
  }};
  std::vector<MetricCallback> callbacks;
  for (const Row& row : kRows) {
    MetricOptions options{.name = std::string(row.name), .help = std::string(row.help)};
    callbacks.push_back(registry.callback(
        MetricType::Counter,
        std::move(options),
        std::function<double()>([&hub, member = row.member] {
          return static_cast<double>(hub.counters().*member);
        })
    ));
  }
  return callbacks;
}

std::vector<MetricCallback> register_span_metrics(
    MetricRegistry& registry, const SpanExporter& exporter
) {
  struct Row {
    std::string_view name;
    std::string_view help;
    std::uint64_t ExportCounters::*member;
  };

  constexpr std::array<Row, 3> kRows = {{
      {"reeve_spans_exported_total", "Spans that the collector took", &ExportCounters::exported},
      {"reeve_spans_dropped_total", "Spans that were lost", &ExportCounters::dropped},
      {"reeve_span_export_failures_total",
       "Requests to the collector that failed",
       &ExportCounters::failures},
  }};
  std::vector<MetricCallback> callbacks;
  for (const Row& row : kRows) {
    MetricOptions options{.name = std::string(row.name), .help = std::string(row.help)};
    callbacks.push_back(registry.callback(
        MetricType::Counter,
        std::move(options),
        std::function<double()>([&exporter, member = row.member] {
          return static_cast<double>(exporter.counters().*member);
        })
    ));
  }
  return callbacks;
}

}  // namespace reeve::telemetry
