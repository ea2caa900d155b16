#include "engine/events.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/strings.h"
#include "engine/small_workflow.h"

namespace reeve::engine {
namespace {

constexpr Timestamp kAt = from_unix_millis(1'800'000'000'123);
const Namespace kDefault("default");
const SlotKey kUndo{.task = 1, .leg = Leg::Undo};

model::ArtifactRef artifact() {
  return {
      .path = "out/a.bin",
      .digest = sha256("a"),
      .size_bytes = 17,
      .mode = 0755,
      .expires_at = kAt + Duration(1)};
}

/// One event of every type, with every member set to something that is not its default.
std::vector<MissionEvent> full_events() {
  MissionCreated created;
  created.ns = Namespace("default");
  created.owner = Principal("user:alice");
  created.workflow_name = "small";
  created.workflow = sha256("small");
  created.task_count = 2;
  created.params = {{"b", "2"}, {"a", "1 \"quoted\"\n"}};
  created.continues = MissionName("parent");
  created.reused.push_back(
      {.task = 1, .exit_code = "3", .outputs = {{"k", "v"}}, .artifacts = {artifact()}}
  );
  created.local = true;
  created.user_key = "nightly";
  created.priority = -3;
  created.not_before = kAt;
  created.trigger = "cron";
  created.parent = model::Parent{
      .mission = MissionName("p"), .task = TaskName("t"), .item = 4, .detached = true};
  created.depth = 2;
  created.description = "for people";
  created.author = Principal("user:alice");
  created.trace = {.parent = "00-a-b-01", .state = "v=1"};
  created.after = {MissionName("first"), MissionName("second")};
  created.inputs = {artifact()};
  RunEnded ended;
  ended.slot = kUndo;
  ended.attempt = 7;
  ended.state = model::RunState::Lost;
  ended.outcome = Outcome::Again;
  ended.exit_code = "137";
  ended.error_code = "ERR_X";
  ended.message = "killed";
  ended.drains = true;
  ended.unknown = true;
  ended.outputs = {{"k", "v"}, {"empty", ""}};
  ended.artifacts = {artifact()};
  ended.warnings = {"first", "second"};
  model::Hold hold;
  hold.kind = model::HoldKind::CompensationFailed;
  hold.subject = "build";
  hold.since = kAt;
  hold.deadline = kAt + Duration(5);
  hold.on_deadline = model::OnDeadline::Abort;
  hold.message = "why";
  return {
      created,
      MissionTransitioned{
          .from = model::MissionState::Active,
          .to = model::MissionState::Failed,
          .reason = model::Reason::Timeout,
          .error_code = "ERR_Y",
          .message = "late"},
      EpochStarted{.epoch = 3, .full = true},
      AbortRequested{.message = "enough"},
      DeadlinePassed{},
      TaskReached{.task = 1, .fresh = true},
      TaskReused{.task = 1},
      TaskSkipped{.task = 1, .message = "not wanted"},
      RunCreated{.slot = kUndo, .attempt = 4, .not_before = kAt, .closing = true},
      RunLaunching{.slot = kUndo, .inside = true},
      RunActive{.slot = kUndo},
      RunCancelRequested{.slot = kUndo, .message = "enough"},
      ended,
      HoldRaised{.hold = hold},
      HoldReleased{.kind = model::HoldKind::Approval, .subject = "test", .expired = true},
      ChildrenPlanned{.task = 1, .fans_out = true, .items = {"a", "{\"b\":1}"}},
      ChildStarted{.task = 1, .item = 3, .mission = MissionName("m.test.9"), .own = false},
      ChildEnded{
          .task = 1,
          .item = 3,
          .state = model::MissionState::Failed,
          .error_code = "ERR_X",
          .message = "why",
          .outputs = {{"k", "v"}},
          .artifacts = {artifact()}},
      GateOpened{
          .task = 1,
          .revision = 2,
          .prompt = "go?",
          .context = {{"plan", "p"}, {"cost", "c"}},
          .deadline = kAt},
      GateVoted{
          .task = 1,
          .revision = 2,
          .voter = Principal("user:alice"),
          .decision = model::Decision::Revise,
          .message = "smaller",
          .rule = "group:release"},
      GateReminded{.task = 1, .revision = 2},
      GateEscalated{
          .task = 1, .revision = 2, .step = 3, .recipients = {"boss", "deputy"}, .message = "look"},
      GateDecided{
          .task = 1,
          .revision = 2,
          .outcome = model::ApprovalState::Revise,
          .message = "sent back",
          .outputs = {{"test-revision", "2"}}},
      MissionAdmitted{},
      MissionWaiting{.message = "waits for its turn"},
      RunWaiting{.slot = kUndo, .message = "waits for a unit"},
      MissionSubmitted{
          .task = 1, .mission = MissionName("other-3"), .own = false, .message = "why"},
      MissionExtended{.task = 1, .workflow = sha256("more"), .task_count = 9},
      ExtensionRefused{.task = 1, .message = "no permission"},
      BundleKept{
          .task = 1, .bundle = Json(Json::Object{{"next_actions", Json(Json::Array{Json(1)})}})},
      MissionDeleted{}};
}

/// Every event with every optional member left out.
std::vector<MissionEvent> bare_events() {
  MissionCreated created;
  created.ns = kDefault;
  created.task_count = 2;
  return {
      created,
      MissionTransitioned{},
      EpochStarted{},
      AbortRequested{},
      DeadlinePassed{},
      TaskReached{},
      TaskReused{},
      TaskSkipped{},
      RunCreated{},
      RunLaunching{},
      RunActive{},
      RunCancelRequested{},
      RunEnded{},
      HoldRaised{},
      HoldReleased{},
      GateOpened{},
      GateVoted{.voter = Principal("user:alice"), .message = {}, .rule = "anyone"},
      GateReminded{},
      GateEscalated{},
      GateDecided{},
      BundleKept{.task = 0, .bundle = Json::object()},
      MissionDeleted{}};
}

std::string encoded(const MissionEvent& event) {
  std::string out;
  encode(event, small_workflow(), out);
  return out;
}

TEST(Events, ThereIsOneTestEventForEveryType) {
  const std::vector<MissionEvent> events = full_events();
  ASSERT_EQ(events.size(), mission_event_types().size());
  ASSERT_EQ(events.size(), std::variant_size_v<MissionEvent>);
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].index(), i);
    EXPECT_EQ(type_of(events[i]), mission_event_types()[i]);
  }
}

