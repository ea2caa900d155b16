#include "telemetry/trace.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/json.h"
#include "telemetry/fakes.h"

namespace reeve::telemetry {
namespace {

class KeptSpans final : public SpanSink {
 public:
  void add(SpanRecord span) override { spans.push_back(std::move(span)); }

  std::vector<SpanRecord> spans;
};

class Tracing : public testing::Test {
 protected:
  Tracer tracer(TracerOptions options = {.sample_ratio = 1}) {
    return {clock, random, kept, std::move(options)};
  }

  FakeClock clock;
  FakeRandom random;
  KeptSpans kept;
};

TEST_F(Tracing, RecordsASpanWhenItEnds) {
  Tracer tracing = tracer();
  Span span = tracing.start("GET /missions", SpanKind::Server);
  span.set("http.response.status_code", std::int64_t{200});
  span.set("http.response.status_code", std::int64_t{201});
  clock.advance(Duration{5});
  span.add_event("committed", {{"revision", std::int64_t{7}}});
  clock.advance(Duration{5});
  EXPECT_TRUE(kept.spans.empty());
  span.set_ok();
  span.end();
  span.end();
  span.set("late", true);
  ASSERT_EQ(kept.spans.size(), 1U);
  const SpanRecord& record = kept.spans[0];
  EXPECT_EQ(record.name, "GET /missions");
  EXPECT_EQ(record.kind, SpanKind::Server);
  EXPECT_FALSE(record.parent.valid());
  EXPECT_EQ(record.end_unix_nanos - record.start_unix_nanos, 10'000'000U);
  EXPECT_EQ(record.start_unix_nanos, std::uint64_t{FakeClock::kStartMillis} * 1'000'000);
  ASSERT_EQ(record.attributes.size(), 1U);
  EXPECT_EQ(std::get<std::int64_t>(record.attributes[0].second), 201);
  ASSERT_EQ(record.events.size(), 1U);
  EXPECT_EQ(record.events[0].at_unix_nanos - record.start_unix_nanos, 5'000'000U);
  EXPECT_EQ(record.status, SpanStatus::Ok);
}

TEST_F(Tracing, ChildrenShareTheTrace) {
  Tracer tracing = tracer();
  TraceContext outer;
  {
    const Span parent = tracing.start("outer");
    outer = parent.context();
    const Span child = tracing.start("inner", SpanKind::Client, parent.context());
    EXPECT_EQ(child.context().trace_id, outer.trace_id);
  }
  ASSERT_EQ(kept.spans.size(), 2U);
  EXPECT_EQ(kept.spans[0].name, "inner");
  EXPECT_EQ(kept.spans[0].parent, outer.span_id);
  EXPECT_NE(kept.spans[0].context.span_id, outer.span_id);
}

TEST_F(Tracing, ASpanEndsOnceWhenItIsMoved) {
  Tracer tracing = tracer();
  {
    Span first = tracing.start("a");
    Span second = std::move(first);
    second = tracing.start("b");
    EXPECT_EQ(kept.spans.size(), 1U);
  }
  EXPECT_EQ(kept.spans.size(), 2U);
}

TEST_F(Tracing, WhatIsNotSampledStillHasAContext) {
  Tracer tracing = tracer({.sample_ratio = 0});
  Span span = tracing.start("quiet");
  span.set("a", true);
  span.set_error("failed");
  EXPECT_FALSE(span.recording());
  EXPECT_TRUE(span.context().valid());
  EXPECT_FALSE(span.context().sampled);
  span.end();
  EXPECT_TRUE(kept.spans.empty());
}

TEST_F(Tracing, FollowsTheCallersDecisionOnlyIfAsked) {
  const TraceContext sampled{
      .trace_id = {1, std::numeric_limits<std::uint64_t>::max()},
      .span_id = {2},
      .sampled = true,
      .state = {}};
  Tracer following = tracer({.sample_ratio = 0});
  EXPECT_TRUE(following.start("a", SpanKind::Server, sampled).recording());
  Tracer deciding = tracer({.sample_ratio = 0.5, .follow_parent = false});
  EXPECT_FALSE(deciding.start("a", SpanKind::Server, sampled).recording());
}

TEST_F(Tracing, SamplesTheShareByTheIdOfTheTrace) {
  EXPECT_TRUE(in_sample({0, 0}, 0.001));
  EXPECT_TRUE(in_sample({0, 1ULL << 62U}, 0.26));
  EXPECT_FALSE(in_sample({0, 1ULL << 62U}, 0.24));
  EXPECT_TRUE(in_sample({0, std::numeric_limits<std::uint64_t>::max()}, 1));
  EXPECT_FALSE(in_sample({0, 0}, 0));
  EXPECT_FALSE(in_sample({0, 0}, std::numeric_limits<double>::quiet_NaN()));
}

TEST_F(Tracing, ErrorsHaveATypeAndAMessage) {
  Tracer tracing = tracer();
  tracing.start("a").set_error(make_error(ErrorCode::NotFound, "no such mission", "m1"));
  ASSERT_EQ(kept.spans.size(), 1U);
  EXPECT_EQ(kept.spans[0].status, SpanStatus::Error);
  EXPECT_EQ(kept.spans[0].status_message, "no such mission");
  EXPECT_EQ(std::get<std::string>(kept.spans[0].attributes[0].second), "not_found");
}

TEST_F(Tracing, BoundsWhatASpanCarries) {
  Tracer tracing = tracer();
  {
    Span span = tracing.start(std::string(10'000, 'n'));
    for (std::size_t i = 0; i < kSpanAttributesMax + 3; ++i) {
      span.set("k" + std::to_string(i), std::string(10'000, 'v'));
    }
    for (std::size_t i = 0; i < kSpanEventsMax + 2; ++i) {
      span.add_event("e");
    }
  }
  const SpanRecord& span = kept.spans.at(0);
  EXPECT_EQ(span.name.size(), kSpanTextBytesMax);
  EXPECT_EQ(span.attributes.size(), kSpanAttributesMax);
  EXPECT_EQ(std::get<std::string>(span.attributes[0].second).size(), kSpanTextBytesMax);
  EXPECT_EQ(span.dropped_attributes, 3U);
  EXPECT_EQ(span.dropped_events, 2U);
}

TEST_F(Tracing, AClockThatIsSetBackMakesNoNegativeSpan) {
  Tracer tracing = tracer();
  Span span = tracing.start("a");
  clock.advance(Duration{-1000});
  span.end();
  EXPECT_EQ(kept.spans.at(0).end_unix_nanos, kept.spans.at(0).start_unix_nanos);
}

TEST(OtlpEncoding, FollowsTheJsonMapping) {
  SpanRecord span;
  span.context = {.trace_id = {1, 2}, .span_id = {3}, .sampled = true, .state = "a=1"};
  span.parent = {4};
  span.name = "run \"x\"";
  span.kind = SpanKind::Client;
  span.start_unix_nanos = 1'795'253'400'123'000'001U;
  span.end_unix_nanos = 1'795'253'400'124'000'000U;
  span.attributes = {
      {"s", std::string("t")},
      {"b", true},
      {"i", std::int64_t{-5}},
      {"d", 0.5},
      {"n", std::numeric_limits<double>::quiet_NaN()}};
  span.events = {{.name = "e", .at_unix_nanos = 9, .attributes = {}}};
  span.status = SpanStatus::Error;
  span.status_message = "bad";
  const std::string text = encode_otlp_spans({{"service.name", std::string("reeve")}}, {span});
  EXPECT_EQ(
      text,
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":)"
      R"({"stringValue":"reeve"}}]},"scopeSpans":[{"scope":{"name":"reeve"},"spans":[{)"
      R"("traceId":"00000000000000010000000000000002","spanId":"0000000000000003",)"
      R"("traceState":"a=1","parentSpanId":"0000000000000004","name":"run \"x\"","kind":3,)"
      R"("startTimeUnixNano":"1795253400123000001","endTimeUnixNano":"1795253400124000000",)"
      R"("attributes":[{"key":"s","value":{"stringValue":"t"}},{"key":"b","value":)"
      R"({"boolValue":true}},{"key":"i","value":{"intValue":"-5"}},{"key":"d","value":)"
      R"({"doubleValue":0.5}},{"key":"n","value":{"doubleValue":"NaN"}}],"events":[)"
      R"({"timeUnixNano":"9","name":"e","attributes":[]}],"status":{"code":2,"message":"bad"}}]}]}]})"
  );
  EXPECT_TRUE(parse_json(text).ok());
}

}  // namespace
}  // namespace reeve::telemetry
