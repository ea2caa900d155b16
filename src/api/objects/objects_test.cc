#include "api/objects/objects.h"

#include <gtest/gtest.h>

#include "api/objects/metadata.h"
#include "base/strings.h"

namespace reeve::api {
namespace {

Json json(std::string_view text) {
  const Result<Json> parsed = parse_json(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed ? *parsed : Json();
}

/// The member at a path like "status.conditions.0.reason"; null: there is none.
Json at(const Json& object, std::string_view path) {
  const Json* found = &object;
  while (found != nullptr && !path.empty()) {
    const std::size_t dot = path.find('.');
    const std::string part(path.substr(0, dot));
    if (found->is_array()) {
      const std::size_t index = std::stoul(part);
      found = index < found->as_array().size() ? &found->as_array()[index] : nullptr;
    } else {
      found = found->find(part);
    }
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return found == nullptr ? Json() : *found;
}

/// A row with what clients have said about its object.
struct Given {
  journal::Kind kind = journal::Kind::Mission;
  std::string name = "m";
  Json row;
  Json metadata = {};

  Source source() const {
    return {
        .key = {.kind = kind, .ns = Namespace("default"), .name = name},
        .uid = Uid("00000000-0000-4000-8000-000000000001"),
        .revision = Revision(42),
        .row = row,
        .metadata = metadata};
  }
};

struct Expected {
  std::string_view path;
  std::string_view value;
};

void expect_members(const Json& object, std::initializer_list<Expected> members) {
  for (const Expected& member : members) {
    EXPECT_EQ(at(object, member.path), json(member.value))
        << member.path << " is " << at(object, member.path).dump();
  }
}

// --- metadata -----------------------------------------------------------------------------------

TEST(ObjectMetadata, IsWhatTheRowAndClientsSay) {
  const Given given{
      .row = json(R"({"metadata":{"creationTimestamp":"2026-11-21T09:30:00.123Z"}})"),
      .metadata = json(R"({"labels":{"team":"core"},"annotations":{"a":"b"},"generation":3})")};
  const Json metadata = make_metadata(given.source(), {{"reeve.dev/workflow", "w"}, {"empty", ""}});
  expect_members(
      metadata,
      {{"name", R"("m")"},
       {"namespace", R"("default")"},
       {"resourceVersion", R"("42")"},
       {"generation", "3"},
       {"creationTimestamp", R"("2026-11-21T09:30:00Z")"},
       {"labels", R"({"team":"core","reeve.dev/workflow":"w"})"},
       {"annotations", R"({"a":"b"})"}}
  );
}

TEST(ObjectMetadata, HasNoTimeThatNobodyKnows) {
  const Given given{.row = json(R"({"metadata":{}})")};
  EXPECT_EQ(make_metadata(given.source(), {}).find("creationTimestamp"), nullptr);
}

TEST(LabelValues, AreOnlyWhatCanBeOne) {
  EXPECT_EQ(label_value("build-jq_1.2"), "build-jq_1.2");
  for (const std::string_view bad : {"", "-a", "a-", "a b", "ü"}) {
    EXPECT_EQ(label_value(bad), "") << bad;
  }
  EXPECT_EQ(label_value(std::string(64, 'a')), "");
}

TEST(PartUids, AreTheSameForTheSamePart) {
  const Uid whole("u");
  EXPECT_EQ(part_uid(whole, "a"), part_uid(whole, "a"));
  EXPECT_NE(part_uid(whole, "a"), part_uid(whole, "b"));
  EXPECT_EQ(part_uid(whole, "a").view().size(), 36U);
  EXPECT_EQ(part_uid(whole, "a").view()[14], '8');
}

// --- missions -----------------------------------------------------------------------------------

Given mission(std::string_view status) {
  Json row = json(R"({
    "metadata": {"creationTimestamp": "2026-11-21T09:30:00.000Z", "owner": "user:alice",
                 "correlation": "c-1"},
    "spec": {"workflow": {"name": "build", "version": "2"}, "params": {"a": "1"}, "author": "alice",
             "priority": 5, "parent": "other"}})");
  row.set("status", json(status));
  return {.row = std::move(row)};
}

TEST(MissionObjects, ShowIntentAndState) {
  const Given given =
      mission(R"({"state":"ACTIVE","startedAt":"2026-11-21T09:30:01Z","tasks":[]})");
  const ApiObject made = mission_object(given.source());
  EXPECT_EQ(made.name, "m");
  EXPECT_EQ(made.ns, "default");
  EXPECT_EQ(made.revision, Revision(42));
  expect_members(
      made.object,
      {{"kind", R"("Mission")"},
       {"metadata.labels", R"({"reeve.dev/workflow":"build"})"},
       {"spec", R"({"workflow":{"name":"build"},"params":{"a":"1"},"priority":5})"},
       {"status.state", R"("ACTIVE")"},
       {"status.owner", R"("user:alice")"},
       {"status.workflow.version", R"("2")"},
       {"status.origin", R"({"parent":"other"})"},
       {"status.observedGeneration", "1"}}
  );
}

TEST(MissionObjects, HaveConditionsForEachState) {
  struct Case {
    std::string_view status;
    std::string_view succeeded;
    std::string_view reason;
    std::string_view held;
  };

  constexpr std::string_view kHeld =
      R"({"state":"HELD","holds":[{"kind":"no_capacity","message":"no room","since":"s"}]})";
  for (const Case& each : {
           Case{R"({"state":"QUEUED"})", "Unknown", "Queued", "False"},
           Case{R"({"state":"ACTIVE"})", "Unknown", "Active", "False"},
           Case{kHeld, "Unknown", "Held", "True"},
           Case{R"({"state":"COMPLETE","endedAt":"e"})", "True", "Complete", "False"},
           Case{R"({"state":"FAILED","endedAt":"e"})", "False", "Failed", "False"},
           Case{R"({"state":"ABORTED","endedAt":"e"})", "False", "Aborted", "False"},
       }) {
    const Given given = mission(each.status);
    const Json object = mission_object(given.source()).object;
    EXPECT_EQ(at(object, "status.conditions.0.type"), Json("Succeeded"));
    EXPECT_EQ(at(object, "status.conditions.0.status"), Json(each.succeeded)) << each.status;
    EXPECT_EQ(at(object, "status.conditions.0.reason"), Json(each.reason)) << each.status;
    EXPECT_EQ(at(object, "status.conditions.1.type"), Json("Held"));
    EXPECT_EQ(at(object, "status.conditions.1.status"), Json(each.held)) << each.status;
  }
  const Given given = mission(kHeld);
  expect_members(
      mission_object(given.source()).object,
      {{"status.waitsFor", R"("no room")"},
       {"status.conditions.1.reason", R"("NoCapacity")"},
       {"status.conditions.1.lastTransitionTime", R"("s")"}}
  );
}

// --- runs and pods ------------------------------------------------------------------------------

constexpr std::string_view kTasks = R"({"state":"ACTIVE","epoch":2,"tasks":[
  {"name":"a","message":"boom","exitCode":3,"startedAt":"t1","endedAt":"t2",
   "history":[{"epoch":1,"attempt":1,"state":"FAILED","fence":5,"exitCode":9,"revision":8}],
   "run":{"state":"FAILED","attempt":1,"fence":11,"revision":12,"pendingSince":"2026-11-21T10:00:00.5Z"},
   "compensation":{"state":"COMPLETE","attempt":1,"fence":20}},
  {"name":"child","run":{"state":"ACTIVE","attempt":2,"fence":30,"inside":true}},
  {"name":"later","run":{"state":"PENDING","attempt":1}}]})";

