#include "telemetry/otlp_sink.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"

namespace reeve::telemetry {
namespace {

OtlpBatch decoded(Signal signal, std::string_view body, const OtlpLimits& limits = {}) {
  auto batch = decode_otlp(signal, "application/json; charset=utf-8", body, limits);
  EXPECT_TRUE(batch.ok()) << (batch.ok() ? "" : batch.error().describe());
  return batch.ok() ? std::move(batch).value() : OtlpBatch{};
}

constexpr std::string_view kMetrics = R"({"resourceMetrics":[{"resource":{"attributes":[
  {"key":"service.name","value":{"stringValue":"claude-code"}},
  {"key":"service.version","value":{"stringValue":"2.0.1"}},
  {"key":"reeve.mission","value":{"stringValue":"m1"}},
  {"key":"reeve.run","value":{"stringValue":"m1.1.build.1"}}]},
 "scopeMetrics":[{"scope":{"name":"com.anthropic.claude_code"},"metrics":[
  {"name":"claude_code.token.usage","unit":"tokens","sum":{"aggregationTemporality":1,
   "isMonotonic":true,"dataPoints":[
    {"startTimeUnixNano":"1795253400000000000","timeUnixNano":"1795253460000000000",
     "asDouble":1200,"attributes":[
      {"key":"session.id","value":{"stringValue":"s-1"}},
      {"key":"type","value":{"stringValue":"input"}},
      {"key":"model","value":{"stringValue":"claude-sonnet"}}]},
    {"timeUnixNano":"1795253460000000000","asInt":"34","attributes":[
      {"key":"type","value":{"stringValue":"output"}}]}]}},
  {"name":"claude_code.cost.usage","unit":"USD","sum":{"aggregationTemporality":2,
   "dataPoints":[{"asDouble":0.0568}]}}]}]}]})";

TEST(OtlpSink, ReadsTheMetricsOfClaudeCode) {
  const OtlpBatch batch = decoded(Signal::Metrics, kMetrics);
  ASSERT_EQ(batch.records.size(), 3U);
  EXPECT_EQ(batch.rejected, 0U);
  const OtlpRecord& input = batch.records[0];
  EXPECT_EQ(input.name, "claude_code.token.usage");
  EXPECT_EQ(input.unit, "tokens");
  EXPECT_EQ(input.value, 1200);
  EXPECT_EQ(input.temporality, Temporality::Delta);
  EXPECT_EQ(input.at_unix_nanos, 1'795'253'460'000'000'000U);
  EXPECT_EQ(input.session, "s-1");
  EXPECT_EQ(input.text("model"), "claude-sonnet");
  EXPECT_EQ(input.source->service, "claude-code");
  EXPECT_EQ(input.source->service_version, "2.0.1");
  EXPECT_EQ(input.source->mission, "m1");
  EXPECT_EQ(input.source->run, "m1.1.build.1");
  EXPECT_EQ(batch.records[1].value, 34);
  EXPECT_EQ(batch.records[2].temporality, Temporality::Cumulative);
  EXPECT_EQ(batch.records[2].value, 0.0568);
  EXPECT_EQ(otlp_response(Signal::Metrics, batch), "{}");
}

TEST(OtlpSink, ReadsTheUsageInTheEventsOfClaudeCode) {
  const OtlpBatch batch = decoded(Signal::Logs, R"({"resourceLogs":[{"resource":{"attributes":[]},
    "scopeLogs":[{"logRecords":[{"timeUnixNano":"5","body":{"stringValue":
    "claude_code.api_request"},"traceId":"","attributes":[
    {"key":"event.name","value":{"stringValue":"api_request"}},
    {"key":"session.id","value":{"stringValue":"s-1"}},
    {"key":"model","value":{"stringValue":"claude-sonnet"}},
    {"key":"input_tokens","value":{"stringValue":"8"}},
    {"key":"output_tokens","value":{"intValue":1002}},
    {"key":"cache_read_tokens","value":{"intValue":"118243"}},
    {"key":"cache_creation_tokens","value":{"doubleValue":9254}},
    {"key":"cost_usd","value":{"stringValue":"0.0568"}},
    {"key":"duration_ms","value":{"stringValue":"3100"}}]}]}]}]})");
  ASSERT_EQ(batch.records.size(), 1U);
  EXPECT_EQ(batch.records[0].name, "claude_code.api_request");
  const auto usage = usage_of(batch.records[0]);
  ASSERT_TRUE(usage.has_value());
  EXPECT_EQ(usage->model, "claude-sonnet");
  EXPECT_EQ(usage->input_tokens, 8);
  EXPECT_EQ(usage->output_tokens, 1002);
  EXPECT_EQ(usage->cache_read_tokens, 118'243);
  EXPECT_EQ(usage->cache_creation_tokens, 9254);
  EXPECT_EQ(usage->cost_usd, 0.0568);
  EXPECT_EQ(usage->duration, Duration{3100});
}

