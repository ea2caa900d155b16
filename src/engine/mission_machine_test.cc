#include "engine/mission_machine.h"

#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/small_workflow.h"

namespace reeve::engine {
namespace {

using model::Mission;
using model::MissionState;
using model::RunState;
using model::TaskState;

using Edge = std::pair<MissionState, MissionState>;

constexpr Timestamp kAt = from_unix_millis(1'800'000'000'000);

const std::set<Edge>& legal_edges() {
  using S = MissionState;
  static const std::set<Edge> edges = {
      {S::Prep, S::Queued},         {S::Prep, S::Failed},         {S::Prep, S::Aborted},
      {S::Queued, S::Held},         {S::Queued, S::Launching},    {S::Queued, S::Aborted},
      {S::Held, S::Queued},         {S::Held, S::Aborted},        {S::Held, S::Compensating},
      {S::Launching, S::Active},    {S::Launching, S::Queued},    {S::Launching, S::Failed},
      {S::Launching, S::Aborted},   {S::Active, S::Held},         {S::Active, S::Queued},
      {S::Active, S::Compensating}, {S::Active, S::Complete},     {S::Active, S::Failed},
      {S::Active, S::Aborted},      {S::Compensating, S::Failed}, {S::Compensating, S::Aborted},
      {S::Compensating, S::Held}};
  return edges;
}

TEST(MissionMachine, AllowsExactlyTheEdgesOfItsPicture) {
  for (std::size_t from = 0; from < model::kMissionStates; ++from) {
    for (std::size_t to = 0; to < model::kMissionStates; ++to) {
      const Edge edge(static_cast<MissionState>(from), static_cast<MissionState>(to));
      const std::string name = concat(to_string(edge.first), " to ", to_string(edge.second));
      const bool legal = legal_edges().contains(edge);
      EXPECT_EQ(is_legal(edge.first, edge.second), legal) << name;
      const Result<void> checked = check_transition(edge.first, edge.second);
      EXPECT_EQ(checked.ok(), legal) << name;
      if (!checked) {
        EXPECT_EQ(checked.error().code, ErrorCode::IllegalTransition) << name;
        EXPECT_EQ(
            checked.error().message,
            concat(
                "a mission cannot go from ", to_string(edge.first), " to ", to_string(edge.second)
            )
        );
      }
    }
  }
}

TEST(MissionMachine, LeavesNoTerminalState) {
  for (const Edge& edge : legal_edges()) {
    EXPECT_FALSE(is_terminal(edge.first)) << to_string(edge.first);
  }
}

/// A mission of the small workflow and the next revision.
class Applied {
 public:
  Applied() {
    MissionCreated created;
    created.ns = Namespace("default");
    created.task_count = 2;
    then(created);
  }

  Applied& then(const MissionEvent& event) {
    apply(mission, event, Revision(next_), kAt + Duration(next_));
    ++next_;
    return *this;
  }

  Applied& to(MissionState state) {
    return then(MissionTransitioned{
        .from = mission.state,
        .to = state,
        .reason = model::Reason::Scheduler,
        .error_code = {},
        .message = {}});
  }

  model::TaskStatus& build() { return mission.tasks.at(0); }

  Mission mission;

