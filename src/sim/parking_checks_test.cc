#include "sim/parking_checks.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/mission_machine.h"
#include "engine/tool_call_events.h"
#include "model/run.h"
#include "sim/host_sim.h"
#include "workflow/load/load.h"

namespace reeve::sim {
namespace {

using engine::Outcome;
using model::MissionState;

/// Tells the checks a history that no engine would write.
class Parkings : public testing::Test {
 protected:
  Parkings() {
    workflow_ = *workflow::load_source(
        "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n  tasks:\n"
        "    - {name: a, script: work, retry: {max: 2}}\n"
    );
    mission_.name = MissionName("m");
    engine::MissionCreated created;
    created.ns = Namespace("default");
    created.workflow_name = workflow_->name;
    created.workflow = workflow_->digest;
    created.task_count = 1;
    EXPECT_EQ(tell(created), "");
    move(MissionState::Queued);
    EXPECT_EQ(tell(engine::TaskReached{.task = 0, .fresh = false}), "");
    EXPECT_EQ(start(1), "");
    ran_.result.exit_text = model::kWaitsForDecision;
  }

  /// One event; what is wrong with it, or "".
  std::string tell(const engine::MissionEvent& event) {
    if (const auto before = checks_.before(mission_, *workflow_, event, &ran_)) {
      return *before;
    }
    revision_ = revision_.next();
    engine::apply(mission_, event, revision_, Timestamp(Duration(revision_.value())));
    return checks_.after(mission_, *workflow_, event).value_or("");
  }

  void move(MissionState to, model::Reason reason = model::Reason::UserRequest) {
    EXPECT_EQ(
        tell(engine::MissionTransitioned{
            .from = mission_.state, .to = to, .reason = reason, .error_code = {}, .message = {}}),
        ""
    );
  }

  std::string create(std::uint32_t attempt) {
    return tell(engine::RunCreated{
        .slot = {}, .attempt = attempt, .not_before = {}, .closing = false});
  }

  std::string start(std::uint32_t attempt) {
    const std::string created = create(attempt);
    const std::string launched =
        created.empty() ? tell(engine::RunLaunching{.slot = {}, .inside = false}) : created;
    return launched.empty() ? tell(engine::RunActive{.slot = {}}) : launched;
  }

  std::string end(Outcome outcome) {
    engine::RunEnded event;
    event.attempt = mission_.tasks[0].run.attempt;
    event.state = outcome == Outcome::Parked ? model::RunState::Complete : model::RunState::Failed;
    event.outcome = outcome;
    event.exit_code = model::kWaitsForDecision;
    return tell(event);
  }

  void call(std::string_view type, std::string_view name = "tc") {
    Json data = Json::object();
    if (type == engine::kCallRecorded) {
      data.set("spec", Json::object().set("mission", "m").set("run", "m.1.a.1"));
      data.set("state", "PENDING");
    }
    revision_ = revision_.next();
    journal::Event event;
    event.revision = revision_;
    event.at = Timestamp(Duration(revision_.value()));
    event.object = {
        .kind = journal::Kind::ToolCall, .ns = Namespace("default"), .name = std::string(name)};
    event.type = type;
    event.data = data.dump();
    checks_.see_call(event);
  }

  void hold() {
    model::Hold hold;
    hold.kind = model::HoldKind::Approval;
    hold.subject = "a";
    hold.message = "task a waits";
    EXPECT_EQ(tell(engine::HoldRaised{.hold = hold}), "");
    move(MissionState::Held, model::Reason::ApprovalRequired);
  }

