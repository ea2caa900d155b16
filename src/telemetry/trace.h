#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "platform/ports.h"
#include "telemetry/correlation.h"

namespace reeve::telemetry {

inline constexpr std::size_t kSpanAttributesMax = 64;
inline constexpr std::size_t kSpanEventsMax = 32;
/// Longer names and texts are cut.
inline constexpr std::size_t kSpanTextBytesMax = std::size_t{4} << 10U;

/// The numbers are those of OTLP.
enum class SpanKind : std::uint8_t {
  Internal = 1,
  Server = 2,
  Client = 3,
  Producer = 4,
  Consumer = 5
};

enum class SpanStatus : std::uint8_t { Unset = 0, Ok = 1, Error = 2 };

using AttributeValue = std::variant<bool, std::int64_t, double, std::string>;
using Attribute = std::pair<std::string, AttributeValue>;

struct SpanEvent {
  std::string name;
  std::uint64_t at_unix_nanos = 0;
  std::vector<Attribute> attributes;
};

/// A span that has ended.
struct SpanRecord {
  TraceContext context;
  SpanId parent;
  std::string name;
  SpanKind kind = SpanKind::Internal;
  std::uint64_t start_unix_nanos = 0;
  std::uint64_t end_unix_nanos = 0;
  std::vector<Attribute> attributes;
  std::vector<SpanEvent> events;
  SpanStatus status = SpanStatus::Unset;
  /// Only with SpanStatus::Error.
  std::string status_message;
  std::uint32_t dropped_attributes = 0;
  std::uint32_t dropped_events = 0;
};

/// Takes spans that have ended. Any thread; never blocks.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  virtual void add(SpanRecord span) = 0;
};

class Tracer;

/// A span in progress; it ends with `end` or with the object. One thread at a time; movable, so
/// that it can travel with what it measures. A span that is not sampled keeps its context only.
class Span {
 public:
  Span() = default;
  Span(Span&& other) noexcept;
  Span& operator=(Span&& other) noexcept;
  ~Span();

  /// For children, log lines and `traceparent`; valid also when nothing is recorded.
  const TraceContext& context() const { return context_; }

  bool recording() const { return record_ != nullptr; }

  /// Sets or replaces. Beyond kSpanAttributesMax it is counted as dropped.
  void set(std::string_view name, AttributeValue value);
  void add_event(std::string_view name, std::vector<Attribute> attributes = {});
  void set_ok();
  void set_error(std::string_view message);
  void set_error(const Error& error);
  /// Once; later calls on this object do nothing.
  void end();

 private:
  friend class Tracer;

  Tracer* tracer_ = nullptr;
  TraceContext context_;
  std::unique_ptr<SpanRecord> record_;
};

struct TracerOptions {
  /// Share of the traces that begin here and are recorded, from 0 to 1.
  double sample_ratio = 0;
  /// Whether the sampling decision of a remote caller is followed; otherwise every trace is decided
  /// here.
  bool follow_parent = true;
  /// Nanoseconds since 1970. By default from the Clock, in whole milliseconds.
  std::function<std::uint64_t()> unix_nanos = {};
};

/// Starts spans. Any thread. Outlives its spans.
class Tracer {
 public:
  Tracer(
      platform::Clock& clock, platform::Random& random, SpanSink& sink, TracerOptions options = {}
  );

  /// A new trace, or a child of `parent` if that is valid.
  Span start(
      std::string_view name, SpanKind kind = SpanKind::Internal, const TraceContext& parent = {}
  );

 private:
  friend class Span;

  std::uint64_t now_nanos() const;

  platform::Clock& clock_;
  platform::Random& random_;
  SpanSink& sink_;
  TracerOptions options_;
};

/// Whether a trace belongs to the share: the same answer for one id in every process.
bool in_sample(const TraceId& id, double ratio);

/// An ExportTraceServiceRequest in the JSON encoding of OTLP 1.x: ids as hex, 64-bit numbers as
/// decimal text, enums as numbers.
std::string encode_otlp_spans(
    const std::vector<Attribute>& resource, const std::vector<SpanRecord>& spans
);

}  // namespace reeve::telemetry
