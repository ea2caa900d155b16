#include "telemetry/metrics.h"

#include <limits>
#include <thread>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::telemetry {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Metrics, AreExposedByNameAndLabelValues) {
  MetricRegistry registry;
  Family<Counter>& requests = registry.counter(
      {.name = "reeve_http_requests_total", .help = "Requests", .labels = {"method", "code"}}
  );
  requests.with({"POST", "201"}).add();
  requests.with({"GET", "200"}).add(2);
  requests.with({"GET", "200"}).add(0.5);
  registry.gauge({.name = "reeve_connections", .help = "Open connections"}).get().set(-3);
  EXPECT_EQ(
      registry.prometheus(),
      "# HELP reeve_connections Open connections\n"
      "# TYPE reeve_connections gauge\n"
      "reeve_connections -3\n"
      "# HELP reeve_http_requests_total Requests\n"
      "# TYPE reeve_http_requests_total counter\n"
      "reeve_http_requests_total{method=\"GET\",code=\"200\"} 2.5\n"
      "reeve_http_requests_total{method=\"POST\",code=\"201\"} 1\n"
  );
}

TEST(Metrics, LabelsAndHelpAreEscaped) {
  MetricRegistry registry;
  registry.gauge({.name = "g", .help = "a \\ b\n\"c\"", .labels = {"l"}})
      .with({"a\\b\n\"c\"é"})
      .set(1);
  EXPECT_EQ(
      registry.prometheus(),
      "# HELP g a \\\\ b\\n\"c\"\n# TYPE g gauge\ng{l=\"a\\\\b\\n\\\"c\\\"é\"} 1\n"
  );
  EXPECT_NE(registry.openmetrics().find("# HELP g a \\\\ b\\n\\\"c\\\"\n"), std::string::npos);
}

TEST(Metrics, HistogramsCountCumulatively) {
  MetricRegistry registry;
  Histogram& seconds =
      registry
          .histogram(
              {.name = "reeve_request_seconds", .help = "Time", .labels = {"verb"}}, {0.5, 1, 2.5}
          )
          .with({"get"});
  for (const double value : {0.1, 0.5, 0.6, 2.5, 3.0}) {
    seconds.observe(value);
  }
  seconds.observe(kNan);
  EXPECT_EQ(
      registry.prometheus(),
      "# HELP reeve_request_seconds Time\n"
      "# TYPE reeve_request_seconds histogram\n"
      "reeve_request_seconds_bucket{verb=\"get\",le=\"0.5\"} 2\n"
      "reeve_request_seconds_bucket{verb=\"get\",le=\"1\"} 3\n"
      "reeve_request_seconds_bucket{verb=\"get\",le=\"2.5\"} 4\n"
      "reeve_request_seconds_bucket{verb=\"get\",le=\"+Inf\"} 5\n"
      "reeve_request_seconds_sum{verb=\"get\"} 6.7\n"
      "reeve_request_seconds_count{verb=\"get\"} 5\n"
  );
}

TEST(Metrics, OpenMetricsNamesCountersWithoutTheirSuffix) {
  MetricRegistry registry;
  registry.counter({.name = "c_total", .help = "C"}).get().add();
  registry.histogram({.name = "h", .help = "H"}, {1}).get().observe(0.5);
  EXPECT_EQ(
      registry.openmetrics(),
      "# HELP c C\n# TYPE c counter\nc_total 1\n"
      "# HELP h H\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 1\n"
      "h_sum 0.5\nh_count 1\n"
      "# EOF\n"
  );
}

