#include "telemetry/metrics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

#include "base/assert.h"
#include "base/strings.h"
#include "telemetry/exposition.h"

namespace reeve::telemetry {
namespace {

constexpr std::string_view kOther = "other";

void add_to(std::atomic<double>& value, double amount) {
  double seen = value.load(std::memory_order_relaxed);
  while (!value.compare_exchange_weak(seen, seen + amount, std::memory_order_relaxed)) {
  }
}

bool is_name(std::string_view name, bool colon) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [colon](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (colon && c == ':');
  });
}

/// Wrong names are mistakes of the program.
void check_options(MetricType type, const MetricOptions& options) {
  REEVE_ASSERT(is_name(options.name, true));
  REEVE_ASSERT((type == MetricType::Counter) == options.name.ends_with("_total"));
  REEVE_ASSERT(!options.help.empty() && is_utf8(options.help));
  REEVE_ASSERT(options.series_max > 0);
  for (const std::string& label : options.labels) {
    REEVE_ASSERT(is_name(label, false) && !label.starts_with("__") && label != "le");
    REEVE_ASSERT(std::count(options.labels.begin(), options.labels.end(), label) == 1);
  }
}

bool is_label_value(std::string_view value) {
  return value.size() <= kLabelBytesMax && is_utf8(value);
}

struct LessLabels {
  using is_transparent = void;

  template <class Left, class Right>
  bool operator()(const Left& left, const Right& right) const {
    return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end());
  }
};

ExposedSeries reading_of(const Counter& counter) {
  return {.labels = {}, .value = counter.value(), .histogram = {}};
}

ExposedSeries reading_of(const Gauge& gauge) {
  return {.labels = {}, .value = gauge.value(), .histogram = {}};
}

ExposedSeries reading_of(const Histogram& histogram) {
  return {.labels = {}, .value = 0, .histogram = histogram.read()};
}

}  // namespace

void Counter::add(double amount) {
  if (amount >= 0 && std::isfinite(amount)) {
    add_to(value_, amount);
  }
}

double Counter::value() const {
  return value_.load(std::memory_order_relaxed);
}

void Gauge::set(double value) {
  value_.store(value, std::memory_order_relaxed);
}

void Gauge::add(double amount) {
  add_to(value_, amount);
}

double Gauge::value() const {
  return value_.load(std::memory_order_relaxed);
}

Histogram::Histogram(const std::vector<double>& bounds)
    : bounds_(bounds), counts_(new std::atomic<std::uint64_t>[bounds.size() + 1]) {
  REEVE_ASSERT(bounds_.size() <= kBucketsMax);
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    counts_[i].store(0, std::memory_order_relaxed);
    REEVE_ASSERT(i == bounds_.size() || std::isfinite(bounds_[i]));
    REEVE_ASSERT(i == 0 || i == bounds_.size() || bounds_[i - 1] < bounds_[i]);
  }
}

void Histogram::observe(double value) {
  if (std::isnan(value)) {
    return;
  }
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  add_to(sum_, value);
}

Histogram::Reading Histogram::read() const {
  Reading reading;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    reading.counts.push_back(counts_[i].load(std::memory_order_relaxed));
    reading.count += reading.counts.back();
  }
  reading.sum = sum_.load(std::memory_order_relaxed);
  return reading;
}

std::vector<double> exponential_buckets(double start, double factor, std::size_t count) {
  REEVE_ASSERT(start > 0 && factor > 1 && count <= kBucketsMax);
  std::vector<double> bounds;
  for (double bound = start; bounds.size() < count; bound *= factor) {
    bounds.push_back(bound);
  }
  return bounds;
}