TEST(RunObjects, AreAttemptsThatAHostWasAskedFor) {
  const Given given = mission(kTasks);
  const std::vector<ApiObject> runs = run_objects(given.source(), Attempts::OnHosts);
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].name, "m.1.a.1");
  EXPECT_EQ(runs[0].revision, Revision(8));
  expect_members(
      runs[0].object,
      {{"spec", R"({"mission":"m","task":"a","epoch":1,"attempt":1,"fence":5})"},
       {"status.exitCode", "9"},
       {"status.message", "null"}}
  );
  EXPECT_EQ(runs[1].name, "m.2.a.1");
  expect_members(
      runs[1].object,
      {{"metadata.creationTimestamp", R"("2026-11-21T10:00:00Z")"},
       {"metadata.labels", R"({"reeve.dev/mission":"m","reeve.dev/task":"a"})"},
       {"metadata.ownerReferences.0.kind", R"("Mission")"},
       {"metadata.resourceVersion", R"("12")"},
       {"status.exitCode", "3"},
       {"status.message", R"("boom")"},
       {"status.conditions.0.status", R"("False")"},
       {"status.conditions.0.lastTransitionTime", R"("t2")"}}
  );
  EXPECT_EQ(runs[2].name, "m.2.a~compensate.1");
  EXPECT_EQ(at(runs[2].object, "spec.undo"), Json(true));
  EXPECT_EQ(runs[2].revision, Revision(42)) << "a slot without a revision has the mission's";
}

