#include "sim/behaviour.h"

#include <gtest/gtest.h>

namespace reeve::sim {
namespace {

TEST(Behaviour, CountsExecutionsAndRepeatsTheLastItem) {
  const auto parsed = Behaviour::parse("exit 1,hang,0; slow 40s; out");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->at(1).code, 1);
  EXPECT_EQ(parsed->at(2).ending, Ending::Hang);
  EXPECT_EQ(parsed->at(3).code, 0);
  EXPECT_EQ(parsed->at(9).code, 0);
  EXPECT_EQ(parsed->time, Duration(40'000));
  EXPECT_TRUE(parsed->publishes);
}

TEST(Behaviour, KnowsTheWordsOfEveryEnding) {
  EXPECT_EQ(Behaviour::parse("hang")->at(1).ending, Ending::Hang);
  EXPECT_EQ(Behaviour::parse("done-hang")->at(1).ending, Ending::DoneThenHang);
  EXPECT_EQ(Behaviour::parse("kill-supervisor")->at(1).ending, Ending::KillSupervisor);
  EXPECT_EQ(Behaviour::parse("nolaunch")->at(1).ending, Ending::LaunchFailed);
  EXPECT_EQ(Behaviour::parse("oom")->at(1).ending, Ending::OutOfMemory);
  EXPECT_EQ(Behaviour::parse("signal 9")->at(1).ending, Ending::Signal);
  EXPECT_EQ(Behaviour::parse("exit sig11")->at(1).code, 11);
}

TEST(Behaviour, AsksBeforeItWorks) {
  const auto parsed = Behaviour::parse("asks 2; exit 1,0; slow 3s");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->asks, 2U);
  EXPECT_EQ(parsed->at(1).code, 1);
  EXPECT_EQ(Behaviour::parse("exit 0")->asks, 0U);
}

TEST(Behaviour, OfAnEmptyScriptSucceeds) {
  EXPECT_EQ(Behaviour::parse("")->at(1).ending, Ending::Exit);
  EXPECT_EQ(Behaviour::parse("")->at(1).code, 0);
}

TEST(Behaviour, RefusesWhatItDoesNotKnow) {
  for (const char* script :
       {"explode", "exit", "exit 1x", "slow", "slow soon", "signal nine", "asks", "asks -1"}) {
    EXPECT_FALSE(Behaviour::parse(script).ok()) << script;
  }
}

}  // namespace
}  // namespace reeve::sim