TEST(OtlpSink, ReadsTheUsageInTheEventsOfCodex) {
  const OtlpBatch batch = decoded(Signal::Logs, R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[
    {"observedTimeUnixNano":7,"attributes":[
    {"key":"event.name","value":{"stringValue":"codex.sse_event"}},
    {"key":"event.kind","value":{"stringValue":"response.completed"}},
    {"key":"conversation.id","value":{"stringValue":"c-1"}},
    {"key":"input_token_count","value":{"stringValue":"100"}},
    {"key":"cached_token_count","value":{"intValue":"60"}},
    {"key":"reasoning_token_count","value":{"intValue":"5"}},
    {"key":"output_token_count","value":{"stringValue":"20"}}]},
    {"attributes":[{"key":"event.name","value":{"stringValue":"codex.sse_event"}},
    {"key":"event.kind","value":{"stringValue":"response.created"}}]}]}]}]})");
  ASSERT_EQ(batch.records.size(), 2U);
  EXPECT_EQ(batch.records[0].session, "c-1");
  EXPECT_EQ(batch.records[0].at_unix_nanos, 7U);
  const auto usage = usage_of(batch.records[0]);
  ASSERT_TRUE(usage.has_value());
  EXPECT_EQ(usage->input_tokens, 40);
  EXPECT_EQ(usage->cache_read_tokens, 60);
  EXPECT_EQ(usage->output_tokens, 20);
  EXPECT_EQ(usage->reasoning_tokens, 5);
  EXPECT_FALSE(usage_of(batch.records[1]).has_value());
}

TEST(OtlpSink, AbsurdUsageCountsAsNone) {
  OtlpRecord record;
  record.signal = Signal::Logs;
  record.name = "claude_code.api_request";
  record.attributes = {
      {"input_tokens", std::int64_t{-5}},
      {"output_tokens", std::string("1e300")},
      {"cache_read_tokens", std::string("nan")},
      {"cost_usd_micros", std::int64_t{2'500'000}},
      {"duration_ms", true}};
  const auto usage = usage_of(record);
  ASSERT_TRUE(usage.has_value());
  EXPECT_EQ(usage->input_tokens, 0);
  EXPECT_EQ(usage->output_tokens, 0);
  EXPECT_EQ(usage->cache_read_tokens, 0);
  EXPECT_EQ(usage->cost_usd, 2.5);
  EXPECT_EQ(usage->duration, Duration{0});
  record.signal = Signal::Traces;
  EXPECT_FALSE(usage_of(record).has_value());
}

TEST(OtlpSink, ReadsSpans) {
  const OtlpBatch batch = decoded(Signal::Traces, R"({"resourceSpans":[{"resource":{"attributes":[
    {"key":"session.id","value":{"stringValue":"s-9"}}]},"scopeSpans":[{"spans":[
    {"traceId":"4BF92F3577B34DA6A3CE929D0E0E4736","spanId":"00f067aa0ba902b7",
     "parentSpanId":"0000000000000000","name":"llm_request","kind":3,"startTimeUnixNano":"10",
     "endTimeUnixNano":"30","status":{"code":2,"message":"overloaded"},
     "attributes":[{"key":"tags","value":{"arrayValue":{"values":[{"stringValue":"a"},
      {"intValue":"2"},{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":true}}]}}]}}}]},
    {"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b8",
     "parentSpanId":"00f067aa0ba902b7","name":"tool","startTimeUnixNano":"12",
     "endTimeUnixNano":"13","status":{},"future":{"x":1}}]}]}]})");
  ASSERT_EQ(batch.records.size(), 2U);
  const OtlpRecord& request = batch.records[0];
  EXPECT_EQ(request.trace_id.hex(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_FALSE(request.parent_id.valid());
  EXPECT_EQ(request.status, SpanStatus::Error);
  EXPECT_EQ(request.status_message, "overloaded");
  EXPECT_EQ(request.session, "s-9");
  EXPECT_EQ(request.text("tags"), R"(["a",2,{"k":true}])");
  EXPECT_EQ(batch.records[1].parent_id, request.span_id);
}

TEST(OtlpSink, RejectsWrongRecordsAlone) {
  const OtlpBatch spans = decoded(Signal::Traces, R"({"resourceSpans":[{"scopeSpans":[{"spans":[
    7,{"name":"a"},{"name":"b","traceId":"S/kvNXezTaajzpKdDg5HNg==","spanId":"APBnqguakCt="},
    {"name":"c","traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7",
     "startTimeUnixNano":"2","endTimeUnixNano":"1"},
    {"name":"d","traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7",
     "parentSpanId":"zz"},
    {"name":"e","traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7",
     "attributes":[{"key":"k","value":{"intValue":"many"}}]},
    {"name":"f","traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7"}]}]}]})");
  ASSERT_EQ(spans.records.size(), 1U);
  EXPECT_EQ(spans.records[0].name, "f");
  EXPECT_EQ(spans.rejected, 6U);
  EXPECT_EQ(
      otlp_response(Signal::Traces, spans),
      R"({"partialSuccess":{"rejectedSpans":"6","errorMessage":"a record is no object"}})"
  );
  const OtlpBatch metrics = decoded(
      Signal::Metrics,
      R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a"},{"gauge":{}},
      {"name":"b","gauge":{"dataPoints":[{"asDouble":"x"},{"asDouble":"NaN"},{},
      {"asInt":5}]}},{"name":"h","histogram":{"dataPoints":[{"count":"3","sum":1.5}]}}]}]}]})"
  );
  ASSERT_EQ(metrics.records.size(), 2U);
  EXPECT_EQ(metrics.rejected, 5U);
  EXPECT_EQ(metrics.records[1].count, 3U);
  EXPECT_EQ(metrics.records[1].value, 1.5);
}