TEST(Events, SurviveARoundTripWithAllMembers) {
  for (const MissionEvent& event : full_events()) {
    const std::string text = encoded(event);
    const Result<MissionEvent> back = decode(type_of(event), text, small_workflow(), kDefault);
    ASSERT_TRUE(back.ok()) << type_of(event) << ": " << back.error().describe();
    EXPECT_EQ(back->index(), event.index());
    EXPECT_EQ(encoded(*back), text) << type_of(event);
    EXPECT_TRUE(parse_json(text).ok()) << text;
  }
}

TEST(Events, SurviveARoundTripWithoutOptionalMembers) {
  for (const MissionEvent& event : bare_events()) {
    const std::string text = encoded(event);
    const Result<MissionEvent> back = decode(type_of(event), text, small_workflow(), kDefault);
    ASSERT_TRUE(back.ok()) << type_of(event) << ": " << back.error().describe();
    EXPECT_EQ(encoded(*back), text) << type_of(event);
  }
}

TEST(Events, HaveTextThatNeverChanges) {
  EXPECT_EQ(
      encoded(full_events()[1]),
      R"({"from":"ACTIVE","to":"FAILED","reason":"timeout","errorCode":"ERR_Y","message":"late"})"
  );
  EXPECT_EQ(
      encoded(full_events()[8]),
      R"({"task":"test","compensation":true,"attempt":4,"notBefore":"2027-01-15T08:00:00.123Z",)"
      R"("closing":true})"
  );
  EXPECT_EQ(encoded(DeadlinePassed{}), "{}");
  EXPECT_EQ(encoded(TaskReached{}), R"({"task":"build"})");
}

