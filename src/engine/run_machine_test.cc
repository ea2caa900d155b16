#include "engine/run_machine.h"

#include <set>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::engine {
namespace {

using model::RunState;

constexpr int kStates = 7;

using Edge = std::pair<RunState, RunState>;

const std::set<Edge>& legal_edges() {
  static const std::set<Edge> edges = {
      {RunState::Pending, RunState::Launching},
      {RunState::Pending, RunState::Complete},
      {RunState::Pending, RunState::Failed},
      {RunState::Pending, RunState::Aborted},
      {RunState::Launching, RunState::Active},
      {RunState::Launching, RunState::Failed},
      {RunState::Launching, RunState::Aborted},
      {RunState::Launching, RunState::Lost},
      {RunState::Active, RunState::Complete},
      {RunState::Active, RunState::Failed},
      {RunState::Active, RunState::Aborted},
      {RunState::Active, RunState::Lost}};
  return edges;
}

TEST(RunMachine, AllowsExactlyTheEdgesOfItsPicture) {
  for (int from = 0; from < kStates; ++from) {
    for (int to = 0; to < kStates; ++to) {
      const Edge edge(static_cast<RunState>(from), static_cast<RunState>(to));
      const std::string name = concat(to_string(edge.first), " to ", to_string(edge.second));
      const bool legal = legal_edges().contains(edge);
      EXPECT_EQ(is_legal(edge.first, edge.second), legal) << name;
      const Result<void> checked = check_transition(edge.first, edge.second);
      EXPECT_EQ(checked.ok(), legal) << name;
      if (!checked) {
        EXPECT_EQ(checked.error().code, ErrorCode::IllegalTransition) << name;
        EXPECT_NE(checked.error().message.find(to_string(edge.first)), std::string::npos);
        EXPECT_NE(checked.error().message.find(to_string(edge.second)), std::string::npos);
      }
    }
  }
}

}  // namespace
}  // namespace reeve::engine
