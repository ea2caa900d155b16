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
    const model::LaunchRun launch = bench_.take_launch();
    EXPECT_TRUE(bench_.call(started(launch)).ok());
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