TEST(OtlpSink, BoundsRecordsAttributesAndTexts) {
  const OtlpBatch few = decoded(Signal::Metrics, kMetrics, {.records_max = 1});
  EXPECT_EQ(few.records.size(), 1U);
  EXPECT_EQ(few.rejected, 2U);
  EXPECT_NE(few.reason.find("more than 1 records"), std::string::npos);

  const OtlpBatch small =
      decoded(Signal::Metrics, kMetrics, {.attributes_max = 2, .text_bytes_max = 12});
  ASSERT_EQ(small.records.size(), 3U);
  EXPECT_EQ(small.records[0].attributes.size(), 2U);
  EXPECT_EQ(small.records[0].name, "claude_code.");
  EXPECT_GT(small.shortened, 0U);

  const auto large =
      decode_otlp(Signal::Metrics, "application/json", kMetrics, {.body_bytes_max = 10});
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code, ErrorCode::LimitExceeded);
}

TEST(OtlpSink, RefusesProtobufAndTellsTheWayOut) {
  const auto batch = decode_otlp(Signal::Logs, "application/x-protobuf", "\x0a\x00");
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().code, ErrorCode::Unsupported);
  EXPECT_NE(batch.error().hint.find("http/json"), std::string::npos);
  EXPECT_FALSE(decode_otlp(Signal::Logs, "", "{}").ok());
}

TEST(OtlpSink, RefusesWhatIsNoSuchRequest) {
  for (const std::string_view body :
       {"",
        "[]",
        "7",
        "{\"resourceLogs\":{}}",
        "{\"resourceMetrics\":[]}",
        "{\"resourceLogs\":[}"}) {
    EXPECT_FALSE(decode_otlp(Signal::Logs, "application/json", body).ok()) << body;
  }
  EXPECT_TRUE(decoded(Signal::Logs, "{}").records.empty());
  EXPECT_TRUE(decoded(Signal::Logs, R"({"resourceLogs":[1,{"scopeLogs":[null]}]})").records.empty()
  );
  std::string deep;
  for (int i = 0; i < 200; ++i) {
    deep += R"({"arrayValue":{"values":[)";
  }
  EXPECT_FALSE(decode_otlp(Signal::Logs, "application/json", deep).ok());
}

TEST(OtlpSink, SurvivesManyWaysToCutAndSpoilARequest) {
  constexpr std::string_view kSpoilers = "\x01{]\"9\xFF,";
  std::size_t accepted = 0;
  for (std::size_t at = 0; at < kMetrics.size(); at += 3) {
    EXPECT_FALSE(decode_otlp(Signal::Metrics, "application/json", kMetrics.substr(0, at)).ok());
    std::string spoiled(kMetrics);
    spoiled[at] = kSpoilers[at % kSpoilers.size()];
    const auto batch = decode_otlp(Signal::Metrics, "application/json", spoiled);
    accepted += batch.ok() ? 1 : 0;
    if (batch.ok()) {
      EXPECT_LE(batch->records.size() + batch->rejected, 3U) << spoiled;
    }
  }
  // Most bytes are within names and texts.
  EXPECT_GT(accepted, 10U);
}

TEST(OtlpSink, KnowsThePathsOfTheSignals) {
  EXPECT_EQ(*signal_of_path("/v1/metrics"), Signal::Metrics);
  EXPECT_EQ(*signal_of_path("/v1/logs"), Signal::Logs);
  EXPECT_EQ(*signal_of_path("/v1/traces"), Signal::Traces);
  EXPECT_FALSE(signal_of_path("/v1/profiles").ok());
}

}  // namespace
}  // namespace reeve::telemetry
