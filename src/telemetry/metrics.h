#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::telemetry {

/// Different label values of one metric; further ones are counted under "other".
inline constexpr std::size_t kSeriesMax = 1000;
/// Longer label values become "other".
inline constexpr std::size_t kLabelBytesMax = 128;
inline constexpr std::size_t kBucketsMax = 64;

inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";
inline constexpr std::string_view kOpenMetricsContentType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

enum class MetricType : std::uint8_t { Counter, Gauge, Histogram };

/// Grows only. Any thread; wait-free but for contention on the same series.
class Counter {
 public:
  /// A negative or not finite amount is not added.
  void add(double amount = 1);
  double value() const;

 private:
  std::atomic<double> value_ = 0;
};

/// Goes up and down. Any thread.
class Gauge {
 public:
  void set(double value);
  void add(double amount = 1);
  double value() const;

 private:
  std::atomic<double> value_ = 0;
};

/// Counts observations by size. Any thread.
class Histogram {
 public:
  /// `bounds`: the upper bounds, included, ascending, without +Inf.
  explicit Histogram(const std::vector<double>& bounds);

  /// NaN is not counted.
  void observe(double value);

  struct Reading {
    /// Not cumulative; one more than there are bounds.
    std::vector<std::uint64_t> counts;
    std::uint64_t count = 0;
    double sum = 0;
  };

  Reading read() const;

  const std::vector<double>& bounds() const { return bounds_; }

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_ = 0;
};

/// `start`, `start * factor`, … : `count` bounds.
std::vector<double> exponential_buckets(double start, double factor, std::size_t count);

/// Bounds for requests: 5 ms to 10 s.
std::vector<double> request_seconds_buckets();
/// Bounds for runs: 1 s to 6 h.
std::vector<double> run_seconds_buckets();
/// Bounds for bodies: 256 B to 64 MiB.
std::vector<double> size_bytes_buckets();

/// What a metric is. `name` follows the conventions of Prometheus: `reeve_` first, the unit
/// (`_seconds`, `_bytes`) and for counters `_total` last; `help` is a sentence without a period.
struct MetricOptions {
  std::string name;
  std::string help;
  /// Names of its labels.
  std::vector<std::string> labels = {};
  std::size_t series_max = kSeriesMax;
};

/// One series as a callback tells it: the values of the labels, in their order.
struct Sample {
  std::vector<std::string> labels;
  double value = 0;
};

class MetricRegistry;

/// The series of one metric. Any thread.
template <class Metric>
class Family {
 public:
  class Impl;

  explicit Family(std::unique_ptr<Impl> impl);
  ~Family();
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  /// The series with these label values, as many as the metric has labels; it lives as long as the
  /// registry, so keep the reference where it is used often. Beyond `series_max`, or for a value
  /// that is too long or no UTF-8, it is the series whose values are all "other".
  Metric& with(std::initializer_list<std::string_view> values);

  /// The series of a metric without labels.
  Metric& get() { return with({}); }

 private:
  friend class MetricRegistry;
  std::unique_ptr<Impl> impl_;
};

/// Keeps a callback registered as long as it lives; once it is gone the callback is not running and
/// will not run again. The registry outlives it.
class [[nodiscard]] MetricCallback {
 public:
  MetricCallback() = default;

  MetricCallback(MetricRegistry* registry, std::uint64_t id) : registry_(registry), id_(id) {}

  MetricCallback(MetricCallback&& other) noexcept;
  MetricCallback& operator=(MetricCallback&& other) noexcept;
  ~MetricCallback();

 private:
  MetricRegistry* registry_ = nullptr;
  std::uint64_t id_ = 0;
};

/// All metrics of a process. Any thread. Names, labels and bounds are constants of the program:
/// wrong ones, or one name for two different metrics, are assertions. Asking again for the same
/// metric gives the same family.
class MetricRegistry {
 public:
  MetricRegistry();
  ~MetricRegistry();
  MetricRegistry(const MetricRegistry&) = delete;
  MetricRegistry& operator=(const MetricRegistry&) = delete;

  Family<Counter>& counter(MetricOptions options);
  Family<Gauge>& gauge(MetricOptions options);
  Family<Histogram>& histogram(MetricOptions options, std::vector<double> bounds);

  /// A Counter or Gauge without labels whose value is asked for at each exposition.
  MetricCallback callback(MetricType type, MetricOptions options, std::function<double()> value);

  /// The same with labels. A set of values that comes twice counts once; samples beyond
  /// `series_max` are left out and counted. Callbacks must not call the registry.
  MetricCallback callback(
      MetricType type, MetricOptions options, std::function<std::vector<Sample>()> samples
  );

  /// The text exposition format 0.0.4 of Prometheus; families by name, series by label values.
  std::string prometheus() const;
  /// The same as OpenMetrics 1.0.
  std::string openmetrics() const;

 private:
  friend class MetricCallback;
  struct State;

  void remove(std::uint64_t id);

  std::unique_ptr<State> state_;
};

/// Whether an `Accept` header prefers OpenMetrics over the text format.
bool wants_openmetrics(std::string_view accept);

}  // namespace reeve::telemetry
