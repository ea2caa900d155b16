#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "platform/ports.h"

/// What is told to operators: logs, metrics, traces, health.
namespace reeve::telemetry {

/// Longest correlation id that is taken over from a caller.
inline constexpr std::size_t kCorrelationIdBytesMax = 128;
/// Longest `tracestate` that is passed on (the least that W3C Trace Context asks for).
inline constexpr std::size_t kTraceStateBytesMax = 512;
/// Members of a `tracestate` (W3C Trace Context, section 3.3.1).
inline constexpr std::size_t kTraceStateMembersMax = 32;

/// Names a trace: 16 bytes, not all zero.
struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool valid() const { return high != 0 || low != 0; }

  /// 32 lower-case hex digits.
  std::string hex() const;

  friend bool operator==(const TraceId&, const TraceId&) = default;
};

/// Names a span within its trace: 8 bytes, not all zero.
struct SpanId {
  std::uint64_t number = 0;

  bool valid() const { return number != 0; }

  /// 16 lower-case hex digits.
  std::string hex() const;

  friend bool operator==(const SpanId&, const SpanId&) = default;
};

/// Invalid: not 32 (16) hex digits of either case, or all zero.
Result<TraceId> parse_trace_id(std::string_view hex);
Result<SpanId> parse_span_id(std::string_view hex);

/// Where in which trace something happens: what `traceparent` and `tracestate` carry.
struct TraceContext {
  TraceId trace_id;
  SpanId span_id;
  bool sampled = false;
  /// The caller's `tracestate`, passed on unchanged; empty if it had none or a wrong one.
  std::string state;

  bool valid() const { return trace_id.valid() && span_id.valid(); }

  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

/// Reads a `traceparent` (W3C Trace Context, section 3.2). Versions above 00 are read as 00, with
/// whatever follows ignored. Invalid: everything that the recommendation calls invalid.
Result<TraceContext> parse_traceparent(std::string_view header);

/// `00-<trace id>-<span id>-<01 or 00>`.
std::string format_traceparent(const TraceContext& context);

/// Whether `header` is a well-formed `tracestate` within the limits above.
bool is_trace_state(std::string_view header);

/// A trace that begins here.
TraceContext new_trace(platform::Random& random, bool sampled);

/// The same trace, another span.
TraceContext child_of(const TraceContext& parent, platform::Random& random);

/// The caller's trace if `traceparent` is valid, else a new one; a wrong `tracestate` is left out.
TraceContext adopt_trace(
    std::string_view traceparent,
    std::string_view tracestate,
    platform::Random& random,
    bool sampled_if_new
);

/// Whether a caller's id can be taken over: 1 to kCorrelationIdBytesMax letters, digits and
/// `-_.:/+=@~`. It is written to logs, headers and environments as it is.
bool is_correlation_id(std::string_view text);

/// 32 lower-case hex digits.
CorrelationId new_correlation_id(platform::Random& random);

/// `X-Request-Id` if it can be taken over, else `X-Correlation-ID` if that can, else a new one.
CorrelationId adopt_correlation_id(
    std::string_view request_id, std::string_view correlation_id, platform::Random& random
);

/// What ties together everything that one request caused. Travels by value; any thread.
struct Correlation {
  CorrelationId id;
  TraceContext trace;
  Principal principal;
};

/// The variables by which a child process joins in: REEVE_CORRELATION_ID, TRACEPARENT, TRACESTATE;
/// absent parts are left out.
std::vector<std::pair<std::string, std::string>> correlation_environment(
    const Correlation& correlation
);

}  // namespace reeve::telemetry
