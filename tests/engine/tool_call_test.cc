#include <string>
#include <vector>

#include "base/canonical.h"
#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "objects_fixture.h"

namespace reeve::kernel {
namespace {

using engine::Reply;
using journal::Kind;
using journal::ObjectKey;
using namespace std::chrono_literals;

const std::string kArguments = R"({"path":"a.txt","text":"hello"})";

/// Calls of the run of a live mission "m" that user:test has submitted.
class ToolCallTest : public ObjectsTest {
 protected:
  ToolCallTest() {
    EXPECT_TRUE(bench_.call(submit_command("m")).ok());
    launch_ = bench_.take_launch();
    EXPECT_TRUE(bench_.call(started(launch_)).ok());
  }

  static ObjectKey call_key(const std::string& name) { return key(Kind::ToolCall, name); }

  Result<Reply> send(
      const std::string& name,
      std::string verb,
      const std::string& body,
      std::string_view who = engine::kToolsActor
  ) {
    return bench_.call(
        engine::ObjectCommand{
            .object = call_key(name), .verb = std::move(verb), .body = *parse_json(body)},
        {},
        who
    );
  }

  static std::string hash() { return canonical_digest(*parse_json(kArguments)).str(); }

  static std::string spec(const std::string& more, const std::string& tool = "write") {
    return concat(
        R"({"server":"files","tool":")",
        tool,
        R"(","arguments":)",
        kArguments,
        R"(,"argumentsHash":")",
        hash(),
        R"(","caller":"run:m.1.a.1","mission":"m","run":"m.1.a.1")",
        more,
        "}"
    );
  }

  Result<Reply> record(
      const std::string& name, const std::string& more = "", const std::string& tool = "write"
  ) {
    return send(name, "record", concat(R"({"spec":)", spec(more, tool), R"(,"begin":true})"));
  }

  Result<Reply> begin(const std::string& name, const std::string& with = hash()) {
    return send(name, "begin", concat(R"({"argumentsHash":")", with, R"("})"));
  }

  Result<Reply> finish(const std::string& name, const std::string& outcome = "completed") {
    return send(name, "finish", concat(R"({"outcome":")", outcome, R"("})"));
  }

  Json row(const std::string& name) {
    const auto found = bench_.store().get(call_key(name));
    return found.ok() && *found ? *parse_json((*found)->body) : Json();
  }

  std::string state(const std::string& name) {
    const Json found = row(name);
    const Json* status = found.find("status");
    return status == nullptr ? "" : status->get_string("state");
  }

  /// The mission has used up what it may use, and waits for more.
  void hold_for_quota() {
    const ObjectKey quota = key(Kind::BudgetQuota, "q");
    const std::string spec =
        R"("spec":{"limits":{"maxTotalTokens":10},"enforcement":{"onTokenLimit":"pause"}},)";
    ASSERT_EQ(outcome(create(quota, "", spec)), "done");
    const Result<Reply> asked = bench_.call(
        engine::ObjectCommand{
            .object = key(Kind::ModelCall, "c"),
            .verb = "reserve",
            .body =
                *parse_json(R"({"mission":"m","run":"m.1.a.1","agent":"coder","provider":"acme",)"
                            R"("model":"large","inputTokens":11,"outputTokens":0,"cost":"0"})")},
        {},
        "system:gateway"
    );
    ASSERT_EQ(outcome(asked), "done");
    ASSERT_FALSE(asked->detail.get_bool("granted"));
  }

  model::LaunchRun launch_;

  std::size_t count_events(std::string_view type) {
    store::EventQuery query;
    query.limit = 100'000;
    std::size_t count = 0;
    for (const journal::Event& event : *bench_.store().events(query)) {
      count += event.type == type ? 1 : 0;
    }
    return count;
  }
};

ErrorCode code(const Result<Reply>& reply) {
  return reply.ok() ? ErrorCode::Io : reply.error().code;
}

TEST_F(ToolCallTest, IsRecordedBegunAndFinishedOnce) {
  const auto reply = record("tc-1");
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
  EXPECT_EQ(reply->detail.dump(), R"({"state":"EXECUTING","sequence":1,"tainted":false})");
  EXPECT_EQ(code(record("tc-1")), ErrorCode::AlreadyExists);
  EXPECT_EQ(code(begin("tc-1")), ErrorCode::IllegalTransition);
  ASSERT_TRUE(finish("tc-1").ok());
  EXPECT_EQ(code(finish("tc-1")), ErrorCode::IllegalTransition);
  EXPECT_EQ(state("tc-1"), "COMPLETED");
  EXPECT_EQ(record("tc-2")->detail.get_int("sequence"), 2);
}

