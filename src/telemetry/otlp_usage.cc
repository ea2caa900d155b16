#include <algorithm>

#include "telemetry/otlp_sink.h"

namespace reeve::telemetry {
namespace {

constexpr double kTokensMax = 1e12;
constexpr double kCostMax = 1e9;
constexpr double kMillisMax = 1e12;

double within(const std::optional<double>& number, double max) {
  return number && *number >= 0 && *number <= max ? *number : 0;
}

std::int64_t tokens(const OtlpRecord& record, std::string_view name) {
  return static_cast<std::int64_t>(within(record.number(name), kTokensMax));
}

}  // namespace

std::optional<AgentUsage> usage_of(const OtlpRecord& record) {
  if (record.signal != Signal::Logs) {
    return std::nullopt;
  }
  AgentUsage usage;
  usage.model = record.text("model");
  usage.duration =
      Duration(static_cast<std::int64_t>(within(record.number("duration_ms"), kMillisMax)));
  if (record.name == "claude_code.api_request") {
    usage.input_tokens = tokens(record, "input_tokens");
    usage.output_tokens = tokens(record, "output_tokens");
    usage.cache_read_tokens = tokens(record, "cache_read_tokens");
    usage.cache_creation_tokens = tokens(record, "cache_creation_tokens");
    constexpr double kMicros = 1e6;
    usage.cost_usd = record.find("cost_usd") != nullptr
                         ? within(record.number("cost_usd"), kCostMax)
                         : within(record.number("cost_usd_micros"), kCostMax * kMicros) / kMicros;
    return usage;
  }
  if (record.name == "codex.sse_event" && record.text("event.kind") == "response.completed" &&
      record.find("input_token_count") != nullptr) {
    usage.cache_read_tokens = tokens(record, "cached_token_count");
    // Here the input includes what came from the cache.
    usage.input_tokens =
        std::max<std::int64_t>(0, tokens(record, "input_token_count") - usage.cache_read_tokens);
    usage.output_tokens = tokens(record, "output_token_count");
    usage.reasoning_tokens = tokens(record, "reasoning_token_count");
    return usage;
  }
  return std::nullopt;
}

}  // namespace reeve::telemetry
