#include "api/compat/formicary_events.h"

#include <gtest/gtest.h>

#include "api/compat/formicary_files.h"
#include "api/compat/formicary_graph.h"

namespace reeve::api::formicary {
namespace {

Json json(std::string_view text) {
  const Result<Json> parsed = parse_json(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed ? *parsed : Json();
}

TEST(FormicaryEvents, AreSubscribedToByType) {
  const auto asked = subscription_of(R"({"event_type":"JobExecutionLifecycleEvent","scope":"m"})");
  ASSERT_TRUE(asked.ok());
  EXPECT_EQ(asked->job_request_id, "m");
  for (const char* refused :
       {"", "[]", "{}", R"({"event_type":"X"})", R"({"event_type":"LogEvent"})"}) {
    EXPECT_FALSE(subscription_of(refused).ok()) << refused;
  }
}

TEST(FormicaryEvents, TellTheStateThatTheEventSpeaksOf) {
  const Json mission = json(R"({"status":{"state":"COMPLETE","workflow":{"name":"w"},"epoch":2}})");
  const Json to = json(R"({"from":"QUEUED","to":"LAUNCHING"})");
  const MissionEvent event{
      .type = "mission.transitioned", .id = "7", .at = "t", .name = "m", .data = to};
  const auto told = lifecycle_event("JobExecutionLifecycleEvent", event, mission);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->get_string("job_state"), "READY");
  EXPECT_EQ(told->get_string("job_execution_id"), "m.2");
  EXPECT_FALSE(lifecycle_event("TaskExecutionLifecycleEvent", event, mission));
}

TEST(FormicaryEvents, TellHowATaskHasEnded) {
  const Json data = json(R"({"task":"a","state":"COMPLETE","exitCode":"0"})");
  const MissionEvent event{.type = "run.ended", .id = "7", .at = "t", .name = "m", .data = data};
  const auto told = lifecycle_event("TaskExecutionLifecycleEvent", event, Json::object());
  ASSERT_TRUE(told);
  EXPECT_EQ(told->get_string("task_state"), "COMPLETED");
  EXPECT_EQ(told->get_string("exit_code"), "0");
}

TEST(FormicaryFiles, AreThoseThatTasksHaveKept) {
  const Json mission = json(
      R"({"metadata":{"name":"m","namespace":"n"},"status":{"epoch":1,"tasks":[{"name":"a",
          "artifacts":[{"path":"d/x.csv","digest":"abc","sizeBytes":3}]},{"name":"b"}]}})"
  );
  const Json::Array files = artifacts_of(mission);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].get_string("url"), "/api/artifacts/abc/download");
  EXPECT_EQ(files[0].get_string("content_type"), "text/csv; charset=utf-8");
  EXPECT_TRUE(*artifact_wanted(files[0], {{"task_type", "a"}, {"page", "1"}}));
  EXPECT_FALSE(*artifact_wanted(files[0], {{"name", "y"}}));
  EXPECT_FALSE(artifact_wanted(files[0], {{"colour", "y"}}).ok());
  // What a task has made is never a page of this server.
  EXPECT_EQ(content_type_of("x.html"), "application/octet-stream");
}

TEST(FormicaryGraphs, QuoteWhatTasksAreCalled) {
  EXPECT_EQ(
      dot_of(json(R"({"name":"a\"b","nodes":[{"id":"t\\0","title":"x\ny","kind":"gate",
          "state":"FAILED"}],"edges":[{"from":"t\\0","to":"u","label":"1"}]})")),
      "digraph \"a\\\"b\" {\n  \"t\\\\0\" [label=\"x y\", shape=diamond, color=firebrick4, "
      "tooltip=\"FAILED\"];\n  \"t\\\\0\" -> \"u\" [label=\"1\"];\n}\n"
  );
}

}  // namespace
}  // namespace reeve::api::formicary