TEST_F(ToolCallTest, IsForTheGatewayAlone) {
  for (const std::string_view who : {"user:test", "run:m.1.a.1", "system:api"}) {
    EXPECT_EQ(
        code(send("tc-1", "record", concat(R"({"spec":)", spec(""), "}"), who)),
        ErrorCode::PermissionDenied
    );
  }
  ASSERT_TRUE(record("tc-1").ok());
  EXPECT_EQ(
      code(send("tc-1", "finish", R"({"outcome":"completed"})", "run:m.1.a.1")),
      ErrorCode::PermissionDenied
  );
}

TEST_F(ToolCallTest, WaitsForSomebodyElseToApprove) {
  ASSERT_TRUE(record("tc-1", R"(,"requiresApproval":true)").ok());
  EXPECT_EQ(state("tc-1"), "PENDING");
  EXPECT_EQ(code(begin("tc-1")), ErrorCode::IllegalTransition);
  for (const std::string_view who : {"run:m.1.a.1", "run:other", "agent:x", "user:test"}) {
    EXPECT_EQ(code(send("tc-1", "approve", "{}", who)), ErrorCode::PermissionDenied) << who;
  }
  EXPECT_EQ(code(send("tc-1", "reject", "{}", "user:bob")), ErrorCode::Invalid);
  ASSERT_TRUE(send("tc-1", "approve", R"({"message":"go"})", "user:bob").ok());
  EXPECT_EQ(state("tc-1"), "APPROVED");
  EXPECT_EQ(
      code(send("tc-1", "reject", R"({"message":"no"})", "user:bob")), ErrorCode::IllegalTransition
  );
  EXPECT_EQ(row("tc-1").find("status")->find("approval")->get_string("by"), "user:bob");
  EXPECT_EQ(code(begin("tc-1", "other")), ErrorCode::Conflict);
  ASSERT_TRUE(begin("tc-1").ok());
  ASSERT_TRUE(finish("tc-1").ok());
}

TEST_F(ToolCallTest, MayBeDecidedByItsOwnerWhereThePolicySaysSo) {
  ASSERT_TRUE(record("tc-1", R"(,"requiresApproval":true,"ownerMayApprove":true)").ok());
  EXPECT_EQ(code(send("tc-1", "approve", "{}", "run:m.1.a.1")), ErrorCode::PermissionDenied);
  EXPECT_TRUE(send("tc-1", "approve", "{}", "user:test").ok());
}

TEST_F(ToolCallTest, IsCarriedOutWithEditedArgumentsAndNoOthers) {
  ASSERT_TRUE(record("tc-1", R"(,"requiresApproval":true)").ok());
  ASSERT_TRUE(send("tc-1", "approve", R"({"arguments":{"path":"b.txt"}})", "user:bob").ok());
  const Json status = *row("tc-1").find("status");
  EXPECT_EQ(status.find("editedArguments")->dump(), R"({"path":"b.txt"})");
  EXPECT_EQ(row("tc-1").find("spec")->get_string("argumentsHash"), hash());
  EXPECT_EQ(code(begin("tc-1")), ErrorCode::Conflict) << "what was asked for was not approved";
  const Digest edited = canonical_digest(*parse_json(R"({"path":"b.txt"})"));
  EXPECT_TRUE(begin("tc-1", edited.str()).ok());
}

TEST_F(ToolCallTest, IsNotEditedWhereThatWouldBeSeenOrDoneAsItIsShown) {
  ASSERT_TRUE(record("tc-1", R"(,"requiresApproval":true,"redact":["customer"])").ok());
  for (const std::string_view edit :
       {R"({"arguments":{"path":"b","customer":"Ann"}})",
        R"({"arguments":{"path":"[redacted]"}})",
        R"({"arguments":{"list":[{"path":"x [redacted] y"}]}})",
        R"({"arguments":{"text":"abc [cut, 90000 bytes]"}})"}) {
    EXPECT_EQ(code(send("tc-1", "approve", std::string(edit), "user:bob")), ErrorCode::Invalid)
        << edit;
  }
  EXPECT_EQ(state("tc-1"), "PENDING");
  EXPECT_TRUE(
      send("tc-1", "approve", R"({"arguments":{"path":"[cut, 1 bytes] b"}})", "user:bob").ok()
  );
}

