#include "api/compat/formicary.h"

#include <gtest/gtest.h>

namespace reeve::api::formicary {
namespace {

Json json(std::string_view text) {
  const Result<Json> parsed = parse_json(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed ? *parsed : Json();
}

std::string state_of(std::string_view status, std::string_view spec = "{}") {
  Json mission = Json::object();
  mission.set("status", json(status)).set("spec", json(spec));
  return job_state(mission);
}

TEST(FormicaryRequests, HaveTheStatesOfTheirClients) {
  EXPECT_EQ(state_of(R"({"state":"QUEUED"})"), "PENDING");
  EXPECT_EQ(state_of(R"({"state":"QUEUED"})", R"({"suspend":true})"), "PAUSED");
  EXPECT_EQ(state_of(R"({"state":"HELD","holds":[{"kind":"quota"}]})"), "PAUSED");
  EXPECT_EQ(
      state_of(R"({"state":"HELD","holds":[{"kind":"approval"}]})"), "MANUAL_APPROVAL_REQUIRED"
  );
  EXPECT_EQ(state_of(R"({"state":"LAUNCHING"})"), "READY");
  EXPECT_EQ(state_of(R"({"state":"COMPENSATING"})"), "EXECUTING");
  EXPECT_EQ(state_of(R"({"state":"COMPLETE"})"), "COMPLETED");
  EXPECT_EQ(state_of(R"({"state":"FAILED"})"), "FAILED");
  EXPECT_EQ(state_of(R"({"state":"ABORTED"})"), "CANCELLED");
}

TEST(FormicaryRequests, BeginWhenTheirClientsSay) {
  const auto begins = [](std::string_view at) {
    Json asked = json(R"({"job_type":"w"})");
    asked.set("scheduled_at", at);
    const Result<Json> mission = mission_of(asked);
    return mission ? mission->find("spec")->get_string("notBefore") : mission.error().subject;
  };
  EXPECT_EQ(begins("2026-11-21T11:30:00.1234567+02:00"), "2026-11-21T09:30:00.123Z");
  EXPECT_EQ(begins("2026-11-21T09:30:00Z"), "2026-11-21T09:30:00.000Z");
  EXPECT_EQ(begins("0001-01-01T00:00:00Z"), "");
  EXPECT_EQ(begins("tomorrow"), "scheduled_at");
}

TEST(FormicaryRequests, AreFoundByStateAndByGroupsOfStates) {
  EXPECT_TRUE(state_matches("EXECUTING", "running"));
  EXPECT_TRUE(state_matches("PAUSED", "WAITING"));
  EXPECT_FALSE(state_matches("EXECUTING", "WAITING"));
  EXPECT_TRUE(state_matches("CANCELLED", "HISTORY"));
  EXPECT_FALSE(state_matches("FAILED", "COMPLETED"));
}

TEST(FormicaryRequests, ShowAMissionWithItsExecution) {
  const Json request = job_request(json(R"({
    "metadata": {"name": "build-7", "namespace": "default",
                 "creationTimestamp": "2026-11-21T09:30:00Z"},
    "spec": {"params": {"a": "1"}, "userKey": "k", "priority": 5},
    "status": {"state": "FAILED", "epoch": 2, "errorCode": "ERR_TASK_EXECUTE",
               "workflow": {"name": "build", "version": "1.2"},
               "tasks": [
                 {"name": "one", "state": "COMPLETE", "attempts": 2, "exitCode": 0,
                  "outputs": {"n": 3}, "run": {"attempt": 2}},
                 {"name": "two", "state": "FAILED", "attempts": 1, "exitCode": 3},
                 {"name": "three", "state": "SKIPPED"}]}})"));
  EXPECT_EQ(request.get_string("id"), "build-7");
  EXPECT_EQ(request.get_string("job_type"), "build");
  EXPECT_EQ(request.get_string("job_state"), "FAILED");
  EXPECT_EQ(request.get_int("job_priority"), 5);
  EXPECT_EQ(request.get_int("retried"), 1);
  EXPECT_EQ(request.find("params")->get_string("a"), "1");
  const Json& execution = *request.find("execution");
  EXPECT_EQ(execution.get_string("id"), "build-7.2");
  const Json::Array& tasks = execution.find("tasks")->as_array();
  ASSERT_EQ(tasks.size(), 2U) << "what never ran has no execution";
  EXPECT_EQ(tasks[0].get_string("id"), "build-7.2.one.2");
  EXPECT_EQ(tasks[0].get_string("exit_code"), "0");
  EXPECT_EQ(tasks[0].get_int("retried"), 1);
  EXPECT_EQ(tasks[0].find("contexts")->as_array()[0].get_string("value"), "3");
  EXPECT_EQ(tasks[1].get_string("exit_code"), "3");
}

TEST(FormicarySubmissions, BecomeMissionsOfDeployedWorkflows) {
  const Result<Json> mission = mission_of(json(R"({
    "job_type": "build", "job_version": "1.2", "params": {"a": 1}, "job_priority": 7,
    "user_key": "k", "description": "d", "scheduled_at": "2026-11-21T09:30:00Z",
    "id": "ignored", "platform": ""})"));
  ASSERT_TRUE(mission.ok()) << mission.error().describe();
  EXPECT_EQ(mission->find("metadata")->get_string("generateName"), "build-");
  const Json& spec = *mission->find("spec");
  EXPECT_EQ(spec.find("workflow")->get_string("version"), "1.2");
  EXPECT_EQ(spec.get_int("priority"), 7);
  EXPECT_EQ(spec.get_string("userKey"), "k");
  EXPECT_EQ(spec.get_string("notBefore"), "2026-11-21T09:30:00.000Z");
  EXPECT_EQ(spec.find("params")->get_int("a"), 1);
}

TEST(FormicarySubmissions, AreRefusedForWhatHasNoCounterpart) {
  const auto refused = [](std::string_view text) {
    const Result<Json> mission = mission_of(json(text));
    return mission ? std::string("taken") : mission.error().subject;
  };
  EXPECT_EQ(refused(R"({"job_type":"b","platform":"arm"})"), "platform");
  EXPECT_EQ(refused(R"({"job_type":"b","job_priority":"high"})"), "job_priority");
  EXPECT_EQ(refused(R"({"job_type":"b","colour":"red"})"), "colour");
  EXPECT_EQ(refused(R"({"params":{}})"), "job_type");
  EXPECT_EQ(refused("[]"), "");
}

TEST(FormicaryApprovals, CountVotes) {
  const Json status = approval_status(json(R"({
    "metadata": {"name": "m.gate"}, "spec": {"mission": "m", "task": "gate", "approvalsNeeded": 2},
    "status": {"state": "pending", "approvals": 1,
               "votes": [{"voter": "user:a", "decision": "approve", "at": "t"},
                         {"voter": "user:b", "decision": "reject", "message": "no"}]}})"));
  EXPECT_EQ(status.get_int("approvals_received"), 1);
  EXPECT_EQ(status.get_int("rejections_received"), 1);
  EXPECT_EQ(status.get_int("min_approvals_required"), 2);
  EXPECT_FALSE(status.get_bool("quorum_reached"));
  EXPECT_EQ(status.find("votes")->as_array()[1].get_string("decision"), "REJECTED");
}

TEST(FormicaryApprovals, NeedACommentToReject) {
  EXPECT_EQ(vote_of(json(R"({"decision":"approved"})"))->decision, "approve");
  EXPECT_EQ(vote_of(json(R"({"decision":"REJECTED","comments":"no"})"))->message, "no");
  EXPECT_EQ(vote_of(json(R"({"decision":"REJECTED"})")).error().subject, "comments");
  EXPECT_EQ(vote_of(json(R"({"decision":"MAYBE"})")).error().subject, "decision");
}

TEST(FormicaryPages, BeginAtZero) {
  const Json::Array records = {Json(1), Json(2), Json(3)};
  const Json page = page_of(records, {.page = 1, .size = 2});
  EXPECT_EQ(
      page.dump(), R"({"Records":[3],"TotalRecords":3,"Page":1,"PageSize":2,"TotalPages":2})"
  );
  EXPECT_EQ(page_of(records, {.page = 9, .size = 2}).find("Records")->as_array().size(), 0U);
  EXPECT_EQ(paging_of({{"page", "2"}, {"page_size", "5"}})->size, 5U);
  EXPECT_FALSE(paging_of({{"page", "-1"}}).ok());
  EXPECT_FALSE(paging_of({{"pageSize", "1001"}}).ok());
  EXPECT_FALSE(paging_of({{"pageSize", "0"}}).ok());
}

TEST(FormicaryFilters, RefuseColumnsThatTheyDoNotKnow) {
  const Json request = json(R"({"job_type":"build","job_state":"EXECUTING","id":"build-7"})");
  EXPECT_TRUE(*wanted(request, {{"job_type", "build"}, {"job_state", "RUNNING"}, {"page", "1"}}));
  EXPECT_FALSE(*wanted(request, {{"job_type", "other"}}));
  EXPECT_TRUE(*wanted(request, {{"q", "d-7"}}));
  EXPECT_EQ(wanted(request, {{"colour", "red"}}).error().subject, "colour");
}

TEST(FormicaryDefinitions, SayWhetherTheyAreDisabled) {
  const Json made = job_definition(
      json(R"({"metadata":{"name":"b","generation":3},"status":{"enabled":false}})"), "job_type: b"
  );
  EXPECT_TRUE(made.get_bool("disabled"));
  EXPECT_EQ(made.get_int("version"), 3);
  EXPECT_EQ(made.get_string("raw_yaml"), "job_type: b");
}

}  // namespace
}  // namespace reeve::api::formicary