TEST(RunObjects, OfAllAttemptsHaveThoseThatWaitForMissions) {
  const Given given = mission(kTasks);
  const std::vector<ApiObject> runs = run_objects(given.source(), Attempts::All);
  ASSERT_EQ(runs.size(), 4U);
  EXPECT_EQ(runs[3].name, "m.2.child.2");
}

TEST(RunObjects, OfATaskThatWasSkippedAfterwardsAreOneEach) {
  const Given given = mission(R"({"state":"ACTIVE","tasks":[{"name":"a",
    "history":[{"attempt":1,"state":"COMPLETE","fence":5}],
    "run":{"state":"COMPLETE","attempt":1,"fence":5}}]})");
  EXPECT_EQ(run_objects(given.source(), Attempts::OnHosts).size(), 1U);
}

TEST(Pods, HaveAPhaseForEachStateOfARun) {
  struct Case {
    std::string_view state;
    std::string_view phase;
    std::string_view member;
  };

  for (const Case& each : {
           Case{"PENDING", "Pending", "waiting"},
           Case{"LAUNCHING", "Pending", "waiting"},
           Case{"ACTIVE", "Running", "running"},
           Case{"COMPLETE", "Succeeded", "terminated"},
           Case{"FAILED", "Failed", "terminated"},
           Case{"ABORTED", "Failed", "terminated"},
           Case{"LOST", "Unknown", "terminated"},
       }) {
    ApiObject run;
    run.object = json(R"({"metadata":{"name":"r"},"status":{"startedAt":"t"}})");
    run.object.find("status")->set("state", each.state);
    const Json pod = pod_of_run(run);
    EXPECT_EQ(at(pod, "kind"), Json("Pod"));
    EXPECT_EQ(at(pod, "status.phase"), Json(each.phase)) << each.state;
    EXPECT_NE(at(pod, "status.containerStatuses.0.state").find(each.member), nullptr) << each.state;
    EXPECT_EQ(at(pod, "status.containerStatuses.0.ready"), Json(each.state == "ACTIVE"));
  }
}

// --- approvals ----------------------------------------------------------------------------------