TEST(Metrics, NumbersThatAreNoneHaveNames) {
  MetricRegistry registry;
  Family<Gauge>& gauge = registry.gauge({.name = "g", .help = "G", .labels = {"l"}});
  gauge.with({"a"}).set(kInfinity);
  gauge.with({"b"}).set(-kInfinity);
  gauge.with({"c"}).set(kNan);
  gauge.with({"d"}).set(0.1);
  gauge.with({"e"}).set(12'345'678'901'234.0);
  const std::string text = registry.prometheus();
  for (const std::string_view line :
       {"g{l=\"a\"} +Inf\n",
        "g{l=\"b\"} -Inf\n",
        "g{l=\"c\"} NaN\n",
        "g{l=\"d\"} 0.1\n",
        "g{l=\"e\"} 12345678901234\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(Metrics, CountersOnlyGrow) {
  Counter counter;
  counter.add(2);
  counter.add(-1);
  counter.add(kNan);
  counter.add(kInfinity);
  EXPECT_EQ(counter.value(), 2);
}

TEST(Metrics, FurtherLabelValuesBecomeOther) {
  MetricRegistry registry;
  Family<Counter>& counter =
      registry.counter({.name = "c_total", .help = "C", .labels = {"user", "verb"}, .series_max = 2}
      );
  counter.with({"a", "get"}).add();
  counter.with({"b", "get"}).add();
  counter.with({"c", "get"}).add();
  counter.with({"d", "put"}).add();
  counter.with({"a", "get"}).add();
  const std::string text = registry.prometheus();
  EXPECT_NE(text.find("c_total{user=\"a\",verb=\"get\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("c_total{user=\"other\",verb=\"other\"} 2\n"), std::string::npos);
  EXPECT_EQ(text.find("user=\"c\""), std::string::npos);
  EXPECT_NE(text.find("reeve_metrics_overflow_total{metric=\"c_total\"} 2\n"), std::string::npos);
}

TEST(Metrics, ValuesThatAreTooLongOrNoTextBecomeOther) {
  MetricRegistry registry;
  Family<Counter>& counter = registry.counter({.name = "c_total", .help = "C", .labels = {"l"}});
  counter.with({std::string(kLabelBytesMax + 1, 'x')}).add();
  counter.with({"\xFF"}).add();
  counter.with({std::string(kLabelBytesMax, 'y')}).add();
  const std::string text = registry.prometheus();
  EXPECT_NE(text.find("c_total{l=\"other\"} 2\n"), std::string::npos);
  EXPECT_NE(
      text.find(concat("c_total{l=\"", std::string(kLabelBytesMax, 'y'), "\"} 1\n")),
      std::string::npos
  );
}

TEST(Metrics, TheSameMetricIsOneFamily) {
  MetricRegistry registry;
  const auto ask = [&]() -> Family<Counter>& {
    return registry.counter({.name = "c_total", .help = "C"});
  };
  ask().get().add();
  ask().get().add();
  EXPECT_EQ(ask().get().value(), 2);
  EXPECT_EQ(&ask().get(), &ask().get());
}

TEST(MetricsDeathTest, MistakesOfTheProgramEndIt) {
  GTEST_FLAG_SET(death_test_style, "fast");
  MetricRegistry registry;
  registry.counter({.name = "c_total", .help = "C", .labels = {"a"}});
  EXPECT_DEATH(registry.counter({.name = "c_total", .help = "C"}), "");
  EXPECT_DEATH(registry.gauge({.name = "c_total", .help = "C"}), "");
  EXPECT_DEATH(registry.counter({.name = "c", .help = "C"}), "");
  EXPECT_DEATH(registry.gauge({.name = "a-b", .help = "C"}), "");
  EXPECT_DEATH(registry.gauge({.name = "g", .help = "G", .labels = {"le"}}), "");
  EXPECT_DEATH(registry.histogram({.name = "h", .help = "H"}, {2, 1}).get(), "");
}

TEST(Metrics, CallbacksAreAskedUntilTheyAreGone) {
  MetricRegistry registry;
  double value = 1;
  {
    const MetricCallback one = registry.callback(
        MetricType::Gauge, {.name = "queue_length", .help = "Q"}, [&value] { return value; }
    );
    const MetricCallback many = registry.callback(
        MetricType::Counter,
        {.name = "jobs_total", .help = "J", .labels = {"kind"}, .series_max = 2},
        [] {
          return std::vector<Sample>{{{"b"}, 1}, {{"a"}, 2}, {{"a"}, 3}, {{"c"}, 4}};
        }
    );
    value = 7;
    EXPECT_EQ(
        registry.prometheus(),
        "# HELP jobs_total J\n# TYPE jobs_total counter\njobs_total{kind=\"a\"} 2\n"
        "jobs_total{kind=\"b\"} 1\n"
        "# HELP queue_length Q\n# TYPE queue_length gauge\nqueue_length 7\n"
        "# HELP reeve_metrics_overflow_total Times that label values were put together as "
        "\"other\" or left out\n# TYPE reeve_metrics_overflow_total counter\n"
        "reeve_metrics_overflow_total{metric=\"jobs_total\"} 1\n"
    );
  }
  EXPECT_EQ(registry.prometheus().find("queue_length"), std::string::npos);
  MetricCallback again =
      registry.callback(MetricType::Gauge, {.name = "queue_length", .help = "Q"}, [] { return 2; });
  MetricCallback moved = std::move(again);
  EXPECT_NE(registry.prometheus().find("queue_length 2\n"), std::string::npos);
  moved = MetricCallback();
  EXPECT_EQ(registry.prometheus().find("queue_length"), std::string::npos);
}

TEST(Metrics, BucketsGrowByAFactor) {
  EXPECT_EQ(exponential_buckets(1, 2, 4), (std::vector<double>{1, 2, 4, 8}));
  EXPECT_EQ(size_bytes_buckets().back(), 64.0 * 1024 * 1024);
}

TEST(Metrics, TheFormatFollowsTheAcceptHeader) {
  EXPECT_FALSE(wants_openmetrics(""));
  EXPECT_FALSE(wants_openmetrics("*/*"));
  EXPECT_TRUE(wants_openmetrics(
      "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
  ));
  EXPECT_FALSE(wants_openmetrics("application/openmetrics-text;q=0.1,text/plain;q=0.9"));
  EXPECT_FALSE(wants_openmetrics("application/openmetrics-text;q=x"));
  EXPECT_TRUE(wants_openmetrics("Application/OpenMetrics-Text"));
}

TEST(Metrics, UpdatesFromManyThreadsAreAllCounted) {
  constexpr int kThreads = 4;
  constexpr int kUpdates = 2000;
  MetricRegistry registry;
  Family<Counter>& counter =
      registry.counter({.name = "c_total", .help = "C", .labels = {"l"}, .series_max = 3});
  Histogram& histogram = registry.histogram({.name = "h", .help = "H"}, {10, 100}).get();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kUpdates; ++i) {
        counter.with({std::to_string(i % 5)}).add();
        histogram.observe(i % 200);
        if (i % 500 == 0) {
          EXPECT_FALSE(registry.prometheus().empty());
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  double sum = 0;
  for (const std::string_view label : {"0", "1", "2", "other"}) {
    sum += counter.with({label}).value();
  }
  EXPECT_EQ(sum, kThreads * kUpdates);
  EXPECT_EQ(histogram.read().count, std::uint64_t{kThreads} * kUpdates);
}

}  // namespace
}  // namespace reeve::telemetry
