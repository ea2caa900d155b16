#include <gtest/gtest.h>

#include "walk.h"

namespace reeve::engine {
namespace {

using namespace std::chrono_literals;

TEST(Abort, OfAQueuedMissionEndsItAtOnce) {
  Walk w(Limits{.run_slots = 1});
  w.submit({"{name: a, script: x}"}, "", "other");
  w.submit({"{name: a, script: x}"});
  ASSERT_EQ(w.state(), "QUEUED");
  w.abort();
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
  EXPECT_EQ(w.moves(), "QUEUED/user_request ABORTED/user_request");
  EXPECT_EQ(w.mission().message, "enough");
  w.finished("a", 0, {}, "other");
  EXPECT_EQ(w.launches(), "other.1.a.1") << "its place in the queue is given up";
}

TEST(Abort, OfALaunchingMissionWaitsForTheHost) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  ASSERT_EQ(w.state(), "LAUNCHING");
  w.abort();
  EXPECT_EQ(w.state(), "LAUNCHING");
  EXPECT_EQ(w.cancels(), "m.1.a.1");
  w.lost("a");
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
  EXPECT_EQ(w.moves(), "QUEUED/user_request LAUNCHING/scheduler ABORTED/user_request");
}

TEST(Abort, OfALaunchingMissionEndsWithTheLaunchTimeoutAtTheLatest) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.abort();
  w.advance(30s);
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
}

TEST(Abort, OfAnActiveMissionCancelsEveryRun) {
  Walk w;
  w.submit({"{name: a, script: x}", "{name: b, script: x}", "{name: c, needs: [a], script: x}"});
  w.started("a");
  w.started("b");
  w.abort();
  EXPECT_EQ(w.cancels(), "m.1.a.1 m.1.b.1");
  w.ended("a", model::RunEnd::Cancelled);
  EXPECT_EQ(w.state(), "ACTIVE");
  w.ended("b", model::RunEnd::Cancelled);
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
  EXPECT_EQ(w.tasks(), "a=ABORTED b=ABORTED c=SKIPPED");
}

TEST(Abort, KeepsTheResultOfATaskThatWasFaster) {
  Walk w;
  w.submit({"{name: a, script: x, onCompleted: b}", "{name: b, script: x}"});
  w.started("a");
  w.abort();
  w.finished("a");
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
  EXPECT_EQ(w.tasks(), "a=COMPLETE b=SKIPPED");
}

TEST(Abort, DoesNotRetryWhatItCancels) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 3}}"}, "retry: {max: 3}");
  w.started("a");
  w.abort();
  w.finished("a", 143);
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
  EXPECT_EQ(w.launches(), "m.1.a.1");
}

TEST(Abort, DropsARetryThatWaits) {
  Walk w;
  w.submit({"{name: a, script: x, retry: {max: 3, delay: 1h}}"});
  w.finished("a", 1);
  w.abort();
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
  EXPECT_EQ(w.timers(), 0U);
}

TEST(Abort, OfAHeldMissionEndsIt) {
  Walk w;
  w.submit({"{name: a, script: x, onExitCode: {'4': PAUSE_JOB}}"});
  w.finished("a", 4);
  ASSERT_EQ(w.state(), "HELD");
  w.abort();
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
  EXPECT_TRUE(w.mission().holds.empty());
  EXPECT_EQ(w.timers(), 0U);
}

TEST(Abort, OfAHeldMissionCancelsWhatStillRuns) {
  Walk w;
  w.submit({"{name: a, script: x, onExitCode: {'4': PAUSE_JOB}}", "{name: b, script: x}"});
  w.started("b");
  w.finished("a", 4);
  w.abort();
  EXPECT_EQ(w.cancels(), "m.1.b.1");
  w.ended("b", model::RunEnd::Cancelled);
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
}

TEST(Abort, OfACompensatingMissionLetsItFinishUndoing) {
  Walk w;
  w.submit(
      {"{name: a, script: x, compensate: {script: undo}}",
       "{name: b, needs: [a], script: x, compensate: {script: undo}}",
       "{name: c, needs: [b], script: x}"}
  );
  w.finished("a");
  w.finished("b");
  w.finished("c", 1);
  ASSERT_EQ(w.state(), "COMPENSATING");
  w.abort();
  EXPECT_EQ(w.cancels(), "");
  w.finished("b~compensate");
  w.finished("a~compensate");
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
}

TEST(Abort, OfAnActiveMissionUndoesWhatWasDone) {
  Walk w;
  w.submit({"{name: a, script: x, compensate: {script: undo}}", "{name: b, needs: [a], script: x}"}
  );
  w.finished("a");
  w.started("b");
  w.abort();
  w.ended("b", model::RunEnd::Cancelled);
  EXPECT_EQ(w.state(), "COMPENSATING");
  w.finished("a~compensate");
  EXPECT_EQ(w.verdict(), "ABORTED ERR_JOB_CANCELLED");
}

TEST(Abort, TakesNoReasonWithoutEnd) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  for (const std::string& reason : {std::string(2000, 'x'), std::string("\xff")}) {
    const Result<Reply> reply =
        w.command(AbortMission{.mission = MissionName("m"), .message = reason});
    ASSERT_FALSE(reply.ok());
    EXPECT_EQ(reply.error().subject, "message");
  }
  EXPECT_EQ(w.state(), "LAUNCHING");
}

TEST(Abort, TwiceIsOnce) {
  Walk w;
  w.submit({"{name: a, script: x}"});
  w.started("a");
  w.abort();
  const std::size_t before = w.events().size();
  w.abort();
  EXPECT_EQ(w.events().size(), before);
  EXPECT_EQ(w.cancels(), "m.1.a.1");
}

}  // namespace
}  // namespace reeve::engine
