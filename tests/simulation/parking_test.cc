// Runs that end because people decide about their tool calls: the same end wherever the controller
// is killed, each call carried out once, nothing left waiting for what is decided.

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "installation.h"

namespace reeve::sim {
namespace {

using namespace std::chrono_literals;
using model::MissionState;

const std::string kAsking = workflow_of(
    "asking",
    "  - name: ask\n    script: \"asks 2; exit 0; slow 2s\"\n    timeout: 60s\n    retry: {max: "
    "1}\n"
    "  - name: deploy\n    needs: [ask]\n    script: \"exit 0; slow 2s\"\n    timeout: 10s\n"
);

/// People who do nothing unless a test says so.
class AskingInstallation : public Installation {
 public:
  AskingInstallation() { agents().wait_at_most(5s); }
};

std::size_t parkings(AskingInstallation& site) {
  return site.checkers().parkings().parkings();
}

TEST(Parking, ComesToTheSameEndWhereverTheControllerIsKilled) {
  std::uint64_t points = 0;
  bool killed = true;
  for (std::uint64_t boundary = 1; killed; ++boundary) {
    AskingInstallation site;
    site.controller().crash_at(boundary);
    site.submit(kAsking, "m");
    site.advance(30min);
    EXPECT_EQ(site.state("m"), MissionState::Held);
    site.agents().decide_all("approve");
    site.advance(30min);
    site.agents().decide_all("reject");
    site.advance(30min);
    site.expect_sound();
    EXPECT_EQ(site.state("m"), MissionState::Complete);
    EXPECT_EQ(site.completions("m", "ask"), 1U);
    EXPECT_EQ(site.completions("m", "deploy"), 1U);
    // What was begun when the controller died is not known to be done, and not done again.
    EXPECT_LE(site.agents().executions(), 1U);
    ASSERT_FALSE(HasFailure()) << "killed at boundary " << boundary;
    killed = site.controller().crashes() > 0;
    points += killed ? 1 : 0;
  }
  EXPECT_GE(points, 20U);
}

TEST(Parking, GoesOnWhenTheTimeToDecideIsOverWhereverTheControllerIsKilled) {
  bool killed = true;
  for (std::uint64_t boundary = 1; killed; boundary += 3) {
    AskingInstallation site;
    site.controller().crash_at(boundary);
    site.submit(kAsking, "m");
    site.advance(10s);
    site.expect_sound();
    EXPECT_EQ(site.state("m"), MissionState::Complete);
    EXPECT_EQ(site.agents().executions(), 0U);
    EXPECT_GE(parkings(site), 1U);
    ASSERT_FALSE(HasFailure()) << "killed at boundary " << boundary;
    killed = site.controller().crashes() > 0;
  }
}

TEST(Parking, TakesNoRetryHoweverOftenItHappens) {
  AskingInstallation site;
  site.submit(
      workflow_of(
          "w",
          "  - name: a\n    script: \"asks 5; exit 1\"\n    timeout: 60s\n    retry: {max: 1}\n"
      ),
      "m"
  );
  for (int i = 0; i < 5; ++i) {
    site.advance(30s);
    EXPECT_EQ(site.state("m"), MissionState::Held);
    site.agents().decide_all("approve");
  }
  site.expect_sound();
  EXPECT_EQ(site.state("m"), MissionState::Failed);
  EXPECT_EQ(parkings(site), 5U);
  EXPECT_EQ(site.agents().executions(), 5U);
  // Five runs that were parked, and two that failed.
  EXPECT_EQ(site.executions("m", "a"), 7U);
}

TEST(Parking, ADeletedCallIsAskedAnew) {
  AskingInstallation site;
  site.submit(kAsking, "m");
  site.advance(10s);
  ASSERT_EQ(site.state("m"), MissionState::Held);
  site.agents().decide_all("delete");
  site.advance(2min);
  EXPECT_GE(parkings(site), 2U);
  site.expect_sound();
  EXPECT_EQ(site.state("m"), MissionState::Complete);
}

TEST(Parking, AnAbortWaitsForNobody) {
  AskingInstallation site;
  site.submit(kAsking, "m");
  site.advance(10s);
  ASSERT_EQ(site.state("m"), MissionState::Held);
  site.client().abort(MissionName("m"));
  site.advance(10s);
  EXPECT_EQ(site.state("m"), MissionState::Aborted);
  site.agents().decide_all("approve");
  site.expect_sound();
  EXPECT_EQ(site.agents().executions(), 0U);
}

TEST(Parking, WhatUndoesAndWhatCleansUpLooksAgain) {
  AskingInstallation site;
  site.submit(
      workflow_of(
          "w",
          "  - name: a\n    script: \"exit 0\"\n    timeout: 10s\n"
          "    compensate: {script: \"asks 1; exit 0\", timeout: 30s}\n"
          "  - name: b\n    needs: [a]\n    script: \"exit 1\"\n    timeout: 10s\n"
          "    onFailed: FATAL\n"
          "  - name: tidy\n    alwaysRun: true\n    script: \"asks 1; exit 0\"\n    timeout: 30s\n"
      ),
      "m"
  );
  for (int i = 0; i < 10; ++i) {
    site.advance(30s);
    EXPECT_NE(site.state("m"), MissionState::Held);
    site.agents().decide_all("approve");
  }
  site.expect_sound();
  EXPECT_EQ(site.state("m"), MissionState::Failed);
  EXPECT_EQ(site.completions("m", "tidy"), 1U);
  EXPECT_EQ(site.completions("m", "a~compensate"), 1U);
  EXPECT_EQ(site.agents().executions(), 2U);
  EXPECT_GE(parkings(site), 2U);
}

/// The workload of the seeds reaches it.
TEST(Parking, IsPartOfTheWorkload) {
  std::uint64_t parkings = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    parkings += simulate(seed).parkings;
  }
  EXPECT_GT(parkings, 20U);
}

}  // namespace
}  // namespace reeve::sim
