#include "telemetry/trace.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/strings.h"
#include "telemetry/log_encoding.h"

namespace reeve::telemetry {
namespace {

std::string bounded(std::string_view text) {
  return std::string(cut_utf8(text, kSpanTextBytesMax));
}

AttributeValue bounded_value(AttributeValue value) {
  if (auto* text = std::get_if<std::string>(&value)) {
    text->resize(cut_utf8(*text, kSpanTextBytesMax).size());
  }
  return value;
}

void text_member(JsonWriter& writer, std::string_view name, std::string_view text) {
  writer.member(name, text);
}

/// 64-bit numbers are decimal text in the JSON encoding of protobuf.
void long_member(JsonWriter& writer, std::string_view name, std::uint64_t number) {
  text_member(writer, name, std::to_string(number));
}

void encode_value(JsonWriter& writer, const AttributeValue& value) {
  writer.begin_object();
  if (const auto* text = std::get_if<std::string>(&value)) {
    text_member(writer, "stringValue", *text);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    writer.member("boolValue", *flag);
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    text_member(writer, "intValue", std::to_string(*number));
  } else {
    const double real = std::get<double>(value);
    if (std::isfinite(real)) {
      writer.member("doubleValue", Json(real));
    } else {
      const std::string_view name = real > 0 ? "Infinity" : "-Infinity";
      text_member(writer, "doubleValue", std::isnan(real) ? "NaN" : name);
    }
  }
  writer.end_object();
}

void encode_attributes(JsonWriter& writer, const std::vector<Attribute>& attributes) {
  writer.key("attributes");
  writer.begin_array();
  for (const auto& [name, value] : attributes) {
    writer.begin_object();
    text_member(writer, "key", name);
    writer.key("value");
    encode_value(writer, value);
    writer.end_object();
  }
  writer.end_array();
}

void encode_events(JsonWriter& writer, const SpanRecord& span) {
  if (!span.events.empty()) {
    writer.key("events");
    writer.begin_array();
    for (const SpanEvent& event : span.events) {
      writer.begin_object();
      long_member(writer, "timeUnixNano", event.at_unix_nanos);
      text_member(writer, "name", event.name);
      encode_attributes(writer, event.attributes);
      writer.end_object();
    }
    writer.end_array();
  }
  if (span.dropped_events > 0) {
    writer.member("droppedEventsCount", span.dropped_events);
  }
}

void encode_span(JsonWriter& writer, const SpanRecord& span) {
  writer.begin_object();
  text_member(writer, "traceId", span.context.trace_id.hex());
  text_member(writer, "spanId", span.context.span_id.hex());
  if (!span.context.state.empty()) {
    text_member(writer, "traceState", span.context.state);
  }
  if (span.parent.valid()) {
    text_member(writer, "parentSpanId", span.parent.hex());
  }
  text_member(writer, "name", span.name);
  writer.member("kind", static_cast<int>(span.kind));
  long_member(writer, "startTimeUnixNano", span.start_unix_nanos);
  long_member(writer, "endTimeUnixNano", span.end_unix_nanos);
  encode_attributes(writer, span.attributes);
  if (span.dropped_attributes > 0) {
    writer.member("droppedAttributesCount", span.dropped_attributes);
  }
  encode_events(writer, span);
  writer.key("status");
  writer.begin_object();
  if (span.status != SpanStatus::Unset) {
    writer.member("code", static_cast<int>(span.status));
  }
  if (!span.status_message.empty()) {
    text_member(writer, "message", span.status_message);
  }
  writer.end_object();
  writer.end_object();
}

}  // namespace

Span::Span(Span&& other) noexcept
    : tracer_(std::exchange(other.tracer_, nullptr)),
      context_(other.context_),
      record_(std::move(other.record_)) {}

Span& Span::operator=(Span&& other) noexcept {
  if (this != &other) {
    end();
    tracer_ = std::exchange(other.tracer_, nullptr);
    context_ = other.context_;
    record_ = std::move(other.record_);
  }
  return *this;
}

Span::~Span() {
  end();
}

void Span::set(std::string_view name, AttributeValue value) {
  if (!recording()) {
    return;
  }
  std::string key = bounded(name);
  for (auto& [known, old] : record_->attributes) {
    if (known == key) {
      old = bounded_value(std::move(value));
      return;
    }
  }
  if (record_->attributes.size() >= kSpanAttributesMax) {
    ++record_->dropped_attributes;
    return;
  }
  record_->attributes.emplace_back(std::move(key), bounded_value(std::move(value)));
}

void Span::add_event(std::string_view name, std::vector<Attribute> attributes) {
  if (!recording()) {
    return;
  }
  if (record_->events.size() >= kSpanEventsMax) {
    ++record_->dropped_events;
    return;
  }
  if (attributes.size() > kSpanAttributesMax) {
    attributes.resize(kSpanAttributesMax);
  }
  for (auto& [key, value] : attributes) {
    key = bounded(key);
    value = bounded_value(std::move(value));
  }
  record_->events.push_back(
      {.name = bounded(name),
       .at_unix_nanos = tracer_->now_nanos(),
       .attributes = std::move(attributes)}
  );
}

void Span::set_ok() {
  if (recording()) {
    record_->status = SpanStatus::Ok;
    record_->status_message.clear();
  }
}

void Span::set_error(std::string_view message) {
  if (recording()) {
    record_->status = SpanStatus::Error;
    record_->status_message = bounded(message);
  }
}

void Span::set_error(const Error& error) {
  set_error(error.message);
  set("error.type", std::string(to_string(error.code)));
}

void Span::end() {
  if (recording()) {
    // A clock that was set back must not make a span that ends before it begins.
    record_->end_unix_nanos = std::max(record_->start_unix_nanos, tracer_->now_nanos());
    tracer_->sink_.add(std::move(*record_));
    record_.reset();
  }
}

Tracer::Tracer(
    platform::Clock& clock, platform::Random& random, SpanSink& sink, TracerOptions options
)
    : clock_(clock), random_(random), sink_(sink), options_(std::move(options)) {}

std::uint64_t Tracer::now_nanos() const {
  if (options_.unix_nanos) {
    return options_.unix_nanos();
  }
  constexpr std::uint64_t kNanosPerMilli = 1'000'000;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, to_unix_millis(clock_.now()))) *
         kNanosPerMilli;
}

