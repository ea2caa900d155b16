#include "telemetry/otlp_sink.h"

#include <charconv>
#include <cmath>

#include "base/json.h"
#include "base/strings.h"
#include "telemetry/log_encoding.h"

namespace reeve::telemetry {
namespace {

constexpr int kDepthMax = 64;
/// Longer bodies of log records are texts, not names of events.
constexpr std::size_t kEventNameBytesMax = 128;

const Json kNothing;
const Json::Array kNoItems;

const Json& member(const Json& object, std::string_view name) {
  const Json* found = object.find(name);
  return found != nullptr ? *found : kNothing;
}

const Json::Array& items(const Json& object, std::string_view name) {
  const Json& list = member(object, name);
  return list.is_array() ? list.as_array() : kNoItems;
}

std::optional<double> real_of(const Json& json) {
  if (json.is_number()) {
    return json.as_double();
  }
  if (!json.is_string()) {
    return std::nullopt;
  }
  const std::string& text = json.as_string();
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = !text.empty() && read.ptr == text.data() + text.size();
  return read.ec == std::errc() && whole ? std::optional<double>(number) : std::nullopt;
}

/// 64-bit numbers come as numbers or as decimal text.
template <class Number>
std::optional<Number> whole_of(const Json& json) {
  if (json.is_int()) {
    const std::int64_t number = json.as_int();
    if (std::is_unsigned_v<Number> && number < 0) {
      return std::nullopt;
    }
    return static_cast<Number>(number);
  }
  if (!json.is_string()) {
    return std::nullopt;
  }
  const std::string& text = json.as_string();
  Number number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = !text.empty() && read.ptr == text.data() + text.size();
  return read.ec == std::errc() && whole ? std::optional<Number>(number) : std::nullopt;
}

/// An AnyValue that has parts, as plain JSON; its depth is bounded by that of the request.
Json plain(const Json& value) {
  if (const Json* list = value.find("arrayValue")) {
    Json out = Json::array();
    for (const Json& item : items(*list, "values")) {
      out.push(plain(item));
    }
    return out;
  }
  if (const Json* map = value.find("kvlistValue")) {
    Json::Object out;
    for (const Json& item : items(*map, "values")) {
      out.emplace_back(item.get_string("key"), plain(member(item, "value")));
    }
    return Json(std::move(out));
  }
  for (const std::string_view name : {"stringValue", "boolValue", "doubleValue", "bytesValue"}) {
    if (const Json* found = value.find(name)) {
      return *found;
    }
  }
  if (const auto number = whole_of<std::int64_t>(member(value, "intValue"))) {
    return Json(*number);
  }
  return {};
}

/// Tells the value and whether it is one.
std::optional<AttributeValue> attribute_value(const Json& value) {
  if (!value.is_object()) {
    return std::nullopt;
  }
  if (const Json* text = value.find("stringValue")) {
    return text->is_string() ? std::optional<AttributeValue>(text->as_string()) : std::nullopt;
  }
  if (const Json* flag = value.find("boolValue")) {
    return flag->is_bool() ? std::optional<AttributeValue>(flag->as_bool()) : std::nullopt;
  }
  if (const Json* number = value.find("intValue")) {
    const auto whole = whole_of<std::int64_t>(*number);
    return whole ? std::optional<AttributeValue>(*whole) : std::nullopt;
  }
  if (const Json* number = value.find("doubleValue")) {
    const auto real = real_of(*number);
    return real ? std::optional<AttributeValue>(*real) : std::nullopt;
  }
  if (const Json* bytes = value.find("bytesValue")) {
    return bytes->is_string() ? std::optional<AttributeValue>(bytes->as_string()) : std::nullopt;
  }
  if (value.find("arrayValue") != nullptr || value.find("kvlistValue") != nullptr) {
    return plain(value).dump();
  }
  // A value that is not set.
  return AttributeValue(std::string());
}

std::string text_of(const AttributeValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return *text;
  }
  if (const auto* flag = std::get_if<bool>(&value)) {
    return *flag ? "true" : "false";
  }
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return std::to_string(*number);
  }
  const double real = std::get<double>(value);
  return std::isfinite(real) ? Json(real).dump() : std::string();
}

const AttributeValue* find_attribute(
    const std::vector<Attribute>& attributes, std::string_view name
) {
  for (const auto& [key, value] : attributes) {
    if (key == name) {
      return &value;
    }
  }
  return nullptr;
}