TEST_F(ToolCallTest, ExpiresIfNobodyDecidesAlsoAcrossARestart) {
  ASSERT_TRUE(record("tc-1", R"(,"requiresApproval":true,"approvalTimeout":"10m")").ok());
  bench_.advance(10min - 1ms);
  EXPECT_EQ(state("tc-1"), "PENDING");
  bench_.restart();
  bench_.advance(1ms);
  EXPECT_EQ(state("tc-1"), "EXPIRED");
  EXPECT_EQ(code(send("tc-1", "approve", "{}", "user:bob")), ErrorCode::IllegalTransition);
  bench_.restart();
  EXPECT_EQ(state("tc-1"), "EXPIRED");
}

TEST_F(ToolCallTest, ApprovalDoesNotLastForEver) {
  ASSERT_TRUE(record("tc-1", R"(,"requiresApproval":true)").ok());
  ASSERT_TRUE(send("tc-1", "approve", "{}", "user:bob").ok());
  bench_.advance(engine::kToolApprovedFor);
  EXPECT_EQ(state("tc-1"), "EXPIRED");
  EXPECT_EQ(code(begin("tc-1")), ErrorCode::IllegalTransition);
}

TEST_F(ToolCallTest, IsUnknownAfterACrashAndNeverDoneAgain) {
  ASSERT_TRUE(record("tc-1").ok());
  bench_.restart();
  bench_.commit();
  EXPECT_EQ(state("tc-1"), "UNKNOWN");
  EXPECT_EQ(code(begin("tc-1")), ErrorCode::IllegalTransition);
  EXPECT_EQ(code(finish("tc-1")), ErrorCode::IllegalTransition);
  EXPECT_EQ(record("tc-2")->detail.get_int("sequence"), 2);
}

TEST_F(ToolCallTest, OfARunThatHasReadUntrustedThingsAsks) {
  const std::string careful = R"(,"approvalWhenTainted":true)";
  EXPECT_EQ(record("tc-1", careful)->detail.get_string("state"), "EXECUTING");
  EXPECT_EQ(
      record("tc-2", R"(,"untrusted":true)", "fetch")->detail.get_string("state"), "EXECUTING"
  );
  EXPECT_EQ(record("tc-3", careful)->detail.get_string("state"), "PENDING");
  bench_.restart();
  const auto after = record("tc-4", careful);
  EXPECT_EQ(after->detail.get_string("state"), "PENDING");
  EXPECT_TRUE(after->detail.get_bool("tainted"));
}

TEST_F(ToolCallTest, TaintIsOfTheMissionAndStaysWithIt) {
  const auto of_run = [&](const std::string& name, const std::string& run, const std::string& more
                      ) {
    return send(
        name,
        "record",
        concat(
            R"({"spec":{"server":"s","tool":"t","argumentsHash":"a","caller":"run:)",
            run,
            R"(","mission":"m","run":")",
            run,
            R"(")",
            more,
            R"(},"begin":true})"
        )
    );
  };
  const std::string careful = R"(,"approvalWhenTainted":true)";
  ASSERT_TRUE(of_run("tc-1", "m.1.a.1", R"(,"untrusted":true)").ok());
  for (const std::string run : {"m.1.a.2", "m.1.later.1"}) {
    const auto next = of_run(concat("tc-", run), run, careful);
    ASSERT_TRUE(next.ok()) << next.error().describe();
    EXPECT_EQ(next->detail.get_string("state"), "PENDING") << run;
  }
  ASSERT_TRUE(bench_.call(submit_command("other")).ok());
  const std::string other =
      R"({"spec":{"server":"s","tool":"t","argumentsHash":"a","caller":"run:other.1.a.1",)"
      R"("mission":"other","run":"other.1.a.1","approvalWhenTainted":true},"begin":true})";
  EXPECT_EQ(send("tc-other", "record", other)->detail.get_string("state"), "EXECUTING");
}

TEST_F(ToolCallTest, OfAMissionThatStandsStillIsRefused) {
  ASSERT_TRUE(record("tc-1", R"(,"requiresApproval":true)").ok());
  ASSERT_TRUE(send("tc-1", "approve", "{}", "user:bob").ok());
  hold_for_quota();
  EXPECT_EQ(bench_.stored_state("m"), "HELD");
  const auto refused = record("tc-2");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::IllegalTransition);
  EXPECT_NE(refused.error().hint.find("reeve quota"), std::string::npos) << refused.error().hint;
  EXPECT_EQ(code(begin("tc-1")), ErrorCode::IllegalTransition);
}

TEST_F(ToolCallTest, ThatPolicyRefusesIsOnRecord) {
  ASSERT_TRUE(
      send("tc-1", "record", concat(R"({"spec":)", spec(""), R"(,"refused":"not on the list"})"))
          .ok()
  );
  EXPECT_EQ(state("tc-1"), "REJECTED");
  EXPECT_EQ(row("tc-1").find("status")->get_string("message"), "not on the list");
}

