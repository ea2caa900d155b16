#include "telemetry/work/observer.h"

#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "telemetry/fakes.h"

namespace reeve::telemetry {
namespace {

constexpr const char* kCaller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr Timestamp kStart = from_unix_millis(FakeClock::kStartMillis);

struct Lines {
  std::mutex mutex;
  std::string text;
};

class LinesSink final : public LogSink {
 public:
  explicit LinesSink(Lines& lines) : lines_(lines) {}

  Result<std::size_t> write(std::string_view lines, Duration /*patience*/) override {
    const std::scoped_lock lock(lines_.mutex);
    lines_.text.append(lines);
    return lines.size();
  }

 private:
  Lines& lines_;
};

class Spans final : public SpanSink {
 public:
  void add(SpanRecord span) override { all.push_back(std::move(span)); }

  std::vector<SpanRecord> all;
};

/// A mission as its commits tell of it.
class ObserverTest : public ::testing::Test {
 protected:
  void commit(std::string type, std::string data, int seconds = 0) {
    journal::Event event;
    event.at = kStart + std::chrono::seconds(seconds);
    event.object = {.kind = journal::Kind::Mission, .ns = Namespace("default"), .name = "m"};
    event.uid = Uid("u-1");
    event.type = std::move(type);
    event.actor = Principal("user:alice");
    event.correlation = CorrelationId("req-1");
    event.data = std::move(data);
    store::Row row;
    row.key = event.object;
    row.body = concat(
        R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"m","uid":"u-1",)",
        R"("creationTimestamp":")",
        format_timestamp(kStart),
        R"(","owner":"user:}\"{","correlation":"req-1","traceparent":")",
        traceparent_,
        R"("},"spec":{}})"
    );
    store::Commit made;
    made.events.push_back(std::move(event));
    made.rows.push_back(std::move(row));
    observer_.committed(made);
  }

  /// From its making to its end, with one run that takes 7 seconds.
  void live_through_a_mission() {
    commit("mission.created", R"({"workflow":"build"})");
    commit("run.launching", R"({"task":"a"})", 1);
    model::LaunchRun launch;
    launch.mission = MissionName("m");
    launch.task = TaskName("a");
    launch.run = RunName("m.1.a.1");
    launch.spec.steps.push_back({.phase = model::Phase::Main, .script = {}, .tool = "http"});
    launch.origin = {
        .correlation = CorrelationId("req-1"), .trace = {.parent = traceparent_, .state = {}}};
    observer_.asked(launch);
    const model::RunStarted started{
        .mission = launch.mission, .run = launch.run, .fence = launch.fence};
    observer_.reported(started);
    // Asked again, it says so again.
    observer_.reported(started);
    commit("run.active", R"({"task":"a"})", 2);
    model::RunFinished finished;
    finished.run = launch.run;
    observer_.reported(finished);
    commit(
        "run.ended",
        R"({"task":"a","attempt":1,"state":"COMPLETE","outcome":"completed","exitCode":"0"})",
        9
    );
    commit(
        "mission.transitioned", R"({"from":"ACTIVE","to":"COMPLETE","reason":"completion"})", 10
    );
  }

  std::string log() {
    EXPECT_TRUE(hub_.flush(Duration(20'000)));
    const std::scoped_lock lock(lines_.mutex);
    return lines_.text;
  }

  const SpanRecord& span(std::string_view name) const {
    for (const SpanRecord& each : spans_.all) {
      if (each.name == name) {
        return each;
      }
    }
    ADD_FAILURE() << "there is no span " << name;
    static const SpanRecord kNone;
    return kNone;
  }

  std::string traceparent_ = kCaller;
  FakeClock clock_;
  Lines lines_;
  LogHub hub_{clock_, std::make_unique<LinesSink>(lines_)};
  MetricRegistry registry_;
  Spans spans_;
  Observer observer_{hub_, registry_, {.spans = &spans_, .sample_ratio = 0}};
};

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST_F(ObserverTest, EveryLineHasTheIdAndTheTraceOfTheRequest) {
  live_through_a_mission();
  const std::string text = log();
  const std::size_t lines = count_of(text, "\n");
  EXPECT_EQ(lines, 5U) << text;
  EXPECT_EQ(count_of(text, R"("correlation_id":"req-1")"), lines) << text;
  EXPECT_EQ(count_of(text, R"("trace_id":"0af7651916cd43dd8448eb211c80319c")"), lines) << text;
  // The host is asked every half minute; it is one run all the same.
  EXPECT_EQ(count_of(text, R"("message":"run started")"), 1U);
}

TEST_F(ObserverTest, CountsRunsByWhatCarriesThemOut) {
  live_through_a_mission();
  const std::string text = registry_.prometheus();
  for (const char* line :
       {"reeve_runs_total{executor=\"http\",state=\"COMPLETE\"} 1\n",
        "reeve_run_duration_seconds_sum{executor=\"http\"} 7\n",
        "reeve_run_launch_seconds_sum 1\n",
        "reeve_missions_submitted_total{workflow=\"build\"} 1\n",
        "reeve_mission_duration_seconds_sum{state=\"COMPLETE\"} 10\n",
        "reeve_mission_transitions_total{from=\"ACTIVE\",to=\"COMPLETE\"} 1\n",
        "reeve_events_total{type=\"run.ended\"} 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST_F(ObserverTest, AGateIsARunThatPeopleCarryOut) {
  commit("gate.opened", R"({"task":"g","revision":1})", 1);
  commit("gate.decided", R"({"task":"g","revision":1,"outcome":"granted"})", 31);
  commit("run.ended", R"({"task":"g","attempt":1,"state":"COMPLETE","outcome":"completed"})", 31);
  const std::string text = registry_.prometheus();
  for (const char* line :
       {"reeve_gates_decided_total{outcome=\"granted\"} 1\n",
        "reeve_run_duration_seconds_sum{executor=\"gate\"} 30\n",
        "reeve_runs_total{executor=\"gate\",state=\"COMPLETE\"} 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST_F(ObserverTest, WhatAMissionLeavesBehindIsForgottenWithIt) {
  commit("run.launching", R"({"task":"a"})", 1);
  commit("run.active", R"({"task":"a"})", 2);
  commit("mission.transitioned", R"({"from":"ACTIVE","to":"ABORTED","reason":"user_request"})", 3);
  commit("run.ended", R"({"task":"a","attempt":1,"state":"ABORTED","outcome":"aborted"})", 9);
  // Nobody knows any more since when it went on.
  EXPECT_EQ(registry_.prometheus().find("reeve_run_duration_seconds_count{"), std::string::npos);
}

TEST_F(ObserverTest, TooManyWorkflowsAreOneSeries) {
  for (std::size_t i = 0; i < kWorkflowSeriesMax + 10; ++i) {
    commit("mission.created", concat(R"({"workflow":"w)", std::uint64_t{i}, "\"}"));
  }
  const std::string text = registry_.prometheus();
  EXPECT_LE(count_of(text, "reeve_missions_submitted_total{"), kWorkflowSeriesMax + 1);
  EXPECT_NE(text.find("reeve_missions_submitted_total{workflow=\"other\"} 1"), std::string::npos);
}

TEST_F(ObserverTest, SpansAreBelowOneAnotherAndTheMissionBelowTheRequest) {
  live_through_a_mission();
  ASSERT_EQ(spans_.all.size(), 3U);
  const SpanRecord& mission = span("mission build");
  const SpanRecord& task = span("task a");
  const SpanRecord& run = span("run a");
  EXPECT_EQ(mission.parent.hex(), "b7ad6b7169203331");
  EXPECT_EQ(task.parent, mission.context.span_id);
  EXPECT_EQ(run.parent, task.context.span_id);
  EXPECT_EQ(run.context.span_id.hex(), model::run_span(Uid("u-1"), RunName("m.1.a.1")));
  EXPECT_EQ(run.context.trace_id.hex(), "0af7651916cd43dd8448eb211c80319c");
  constexpr std::uint64_t kNanos = 1'000'000'000;
  EXPECT_EQ(run.end_unix_nanos - run.start_unix_nanos, 8 * kNanos);
  EXPECT_EQ(mission.end_unix_nanos - mission.start_unix_nanos, 10 * kNanos);
  EXPECT_EQ(mission.status, SpanStatus::Ok);
}

TEST_F(ObserverTest, WhatTheCallerDoesNotRecordHasNoSpans) {
  traceparent_.back() = '0';
  live_through_a_mission();
  EXPECT_TRUE(spans_.all.empty());
}

TEST_F(ObserverTest, AFailureIsOneInAllThatIsTold) {
  commit("mission.created", R"({"workflow":"build"})");
  commit("run.launching", R"({"task":"a"})", 1);
  commit(
      "run.ended",
      R"({"task":"a","attempt":1,"state":"FAILED","outcome":"failed","errorCode":"ERR_X"})",
      2
  );
  EXPECT_EQ(span("run a").status, SpanStatus::Error);
  EXPECT_EQ(span("run a").status_message, "ERR_X");
  EXPECT_NE(log().find(R"("level":"warn")"), std::string::npos);
}

TEST_F(ObserverTest, ALimitOfABudgetIsANumberUntilItIsDeleted) {
  store::Row row;
  row.key = {.kind = journal::Kind::BudgetQuota, .ns = Namespace("default"), .name = "b"};
  row.body = R"({"spec":{"limits":{"maxTotalTokens":5,"maxTotalCost":"1.50","maxDuration":"2m"}}})";
  store::Commit commit;
  commit.rows.push_back(row);
  observer_.committed(commit);
  const auto none = [] {
    return kernel::Statistics{};
  };
  const auto kept = observer_.metrics().register_gauges(
      none, [] { return true; }, [] { return kStart; }
  );
  const std::string text = registry_.prometheus();
  const std::string labels = "reeve_budget_limit{namespace=\"default\",budget=\"b\",limit=";
  EXPECT_NE(text.find(labels + "\"maxTotalTokens\"} 5\n"), std::string::npos) << text;
  EXPECT_NE(text.find(labels + "\"maxTotalCost\"} 1.5\n"), std::string::npos) << text;
  EXPECT_NE(text.find(labels + "\"maxDuration\"} 120\n"), std::string::npos) << text;
}

TEST_F(ObserverTest, WhatIsUsedOfABudgetIsAsItsRowSays) {
  store::Commit commit;
  store::Row quota;
  quota.key = {.kind = journal::Kind::ClusterBudgetQuota, .ns = Namespace(), .name = "b"};
  quota.body = R"({"spec":{"limits":{"maxTotalTokens":5}}})";
  commit.rows.push_back(quota);
  store::Row usage;
  usage.key = {.kind = journal::Kind::BudgetUsage, .ns = Namespace(), .name = "quota.b"};
  usage.body = R"({"status":{"period":{"tokens":3,"costs":{"USD":"0.25"}},
      "promised":{"tokens":2,"costs":{"USD":"0.50"}}}})";
  commit.rows.push_back(usage);
  store::Row other = usage;
  other.key.name = "agent.b";
  commit.rows.push_back(other);
  observer_.committed(commit);
  const auto kept = observer_.metrics().register_gauges(
      [] { return kernel::Statistics{}; }, [] { return true; }, [] { return kStart; }
  );
  const std::string text = registry_.prometheus();
  for (const char* line :
       {"reeve_budget_used{namespace=\"\",budget=\"b\",unit=\"tokens\"} 3\n",
        "reeve_budget_used{namespace=\"\",budget=\"b\",unit=\"USD\"} 0.25\n",
        "reeve_budget_reserved{namespace=\"\",budget=\"b\",unit=\"tokens\"} 2\n",
        "reeve_budget_reserved{namespace=\"\",budget=\"b\",unit=\"USD\"} 0.5\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(ExecutorOf, IsWhatCarriesTheMainStepOut) {
  model::RunSpec spec;
  EXPECT_EQ(executor_of(spec), "unknown");
  spec.steps.push_back({.phase = model::Phase::Before, .script = {}, .tool = "cache.restore"});
  EXPECT_EQ(executor_of(spec), "cache.restore");
  spec.steps.push_back({.phase = model::Phase::Main, .script = "true"});
  EXPECT_EQ(executor_of(spec), "shell");
  spec.container = model::Container{.image = "i"};
  EXPECT_EQ(executor_of(spec), "container");
}

TEST(MissionHead, IsReadFromTheBeginningOfARow) {
  EXPECT_FALSE(mission_head("{}"));
  EXPECT_FALSE(mission_head(R"({"metadata":{"uid":"u")"));
  EXPECT_FALSE(mission_head(R"({"metadata":{"uid":"u","creationTimestamp":"soon"}})"));
  const auto head = mission_head(
      R"({"kind":"Mission","metadata":{"uid":"u","creationTimestamp":"2026-11-21T09:30:00.123Z",)"
      R"("owner":"a\"}b"},"spec":{"params":)"
  );
  ASSERT_TRUE(head);
  EXPECT_EQ(head->uid.view(), "u");
  EXPECT_EQ(head->created_at, kStart);
}

}  // namespace
}  // namespace reeve::telemetry