std::string attribute_text(const std::vector<Attribute>& attributes, std::string_view name) {
  const AttributeValue* value = find_attribute(attributes, name);
  return value != nullptr ? text_of(*value) : std::string();
}

std::string session_of(const std::vector<Attribute>& attributes) {
  std::string session = attribute_text(attributes, "session.id");
  return session.empty() ? attribute_text(attributes, "conversation.id") : session;
}

struct Names {
  std::string_view resources;
  std::string_view scopes;
  std::string_view records;
  std::string_view rejected;
};

Names names_of(Signal signal) {
  switch (signal) {
    case Signal::Metrics:
      return {"resourceMetrics", "scopeMetrics", "metrics", "rejectedDataPoints"};
    case Signal::Logs:
      return {"resourceLogs", "scopeLogs", "logRecords", "rejectedLogRecords"};
    case Signal::Traces:
      return {"resourceSpans", "scopeSpans", "spans", "rejectedSpans"};
  }
  return {};
}

class Decoder {
 public:
  Decoder(Signal signal, const OtlpLimits& limits) : signal_(signal), limits_(limits) {}

  OtlpBatch decode(const Json& request);

 private:
  void resource(const Json& json);
  void metric(const Json& json);
  void data_point(const OtlpRecord& metric, const Json& json);
  void log_record(const Json& json);
  void span(const Json& json);

  std::string text(const Json& json);
  std::string text(std::string_view raw);
  std::optional<std::vector<Attribute>> attributes(const Json& json);
  /// Attributes and source; false if they are wrong.
  bool common(OtlpRecord& record, const Json& json);
  void keep(OtlpRecord record);
  void reject(std::string reason);

  const Signal signal_;
  const OtlpLimits& limits_;
  std::shared_ptr<const OtlpSource> source_;
  std::string session_;
  OtlpBatch batch_;
};

std::string Decoder::text(std::string_view raw) {
  const std::string_view cut = cut_utf8(raw, limits_.text_bytes_max);
  batch_.shortened += cut.size() < raw.size() ? 1 : 0;
  return std::string(cut);
}

std::string Decoder::text(const Json& json) {
  return json.is_string() ? text(std::string_view(json.as_string())) : std::string();
}

std::optional<std::vector<Attribute>> Decoder::attributes(const Json& json) {
  std::vector<Attribute> out;
  for (const Json& item : items(json, "attributes")) {
    const Json& key = member(item, "key");
    auto value = attribute_value(member(item, "value"));
    if (!key.is_string() || key.as_string().empty() || !value) {
      return std::nullopt;
    }
    if (out.size() == limits_.attributes_max) {
      ++batch_.shortened;
      continue;
    }
    if (auto* raw = std::get_if<std::string>(&*value)) {
      *raw = text(std::string_view(*raw));
    }
    out.emplace_back(text(key), std::move(*value));
  }
  return out;
}

void Decoder::reject(std::string reason) {
  ++batch_.rejected;
  if (batch_.reason.empty()) {
    batch_.reason = std::move(reason);
  }
}

void Decoder::keep(OtlpRecord record) {
  if (batch_.records.size() >= limits_.records_max) {
    reject(concat("more than ", limits_.records_max, " records in one request"));
    return;
  }
  batch_.records.push_back(std::move(record));
}

bool Decoder::common(OtlpRecord& record, const Json& json) {
  auto found = attributes(json);
  if (!found) {
    reject(concat("an attribute of ", record.name.empty() ? "a record" : record.name, " is wrong"));
    return false;
  }
  record.attributes = std::move(*found);
  record.session = session_of(record.attributes);
  if (record.session.empty()) {
    record.session = session_;
  }
  record.source = source_;
  return true;
}

