#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// `/metrics` as text. Pure; any thread. Private to cli.
namespace reeve::cli {

/// One line: `reeve_http_requests_total{route="missions",verb="list"} 3`.
struct MetricSample {
  std::string name;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;

  /// Empty: there is no such label.
  std::string_view label(std::string_view label_name) const;
};

inline constexpr std::size_t kMetricSamplesMax = 100'000;

/// The samples of the text format of Prometheus, at most kMetricSamplesMax. Lines that are none,
/// and values that are no numbers (NaN, +Inf), are left out.
std::vector<MetricSample> parse_metrics(std::string_view text);

/// The sum over all label values; absent: there is no such metric.
std::optional<double> metric_sum(const std::vector<MetricSample>& samples, std::string_view name);

}  // namespace reeve::cli
