#include "api/server_metrics.h"

#include <array>
#include <cstdint>
#include <functional>

namespace reeve::api {

namespace {

struct Told {
  telemetry::MetricType type;
  const char* name;
  const char* help;
  std::uint64_t net::ServerStats::*value;
};

using telemetry::MetricType;

constexpr std::array<Told, 10> kTold = {{
    {MetricType::Gauge,
     "reeve_http_connections",
     "Connections that are open",
     &net::ServerStats::connections},
    {MetricType::Gauge,
     "reeve_http_streams",
     "Watches, streams of events and followed logs that are open",
     &net::ServerStats::streams},
    {MetricType::Gauge,
     "reeve_http_run_sockets",
     "Sockets of runs that are open",
     &net::ServerStats::added_listeners},
    {MetricType::Counter,
     "reeve_http_connections_total",
     "Connections that were accepted",
     &net::ServerStats::accepted},
    {MetricType::Counter,
     "reeve_http_connections_refused_total",
     "Connections that were closed because there were too many",
     &net::ServerStats::connections_over},
    {MetricType::Counter,
     "reeve_http_requests_malformed_total",
     "Requests that were refused before anybody looked at what they ask",
     &net::ServerStats::refused},
    {MetricType::Counter,
     "reeve_http_slow_readers_total",
     "Streams that were ended because their reader was too slow",
     &net::ServerStats::slow_readers},
    {MetricType::Counter,
     "reeve_http_received_bytes_total",
     "Bytes that came, as on the wire",
     &net::ServerStats::bytes_received},
    {MetricType::Counter,
     "reeve_http_sent_bytes_total",
     "Bytes that went, as on the wire",
     &net::ServerStats::bytes_sent},
    {MetricType::Counter,
     "reeve_tls_handshakes_failed_total",
     "Handshakes of TLS that were not completed",
     &net::ServerStats::handshakes_failed},
}};

}  // namespace

std::vector<telemetry::MetricCallback> register_server_metrics(
    telemetry::MetricRegistry& registry, const net::Server& server
) {
  std::vector<telemetry::MetricCallback> kept;
  for (const Told& told : kTold) {
    kept.push_back(registry.callback(
        told.type,
        {.name = told.name, .help = told.help},
        std::function<double()>([&server, value = told.value] {
          return static_cast<double>(server.stats().*value);
        })
    ));
  }
  return kept;
}

}  // namespace reeve::api
