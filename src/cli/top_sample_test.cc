#include "cli/top_sample.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::cli {

namespace {

using std::chrono::seconds;

Json mission(std::string_view name, std::string_view state) {
  return *parse_json(concat(
      R"({"metadata":{"namespace":"n","name":")", name, R"("},"status":{"state":")", state, R"("}})"
  ));
}

Json run(std::string_view name, std::string_view of, std::string_view state) {
  return *parse_json(concat(
      R"({"metadata":{"namespace":"n","name":")",
      name,
      R"("},"spec":{"mission":")",
      of,
      R"(","task":"t"},"status":{"host":"local","state":")",
      state,
      R"("}})"
  ));
}

TreeUsage usage(int cpu_seconds, std::uint64_t bytes) {
  return {.cpu = seconds(cpu_seconds), .memory_bytes = bytes, .processes = 2};
}

TopSample sample() {
  TopSample made;
  made.at = seconds(10);
  made.missions = {mission("m", "ACTIVE"), mission("q", "QUEUED")};
  made.runs = {
      run("m.1.a.1", "m", "ACTIVE"), run("m.1.b.1", "m", "ACTIVE"), run("q.1.a.1", "q", "PENDING")};
  made.hosts = {*parse_json(
      R"({"metadata":{"name":"local"},"status":{"capacity":{"slots":4},
          "conditions":[{"type":"Ready","status":"True"}]}})"
  )};
  made.usage = {{{"n", "m.1.a.1"}, usage(5, 100)}, {{"n", "m.1.b.1"}, usage(1, 900)}};
  made.metrics = parse_metrics("reeve_http_requests_total{code=\"200\"} 10\n");
  return made;
}

TEST(TopSample, SaysWhatRunsAndTheirMissionsUseBetweenTwoLooks) {
  const TopSample before = sample();
  TopSample now = sample();
  now.at = seconds(12);
  now.usage[{"n", "m.1.a.1"}].cpu = seconds(8);
  const TopView view = compare(before, now);
  ASSERT_EQ(view.runs.size(), 3U);
  EXPECT_EQ(view.runs[0].name, "m.1.a.1");
  EXPECT_EQ(view.runs[0].cpu, 1.5);
  EXPECT_EQ(view.runs[1].cpu, 0.0);
  EXPECT_FALSE(view.runs[2].usage);
  ASSERT_EQ(view.missions.size(), 2U);
  EXPECT_EQ(view.missions[0].name, "m");
  EXPECT_EQ(view.missions[0].runs, 2U);
  EXPECT_EQ(view.missions[0].cpu, 1.5);
  EXPECT_EQ(view.missions[0].usage->memory_bytes, 1000U);
  EXPECT_FALSE(view.missions[1].usage);
}

TEST(TopSample, CountsStatesSlotsAndWhatWaits) {
  const TopView view = compare(sample(), sample());
  EXPECT_EQ(view.missions_by_state.at("QUEUED"), 1U);
  EXPECT_EQ(view.runs_active, 2U);
  EXPECT_EQ(view.runs_pending, 1U);
  ASSERT_EQ(view.hosts.size(), 1U);
  EXPECT_EQ(view.hosts[0].slots, 4);
  EXPECT_EQ(view.hosts[0].slots_used, 2);
  EXPECT_EQ(view.hosts[0].ready, "True");
}

TEST(TopSample, RatesNeedTwoLooksAtTheSameServer) {
  const TopSample before = sample();
  TopSample now = sample();
  now.at = seconds(14);
  now.metrics = parse_metrics(
      "reeve_http_requests_total{code=\"200\"} 20\nreeve_http_requests_total{code=\"503\"} 2\n"
  );
  const TopView view = compare(before, now);
  EXPECT_EQ(view.requests_rate, 3.0);
  EXPECT_EQ(view.errors_rate, 0.5);
  // It was started again: counters begin anew.
  EXPECT_FALSE(compare(now, before).requests_rate);
  EXPECT_FALSE(compare(now, now).requests_rate);
  now.metrics.clear();
  EXPECT_FALSE(compare(before, now).requests_rate);
}

TEST(TopSample, AProcessThatHasGotTheIdOfAnotherHasNoRate) {
  const TopSample before = sample();
  TopSample now = sample();
  now.at = seconds(12);
  now.usage[{"n", "m.1.a.1"}].cpu = seconds(1);
  for (const UsageRow& row : compare(before, now).runs) {
    if (row.name == "m.1.a.1") {
      EXPECT_FALSE(row.cpu);
    }
  }
}

}  // namespace

}  // namespace reeve::cli
