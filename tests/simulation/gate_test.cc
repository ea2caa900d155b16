// Gates: the same end wherever the controller is killed, each thing told once, nothing approved by
// time.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "installation.h"

namespace reeve::sim {
namespace {

using namespace std::chrono_literals;
using model::Decision;
using model::MissionState;

const std::string kReviewed = workflow_of(
    "reviewed",
    "  - name: build\n    script: \"exit 0; slow 2s\"\n    timeout: 10s\n"
    "  - name: review\n    needs: [build]\n"
    "    gate: {prompt: proceed, deadline: 24h, remindAfter: 2h, revises: build,\n"
    "      escalate: [{after: 4h, to: [primary]}, {after: 8h, to: [secondary]}]}\n"
    "  - name: deploy\n    needs: [review]\n    script: \"exit 0; slow 2s\"\n    timeout: 10s\n"
);

void decide(Installation& site, const std::string& who, Decision decision) {
  engine::DecideGate what;
  what.mission = MissionName("m");
  what.task = TaskName("review");
  what.decision = decision;
  what.message = "because";
  site.client().decide(Principal(who), std::move(what));
}

std::size_t count(Installation& site, std::string_view type) {
  store::EventQuery query;
  query.limit = 5000;
  const auto events = site.disk().events(query);
  return static_cast<std::size_t>(std::count_if(events->begin(), events->end(), [&](const auto& e) {
    return e.type == type;
  }));
}

TEST(Gates, ComeToTheSameEndWhereverTheControllerIsKilled) {
  std::uint64_t points = 0;
  bool killed = true;
  for (std::uint64_t boundary = 1; killed; ++boundary) {
    Installation site(1);
    site.controller().crash_at(boundary);
    site.submit(kReviewed, "m");
    site.advance(1h);
    decide(site, "user:ann", Decision::Revise);
    site.advance(1h);
    decide(site, "user:ann", Decision::Approve);
    site.advance(1h);
    site.expect_sound();
    EXPECT_EQ(site.state("m"), MissionState::Complete);
    EXPECT_EQ(site.executions("m", "build"), 2U);
    EXPECT_EQ(site.completions("m", "deploy"), 1U);
    EXPECT_EQ(count(site, "gate.opened"), 2U);
    EXPECT_EQ(count(site, "gate.voted"), 2U);
    EXPECT_EQ(count(site, "gate.decided"), 2U);
    ASSERT_FALSE(HasFailure()) << "killed at boundary " << boundary;
    killed = site.controller().crashes() > 0;
    points += killed ? 1 : 0;
  }
  EXPECT_GE(points, 20U);
}

/// CHK-H6d, with a crash at every boundary.
TEST(Gates, TellEverybodyOnceAndExpireWhereverTheControllerIsKilled) {
  bool killed = true;
  for (std::uint64_t boundary = 1; killed; ++boundary) {
    Installation site(1);
    site.controller().crash_at(boundary);
    site.submit(kReviewed, "m");
    site.advance(23h);
    EXPECT_EQ(site.state("m"), MissionState::Held);
    site.expect_sound();
    EXPECT_EQ(site.state("m"), MissionState::Aborted);
    EXPECT_EQ(site.mission("m").reason, model::Reason::ApprovalExpired);
    EXPECT_EQ(site.executions("m", "deploy"), 0U);
    EXPECT_EQ(count(site, "gate.reminded"), 1U);
    EXPECT_EQ(count(site, "gate.escalated"), 2U);
    ASSERT_FALSE(HasFailure()) << "killed at boundary " << boundary;
    killed = site.controller().crashes() > 0;
  }
}

TEST(Gates, AreNotPassedByTheirAuthor) {
  Installation site(1);
  site.submit(kReviewed, "m");
  site.advance(1h);
  for (const char* author : {"user:simulated", "run:m.1.build.1", "agent:coder"}) {
    decide(site, author, Decision::Approve);
  }
  site.advance(1h);
  EXPECT_EQ(site.state("m"), MissionState::Held);
  EXPECT_EQ(count(site, "gate.voted"), 0U);
  site.expect_sound();
}

}  // namespace
}  // namespace reeve::sim