std::vector<double> request_seconds_buckets() {
  return {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

std::vector<double> run_seconds_buckets() {
  return {1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21'600};
}

std::vector<double> size_bytes_buckets() {
  constexpr double kStart = 256;
  constexpr double kFactor = 4;
  constexpr std::size_t kCount = 10;
  return exponential_buckets(kStart, kFactor, kCount);
}

/// What the registry knows of a metric, whatever its type.
class MetricBase {
 public:
  MetricBase(MetricType type, MetricOptions options) : type_(type), options_(std::move(options)) {}

  virtual ~MetricBase() = default;
  MetricBase(const MetricBase&) = delete;
  MetricBase& operator=(const MetricBase&) = delete;

  virtual ExposedFamily read() const = 0;

  bool same(MetricType type, const MetricOptions& options) const {
    return type_ == type && options_.help == options.help && options_.labels == options.labels &&
           options_.series_max == options.series_max;
  }

 protected:
  ExposedFamily empty_family() const {
    return {
        .type = type_,
        .name = options_.name,
        .help = options_.help,
        .labels = options_.labels,
        .bounds = {},
        .series = {}};
  }

  const MetricType type_;
  const MetricOptions options_;
};

template <class Metric>
class Family<Metric>::Impl {
 public:
  Impl(const MetricOptions& options, std::vector<double> bounds, std::function<void()> overflow)
      : label_count_(options.labels.size()),
        series_max_(options.series_max),
        bounds_(std::move(bounds)),
        overflow_(std::move(overflow)) {}

  Metric& with(std::initializer_list<std::string_view> values) {
    REEVE_ASSERT(values.size() == label_count_);
    const std::lock_guard lock(mutex_);
    if (const auto found = series_.find(values); found != series_.end()) {
      return *found->second;
    }
    // The series "other" comes on top, so that there is always room for it.
    if (series_.size() < series_max_ && std::all_of(values.begin(), values.end(), is_label_value)) {
      return create({values.begin(), values.end()});
    }
    overflow_();
    std::vector<std::string> other(label_count_, std::string(kOther));
    const auto found = series_.find(other);
    return found != series_.end() ? *found->second : create(std::move(other));
  }

  void read(std::vector<ExposedSeries>& out) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [labels, metric] : series_) {
      out.push_back(reading_of(*metric));
      out.back().labels = labels;
    }
  }

  const std::vector<double>& bounds() const { return bounds_; }

 private:
  Metric& create(std::vector<std::string> labels) {
    std::unique_ptr<Metric> metric;
    if constexpr (std::is_same_v<Metric, Histogram>) {
      metric = std::make_unique<Metric>(bounds_);
    } else {
      metric = std::make_unique<Metric>();
    }
    return *series_.emplace(std::move(labels), std::move(metric)).first->second;
  }

  const std::size_t label_count_;
  const std::size_t series_max_;
  const std::vector<double> bounds_;
  const std::function<void()> overflow_;
  mutable std::mutex mutex_;
  std::map<std::vector<std::string>, std::unique_ptr<Metric>, LessLabels> series_;
};

template <class Metric>
Family<Metric>::Family(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

template <class Metric>
Family<Metric>::~Family() = default;

template <class Metric>
Metric& Family<Metric>::with(std::initializer_list<std::string_view> values) {
  return impl_->with(values);
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

namespace {

using Overflow = std::function<void()>;

template <class Metric>
class FamilyMetric final : public MetricBase {
 public:
  FamilyMetric(
      MetricType type, const MetricOptions& options, std::vector<double> bounds, Overflow overflow
  )
      : MetricBase(type, options), bounds_(bounds) {
    auto impl = std::make_unique<typename Family<Metric>::Impl>(
        options, std::move(bounds), std::move(overflow)
    );
    impl_ = impl.get();
    family_ = std::make_unique<Family<Metric>>(std::move(impl));
  }

  Family<Metric>& family() { return *family_; }

  const std::vector<double>& bounds() const { return bounds_; }

  ExposedFamily read() const override {
    ExposedFamily family = empty_family();
    family.bounds = bounds_;
    impl_->read(family.series);
    return family;
  }

 private:
  const std::vector<double> bounds_;
  typename Family<Metric>::Impl* impl_ = nullptr;
  std::unique_ptr<Family<Metric>> family_;
};

class CallbackMetric final : public MetricBase {
 public:
  CallbackMetric(
      MetricType type,
      MetricOptions options,
      std::function<std::vector<Sample>()> samples,
      Overflow overflow
  )
      : MetricBase(type, std::move(options)),
        samples_(std::move(samples)),
        overflow_(std::move(overflow)) {}

  ExposedFamily read() const override {
    std::map<std::vector<std::string>, double> series;
    for (Sample& sample : samples_()) {
      REEVE_ASSERT(sample.labels.size() == options_.labels.size());
      const bool fits = series.size() < options_.series_max &&
                        std::all_of(sample.labels.begin(), sample.labels.end(), is_label_value);
      if (fits) {
        series.emplace(std::move(sample.labels), sample.value);
      } else if (!series.contains(sample.labels)) {
        overflow_();
      }
    }
    ExposedFamily family = empty_family();
    for (const auto& [labels, value] : series) {
      family.series.push_back({.labels = labels, .value = value, .histogram = {}});
    }
    return family;
  }

 private:
  std::function<std::vector<Sample>()> samples_;
  Overflow overflow_;
};

}  // namespace

struct MetricRegistry::State {
  template <class Metric>
  Family<Metric>& family(MetricType type, MetricOptions options, std::vector<double> bounds);

  Overflow overflow_of(const std::string& name) {
    return [counters = overflow, name] {
      counters->with({name}).add();
    };
  }

  std::vector<ExposedFamily> read() const {
    // Callbacks run under the lock: once one is removed, it is not running any more.
    const std::lock_guard lock(mutex);
    std::vector<ExposedFamily> families;
    for (const auto& [name, metric] : metrics) {
      families.push_back(metric->read());
    }
    return families;
  }

  mutable std::mutex mutex;
  std::map<std::string, std::unique_ptr<MetricBase>> metrics;
  std::map<std::uint64_t, std::string> callbacks;
  std::uint64_t last_id = 0;
  Family<Counter>* overflow = nullptr;
};

template <class Metric>
Family<Metric>& MetricRegistry::State::family(
    MetricType type, MetricOptions options, std::vector<double> bounds
) {
  check_options(type, options);
  const std::lock_guard lock(mutex);
  auto& place = metrics[options.name];
  if (place == nullptr) {
    Overflow count = overflow == nullptr ? Overflow([] {}) : overflow_of(options.name);
    place =
        std::make_unique<FamilyMetric<Metric>>(type, options, std::move(bounds), std::move(count));
    return static_cast<FamilyMetric<Metric>&>(*place).family();
  }
  REEVE_ASSERT(place->same(type, options));
  auto* known = dynamic_cast<FamilyMetric<Metric>*>(place.get());
  REEVE_ASSERT(known != nullptr && known->bounds() == bounds);
  return known->family();
}

MetricRegistry::MetricRegistry() : state_(std::make_unique<State>()) {
  state_->overflow = &counter(
      {.name = "reeve_metrics_overflow_total",
       .help = "Times that label values were put together as \"other\" or left out",
       .labels = {"metric"}}
  );
}

MetricRegistry::~MetricRegistry() = default;

Family<Counter>& MetricRegistry::counter(MetricOptions options) {
  return state_->family<Counter>(MetricType::Counter, std::move(options), {});
}

Family<Gauge>& MetricRegistry::gauge(MetricOptions options) {
  return state_->family<Gauge>(MetricType::Gauge, std::move(options), {});
}

Family<Histogram>& MetricRegistry::histogram(MetricOptions options, std::vector<double> bounds) {
  return state_->family<Histogram>(MetricType::Histogram, std::move(options), std::move(bounds));
}

MetricCallback MetricRegistry::callback(
    MetricType type, MetricOptions options, std::function<double()> value
) {
  REEVE_ASSERT(options.labels.empty());
  return callback(type, std::move(options), [value = std::move(value)] {
    return std::vector<Sample>{Sample{.labels = {}, .value = value()}};
  });
}

MetricCallback MetricRegistry::callback(
    MetricType type, MetricOptions options, std::function<std::vector<Sample>()> samples
) {
  REEVE_ASSERT(type != MetricType::Histogram);
  check_options(type, options);
  const std::lock_guard lock(state_->mutex);
  const std::string name = options.name;
  auto& place = state_->metrics[name];
  REEVE_ASSERT(place == nullptr);
  place = std::make_unique<CallbackMetric>(
      type, std::move(options), std::move(samples), state_->overflow_of(name)
  );
  state_->callbacks.emplace(++state_->last_id, name);
  return MetricCallback(this, state_->last_id);
}

void MetricRegistry::remove(std::uint64_t id) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->callbacks.find(id);
  REEVE_ASSERT(found != state_->callbacks.end());
  state_->metrics.erase(found->second);
  state_->callbacks.erase(found);
}

std::string MetricRegistry::prometheus() const {
  return expose_prometheus(state_->read());
}

std::string MetricRegistry::openmetrics() const {
  return expose_openmetrics(state_->read());
}

MetricCallback::MetricCallback(MetricCallback&& other) noexcept
    : registry_(std::exchange(other.registry_, nullptr)), id_(other.id_) {}

MetricCallback& MetricCallback::operator=(MetricCallback&& other) noexcept {
  if (this != &other) {
    if (registry_ != nullptr) {
      registry_->remove(id_);
    }
    registry_ = std::exchange(other.registry_, nullptr);
    id_ = other.id_;
  }
  return *this;
}

MetricCallback::~MetricCallback() {
  if (registry_ != nullptr) {
    registry_->remove(id_);
  }
}

}  // namespace reeve::telemetry