// --- the guard ----------------------------------------------------------------------------------

TEST_F(ToolCallTest, ThreeFailuresInARowHoldTheMission) {
  for (const char* name : {"tc-1", "tc-2"}) {
    ASSERT_TRUE(record(name, "", name).ok());
    ASSERT_TRUE(finish(name, "failed").ok());
  }
  EXPECT_EQ(bench_.stored_state("m"), "ACTIVE") << "two failures never alert";
  ASSERT_TRUE(record("tc-3", "", "third").ok());
  ASSERT_TRUE(finish("tc-3", "failed").ok());
  EXPECT_EQ(bench_.stored_state("m"), "HELD");
  EXPECT_EQ(count_events("spiral.detected"), 1U);
  EXPECT_EQ(code(record("tc-4")), ErrorCode::IllegalTransition);
  bench_.restart();
  EXPECT_EQ(code(record("tc-4")), ErrorCode::IllegalTransition);

  ASSERT_TRUE(bench_.call(engine::ResumeMission{.mission = MissionName("m")}).ok());
  ASSERT_TRUE(record("tc-4").ok());
  ASSERT_TRUE(finish("tc-4", "failed").ok());
  EXPECT_EQ(bench_.stored_state("m"), "QUEUED") << "what was before the release does not count";
  EXPECT_EQ(count_events("spiral.detected"), 1U);
}

TEST_F(ToolCallTest, SuccessBetweenFailuresIsNoSpiralUntilTheSameCallFailsFiveTimes) {
  int number = 0;
  const auto one = [&](const std::string& outcome, const std::string& tool) {
    const std::string name = concat("tc-", ++number);
    ASSERT_TRUE(record(name, "", tool).ok());
    ASSERT_TRUE(finish(name, outcome).ok());
  };
  for (int i = 0; i < 4; ++i) {
    one("failed", "write");
    one("completed", "read");
    EXPECT_EQ(bench_.stored_state("m"), "ACTIVE");
  }
  bench_.advance(engine::kSpiralWindow + 1ms);
  one("failed", "write");
  EXPECT_EQ(bench_.stored_state("m"), "ACTIVE") << "that was long ago";
  for (int i = 0; i < 3; ++i) {
    one("completed", "read");
    one("failed", "write");
    EXPECT_EQ(bench_.stored_state("m"), "ACTIVE");
  }
  one("completed", "read");
  one("failed", "write");
  EXPECT_EQ(bench_.stored_state("m"), "HELD");
}

// --- rolling back -------------------------------------------------------------------------------

TEST_F(ToolCallTest, IsRolledBackByAnotherCall) {
  ASSERT_TRUE(record("tc-1").ok());
  ASSERT_TRUE(send(
                  "tc-1",
                  "finish",
                  R"({"outcome":"completed","undo":{"tool":"write","arguments":{"path":"a.txt"}}})"
  )
                  .ok());
  EXPECT_EQ(code(send("tc-1", "rollback", "{}", "run:m.1.a.1")), ErrorCode::PermissionDenied);
  const auto reply = send("tc-1", "rollback", "{}", "user:bob");
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
  EXPECT_EQ(reply->subject, "tc-1-rollback-1");
  EXPECT_EQ(code(send("tc-1", "rollback", "{}", "user:bob")), ErrorCode::IllegalTransition);
  EXPECT_EQ(state("tc-1-rollback-1"), "APPROVED");
  const Json before = *row("tc-1").find("spec");
  const Digest undo = canonical_digest(*parse_json(R"({"path":"a.txt"})"));
  ASSERT_TRUE(begin("tc-1-rollback-1", undo.str()).ok());
  ASSERT_TRUE(finish("tc-1-rollback-1").ok());
  EXPECT_EQ(state("tc-1"), "ROLLED_BACK");
  EXPECT_EQ(*row("tc-1").find("spec"), before) << "the original stays as it was";
  EXPECT_EQ(row("tc-1-rollback-1").find("spec")->get_string("compensates"), "tc-1");
}

TEST_F(ToolCallTest, WithoutAWayBackIsNotRolledBack) {
  ASSERT_TRUE(record("tc-1").ok());
  ASSERT_TRUE(finish("tc-1").ok());
  EXPECT_EQ(code(send("tc-1", "rollback", "{}", "user:bob")), ErrorCode::IllegalTransition);
  EXPECT_EQ(code(send("tc-9", "rollback", "{}", "user:bob")), ErrorCode::NotFound);
}