TEST(ApprovalObjects, AreTheGatesOfAMission) {
  const Given given = mission(R"({"state":"HELD","tasks":[{"name":"plan"},{"name":"review","gate":{
    "state":"granted","prompt":"Go on?","approvalsNeeded":2,"openedAt":"2026-11-21T09:31:00.9Z",
    "decidedAt":"d","changedRevision":7,"votes":[{"by":"bob"}]}}]})");
  const std::vector<ApiObject> approvals = approval_objects(given.source());
  ASSERT_EQ(approvals.size(), 1U);
  EXPECT_EQ(approvals[0].name, "m.review");
  EXPECT_EQ(approvals[0].revision, Revision(7));
  expect_members(
      approvals[0].object,
      {{"metadata.creationTimestamp", R"("2026-11-21T09:31:00Z")"},
       {"spec", R"({"mission":"m","task":"review","prompt":"Go on?","approvalsNeeded":2})"},
       {"status.state", R"("granted")"},
       {"status.votes.0.by", R"("bob")"},
       {"status.conditions.0.type", R"("Approved")"},
       {"status.conditions.0.status", R"("True")"},
       {"status.conditions.0.lastTransitionTime", R"("d")"}}
  );
}

TEST(ApprovalObjects, AreUnknownUntilTheyAreDecided) {
  for (const auto& [state, status] :
       {std::pair("pending", "Unknown"),
        std::pair("rejected", "False"),
        std::pair("expired", "False")}) {
    Given given = mission(R"({"tasks":[{"name":"review","gate":{}}]})");
    Json gate = Json::object();
    gate.set("state", state);
    Json task = Json::object();
    task.set("name", "review").set("gate", std::move(gate));
    Json tasks = Json::array();
    tasks.push(std::move(task));
    given.row.find("status")->set("tasks", std::move(tasks));
    const std::vector<ApiObject> approvals = approval_objects(given.source());
    ASSERT_EQ(approvals.size(), 1U);
    EXPECT_EQ(at(approvals[0].object, "status.conditions.0.status"), Json(status)) << state;
  }
}

// --- calls of tools ------------------------------------------------------------------------------

TEST(ToolCallObjects, ShowWhatWasAskedAndNotWhatUndoesIt) {
  const Given given{
      .kind = journal::Kind::ToolCall,
      .name = "tc-1",
      .row = json(R"({"metadata":{"creationTimestamp":"2026-11-21T09:30:00.123Z"},
        "spec":{"server":"files","tool":"write_file","mission":"m","run":"m.1.a.1"},
        "status":{"state":"COMPLETED","sequence":3,"undo":{"arguments":{"content":"FORMER"}},
                  "spiral":7,"revision":9}})")};
  const Json object = tool_call_object(given.source()).object;
  expect_members(
      object,
      {{"kind", R"("ToolCall")"},
       {"spec.tool", R"("write_file")"},
       {"status.sequence", "3"},
       {"status.undoable", "true"},
       {"status.spiral", "true"},
       {"status.conditions.0.status", R"("True")"}}
  );
  const Json* labels = object.find("metadata")->find("labels");
  ASSERT_NE(labels, nullptr);
  EXPECT_EQ(labels->get_string("reeve.dev/run"), "m.1.a.1");
  EXPECT_EQ(labels->get_string("reeve.dev/tool"), "write_file");
  EXPECT_EQ(object.dump().find("FORMER"), std::string::npos);
  EXPECT_TRUE(at(object, "status.revision").is_null());
}

TEST(ToolCallObjects, AreApprovedOnlyOnceThatWasDecided) {
  for (const auto& [state, approved] :
       {std::pair("PENDING", "Unknown"),
        std::pair("REJECTED", "False"),
        std::pair("EXPIRED", "False"),
        std::pair("APPROVED", "True"),
        std::pair("UNKNOWN", "True")}) {
    const Given given{
        .kind = journal::Kind::ToolCall,
        .row = json(concat(R"({"status":{"state":")", state, R"("}})"))};
    const Json object = tool_call_object(given.source()).object;
    EXPECT_EQ(at(object, "status.conditions.0.status"), Json(approved)) << state;
  }
}

// --- what is used -------------------------------------------------------------------------------

