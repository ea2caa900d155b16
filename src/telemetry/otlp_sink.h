#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "telemetry/correlation.h"
#include "telemetry/trace.h"

namespace reeve::telemetry {

enum class Signal : std::uint8_t { Metrics, Logs, Traces };

/// The signal that is posted to `/v1/metrics`, `/v1/logs`, `/v1/traces`. NotFound: another path.
Result<Signal> signal_of_path(std::string_view path);

/// Limits of one request. Records beyond `records_max` are refused and counted; the others are what
/// a record may have, and what is longer is cut.
struct OtlpLimits {
  std::size_t body_bytes_max = std::size_t{4} << 20U;
  std::size_t records_max = 10'000;
  std::size_t attributes_max = 64;
  std::size_t text_bytes_max = std::size_t{16} << 10U;
};

/// Who sent it, from the attributes of the resource.
struct OtlpSource {
  /// service.name
  std::string service;
  std::string service_version;
  // As Reeve gives them to its runs in OTEL_RESOURCE_ATTRIBUTES: reeve.namespace, reeve.mission,
  // reeve.run. The sender can write anything there: compare with who it has proven to be.
  std::string namespace_name;
  std::string mission;
  std::string run;
  /// All attributes of the resource.
  std::vector<Attribute> attributes;
};

/// What a number of a metric means.
enum class Temporality : std::uint8_t { None, Delta, Cumulative };

/// One data point, log record or span.
struct OtlpRecord {
  Signal signal = Signal::Metrics;
  /// Of the metric, event or span: `claude_code.token.usage`.
  std::string name;
  std::string unit;
  /// Of a data point; of a histogram its sum.
  std::optional<double> value;
  /// Of a histogram.
  std::uint64_t count = 0;
  Temporality temporality = Temporality::None;
  std::string severity;
  /// Of a log record, if it is text.
  std::string body;
  std::uint64_t start_unix_nanos = 0;
  /// When it happened or ended; 0 if it does not say.
  std::uint64_t at_unix_nanos = 0;
  TraceId trace_id;
  SpanId span_id;
  SpanId parent_id;
  SpanStatus status = SpanStatus::Unset;
  std::string status_message;
  /// session.id (Claude Code) or conversation.id (Codex), of the record or the resource.
  std::string session;
  /// Lists and maps become their JSON text.
  std::vector<Attribute> attributes;
  std::shared_ptr<const OtlpSource> source;

  const AttributeValue* find(std::string_view name) const;
  /// An attribute as text or number; numbers written as text are read.
  std::string text(std::string_view name) const;
  std::optional<double> number(std::string_view name) const;
};

struct OtlpBatch {
  std::vector<OtlpRecord> records;
  /// Records that were wrong or too many, and the first reason.
  std::uint64_t rejected = 0;
  std::string reason;
  /// Attributes that were left out, and texts that were cut.
  std::uint64_t shortened = 0;
};

/// Reads a request of OTLP/HTTP in JSON (ExportMetricsServiceRequest and so on). A wrong record is
/// rejected alone; unknown members are ignored, as the specification asks. Pure; any thread.
///
/// Unsupported: another content type, above all protobuf. LimitExceeded: the body. Invalid: no
/// JSON, or not such a request.
Result<OtlpBatch> decode_otlp(
    Signal signal,
    std::string_view content_type,
    std::string_view body,
    const OtlpLimits& limits = {}
);

/// The body of the answer to a request: empty `{}` or what was rejected and why.
std::string otlp_response(Signal signal, const OtlpBatch& batch);

/// What one call of a model used, as an agent's command line tells it.
struct AgentUsage {
  std::string model;
  /// Without those that were read from a cache, whichever way the tool counts.
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t cache_read_tokens = 0;
  std::int64_t cache_creation_tokens = 0;
  std::int64_t reasoning_tokens = 0;
  /// As the tool guesses it.
  double cost_usd = 0;
  Duration duration{};
};

/// The usage in the log records `claude_code.api_request` and `codex.sse_event` (kind
/// `response.completed`); nothing for all others. Metrics tell the same once more: count one of
/// the two. Negative and absurd numbers become 0.
std::optional<AgentUsage> usage_of(const OtlpRecord& record);

}  // namespace reeve::telemetry
