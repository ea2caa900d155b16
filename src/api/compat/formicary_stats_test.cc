#include "api/compat/formicary_stats.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::api::formicary {
namespace {

Json mission(std::string_view name, std::string_view of, std::string_view state, int seconds = 0) {
  const std::string ended = concat("2026-11-21T09:30:0", seconds, ".000Z");
  return *parse_json(concat(
      R"({"metadata":{"name":")",
      name,
      R"(","creationTimestamp":"2026-11-21T09:30:00Z"},"spec":{},)",
      R"("status":{"state":")",
      state,
      R"(","workflow":{"name":")",
      of,
      R"("},"startedAt":"2026-11-21T09:30:00.000Z","endedAt":")",
      ended,
      R"("}})"
  ));
}

Json::Array missions() {
  return {
      mission("a", "w", "COMPLETE", 2),
      mission("b", "w", "COMPLETE", 4),
      mission("c", "w", "FAILED", 1),
      mission("d", "w", "QUEUED"),
      mission("e", "w", "QUEUED"),
      mission("f", "v", "ACTIVE")};
}

TEST(FormicaryStats, CountStatesAndTimesOfEachJob) {
  const Json stats = job_stats(missions());
  ASSERT_EQ(stats.as_array().size(), 2U);
  EXPECT_EQ(stats.as_array()[0].get_int("executing_jobs"), 1);
  const Json& w = stats.as_array()[1];
  EXPECT_EQ(w.get_string("job_type"), "w");
  EXPECT_EQ(w.get_int("succeeded_jobs"), 2);
  EXPECT_EQ(w.get_int("succeeded_jobs_min_latency"), 2000);
  EXPECT_EQ(w.get_int("succeeded_jobs_max_latency"), 4000);
  EXPECT_EQ(w.get_int("succeeded_jobs_percentage"), 66);
  EXPECT_EQ(w.get_int("failed_jobs_max_latency"), 1000);
  EXPECT_EQ(w.get_int("pending_jobs"), 2);
}

TEST(FormicaryStats, EstimateTheWaitFromThoseInFront) {
  const Json::Array all = missions();
  const Json first = wait_estimate(all[3], all, 1, Timestamp());
  EXPECT_EQ(first.get_int("queue_number"), 0);
  EXPECT_EQ(first.get_int("estimated_wait"), 0);
  const Json second = wait_estimate(all[4], all, 1, Timestamp());
  EXPECT_EQ(second.get_int("queue_number"), 1);
  // The average of 2 s and 4 s, in nanoseconds.
  EXPECT_EQ(second.get_int("estimated_wait"), 3'000'000'000);
  EXPECT_EQ(wait_estimate(all[4], all, 3, Timestamp()).get_int("estimated_wait"), 1'000'000'000);
  EXPECT_EQ(
      wait_estimate(all[0], all, 1, Timestamp()).get_string("error_message"),
      "it is not pending but COMPLETED"
  );
}

TEST(FormicaryStats, TheDeadAreThoseThatAreOver) {
  EXPECT_EQ(dead_ids(missions()).dump(), R"(["a","b","c"])");
}

}  // namespace
}  // namespace reeve::api::formicary
