#include "executor/agent/phase.h"

#include <array>

#include <gtest/gtest.h>

namespace reeve::executor::agent {
namespace {

TEST(AgentPhase, HasTheseStepsAndNoOthers) {
  constexpr std::array<Phase, 4> kAll = {
      Phase::Idle, Phase::Processing, Phase::ToolExecuting, Phase::Responding};
  // Rows: from; columns: to.
  constexpr std::array<std::array<bool, 4>, 4> kSteps = {
      {{false, true, true, false},
       {true, false, true, true},
       {true, true, false, false},
       {true, false, false, false}}};
  for (std::size_t from = 0; from < kAll.size(); ++from) {
    for (std::size_t to = 0; to < kAll.size(); ++to) {
      EXPECT_EQ(may_move(kAll.at(from), kAll.at(to)), kSteps.at(from).at(to)) << from << to;
    }
  }
}

TEST(AgentPhase, WhatIsNoStepChangesNothing) {
  PhaseMachine machine;
  EXPECT_FALSE(machine.move(Phase::Responding));
  EXPECT_EQ(machine.phase(), Phase::Idle);
  EXPECT_TRUE(machine.move(Phase::Processing));
  EXPECT_TRUE(machine.move(Phase::Responding));
  EXPECT_FALSE(machine.move(Phase::ToolExecuting));
}

}  // namespace
}  // namespace reeve::executor::agent
