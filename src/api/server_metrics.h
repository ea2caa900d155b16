#pragma once

#include <vector>

#include "net/server.h"
#include "telemetry/metrics.h"

namespace reeve::api {

/// Metrics of connections and streams, told as long as the result lives; `server` outlives it.
[[nodiscard]] std::vector<telemetry::MetricCallback> register_server_metrics(
    telemetry::MetricRegistry& registry, const net::Server& server
);

}  // namespace reeve::api
