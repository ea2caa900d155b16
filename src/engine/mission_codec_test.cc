#include "engine/mission_codec.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/strings.h"
#include "engine/small_workflow.h"

namespace reeve::engine {
namespace {

using model::Mission;

constexpr Timestamp kAt = from_unix_millis(1'800'000'000'123);

/// A mission in which no member has its default value.
Mission full_mission() {
  Mission m;
  m.name = MissionName("m");
  m.ns = Namespace("default");
  m.uid = Uid("u-1");
  m.owner = Principal("user:alice");
  m.correlation = CorrelationId("c-1");
  m.trace = model::Trace{.parent = "00-a-b-01", .state = "v=1"};
  m.workflow_name = "small";
  m.workflow = sha256("small");
  m.params = {{"b", "2"}, {"a", "1 \"\n"}};
  m.continues = MissionName("parent");
  m.local = true;
  m.created = Revision(3);
  m.revision = Revision(99);
  m.created_at = kAt;
  m.started_at = kAt + Duration(1);
  m.ended_at = kAt + Duration(2);
  m.state = model::MissionState::Held;
  m.reason = model::Reason::Compensation;
  m.epoch = 4;
  m.draining = true;
  m.aborting = true;
  m.timed_out = true;
  m.starts = 12;
  m.approval_since = kAt + Duration(8);
  m.approval_time = Duration(9);
  m.error_code = "ERR_X";
  m.message = "because";
  m.tasks.resize(2);
  model::TaskStatus& task = m.tasks[0];
  task.state = model::TaskState::Failed;
  task.reached = true;
  task.kept = true;
  task.run = {
      .state = model::RunState::Active,
      .attempt = 3,
      .failures = 2,
      .lost = 1,
      .fence = Fence(77),
      .cancelling = true,
      .closing = true,
      .not_before = kAt + Duration(3)};
  task.undo = model::UndoRun{};
  task.undo->attempt = 1;
  task.undo->state = model::RunState::Lost;
  task.undo->started_at = kAt + Duration(14);
  task.undo->ended_at = kAt + Duration(15);
  task.undo->exit_code = "SIGNAL";
  task.undo->error_code = "ERR_Z";
  task.undo->changed = Revision(71);
  task.run.changed = Revision(72);
  model::PastRun past;
  past.epoch = 3;
  past.attempt = 2;
  past.undo = true;
  past.state = model::RunState::Aborted;
  past.fence = Fence(60);
  past.started_at = kAt + Duration(16);
  past.ended_at = kAt + Duration(17);
  past.exit_code = "143";
  past.error_code = "ERR_W";
  past.changed = Revision(61);
  task.past = std::vector<model::PastRun>{past, model::PastRun{}};
  task.undoable = true;
  task.attempts = 9;
  task.polls = 5;
  task.polling_since = kAt + Duration(4);
  task.started_at = kAt + Duration(5);
  task.ended_at = kAt + Duration(6);
  task.ended = Revision(50);
  task.exit_code = "3";
  task.error_code = "ERR_Y";
  task.message = "text";
  task.outputs = {{"k", "v"}};
  task.artifacts = {
      {.path = "out", .digest = sha256("a"), .size_bytes = 1, .mode = 0755, .expires_at = kAt}};
  model::GateStatus gate;
  gate.state = model::ApprovalState::Revise;
  gate.revision = 3;
  gate.revised = 2;
  gate.prompt = "go?";
  gate.context = {{"plan", "p"}, {"cost", ""}};
  gate.opened_at = kAt + Duration(10);
  gate.deadline = kAt + Duration(11);
  gate.decided_at = kAt + Duration(12);
  gate.reminded = true;
  gate.escalated = 1;
  gate.changed = Revision(73);
  model::Vote vote;
  vote.voter = Principal("user:alice");
  vote.decision = model::Decision::Revise;
  vote.message = "smaller";
  vote.rule = "group:release";
  vote.revision = 3;
  vote.at = kAt + Duration(13);
  gate.votes = {vote};
  task.gate = gate;
  model::Hold hold;
  hold.kind = model::HoldKind::CompensationFailed;
  hold.subject = "build";
  hold.since = kAt;
  hold.deadline = kAt + Duration(7);
  hold.on_deadline = model::OnDeadline::Abort;
  hold.message = "why";
  m.holds = {hold, model::Hold{}};
  return m;
}

Mission bare_mission() {
  Mission m;
  m.name = MissionName("m");
  m.ns = Namespace("default");
  m.uid = Uid("u-1");
  m.owner = Principal("user:alice");
  m.workflow_name = "small";
  m.workflow = sha256("small");
  m.created = Revision(1);
  m.revision = Revision(1);
  m.created_at = kAt;
  m.tasks.resize(2);
  return m;
}

std::string encoded(const Mission& mission) {
  std::string out;
  encode_mission(mission, small_workflow(), out);
  return out;
}

Result<Mission> decoded(std::string_view text) {
  const Result<Json> row = parse_json(text);
  EXPECT_TRUE(row.ok()) << text;
  return decode_mission(*row, small_workflow());
}

TEST(MissionCodec, SurvivesARoundTripWithEveryMember) {
  const std::string text = encoded(full_mission());
  const Result<Mission> back = decoded(text);
  ASSERT_TRUE(back.ok()) << back.error().describe();
  EXPECT_EQ(encoded(*back), text);
  const Mission& m = *back;
  EXPECT_EQ(m.params, full_mission().params);
  EXPECT_EQ(m.continues, MissionName("parent"));
  EXPECT_EQ(m.created, Revision(3));
  EXPECT_EQ(m.revision, Revision(99));
  EXPECT_EQ(m.ended_at, kAt + Duration(2));
  EXPECT_TRUE(m.draining && m.aborting && m.timed_out && m.local);
  const model::TaskStatus& task = m.tasks.at(0);
  EXPECT_EQ(task.run.fence, Fence(77));
  EXPECT_EQ(task.run.failures, 2U);
  EXPECT_EQ(task.run.lost, 1U);
  EXPECT_EQ(task.run.not_before, kAt + Duration(3));
  EXPECT_TRUE(task.run.cancelling && task.run.closing);
  EXPECT_TRUE(task.reached && task.kept && task.undoable);
  EXPECT_EQ(task.undo->state, model::RunState::Lost);
  EXPECT_EQ(task.undo->started_at, kAt + Duration(14));
  EXPECT_EQ(task.undo->ended_at, kAt + Duration(15));
  EXPECT_EQ(task.undo->exit_code, "SIGNAL");
  EXPECT_EQ(task.undo->error_code, "ERR_Z");
  EXPECT_EQ(task.undo->changed, Revision(71));
  EXPECT_EQ(task.run.changed, Revision(72));
  ASSERT_EQ(task.past->size(), 2U);
  const model::PastRun& past = task.past->at(0);
  EXPECT_EQ(past.epoch, 3U);
  EXPECT_EQ(past.attempt, 2U);
  EXPECT_TRUE(past.undo);
  EXPECT_EQ(past.state, model::RunState::Aborted);
  EXPECT_EQ(past.fence, Fence(60));
  EXPECT_EQ(past.started_at, kAt + Duration(16));
  EXPECT_EQ(past.ended_at, kAt + Duration(17));
  EXPECT_EQ(past.exit_code, "143");
  EXPECT_EQ(past.error_code, "ERR_W");
  EXPECT_EQ(past.changed, Revision(61));
  EXPECT_EQ(task.gate->changed, Revision(73));
  EXPECT_EQ(task.polls, 5U);
  EXPECT_EQ(task.polling_since, kAt + Duration(4));
  EXPECT_EQ(task.ended, Revision(50));
  EXPECT_EQ(task.exit_code, "3");
  EXPECT_EQ(task.artifacts.at(0).expires_at, kAt);
  EXPECT_EQ(m.holds.at(0).on_deadline, model::OnDeadline::Abort);
  EXPECT_FALSE(m.holds.at(1).deadline.has_value());
  EXPECT_FALSE(m.tasks.at(1).undo.has_value());
  EXPECT_EQ(m.approval_since, kAt + Duration(8));
  EXPECT_EQ(m.approval_time, Duration(9));
  const model::GateStatus& gate = *task.gate;
  EXPECT_EQ(gate.state, model::ApprovalState::Revise);
  EXPECT_EQ(gate.revision, 3U);
  EXPECT_EQ(gate.revised, 2U);
  EXPECT_EQ(gate.prompt, "go?");
  EXPECT_EQ(gate.context, full_mission().tasks.at(0).gate->context);
  EXPECT_EQ(gate.opened_at, kAt + Duration(10));
  EXPECT_EQ(gate.deadline, kAt + Duration(11));
  EXPECT_EQ(gate.decided_at, kAt + Duration(12));
  EXPECT_TRUE(gate.reminded);
  EXPECT_EQ(gate.escalated, 1U);
  ASSERT_EQ(gate.votes.size(), 1U);
  EXPECT_EQ(gate.votes[0].voter, Principal("user:alice"));
  EXPECT_EQ(gate.votes[0].decision, model::Decision::Revise);
  EXPECT_EQ(gate.votes[0].message, "smaller");
  EXPECT_EQ(gate.votes[0].rule, "group:release");
  EXPECT_EQ(gate.votes[0].revision, 3U);
  EXPECT_EQ(gate.votes[0].at, kAt + Duration(13));
  EXPECT_FALSE(m.tasks.at(1).gate.has_value());
}

TEST(MissionCodec, SurvivesARoundTripWithoutOptionalMembers) {
  const std::string text = encoded(bare_mission());
  const Result<Mission> back = decoded(text);
  ASSERT_TRUE(back.ok()) << back.error().describe();
  EXPECT_EQ(encoded(*back), text);
  EXPECT_FALSE(back->continues.has_value());
  EXPECT_FALSE(back->started_at.has_value());
}

TEST(MissionCodec, KeepsWordsAsExitCodes) {
  Mission m = bare_mission();
  m.tasks[0].exit_code = "SKIPPED";
  const Result<Mission> back = decoded(encoded(m));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->tasks[0].exit_code, "SKIPPED");
}

TEST(MissionCodec, GivesEqualMissionsEqualBytes) {
  EXPECT_EQ(encoded(full_mission()), encoded(full_mission()));
  Mission other = full_mission();
  other.tasks[1].polls = 1;
  EXPECT_NE(encoded(other), encoded(full_mission()));
}

TEST(MissionCodec, LooksLikeTheObjectOfTheApi) {
  const Result<Json> row = parse_json(encoded(full_mission()));
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(row->get_string("apiVersion"), "reeve.dev/v1");
  EXPECT_EQ(row->get_string("kind"), "Mission");
  EXPECT_EQ(row->find("metadata")->get_string("resourceVersion"), "99");
  EXPECT_EQ(row->find("status")->get_string("state"), "HELD");
  EXPECT_EQ(row->find("status")->find("tasks")->as_array().at(0).get_int("exitCode"), 3);
  EXPECT_EQ(workflow_of(*row), sha256("small"));
}

/// The full mission's row with one piece of text replaced.
std::string damaged(std::string_view from, std::string_view to) {
  std::string text = encoded(full_mission());
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_corrupt(const std::string& text) {
  const Result<Mission> mission = decoded(text);
  ASSERT_FALSE(mission.ok()) << text;
  EXPECT_EQ(mission.error().code, ErrorCode::Corrupt) << text;
}

TEST(MissionCodec, RefusesWhatIsMissing) {
  for (const std::string member :
       {"metadata",
        "spec",
        "status",
        "tasks",
        "holds",
        "artifacts",
        "outputs",
        "params",
        "state",
        "reason",
        "creationTimestamp",
        "uid",
        "createdRevision",
        "resourceVersion",
        "epoch"}) {
    expect_corrupt(damaged(concat("\"", member, "\":"), concat("\"no-", member, "\":")));
  }
  expect_corrupt(damaged("\"metadata\":{\"name\":", "\"metadata\":{\"no-name\":"));
  expect_corrupt("{}");
  expect_corrupt("[]");
}

TEST(MissionCodec, RefusesWhatIsOfTheWrongTypeOrUnknown) {
  expect_corrupt(damaged("\"HELD\"", "\"ASLEEP\""));
  expect_corrupt(damaged("\"HELD\"", "7"));
  expect_corrupt(damaged("\"reason\":\"compensation\"", "\"reason\":\"mood\""));
  expect_corrupt(damaged("\"state\":\"ACTIVE\"", "\"state\":\"RUNNING\""));
  expect_corrupt(damaged("\"kind\":\"compensation_failed\"", "\"kind\":\"mood\""));
  expect_corrupt(damaged("\"onDeadline\":\"abort\"", "\"onDeadline\":\"explode\""));
  expect_corrupt(damaged("2027-01-15T08:00:00.123Z", "yesterday"));
  expect_corrupt(damaged("\"epoch\":4", "\"epoch\":\"4\""));
  expect_corrupt(damaged("\"epoch\":4", "\"epoch\":-4"));
  expect_corrupt(damaged("\"fence\":77", "\"fence\":\"77\""));
  expect_corrupt(damaged("\"attempt\":3", "\"attempt\":4294967296"));
  expect_corrupt(damaged("\"k\":\"v\"", "\"k\":1"));
  expect_corrupt(damaged("\"resourceVersion\":\"99\"", "\"resourceVersion\":\"now\""));
}

TEST(MissionCodec, RefusesGatesThatMakeNoSense) {
  expect_corrupt(damaged("\"state\":\"revise\"", "\"state\":\"mood\""));
  expect_corrupt(damaged("\"revision\":3", "\"revision\":0"));
  expect_corrupt(damaged("\"votes\":[", "\"no-votes\":["));
  expect_corrupt(damaged("\"context\":{", "\"no-context\":{"));
  expect_corrupt(damaged("\"voter\":\"user:alice\"", "\"voter\":\"\""));
  expect_corrupt(damaged("\"rule\":\"group:release\"", "\"rule\":\"\""));
  expect_corrupt(damaged("\"decision\":\"revise\"", "\"decision\":\"shrug\""));
  expect_corrupt(damaged("\"approvalMillis\":9", "\"approvalMillis\":-9"));
}

TEST(MissionCodec, WritesWhatReadersWantToKnowOfAnOpenGate) {
  workflow::Workflow workflow = small_workflow();
  workflow.tasks[0].gate = workflow::Gate{};
  workflow.tasks[0].gate->approvals = 2;
  workflow.tasks[0].gate->revises = 1;
  Mission m = full_mission();
  m.tasks[0].gate->state = model::ApprovalState::Pending;
  std::string text;
  encode_mission(m, workflow, text);
  const Result<Json> row = parse_json(text);
  ASSERT_TRUE(row.ok());
  const Json& gate = *row->find("status")->find("tasks")->as_array().at(0).find("gate");
  EXPECT_EQ(gate.get_int("approvals"), 0);
  EXPECT_EQ(gate.get_int("approvalsNeeded"), 2);
  EXPECT_EQ(gate.get_string("mayDecide"), "anybody but user:alice");
  EXPECT_TRUE(gate.get_bool("revisable"));
}

TEST(MissionCodec, RefusesTasksOfAnotherWorkflow) {
  expect_corrupt(damaged("\"name\":\"test\"", "\"name\":\"deploy\""));
  Mission m = full_mission();
  workflow::Workflow one = small_workflow();
  one.tasks.pop_back();
  const Result<Json> row = parse_json(encoded(m));
  const Result<Mission> mission = decode_mission(*row, one);
  ASSERT_FALSE(mission.ok());
  EXPECT_EQ(mission.error().code, ErrorCode::Corrupt);
}

TEST(MissionCodec, FindsNoWorkflowInAnythingElse) {
  EXPECT_TRUE(workflow_of(*parse_json("{}")).empty());
  EXPECT_TRUE(workflow_of(*parse_json(R"({"spec":{}})")).empty());
}

TEST(MissionCodec, NamesMissionsAsTheirNamespaceDoes) {
  Mission m = full_mission();
  m.ns = Namespace("team");
  m.name = MissionName("team~m");
  m.continues = MissionName("team~parent");
  m.after = {MissionName("team~before")};
  m.parent = model::Parent{.mission = MissionName("team~above"), .task = TaskName("t")};
  m.tasks[0].submitted = {MissionName("team~asked"), MissionName()};
  model::Children children;
  children.missions.resize(2);
  children.missions[0].name = MissionName("team~child");
  m.tasks[0].children = children;
  const std::string text = encoded(m);
  EXPECT_EQ(text.find('~'), std::string::npos) << text;
  const Result<Mission> back = decoded(text);
  ASSERT_TRUE(back.ok()) << back.error().describe();
  EXPECT_EQ(back->name, m.name);
  EXPECT_EQ(back->continues, m.continues);
  EXPECT_EQ(back->after, m.after);
  EXPECT_EQ(back->parent->mission, m.parent->mission);
  EXPECT_EQ(back->tasks[0].submitted, m.tasks[0].submitted);
  EXPECT_EQ(back->tasks[0].children->missions[0].name, MissionName("team~child"));
  EXPECT_TRUE(back->tasks[0].children->missions[1].name.empty());
}

TEST(MissionCodec, LoadsRowsThatTellNothingOfThePast) {
  std::string text;
  encode_mission(full_mission(), small_workflow(), text, RowForm::WithoutPast);
  for (const char* member : {"history", "changedRevision", "ERR_Z", "\"revision\":72"}) {
    EXPECT_EQ(text.find(member), std::string::npos) << member;
  }
  const Result<Mission> back = decoded(text);
  ASSERT_TRUE(back.ok()) << back.error().describe();
  EXPECT_TRUE(lacks_past(*back));
  EXPECT_FALSE(lacks_past(full_mission()));
  EXPECT_FALSE(lacks_past(bare_mission()));
}

TEST(MissionCodec, RefusesMorePastRunsThanAreKept) {
  Mission m = full_mission();
  m.tasks[0].past = std::vector<model::PastRun>(model::kPastRunsMax + 1);
  const Result<Mission> back = decoded(encoded(m));
  ASSERT_FALSE(back.ok());
  EXPECT_EQ(back.error().code, ErrorCode::Corrupt);
}

}  // namespace
}  // namespace reeve::engine