TEST(ModelCallObjects, ShowWhatWasReservedAndWhatWasUsed) {
  const Given given{
      .kind = journal::Kind::ModelCall,
      .name = "mc-1",
      .row = json(R"({"metadata":{"creationTimestamp":"2026-11-21T09:30:00.123Z"},
        "spec":{"mission":"m","run":"m.1.a.1","provider":"acme","model":"large",
                "inputTokens":10,"outputTokens":20,"cost":"0.30","currency":"USD"},
        "status":{"phase":"Settled","quotas":["default/q"],"revision":9,
                  "end":{"outcome":"completed","status":200,"inputTokens":10,"outputTokens":2,
                         "cost":"0.12"},"endedAt":"2026-11-21T09:30:01.000Z"}})")};
  const Json object = model_call_object(given.source()).object;
  expect_members(
      object,
      {{"spec.reserved.outputTokens", "20"},
       {"spec.currency", R"("USD")"},
       {"status.usage.outputTokens", "2"},
       {"status.usage.cost", R"("0.12")"},
       {"status.httpStatus", "200"},
       {"status.outcome", R"("completed")"},
       {"status.conditions.0.status", R"("True")"}}
  );
  EXPECT_TRUE(at(object, "status.revision").is_null());
  EXPECT_TRUE(at(object, "status.status").is_null());
  const Json* labels = object.find("metadata")->find("labels");
  ASSERT_NE(labels, nullptr);
  EXPECT_EQ(labels->get_string("reeve.dev/model"), "large");
  EXPECT_EQ(labels->get_string("reeve.dev/run"), "m.1.a.1");
}

TEST(UsageObjects, AreTheRowsWithoutWhatIsOnlyForTheJournal) {
  const Given given{
      .kind = journal::Kind::BudgetUsage,
      .name = "agent.coder",
      .row = json(R"({"spec":{"of":"agent","subject":"coder"},
        "status":{"calls":2,"tokens":30,"costs":{"USD":"0.10"},"cost":"0.10 USD","revision":9}})")};
  const Json object = usage_object(given.source()).object;
  expect_members(object, {{"spec.of", R"("agent")"}, {"status.costs.USD", R"("0.10")"}});
  EXPECT_TRUE(at(object, "status.revision").is_null());
}

TEST(QuotaObjects, ShowWhatIsUsedAndWhetherSomethingIsLeft) {
  const Json row = json(R"({"metadata":{"creationTimestamp":"2026-11-21T09:00:00Z"},
      "spec":{"limits":{"maxTotalTokens":100,"maxTotalCost":"1.00"},"period":"day"}})");
  const Json usage = json(R"({"apiVersion":"reeve.dev/v1","kind":"BudgetUsage",
      "metadata":{"name":"quota.q","namespace":"default","uid":"u",
                  "creationTimestamp":"2026-11-20T10:00:00.000Z"},
      "spec":{"of":"quota","subject":"q"},
      "status":{"calls":3,"inputTokens":250,"outputTokens":0,"cacheReadTokens":0,
                "cacheWriteTokens":0,"costs":{"USD":"2.50"},
                "promised":{"calls":1,"tokens":30,"costs":{"USD":"0.30"}},
                "period":{"calls":1,"inputTokens":100,"outputTokens":0,"cacheReadTokens":0,
                          "cacheWriteTokens":0,"costs":{"USD":"0.50"},
                          "start":"2026-11-21T00:00:00.000Z"},
                "warned":{"maxTotalTokens":"80"},"exceeded":{"maxTotalTokens":"100"},"held":2,
                "lastUsed":"2026-11-21T10:00:00.000Z","revision":9}})");
  const Json none;
  const Source source{
      .key = {.kind = journal::Kind::BudgetQuota, .ns = Namespace("default"), .name = "q"},
      .uid = Uid("u"),
      .revision = Revision(9),
      .row = row,
      .metadata = none,
      .usage = &usage};
  Json object = row;
  show_usage(source, object);
  expect_members(
      object,
      {{"status.currentUsage.tokens", "100"},
       {"status.currentUsage.cost", R"("0.50")"},
       {"status.currentUsage.reservedTokens", "30"},
       {"status.currentUsage.reservedCost", R"("0.30")"},
       {"status.totalUsage.tokens", "250"},
       {"status.warned.0", R"("maxTotalTokens")"},
       {"status.reached.0", R"("maxTotalTokens")"},
       {"status.heldMissions", "2"},
       {"status.periodStart", R"("2026-11-21T00:00:00Z")"},
       {"status.periodEnd", R"("2026-11-22T00:00:00Z")"},
       {"status.conditions.0.status", R"("False")"},
       {"status.conditions.0.message", R"("used up: maxTotalTokens")"}}
  );
  Source unused = source;
  unused.usage = nullptr;
  Json fresh = row;
  show_usage(unused, fresh);
  expect_members(
      fresh,
      {{"status.currentUsage.tokens", "0"},
       {"status.currentUsage.cost", R"("0.00")"},
       {"status.conditions.0.status", R"("True")"}}
  );
}

