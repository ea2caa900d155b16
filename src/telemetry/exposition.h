#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "telemetry/metrics.h"

/// Metrics as text. Private to src/telemetry.
namespace reeve::telemetry {

struct ExposedSeries {
  std::vector<std::string> labels;
  double value = 0;
  Histogram::Reading histogram;
};

struct ExposedFamily {
  MetricType type = MetricType::Counter;
  std::string name;
  std::string help;
  std::vector<std::string> labels;
  /// Of a histogram.
  std::vector<double> bounds;
  std::vector<ExposedSeries> series;
};

/// Text exposition format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
std::string expose_prometheus(const std::vector<ExposedFamily>& families);

/// OpenMetrics 1.0: https://prometheus.io/docs/specs/om/open_metrics_spec/
std::string expose_openmetrics(const std::vector<ExposedFamily>& families);

/// The shortest text that reads back as the same number; `+Inf`, `-Inf`, `NaN`.
std::string exposed_number(double number);

}  // namespace reeve::telemetry