// --- limits -------------------------------------------------------------------------------------

TEST_F(ToolCallTest, OfARunAreBounded) {
  for (std::size_t i = 0; i < engine::kToolCallsOpenOfRunMax; ++i) {
    ASSERT_TRUE(record(concat("tc-", i)).ok());
  }
  EXPECT_EQ(code(record("tc-more")), ErrorCode::LimitExceeded);
  ASSERT_TRUE(finish("tc-0").ok());
  EXPECT_TRUE(record("tc-more").ok());
  const std::string large(engine::kToolArgumentsBytesMax, 'x');
  EXPECT_EQ(
      code(record("tc-large", concat(R"(,"reason":")", large, "\""))), ErrorCode::LimitExceeded
  );
}

/// A record of no mission that takes much, and is over at once.
Json large_call() {
  Json spec = Json::object();
  spec.set("server", "s").set("tool", "t").set("argumentsHash", "a").set("caller", "user:bob");
  spec.set("reason", std::string(60'000, 'x'));
  Json body = Json::object();
  body.set("spec", std::move(spec)).set("refused", "no");
  return body;
}

TEST_F(ToolCallTest, OldOnesMakeRoomWhereverTheyAre) {
  // The oldest ones are of a live mission, and stay.
  for (int i = 0; i < 150; ++i) {
    const std::string name = concat("of-m-", i);
    ASSERT_TRUE(record(name).ok());
    ASSERT_TRUE(finish(name).ok());
  }
  const std::string large = large_call().dump();
  const std::size_t fit = engine::kToolCallBytesOfNamespaceMax / 60'000;
  for (std::size_t i = 0; i < fit + 50; ++i) {
    const auto reply = send(concat("large-", i), "record", large);
    ASSERT_TRUE(reply.ok()) << i << ": " << reply.error().describe();
  }
  EXPECT_EQ(state("large-0"), "");
  EXPECT_EQ(state("of-m-0"), "COMPLETED");
  EXPECT_EQ(state(concat("large-", fit + 49)), "REJECTED");
}

TEST_F(ToolCallTest, OfOneNamespaceLeaveRoomForOthers) {
  const std::string reason = concat(R"(,"reason":")", std::string(60'000, 'x'), "\"");
  std::size_t made = 0;
  for (;; ++made) {
    const std::string name = concat("tc-", made);
    const auto reply = record(name, reason);
    if (!reply) {
      EXPECT_EQ(reply.error().code, ErrorCode::LimitExceeded) << reply.error().describe();
      break;
    }
    ASSERT_TRUE(finish(name).ok());
  }
  EXPECT_LT(made * 60'000, engine::kToolCallBytesTotalMax / 2);
  make_namespace("team");
  const auto elsewhere = bench_.call(
      engine::ObjectCommand{
          .object = key(Kind::ToolCall, "tc-1", "team"), .verb = "record", .body = large_call()},
      {},
      engine::kToolsActor
  );
  EXPECT_TRUE(elsewhere.ok()) << elsewhere.error().describe();
  // The end of the mission makes room.
  ASSERT_TRUE(bench_.call(engine::AbortMission{.mission = MissionName("m"), .message = "x"}).ok());
  ASSERT_TRUE(bench_.call(finished(launch_, 1)).ok());
  ASSERT_EQ(bench_.stored_state("m"), "ABORTED");
  bench_.advance(1s);
  EXPECT_TRUE(send("after", "record", large_call().dump()).ok());
}

TEST_F(ToolCallTest, NeedALiveMissionOrNone) {
  ASSERT_TRUE(bench_.call(engine::AbortMission{.mission = MissionName("m"), .message = "x"}).ok());
  const std::string other =
      R"({"spec":{"server":"s","tool":"t","argumentsHash":"a","caller":"user:bob"}})";
  EXPECT_TRUE(send("tc-1", "record", other).ok());
  EXPECT_EQ(
      code(send(
          "tc-2",
          "record",
          R"({"spec":{"server":"s","tool":"t","argumentsHash":"a","caller":"run:x","mission":"gone","run":"x"}})"
      )),
      ErrorCode::IllegalTransition
  );
}

TEST_F(ToolCallTest, GoWithTheirNamespace) {
  ASSERT_TRUE(record("tc-1").ok());
  ASSERT_TRUE(send("tc-1", "delete", "{}", "system:kernel").ok());
  EXPECT_EQ(state("tc-1"), "");
  EXPECT_EQ(code(send("tc-1", "rollback", "{}", "user:bob")), ErrorCode::NotFound);
}

}  // namespace
}  // namespace reeve::kernel