// --- workflows, credentials, channels, plain objects --------------------------------------------

TEST(WorkflowObjects, ShowTheDocument) {
  const Given given{
      .kind = journal::Kind::Workflow,
      .name = "w",
      .row = json(R"({"metadata":{"creationTimestamp":"2026-11-21T09:30:00Z"},
        "spec":{"enabled":true,"digest":"d","version":"1"},"status":{"appliedAt":"a"}})")};
  const Json native =
      workflow_object(given.source(), json(R"({"spec":{"tasks":[{"name":"a"}]}})")).object;
  expect_members(
      native,
      {{"spec.tasks.0.name", R"("a")"},
       {"status.tasks", "1"},
       {"status.digest", R"("d")"},
       {"status.conditions.0.status", R"("True")"}}
  );
  const Json text = workflow_object(given.source(), Json("job_type: w\n")).object;
  EXPECT_EQ(at(text, "spec"), json(R"({"source":"job_type: w\n"})"));
  EXPECT_TRUE(at(text, "status.tasks").is_null());
}

TEST(WorkflowObjects, AreNotReadyWhileTheyAreDisabled) {
  const Given given{.kind = journal::Kind::Workflow, .row = json(R"({"spec":{"enabled":false}})")};
  const Json object = workflow_object(given.source(), Json("x")).object;
  EXPECT_EQ(at(object, "status.conditions.0.status"), Json("False"));
  EXPECT_EQ(at(object, "status.conditions.0.reason"), Json("Disabled"));
}

TEST(CredentialObjects, HaveNothingOfTheirValue) {
  const Given given{
      .kind = journal::Kind::Credential,
      .name = "token",
      .row = json(R"({"metadata":{"creationTimestamp":"2026-11-21T09:30:00Z"},
        "spec":{"sealed":"c2VhbGVk","keyId":"k1","description":"pushes","workflows":["w"],
                "updatedAt":"u","revision":3}})")};
  const ApiObject credential = credential_object(given.source());
  EXPECT_EQ(at(credential.object, "spec"), json(R"({"description":"pushes","workflows":["w"]})"));
  EXPECT_EQ(at(credential.object, "status"), json(R"({"keyId":"k1","updatedAt":"u"})"));
  EXPECT_EQ(credential.object.dump().find("c2VhbGVk"), std::string::npos);
  const Json secret = secret_of_credential(credential);
  EXPECT_EQ(at(secret, "apiVersion"), Json("v1"));
  EXPECT_EQ(at(secret, "type"), Json("Opaque"));
  EXPECT_EQ(at(secret, "metadata.name"), Json("token"));
  EXPECT_EQ(secret.find("data"), nullptr);
  EXPECT_EQ(secret.find("spec"), nullptr);
}