TEST(Events, KeepEveryMemberOfARunEnd) {
  const MissionEvent original = full_events()[12];
  const Result<MissionEvent> back =
      decode("run.ended", encoded(original), small_workflow(), kDefault);
  ASSERT_TRUE(back.ok());
  const auto& e = std::get<RunEnded>(*back);
  const auto& expected = std::get<RunEnded>(original);
  EXPECT_EQ(e.slot, expected.slot);
  EXPECT_EQ(e.attempt, 7U);
  EXPECT_EQ(e.state, model::RunState::Lost);
  EXPECT_EQ(e.outcome, Outcome::Again);
  EXPECT_EQ(e.exit_code, "137");
  EXPECT_EQ(e.error_code, "ERR_X");
  EXPECT_EQ(e.message, "killed");
  EXPECT_TRUE(e.drains);
  EXPECT_TRUE(e.unknown);
  EXPECT_EQ(e.outputs, expected.outputs);
  ASSERT_EQ(e.artifacts.size(), 1U);
  EXPECT_EQ(e.artifacts[0].mode, 0755U);
  EXPECT_EQ(e.artifacts[0].expires_at, kAt + Duration(1));
  EXPECT_EQ(e.warnings, expected.warnings);
}

TEST(Events, KeepEveryMemberOfACreation) {
  const MissionEvent original = full_events()[0];
  const Result<MissionEvent> back =
      decode("mission.created", encoded(original), small_workflow(), kDefault);
  ASSERT_TRUE(back.ok());
  const auto& e = std::get<MissionCreated>(*back);
  const auto& expected = std::get<MissionCreated>(original);
  EXPECT_EQ(e.params, expected.params) << "in the order given";
  EXPECT_EQ(e.continues, expected.continues);
  EXPECT_EQ(e.workflow, expected.workflow);
  EXPECT_EQ(e.owner, expected.owner);
  EXPECT_TRUE(e.local);
  ASSERT_EQ(e.reused.size(), 1U);
  EXPECT_EQ(e.reused[0].task, 1U);
  EXPECT_EQ(e.reused[0].exit_code, "3");
  EXPECT_EQ(e.reused[0].outputs, expected.reused[0].outputs);
  EXPECT_EQ(e.reused[0].artifacts.at(0).path, "out/a.bin");
}

TEST(Events, NameMissionsAsTheirNamespaceDoes) {
  const Namespace team("team");
  MissionCreated created;
  created.ns = team;
  created.task_count = 2;
  created.continues = MissionName("team~old");
  created.after = {MissionName("team~before")};
  created.parent = model::Parent{.mission = MissionName("team~above"), .task = TaskName("t")};
  const std::string text = encoded(created);
  EXPECT_EQ(text.find('~'), std::string::npos) << text;
  const Result<MissionEvent> back = decode("mission.created", text, small_workflow(), team);
  ASSERT_TRUE(back.ok()) << back.error().describe();
  const auto& e = std::get<MissionCreated>(*back);
  EXPECT_EQ(e.continues, created.continues);
  EXPECT_EQ(e.after, created.after);
  EXPECT_EQ(e.parent->mission, created.parent->mission);
  EXPECT_FALSE(decode("mission.created", text, small_workflow(), kDefault).ok());
  MissionSubmitted none;
  const Result<MissionEvent> failed =
      decode("mission.submitted", encoded(none), small_workflow(), team);
  EXPECT_TRUE(std::get<MissionSubmitted>(*failed).mission.empty());
}

TEST(Events, KeepEveryMemberOfAVote) {
  const MissionEvent original = full_events()[19];
  const Result<MissionEvent> back =
      decode("gate.voted", encoded(original), small_workflow(), kDefault);
  ASSERT_TRUE(back.ok());
  const auto& e = std::get<GateVoted>(*back);
  EXPECT_EQ(e.task, 1U);
  EXPECT_EQ(e.revision, 2U);
  EXPECT_EQ(e.voter, Principal("user:alice"));
  EXPECT_EQ(e.decision, model::Decision::Revise);
  EXPECT_EQ(e.message, "smaller");
  EXPECT_EQ(e.rule, "group:release");
}

void expect_corrupt(std::string_view type, std::string_view data) {
  const Result<MissionEvent> event = decode(type, data, small_workflow(), kDefault);
  ASSERT_FALSE(event.ok()) << type << " " << data;
  EXPECT_EQ(event.error().code, ErrorCode::Corrupt) << type << " " << data;
}

TEST(Events, OfAnUnknownTypeAreRefused) {
  expect_corrupt("mission.upgraded", "{}");
  expect_corrupt("", "{}");
}

TEST(Events, ThatAreNoObjectsAreRefused) {
  for (const std::string_view type : mission_event_types()) {
    expect_corrupt(type, "");
    expect_corrupt(type, "{");
    expect_corrupt(type, "[]");
    expect_corrupt(type, R"({"task":1})");
    expect_corrupt(type, R"({"surprise":1})");
  }
}

