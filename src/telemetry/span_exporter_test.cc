#include "telemetry/span_exporter.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "base/json.h"
#include "telemetry/fakes.h"
#include "telemetry/process_metrics.h"

namespace reeve::telemetry {
namespace {

constexpr Duration kLong{20'000};

/// Answers as told; the last answer for all further requests.
class Collector {
 public:
  explicit Collector(std::vector<ExportReply> replies) : replies_(std::move(replies)) {}

  SendSpans send() {
    return [this](std::string body) {
      std::unique_lock lock(mutex_);
      bodies_.push_back(std::move(body));
      changed_.notify_all();
      changed_.wait_for(lock, kLong, [this] { return open_; });
      return replies_[std::min(bodies_.size(), replies_.size()) - 1];
    };
  }

  void set_open(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }

  void wait_for_requests(std::size_t count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kLong, [&] { return bodies_.size() >= count; }));
  }

  std::vector<std::size_t> sizes() {
    const std::lock_guard lock(mutex_);
    std::vector<std::size_t> sizes;
    for (const std::string& body : bodies_) {
      const auto json = parse_json(body);
      EXPECT_TRUE(json.ok());
      const Json& resource = json->find("resourceSpans")->as_array().at(0);
      sizes.push_back(resource.find("scopeSpans")->as_array().at(0).find("spans")->as_array().size()
      );
    }
    return sizes;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ExportReply> replies_;
  std::vector<std::string> bodies_;
  bool open_ = true;
};

ExportOptions quick() {
  return {.interval = kLong, .attempts_max = 3, .backoff = Duration{1}, .backoff_max = Duration{2}};
}

SpanRecord span() {
  SpanRecord record;
  record.context = {.trace_id = {1, 2}, .span_id = {3}, .sampled = true, .state = {}};
  record.name = "s";
  return record;
}

TEST(SpanExporter, SendsInBatches) {
  FakeRandom random;
  Collector collector({{.http_status = 200, .body = "{}"}});
  ExportOptions options = quick();
  options.batch_spans_max = 3;
  SpanExporter exporter(random, collector.send(), options);
  for (int i = 0; i < 7; ++i) {
    exporter.add(span());
  }
  ASSERT_TRUE(exporter.flush(kLong));
  EXPECT_EQ(collector.sizes(), (std::vector<std::size_t>{3, 3, 1}));
  EXPECT_EQ(exporter.counters().exported, 7U);
  EXPECT_EQ(exporter.counters().dropped, 0U);
}

TEST(SpanExporter, TriesAgainWhatMaySucceedLater) {
  FakeRandom random;
  Collector collector(
      {{.http_status = 0, .body = {}},
       {.http_status = 503, .body = {}},
       {.http_status = 200, .body = {}}}
  );
  SpanExporter exporter(random, collector.send(), quick());
  exporter.add(span());
  ASSERT_TRUE(exporter.flush(kLong));
  EXPECT_EQ(exporter.counters().exported, 1U);
  EXPECT_EQ(exporter.counters().failures, 2U);
}

TEST(SpanExporter, GivesUpAfterTheLastAttemptAndCounts) {
  FakeRandom random;
  Collector collector({{.http_status = 503, .body = {}}});
  SpanExporter exporter(random, collector.send(), quick());
  exporter.add(span());
  exporter.add(span());
  ASSERT_TRUE(exporter.flush(kLong));
  EXPECT_EQ(collector.sizes().size(), 3U);
  EXPECT_EQ(exporter.counters().dropped, 2U);
  EXPECT_EQ(exporter.counters().failures, 3U);
}

TEST(SpanExporter, DoesNotRepeatWhatWasRefused) {
  FakeRandom random;
  Collector collector({{.http_status = 400, .body = {}}});
  SpanExporter exporter(random, collector.send(), quick());
  exporter.add(span());
  ASSERT_TRUE(exporter.flush(kLong));
  EXPECT_EQ(collector.sizes().size(), 1U);
  EXPECT_EQ(exporter.counters().dropped, 1U);
}

TEST(SpanExporter, CountsWhatASuccessRejected) {
  FakeRandom random;
  Collector collector({{.http_status = 200, .body = R"({"partialSuccess":{"rejectedSpans":"1"}})"}}
  );
  SpanExporter exporter(random, collector.send(), quick());
  exporter.add(span());
  exporter.add(span());
  ASSERT_TRUE(exporter.flush(kLong));
  EXPECT_EQ(exporter.counters().exported, 1U);
  EXPECT_EQ(exporter.counters().dropped, 1U);
}

TEST(SpanExporter, DropsAndCountsWhenTheQueueIsFull) {
  FakeRandom random;
  Collector collector({{.http_status = 200, .body = {}}});
  collector.set_open(false);
  ExportOptions options = quick();
  options.batch_spans_max = 1;
  options.queue_spans_max = 2;
  SpanExporter exporter(random, collector.send(), options);
  exporter.add(span());
  collector.wait_for_requests(1);
  for (int i = 0; i < 5; ++i) {
    exporter.add(span());
  }
  EXPECT_EQ(exporter.counters().dropped, 3U);
  EXPECT_FALSE(exporter.flush(Duration{1}));
  collector.set_open(true);
  ASSERT_TRUE(exporter.flush(kLong));
  EXPECT_EQ(exporter.counters().exported, 3U);
  MetricRegistry registry;
  const auto callbacks = register_span_metrics(registry, exporter);
  EXPECT_NE(registry.prometheus().find("\nreeve_spans_dropped_total 3\n"), std::string::npos);
}

TEST(SpanExporter, TriesOnceMoreAtTheEnd) {
  FakeRandom random;
  Collector collector({{.http_status = 503, .body = {}}});
  {
    ExportOptions options = quick();
    options.backoff = kLong;
    options.backoff_max = kLong;
    SpanExporter exporter(random, collector.send(), options);
    exporter.add(span());
  }
  EXPECT_EQ(collector.sizes().size(), 1U);
}

TEST(SpanExporter, WaitsLongerEachTimeButNotTooLong) {
  const ExportOptions options{.backoff = Duration{1000}, .backoff_max = Duration{5000}};
  EXPECT_EQ(export_delay(1, {}, options, 0), Duration{1000});
  EXPECT_EQ(export_delay(1, {}, options, 500), Duration{500});
  EXPECT_EQ(export_delay(2, {}, options, 0), Duration{2000});
  EXPECT_EQ(export_delay(9, {}, options, 0), Duration{5000});
  EXPECT_EQ(export_delay(1, Duration{3000}, options, 0), Duration{3000});
  EXPECT_EQ(export_delay(1, Duration{60'000}, options, 0), Duration{5000});
}

TEST(SpanExporter, TellsWhichAnswersAreFinal) {
  EXPECT_EQ(verdict_of({.http_status = 202, .body = {}}), ExportVerdict::Done);
  for (const int status : {0, 429, 502, 503, 504}) {
    EXPECT_EQ(verdict_of({.http_status = status, .body = {}}), ExportVerdict::Retry) << status;
  }
  for (const int status : {301, 400, 404, 500}) {
    EXPECT_EQ(verdict_of({.http_status = status, .body = {}}), ExportVerdict::Refused) << status;
  }
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{"rejectedSpans":3}})"), 3U);
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{"rejectedSpans":-3}})"), 0U);
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{"rejectedSpans":"3x"}})"), 0U);
  EXPECT_EQ(rejected_spans("no json"), 0U);
}

}  // namespace
}  // namespace reeve::telemetry