 private:
  std::uint64_t next_ = 1;
};

const SlotKey kBuild{.task = 0, .leg = Leg::Forward};

TEST(Apply, CreationSetsTheFirstRevision) {
  Applied m;
  EXPECT_EQ(m.mission.created, Revision(1));
  EXPECT_EQ(m.mission.revision, Revision(1));
  EXPECT_EQ(m.mission.created_at, kAt + Duration(1));
  EXPECT_EQ(m.mission.tasks.size(), 2U);
  EXPECT_EQ(m.mission.state, MissionState::Prep);
}

TEST(Apply, FirstLaunchStartsAndTerminalStateEndsTheMission) {
  Applied m;
  m.to(MissionState::Queued).to(MissionState::Launching);
  EXPECT_EQ(m.mission.started_at, kAt + Duration(3));
  m.to(MissionState::Queued).to(MissionState::Launching);
  EXPECT_EQ(m.mission.started_at, kAt + Duration(3)) << "only the first one counts";
  m.to(MissionState::Failed);
  EXPECT_EQ(m.mission.ended_at, kAt + Duration(6));
  EXPECT_EQ(m.build().state, TaskState::Skipped);
}

TEST(Apply, LaunchGivesTheRunItsRevisionAsFence) {
  Applied m;
  m.to(MissionState::Queued)
      .then(RunCreated{.slot = kBuild, .attempt = 1, .not_before = kAt, .closing = true})
      .then(RunLaunching{.slot = kBuild});
  EXPECT_EQ(m.build().run.fence, Fence(4));
  EXPECT_EQ(m.build().run.state, RunState::Launching);
  EXPECT_EQ(m.build().state, TaskState::Launching);
  EXPECT_FALSE(m.build().run.not_before.has_value());
  EXPECT_TRUE(m.build().run.closing);
  EXPECT_EQ(m.build().attempts, 1U);
}

TEST(Apply, EndOfARunCountsRetriesAndLossesApart) {
  for (const Outcome outcome : {Outcome::Retry, Outcome::Again}) {
    Applied m;
    m.then(RunCreated{.slot = kBuild, .attempt = 1, .not_before = {}, .closing = false})
        .then(RunLaunching{.slot = kBuild});
    RunEnded ended;
    ended.slot = kBuild;
    ended.state = outcome == Outcome::Retry ? RunState::Failed : RunState::Lost;
    ended.outcome = outcome;
    ended.unknown = outcome == Outcome::Again;
    m.then(ended);
    EXPECT_EQ(m.build().run.failures, outcome == Outcome::Retry ? 1U : 0U);
    EXPECT_EQ(m.build().run.lost, outcome == Outcome::Again ? 1U : 0U);
    EXPECT_EQ(m.build().undoable, outcome == Outcome::Again);
    EXPECT_EQ(m.build().state, TaskState::Waiting);
  }
}

TEST(Apply, LaterOutputsReplaceEarlierOnes) {
  Applied m;
  m.then(RunCreated{.slot = kBuild, .attempt = 1, .not_before = {}, .closing = false})
      .then(RunLaunching{.slot = kBuild})
      .then(RunActive{.slot = kBuild});
  RunEnded ended;
  ended.slot = kBuild;
  ended.outputs = {{"a", "1"}, {"a", "2"}, {"b", "3"}};
  m.then(ended);
  const std::vector<model::NamedValue> expected = {{"a", "2"}, {"b", "3"}};
  EXPECT_EQ(m.build().outputs, expected);
}

TEST(Apply, EpochKeepsWhatIsCompleteUnlessItIsFull) {
  for (const bool full : {false, true}) {
    Applied m;
    RunEnded ended;
    ended.slot = kBuild;
    ended.exit_code = "0";
    m.then(ended).then(EpochStarted{.epoch = 2, .full = full});
    EXPECT_EQ(m.mission.epoch, 2U);
    EXPECT_EQ(m.build().kept, !full);
    EXPECT_EQ(m.build().exit_code, full ? "" : "0");
    EXPECT_EQ(m.build().state, TaskState::Waiting);
    EXPECT_EQ(m.build().run.attempt, 0U);
    EXPECT_EQ(m.mission.starts, 0U);
  }
}

TEST(Apply, ReachingAfterSomethingThatRanForgetsTheKeptResult) {
  for (const bool fresh : {false, true}) {
    Applied m;
    RunEnded ended;
    ended.slot = kBuild;
    m.then(ended).then(EpochStarted{.epoch = 2, .full = false});
    m.then(TaskReached{.task = 0, .fresh = fresh});
    EXPECT_EQ(m.build().kept, !fresh);
    EXPECT_TRUE(m.build().reached);
  }
}

TEST(Apply, HoldsAreKnownByKindAndSubject) {
  Applied m;
  model::Hold hold;
  hold.subject = "build";
  m.then(HoldRaised{.hold = hold});
  hold.subject = "test";
  m.then(HoldRaised{.hold = hold});
  m.then(HoldReleased{.kind = model::HoldKind::Drain, .subject = "build", .expired = false});
  EXPECT_EQ(m.mission.holds.size(), 2U);
  m.then(HoldReleased{.kind = model::HoldKind::Backoff, .subject = "build", .expired = false});
  ASSERT_EQ(m.mission.holds.size(), 1U);
  EXPECT_EQ(m.mission.holds[0].subject, "test");
}

TEST(Apply, RefusesAnIllegalMoveOfARun) {
  Applied m;
  m.then(RunCreated{.slot = kBuild, .attempt = 1, .not_before = {}, .closing = false});
  EXPECT_DEATH(m.then(RunActive{.slot = kBuild}), "is_legal");
}

// --- invariants ---------------------------------------------------------------------------------

/// What `broken_invariant` says after `damage` was done to a sound ACTIVE mission.
std::string broken_by(
    const std::function<void(Mission&)>& damage,
    const std::function<void(workflow::Workflow&)>& change = {}
) {
  workflow::Workflow workflow = small_workflow();
  if (change) {
    change(workflow);
  }
  Applied m;
  m.to(MissionState::Queued).to(MissionState::Launching).to(MissionState::Active);
  EXPECT_EQ(broken_invariant(m.mission, workflow).value_or(""), "");
  damage(m.mission);
  return broken_invariant(m.mission, workflow).value_or("");
}

TEST(Invariants, HoldOfASoundMission) {
  EXPECT_EQ(broken_by([](Mission&) {}), "");
}

TEST(Invariants, HeldMeansOpenHolds) {
  EXPECT_EQ(broken_by([](Mission& m) { m.holds.emplace_back(); }), "ACTIVE with 1 open holds");
  EXPECT_EQ(broken_by([](Mission& m) { m.state = MissionState::Held; }), "HELD with 0 open holds");
}

TEST(Invariants, TasksAreThoseOfTheWorkflow) {
  EXPECT_NE(broken_by([](Mission& m) { m.tasks.pop_back(); }), "");
}

TEST(Invariants, EndTimeMeansTheEnd) {
  EXPECT_NE(broken_by([](Mission& m) { m.ended_at = kAt; }), "");
  EXPECT_NE(broken_by([](Mission& m) { m.state = MissionState::Failed; }), "");
}

TEST(Invariants, ARunOnAHostHasAFence) {
  EXPECT_EQ(
      broken_by([](Mission& m) {
        m.tasks[0].run.attempt = 1;
        m.tasks[0].run.state = RunState::Active;
      }),
      "task build: a run on a host has no fence"
  );
  EXPECT_EQ(
      broken_by([](Mission& m) {
        m.tasks[1].undo.emplace();
        m.tasks[1].undo->fence = Fence(3);
        m.tasks[1].undo->state = RunState::Active;
      }),
      "task test: a run in progress has no number"
  );
}

TEST(Invariants, NothingGoesOnAfterTheEnd) {
  const auto end = [](Mission& m) {
    m.state = MissionState::Failed;
    m.ended_at = kAt;
    m.tasks[0].state = TaskState::Failed;
    m.tasks[1].state = TaskState::Complete;
  };
  EXPECT_EQ(broken_by(end), "");
  EXPECT_NE(
      broken_by([&](Mission& m) {
        end(m);
        m.tasks[0].run.attempt = 1;
      }),
      ""
  ) << "a run is still pending";
  EXPECT_NE(
      broken_by([&](Mission& m) {
        end(m);
        m.tasks[0].state = TaskState::Waiting;
      }),
      ""
  );
}

TEST(Invariants, CompleteMeansNoFailureThatCounts) {
  const auto complete = [](Mission& m) {
    m.state = MissionState::Complete;
    m.ended_at = kAt;
    m.tasks[0].state = TaskState::Failed;
    m.tasks[1].state = TaskState::Complete;
  };
  EXPECT_EQ(broken_by(complete), "COMPLETE although task build failed");
  EXPECT_EQ(
      broken_by(complete, [](workflow::Workflow& w) { w.tasks[0].allow_failure = true; }), ""
  );
}

TEST(Invariants, RetriesAreNotExceeded) {
  const auto fail_twice = [](Mission& m) {
    m.tasks[0].run.failures = 2;
  };
  EXPECT_EQ(broken_by(fail_twice), "task build was retried more often than allowed");
  EXPECT_EQ(broken_by(fail_twice, [](workflow::Workflow& w) { w.tasks[0].retry.retries = 2; }), "");
}

TEST(Invariants, AKeptResultBelongsToATaskThatDidNotRun) {
  EXPECT_NE(
      broken_by([](Mission& m) {
        m.tasks[0].kept = true;
        m.tasks[0].state = TaskState::Complete;
      }),
      ""
  );
}

}  // namespace
}  // namespace reeve::engine