void Decoder::data_point(const OtlpRecord& metric, const Json& json) {
  OtlpRecord record = metric;
  if (!common(record, json)) {
    return;
  }
  record.start_unix_nanos = whole_of<std::uint64_t>(member(json, "startTimeUnixNano")).value_or(0);
  record.at_unix_nanos = whole_of<std::uint64_t>(member(json, "timeUnixNano")).value_or(0);
  record.count = whole_of<std::uint64_t>(member(json, "count")).value_or(0);
  for (const std::string_view name : {"asDouble", "asInt", "sum"}) {
    if (const Json* value = json.find(name)) {
      record.value = real_of(*value);
      if (!record.value || !std::isfinite(*record.value)) {
        return reject(concat("a value of ", record.name, " is no number"));
      }
      break;
    }
  }
  constexpr std::uint64_t kNoRecordedValue = 1;
  const auto flags = whole_of<std::uint64_t>(member(json, "flags")).value_or(0);
  if (!record.value && record.count == 0 && (flags & kNoRecordedValue) == 0) {
    return reject(concat("a data point of ", record.name, " has no value"));
  }
  keep(std::move(record));
}

void Decoder::metric(const Json& json) {
  OtlpRecord record;
  record.signal = Signal::Metrics;
  record.name = text(member(json, "name"));
  record.unit = text(member(json, "unit"));
  if (record.name.empty()) {
    return reject("a metric has no name");
  }
  for (const std::string_view kind :
       {"sum", "gauge", "histogram", "exponentialHistogram", "summary"}) {
    const Json* data = json.find(kind);
    if (data == nullptr) {
      continue;
    }
    const Json& temporality = member(*data, "aggregationTemporality");
    const bool named = temporality.is_string();
    if (temporality == Json(1) ||
        (named && temporality.as_string() == "AGGREGATION_TEMPORALITY_DELTA")) {
      record.temporality = Temporality::Delta;
    } else if (temporality == Json(2) || (named && temporality.as_string() == "AGGREGATION_TEMPORALITY_CUMULATIVE")) {
      record.temporality = Temporality::Cumulative;
    }
    for (const Json& point : items(*data, "dataPoints")) {
      data_point(record, point);
    }
    return;
  }
  reject(concat("metric ", record.name, " has no data"));
}

void Decoder::log_record(const Json& json) {
  OtlpRecord record;
  record.signal = Signal::Logs;
  record.at_unix_nanos = whole_of<std::uint64_t>(member(json, "timeUnixNano")).value_or(0);
  if (record.at_unix_nanos == 0) {
    record.at_unix_nanos =
        whole_of<std::uint64_t>(member(json, "observedTimeUnixNano")).value_or(0);
  }
  record.severity = text(member(json, "severityText"));
  record.body = text(member(member(json, "body"), "stringValue"));
  if (const auto id = parse_trace_id(text(member(json, "traceId")))) {
    record.trace_id = *id;
  }
  if (const auto id = parse_span_id(text(member(json, "spanId")))) {
    record.span_id = *id;
  }
  if (!common(record, json)) {
    return;
  }
  // Where the name of an event is depends on the age of the sender.
  record.name = text(member(json, "eventName"));
  if (record.name.empty()) {
    record.name = attribute_text(record.attributes, "event.name");
    const bool longer = record.body.ends_with(concat('.', record.name));
    if ((record.name.empty() || longer) && record.body.size() <= kEventNameBytesMax &&
        record.body.find(' ') == std::string::npos) {
      record.name = record.body;
    }
  }
  keep(std::move(record));
}

void Decoder::span(const Json& json) {
  OtlpRecord record;
  record.signal = Signal::Traces;
  record.name = text(member(json, "name"));
  const auto trace = parse_trace_id(text(member(json, "traceId")));
  const auto id = parse_span_id(text(member(json, "spanId")));
  if (!trace || !id) {
    return reject(concat("span ", record.name, " has no valid ids: they are hex"));
  }
  record.trace_id = *trace;
  record.span_id = *id;
  const std::string parent = text(member(json, "parentSpanId"));
  if (!parent.empty()) {
    const auto parent_id = parse_span_id(parent);
    // Some senders write zeros where there is none.
    if (!parent_id && parent.find_first_not_of('0') != std::string::npos) {
      return reject(concat("span ", record.name, " has no valid parent"));
    }
    record.parent_id = parent_id ? *parent_id : SpanId{};
  }
  record.start_unix_nanos = whole_of<std::uint64_t>(member(json, "startTimeUnixNano")).value_or(0);
  record.at_unix_nanos = whole_of<std::uint64_t>(member(json, "endTimeUnixNano")).value_or(0);
  if (record.at_unix_nanos < record.start_unix_nanos) {
    return reject(concat("span ", record.name, " ends before it starts"));
  }
  const Json& status = member(json, "status");
  const Json& code = member(status, "code");
  if (code == Json(2) || code == Json("STATUS_CODE_ERROR")) {
    record.status = SpanStatus::Error;
  } else if (code == Json(1) || code == Json("STATUS_CODE_OK")) {
    record.status = SpanStatus::Ok;
  }
  record.status_message = text(member(status, "message"));
  if (common(record, json)) {
    keep(std::move(record));
  }
}