Span Tracer::start(std::string_view name, SpanKind kind, const TraceContext& parent) {
  Span span;
  span.tracer_ = this;
  if (parent.valid()) {
    span.context_ = child_of(parent, random_);
    if (!options_.follow_parent) {
      span.context_.sampled = in_sample(parent.trace_id, options_.sample_ratio);
    }
  } else {
    span.context_ = new_trace(random_, false);
    span.context_.sampled = in_sample(span.context_.trace_id, options_.sample_ratio);
  }
  if (span.context_.sampled) {
    span.record_ = std::make_unique<SpanRecord>();
    span.record_->context = span.context_;
    span.record_->parent = parent.valid() ? parent.span_id : SpanId{};
    span.record_->name = bounded(name);
    span.record_->kind = kind;
    span.record_->start_unix_nanos = now_nanos();
  }
  return span;
}

bool in_sample(const TraceId& id, double ratio) {
  if (!(ratio > 0)) {
    return false;
  }
  if (ratio >= 1) {
    return true;
  }
  // 63 bits, as OpenTelemetry's TraceIdRatioBased samplers commonly do.
  constexpr double kRange = 9'223'372'036'854'775'808.0;
  return static_cast<double>(id.low >> 1U) < ratio * kRange;
}

std::string encode_otlp_spans(
    const std::vector<Attribute>& resource, const std::vector<SpanRecord>& spans
) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("resourceSpans");
  writer.begin_array();
  writer.begin_object();
  writer.key("resource");
  writer.begin_object();
  encode_attributes(writer, resource);
  writer.end_object();
  writer.key("scopeSpans");
  writer.begin_array();
  writer.begin_object();
  writer.key("scope");
  writer.begin_object();
  text_member(writer, "name", "reeve");
  writer.end_object();
  writer.key("spans");
  writer.begin_array();
  for (const SpanRecord& span : spans) {
    encode_span(writer, span);
  }
  writer.end_array();
  writer.end_object();
  writer.end_array();
  writer.end_object();
  writer.end_array();
  writer.end_object();
  return out;
}

}  // namespace reeve::telemetry