TEST(Events, OfAnUnknownTaskAreRefused) {
  for (const std::string_view type :
       {"task.reached",
        "task.reused",
        "task.skipped",
        "run.created",
        "run.launching",
        "run.active",
        "run.cancel_requested",
        "run.ended",
        "gate.opened",
        "gate.voted",
        "gate.reminded",
        "gate.escalated",
        "gate.decided"}) {
    expect_corrupt(type, R"({"attempt":1,"state":"FAILED","outcome":"failed"})");
    expect_corrupt(type, R"({"task":"deploy","attempt":1,"state":"FAILED","outcome":"failed"})");
  }
  expect_corrupt("mission.created", R"({"tasks":2,"reused":[{"task":"deploy"}]})");
}

TEST(Events, WithMissingOrWrongMembersAreRefused) {
  expect_corrupt("mission.created", R"({"tasks":"2"})");
  expect_corrupt("mission.created", "{}");
  expect_corrupt("mission.created", R"({"tasks":-1})");
  expect_corrupt("mission.created", R"({"tasks":4294967296})");
  expect_corrupt("mission.created", R"({"tasks":2,"params":[]})");
  expect_corrupt("mission.created", R"({"tasks":2,"params":{"a":1}})");
  expect_corrupt("mission.created", R"({"tasks":2,"reused":[1]})");
  expect_corrupt("mission.transitioned", R"({"from":"ACTIVE","to":"NOWHERE","reason":"retry"})");
  expect_corrupt("mission.transitioned", R"({"from":"ACTIVE","to":"QUEUED","reason":"mood"})");
  expect_corrupt("mission.transitioned", R"({"to":"QUEUED","reason":"retry"})");
  expect_corrupt("mission.epoch_started", "{}");
  expect_corrupt("mission.epoch_started", R"({"epoch":1,"full":1})");
  expect_corrupt("run.created", R"({"task":"build"})");
  expect_corrupt("run.created", R"({"task":"build","attempt":1,"notBefore":"soon"})");
  expect_corrupt("run.ended", R"({"task":"build","attempt":1,"state":"FAILED"})");
  expect_corrupt("run.ended", R"({"task":"build","attempt":1,"outcome":"failed"})");
  expect_corrupt(
      "run.ended",
      R"({"task":"build","attempt":1,"state":"FAILED","outcome":"failed","artifacts":[{}]})"
  );
  expect_corrupt(
      "run.ended",
      R"({"task":"build","attempt":1,"state":"FAILED","outcome":"failed","warnings":[1]})"
  );
  expect_corrupt("hold.raised", R"({"kind":"mood"})");
  expect_corrupt(
      "hold.raised",
      R"({"kind":"backoff","since":"2027-01-15T08:00:00.123Z","deadline":"2027-01-15T08:00:00.123Z"})"
  );
  expect_corrupt("hold.released", "{}");
  expect_corrupt("gate.opened", R"({"task":"build"})");
  expect_corrupt("gate.opened", R"({"task":"build","revision":0})");
  expect_corrupt("gate.voted", R"({"task":"build","revision":1,"voter":"user:a","rule":"user"})");
  expect_corrupt(
      "gate.voted", R"({"task":"build","revision":1,"decision":"approve","rule":"user"})"
  );
  expect_corrupt(
      "gate.voted", R"({"task":"build","revision":1,"voter":"user:a","decision":"approve"})"
  );
  expect_corrupt("gate.escalated", R"({"task":"build","revision":1})");
  expect_corrupt("gate.escalated", R"({"task":"build","revision":1,"step":1,"recipients":[1]})");
  expect_corrupt("gate.decided", R"({"task":"build","revision":1,"outcome":"pending"})");
  expect_corrupt("gate.decided", R"({"task":"build","revision":1,"outcome":"failed"})");
}

TEST(Events, OutcomesHaveNamesBothWays) {
  for (int i = 0; i <= static_cast<int>(Outcome::Aborted); ++i) {
    const auto outcome = static_cast<Outcome>(i);
    const Result<Outcome> back = parse_outcome(to_string(outcome));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, outcome);
  }
  EXPECT_EQ(parse_outcome("mood").error().code, ErrorCode::Invalid);
}

}  // namespace
}  // namespace reeve::engine
