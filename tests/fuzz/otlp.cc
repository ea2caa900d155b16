// What command lines of agents tell by OTLP.

#include <array>
#include <string>

#include "fuzz.h"
#include "telemetry/correlation.h"
#include "telemetry/otlp_sink.h"

namespace reeve::fuzz {

namespace {

constexpr std::array kSamples = {
    std::string_view(
        R"({"resourceMetrics":[{"resource":{"attributes":[{"key":"a","value":{"stringValue":"b"}}]},"scopeMetrics":[{"metrics":[{"name":"claude_code.token.usage","sum":{"dataPoints":[{"asInt":"5","attributes":[{"key":"type","value":{"stringValue":"input"}}]}]}}]}]}]})"
    ),
    std::string_view("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")};

}  // namespace

std::span<const std::string_view> samples() {
  return kSamples;
}

void read(std::string_view bytes) {
  (void)telemetry::parse_traceparent(bytes);
  (void)telemetry::is_trace_state(bytes);
  for (const auto signal :
       {telemetry::Signal::Metrics, telemetry::Signal::Logs, telemetry::Signal::Traces}) {
    (void)telemetry::decode_otlp(signal, "application/json", bytes);
  }
}

}  // namespace reeve::fuzz

REEVE_FUZZ_ENTRY
