#include "cli/metrics_text.h"

#include <gtest/gtest.h>

namespace reeve::cli {

namespace {

TEST(MetricsText, ReadsNamesLabelsAndValues) {
  const auto samples = parse_metrics(
      "# HELP a What.\n# TYPE a counter\na{x=\"1\",y=\"q\\\"\\n\\\\z\"} 2.5\na{x=\"2\"} 1e3 17\n"
      "plain 7\n"
  );
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(samples[0].label("y"), "q\"\n\\z");
  EXPECT_EQ(samples[0].label("none"), "");
  EXPECT_EQ(metric_sum(samples, "a"), 1002.5);
  EXPECT_EQ(metric_sum(samples, "plain"), 7.0);
  EXPECT_EQ(metric_sum(samples, "absent"), std::nullopt);
}

TEST(MetricsText, LeavesOutWhatIsNoSample) {
  for (const char* line :
       {"",
        "a",
        "a{",
        "a{x}",
        "a{x=\"1\" 2",
        "a{x=\"1}",
        "a NaN",
        "a +Inf",
        "a x",
        " 1",
        "a{x=\"1\"}"}) {
    EXPECT_TRUE(parse_metrics(line).empty()) << line;
  }
}

}  // namespace

}  // namespace reeve::cli