  std::shared_ptr<const workflow::Workflow> workflow_;
  model::Mission mission_;
  RunRecord ran_;
  ParkingChecks checks_;
  Revision revision_;
};

TEST_F(Parkings, AreFineAsTheyShouldBe) {
  call(engine::kCallRecorded);
  EXPECT_EQ(end(Outcome::Parked), "");
  hold();
  EXPECT_EQ(checks_.settled().value_or(""), "");
  EXPECT_NE(checks_.at_end().value_or(""), "");
  call(engine::kCallDecided);
  EXPECT_EQ(
      tell(engine::HoldReleased{.kind = model::HoldKind::Approval, .subject = "a", .expired = false}
      ),
      ""
  );
  move(MissionState::Queued);
  EXPECT_EQ(start(2), "");
  EXPECT_EQ(checks_.settled().value_or(""), "");
  EXPECT_EQ(checks_.at_end().value_or(""), "");
  EXPECT_EQ(checks_.parkings(), 1U);
}

TEST_F(Parkings, OfRunsThatDidNotSaySoAreNoticed) {
  call(engine::kCallRecorded);
  ran_.result.exit_text = "1";
  EXPECT_NE(end(Outcome::Parked).find("its run did not say so"), std::string::npos);
}

TEST_F(Parkings, ForNobodyAreNoticed) {
  EXPECT_NE(end(Outcome::Parked).find("waits for nobody"), std::string::npos);
}

TEST_F(Parkings, ForWhatWasDecidedBeforeTheRunBeganAreNoticed) {
  call(engine::kCallRecorded);
  EXPECT_EQ(end(Outcome::Parked), "");
  call(engine::kCallDecided);
  EXPECT_EQ(start(2), "");
  EXPECT_NE(end(Outcome::Parked).find("waits for nobody"), std::string::npos);
}

TEST_F(Parkings, ThatCountAsFailuresAreNoticed) {
  call(engine::kCallRecorded);
  EXPECT_NE(end(Outcome::Retry).find("waited for people and is retry"), std::string::npos);
}

TEST_F(Parkings, ThatTakeARetryAreNoticed) {
  call(engine::kCallRecorded);
  engine::RunEnded ended;
  ended.attempt = 1;
  ended.outcome = Outcome::Parked;
  const engine::MissionEvent event = ended;
  EXPECT_FALSE(checks_.before(mission_, *workflow_, event, &ran_).has_value());
  ++mission_.tasks[0].run.failures;
  const auto wrong = checks_.after(mission_, *workflow_, event);
  EXPECT_NE(wrong.value_or("").find("took a retry"), std::string::npos);
}

TEST_F(Parkings, ThatGoOnWhilePeopleDecideAreNoticed) {
  call(engine::kCallRecorded);
  EXPECT_EQ(end(Outcome::Parked), "");
  EXPECT_NE(create(2).find("goes on while people decide"), std::string::npos);
}

TEST_F(Parkings, ThatAreForgottenWhenItIsDecidedAreNoticed) {
  call(engine::kCallRecorded);
  EXPECT_EQ(end(Outcome::Parked), "");
  call(engine::kCallExpired);
  EXPECT_NE(checks_.settled().value_or("").find("its call is decided"), std::string::npos);
}

TEST_F(Parkings, WhoseRecordIsDeletedAreNoticed) {
  call(engine::kCallRecorded);
  EXPECT_EQ(end(Outcome::Parked), "");
  call(engine::kCallForgotten);
  EXPECT_NE(checks_.settled().value_or("").find("its call is decided"), std::string::npos);
}

TEST_F(Parkings, OfMissionsThatStayHeldAreNoticed) {
  call(engine::kCallRecorded);
  EXPECT_EQ(end(Outcome::Parked), "");
  hold();
  call(engine::kCallDecided);
  EXPECT_EQ(start(2), "");
  EXPECT_NE(checks_.settled().value_or("").find("is held"), std::string::npos);
}

TEST_F(Parkings, OfMissionsThatHaveEndedAreNoticed) {
  call(engine::kCallRecorded);
  EXPECT_EQ(end(Outcome::Parked), "");
  mission_.state = MissionState::Aborted;
  EXPECT_NE(checks_.settled().value_or("").find("has ended"), std::string::npos);
}

}  // namespace
}  // namespace reeve::sim
