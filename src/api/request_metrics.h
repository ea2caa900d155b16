#pragma once

#include <cstddef>

#include "telemetry/metrics.h"

namespace reeve::api {

struct Call;

/// Rate, errors and duration of requests.
struct RequestMetrics {
  explicit RequestMetrics(telemetry::MetricRegistry& registry);

  telemetry::Family<telemetry::Counter>& requests;
  telemetry::Family<telemetry::Histogram>& seconds;
};

/// Counts an answer and its time, and logs it. Any thread.
void observe_answer(const Call& call, int code, std::size_t bytes);

}  // namespace reeve::api