void Decoder::resource(const Json& json) {
  const Names names = names_of(signal_);
  auto source = std::make_shared<OtlpSource>();
  auto found = attributes(member(json, "resource"));
  if (found) {
    source->attributes = std::move(*found);
  } else {
    batch_.shortened += 1;
  }
  source->service = attribute_text(source->attributes, "service.name");
  source->service_version = attribute_text(source->attributes, "service.version");
  source->namespace_name = attribute_text(source->attributes, "reeve.namespace");
  source->mission = attribute_text(source->attributes, "reeve.mission");
  source->run = attribute_text(source->attributes, "reeve.run");
  session_ = session_of(source->attributes);
  source_ = std::move(source);
  for (const Json& scope : items(json, names.scopes)) {
    for (const Json& record : items(scope, names.records)) {
      if (!record.is_object()) {
        reject("a record is no object");
      } else if (signal_ == Signal::Metrics) {
        metric(record);
      } else if (signal_ == Signal::Logs) {
        log_record(record);
      } else {
        span(record);
      }
    }
  }
}

OtlpBatch Decoder::decode(const Json& request) {
  for (const Json& json : items(request, names_of(signal_).resources)) {
    resource(json);
  }
  return std::move(batch_);
}

}  // namespace

Result<Signal> signal_of_path(std::string_view path) {
  if (path == "/v1/metrics") {
    return Signal::Metrics;
  }
  if (path == "/v1/logs") {
    return Signal::Logs;
  }
  if (path == "/v1/traces") {
    return Signal::Traces;
  }
  return make_error(ErrorCode::NotFound, "no signal of OTLP has this path", std::string(path));
}

const AttributeValue* OtlpRecord::find(std::string_view wanted) const {
  return find_attribute(attributes, wanted);
}

std::string OtlpRecord::text(std::string_view wanted) const {
  return attribute_text(attributes, wanted);
}

std::optional<double> OtlpRecord::number(std::string_view wanted) const {
  const AttributeValue* found = find(wanted);
  if (found == nullptr || std::holds_alternative<bool>(*found)) {
    return std::nullopt;
  }
  const auto* real = std::get_if<double>(found);
  const auto number = real != nullptr ? std::optional<double>(*real) : real_of(text_of(*found));
  return number && std::isfinite(*number) ? number : std::nullopt;
}

Result<OtlpBatch> decode_otlp(
    Signal signal, std::string_view content_type, std::string_view body, const OtlpLimits& limits
) {
  const std::string type = to_lower(trim(split(content_type, ';').front()));
  if (type != "application/json") {
    Error error = make_error(
        ErrorCode::Unsupported,
        concat("telemetry as ", type.empty() ? "an unnamed type" : type, " is not read, only JSON"),
        "content-type"
    );
    error.hint = "set OTEL_EXPORTER_OTLP_PROTOCOL=http/json (Codex: protocol = \"json\")";
    return error;
  }
  if (body.size() > limits.body_bytes_max) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("the request has more than ", limits.body_bytes_max, " bytes"),
        "body"
    );
  }
  REEVE_TRY(
      const Json request,
      parse_json(body, {.depth_max = kDepthMax, .size_bytes_max = limits.body_bytes_max})
  );
  const Names names = names_of(signal);
  const Json* resources = request.find(names.resources);
  const bool empty = request.is_object() && request.as_object().empty();
  if (!empty && (resources == nullptr || !resources->is_array())) {
    return make_error(
        ErrorCode::Invalid, concat("not a request with a list ", names.resources), "body"
    );
  }
  return Decoder(signal, limits).decode(request);
}

std::string otlp_response(Signal signal, const OtlpBatch& batch) {
  Json reply = Json::object();
  if (batch.rejected > 0) {
    Json partial = Json::object();
    partial.set(std::string(names_of(signal).rejected), std::to_string(batch.rejected));
    partial.set("errorMessage", batch.reason);
    reply.set("partialSuccess", std::move(partial));
  }
  return reply.dump();
}

}  // namespace reeve::telemetry
