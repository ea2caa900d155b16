#include "telemetry/process_metrics.h"

#include <gtest/gtest.h>

#include "telemetry/fakes.h"
#include "telemetry/log.h"

namespace reeve::telemetry {
namespace {

TEST(ProcessMetrics, ReadTheLineOfAProcessWithAnOddName) {
  const auto stat = parse_process_stat(
      "4711 (a) b ( c) S 1 4711 4711 0 -1 4194304 100 0 0 0 25 5 0 0 20 0 3 0 8888 1048576 256 "
      "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n"
  );
  ASSERT_TRUE(stat.ok()) << stat.error().describe();
  EXPECT_EQ(stat->cpu_ticks, 30U);
  EXPECT_EQ(stat->threads, 3U);
  EXPECT_EQ(stat->start_ticks, 8888U);
  EXPECT_EQ(stat->virtual_bytes, 1'048'576U);
  EXPECT_EQ(stat->resident_pages, 256U);
}

TEST(ProcessMetrics, RefuseALineThatIsCutOff) {
  EXPECT_FALSE(parse_process_stat("").ok());
  EXPECT_FALSE(parse_process_stat("1 (a) S 1 2 3").ok());
  EXPECT_FALSE(parse_process_stat("1 (a) S 1 1 1 0 -1 1 1 0 0 0 x 5 0 0 20 0 3 0 8 1 2").ok());
}

TEST(ProcessMetrics, TellAboutThisProcess) {
  MetricRegistry registry;
  const auto callbacks = register_process_metrics(registry);
  register_build_info(registry, {.version = "0.1.0", .revision = "abc"});
  const std::string text = registry.prometheus();
  for (const std::string_view name :
       {"process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_open_fds",
        "process_threads",
        "process_start_time_seconds"}) {
    const std::size_t at = text.find("\n" + std::string(name) + " ");
    ASSERT_NE(at, std::string::npos) << name;
    const std::size_t number = at + name.size() + 2;
    EXPECT_GE(std::stod(text.substr(number)), 0) << name;
  }
  EXPECT_NE(
      text.find("reeve_build_info{version=\"0.1.0\",revision=\"abc\",compiler=\"clang "),
      std::string::npos
  );
}

class NoSink final : public LogSink {
 public:
  Result<std::size_t> write(std::string_view /*lines*/, Duration /*patience*/) override {
    return make_error(ErrorCode::Io, "no");
  }
};

TEST(ProcessMetrics, TellWhatTheLogLost) {
  FakeClock clock;
  MetricRegistry registry;
  LogHub hub(clock, std::make_unique<NoSink>(), {.queue_records_max = 0});
  const auto callbacks = register_log_metrics(registry, hub);
  hub.logger("net").info("dropped");
  const std::string text = registry.prometheus();
  EXPECT_NE(text.find("\nreeve_log_dropped_total 1\n"), std::string::npos);
  EXPECT_NE(text.find("\nreeve_log_written_total 0\n"), std::string::npos);
}

}  // namespace
}  // namespace reeve::telemetry