TEST(ChannelObjects, ShowLimitsAndHowFullTheyAre) {
  const Given given{
      .kind = journal::Kind::Channel,
      .name = "c",
      .row =
          json(R"({"metadata":{"createdAt":"2026-11-21T09:30:00.250Z"},"spec":{"visibility":"30s"},
        "status":{"messages":[{"body":"private"},{}],"groups":[{}]}})")};
  const Json object = channel_object(given.source()).object;
  expect_members(
      object,
      {{"metadata.creationTimestamp", R"("2026-11-21T09:30:00Z")"},
       {"spec", R"({"visibility":"30s"})"},
       {"status", R"({"messages":2,"groups":1})"}}
  );
  EXPECT_EQ(object.dump().find("private"), std::string::npos);
}

TEST(PlainObjects, AreWhatWasWritten) {
  const Given given{
      .kind = journal::Kind::BudgetQuota,
      .name = "q",
      .row = json(
          R"({"apiVersion":"old","kind":"Old","metadata":{"name":"x"},"spec":{"a":1},"status":{"b":2}})"
      ),
      .metadata = json(R"({"finalizers":["f"]})")};
  const Json object = plain_object(given.source(), "reeve.dev/v1", "BudgetQuota").object;
  expect_members(
      object,
      {{"apiVersion", R"("reeve.dev/v1")"},
       {"kind", R"("BudgetQuota")"},
       {"metadata.name", R"("q")"},
       {"metadata.finalizers", R"(["f"])"},
       {"spec", R"({"a":1})"},
       {"status", R"({"b":2})"}}
  );
}

// --- events -------------------------------------------------------------------------------------

TEST(CoreEvents, SayWhatHappenedToWhat) {
  struct Case {
    std::string_view type;
    std::string_view data;
    std::string_view reason;
    std::string_view message;
    std::string_view severity;
  };

  for (const Case& each : {
           Case{
               "mission.created",
               "{}",
               "MissionCreated",
               "mission.created by user:alice",
               "Normal"},
           Case{
               "mission.transitioned",
               R"({"from":"ACTIVE","to":"FAILED","reason":"failure"})",
               "Failed",
               "ACTIVE to FAILED (failure)",
               "Warning"},
           Case{
               "mission.transitioned",
               R"({"from":"QUEUED","to":"LAUNCHING","reason":"scheduler"})",
               "Launching",
               "QUEUED to LAUNCHING (scheduler)",
               "Normal"},
           Case{
               "run.ended",
               R"({"task":"a","message":"exit 3"})",
               "RunEnded",
               "task a: exit 3",
               "Normal"},
           Case{"run.ended", R"({"task":"a","state":"LOST"})", "RunEnded", "task a", "Warning"},
           Case{"run.active", R"({"task":"a"})", "RunActive", "task a", "Normal"},
           Case{"trigger.failed", R"({"message":"no"})", "TriggerFailed", "no", "Warning"},
           Case{"run.active", "no JSON", "RunActive", "run.active by user:alice", "Normal"},
       }) {
    journal::Event event;
    event.revision = Revision(17);
    event.object = {.kind = journal::Kind::Mission, .ns = Namespace("default"), .name = "m"};
    event.uid = Uid("u");
    event.type = each.type;
    event.actor = Principal("user:alice");
    event.data = each.data;
    const Json made = core_event(event);
    expect_members(
        made,
        {{"kind", R"("Event")"},
         {"metadata.name", R"("m.17")"},
         {"metadata.resourceVersion", R"("17")"},
         {"involvedObject.kind", R"("Mission")"},
         {"involvedObject.uid", R"("u")"},
         {"count", "1"}}
    );
    EXPECT_EQ(at(made, "reason"), Json(each.reason)) << each.type;
    EXPECT_EQ(at(made, "message"), Json(each.message)) << each.type;
    EXPECT_EQ(at(made, "type"), Json(each.severity)) << each.type << each.data;
  }
}

TEST(ApiKinds, HaveNames) {
  for (const journal::Kind kind : journal::kAllKinds) {
    EXPECT_NE(api_kind(kind), "Unknown") << journal::to_string(kind);
  }
}

}  // namespace
}  // namespace reeve::api
