#include "model/mission.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::model {
namespace {

/// Every value of an enumeration from 0 to `last` has a name of its own that reads back as it.
template <class Enum>
void expect_names(Enum last, Result<Enum> (*parse)(std::string_view)) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    const auto value = static_cast<Enum>(i);
    const std::string name(to_string(value));
    EXPECT_TRUE(names.insert(name).second) << name;
    const Result<Enum> back = parse(name);
    ASSERT_TRUE(back.ok()) << name;
    EXPECT_EQ(*back, value) << name;
  }
  for (const std::string& other : {std::string(), std::string("mood"), *names.begin() + " "}) {
    const Result<Enum> refused = parse(other);
    ASSERT_FALSE(refused.ok()) << other;
    EXPECT_EQ(refused.error().code, ErrorCode::Invalid) << other;
  }
}

TEST(MissionNames, OfEnumerationsReadBack) {
  expect_names(MissionState::Aborted, parse_mission_state);
  expect_names(Reason::ApprovalRequired, parse_reason);
  expect_names(Decision::Revise, parse_decision);
  expect_names(ApprovalState::Withdrawn, parse_approval_state);
  expect_names(TaskState::Skipped, parse_task_state);
  expect_names(HoldKind::CompensationFailed, parse_hold_kind);
  expect_names(OnDeadline::Abort, parse_on_deadline);
}

TEST(MissionNames, AreThoseOfTheVocabulary) {
  std::string states;
  for (std::size_t i = 0; i < kMissionStates; ++i) {
    states += concat(to_string(static_cast<MissionState>(i)), " ");
  }
  EXPECT_EQ(states, "PREP QUEUED HELD LAUNCHING ACTIVE COMPENSATING COMPLETE FAILED ABORTED ");
  EXPECT_EQ(to_string(Reason::WorkerLost), "worker_lost");
  EXPECT_EQ(to_string(HoldKind::CompensationFailed), "compensation_failed");
  EXPECT_EQ(to_string(ApprovalState::Granted), "granted");
  EXPECT_FALSE(parse_mission_state("active").ok()) << "case matters";
}

TEST(MissionStates, HaveThreeEnds) {
  int ends = 0;
  for (std::size_t i = 0; i < kMissionStates; ++i) {
    ends += is_terminal(static_cast<MissionState>(i)) ? 1 : 0;
  }
  EXPECT_EQ(ends, 3);
  EXPECT_TRUE(is_terminal(MissionState::Complete));
  EXPECT_TRUE(is_terminal(MissionState::Failed));
  EXPECT_TRUE(is_terminal(MissionState::Aborted));
}

TEST(TaskStates, HaveFourEnds) {
  for (int i = 0; i <= static_cast<int>(TaskState::Skipped); ++i) {
    const auto state = static_cast<TaskState>(i);
    EXPECT_EQ(is_ended(state), state >= TaskState::Complete) << to_string(state);
  }
}

TEST(CheckName, TakesWhatIsADirectoryName) {
  for (const std::string& name :
       {std::string("a"),
        std::string("my-mission"),
        std::string("build.2"),
        std::string("9_lives"),
        std::string("A-b.C_d"),
        std::string(100, 'x')}) {
    EXPECT_TRUE(check_name(name, "mission name").ok()) << name;
  }
}

TEST(CheckName, RefusesEverythingElse) {
  for (const std::string& name :
       {std::string(),
        std::string("."),
        std::string(".."),
        std::string(".hidden"),
        std::string("-flag"),
        std::string("_x"),
        std::string("a/b"),
        std::string("a b"),
        std::string("a\n"),
        std::string("a~compensate"),
        std::string("\xC3\xA4"),
        std::string("a\0b", 3),
        std::string(101, 'x')}) {
    const Result<void> checked = check_name(name, "mission name");
    ASSERT_FALSE(checked.ok()) << name;
    EXPECT_EQ(checked.error().code, ErrorCode::Invalid) << name;
    EXPECT_NE(checked.error().describe().find("mission name"), std::string::npos) << name;
  }
}

TEST(Defaults, OfANewMissionAreUnremarkable) {
  const Mission mission;
  EXPECT_EQ(mission.state, MissionState::Prep);
  EXPECT_EQ(mission.epoch, 1U);
  const RunSlot slot;
  EXPECT_EQ(slot.attempt, 0U) << "there was no run yet";
  EXPECT_EQ(slot.fence, Fence());
}

}  // namespace
}  // namespace reeve::model
