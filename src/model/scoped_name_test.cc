#include "model/scoped_name.h"

#include <gtest/gtest.h>

namespace reeve::model {
namespace {

const Namespace kDefault("default");
const Namespace kTeam("team-a");

TEST(ScopedName, LeavesNamesOfTheDefaultNamespaceAsTheyAre) {
  EXPECT_EQ(qualify(kDefault, "build").view(), "build");
  EXPECT_EQ(split("build"), (ScopedName{.ns = kDefault, .name = "build"}));
  EXPECT_EQ(plain(std::string_view("build.2")), "build.2");
  EXPECT_EQ(namespace_of("build-12"), kDefault);
}

TEST(ScopedName, PutsTheNamespaceBeforeNamesOfOthers) {
  EXPECT_EQ(qualify(kTeam, "build").view(), "team-a~build");
  EXPECT_EQ(split("team-a~build"), (ScopedName{.ns = kTeam, .name = "build"}));
  EXPECT_EQ(plain(MissionName("team-a~build")), "build");
}

TEST(ScopedName, NamesNothingOfAnotherNamespaceWhateverIsGiven) {
  for (const char* name : {"team-a~build", "~build", "a~b~c", "default~x", "team-a~"}) {
    for (const Namespace& ns : {kDefault, kTeam}) {
      const MissionName whole = qualify(ns, name);
      EXPECT_EQ(namespace_of(whole.view()), ns) << name;
      EXPECT_EQ(plain(whole), name);
    }
  }
  EXPECT_NE(qualify(kDefault, "team-a~build"), qualify(kTeam, "build"));
  EXPECT_TRUE(qualify(kTeam, "").empty());
}

TEST(ScopedName, TakesRunsApartLikeTheirMissions) {
  EXPECT_EQ(namespace_of("m.1.deploy~compensate.1"), kDefault);
  EXPECT_EQ(plain(std::string_view("m.1.deploy~compensate.1")), "m.1.deploy~compensate.1");
  EXPECT_EQ(namespace_of("team-a~m.1.deploy~compensate.1"), kTeam);
  EXPECT_EQ(plain(std::string_view("team-a~m.1.t.1")), "m.1.t.1");
}

TEST(ScopedName, TakesDnsLabelsAsNamespaces) {
  for (const std::string& good : {std::string("a"), std::string("team-1"), std::string(63, 'x')}) {
    EXPECT_TRUE(check_namespace(good).ok()) << good;
  }
  for (const std::string& bad :
       {std::string(),
        std::string("Team"),
        std::string("a.b"),
        std::string("-a"),
        std::string("a-"),
        std::string("a~b"),
        std::string(64, 'x')}) {
    const Result<void> checked = check_namespace(bad);
    ASSERT_FALSE(checked.ok()) << bad;
    EXPECT_EQ(checked.error().code, ErrorCode::Invalid);
    EXPECT_EQ(checked.error().subject, "namespace");
  }
}

TEST(ScopedName, LeavesRoomForTheNamespaceInNamesOfMissions) {
  EXPECT_TRUE(check_mission_name(kDefault, std::string(100, 'x')).ok());
  EXPECT_TRUE(check_mission_name(kTeam, std::string(93, 'x')).ok());
  EXPECT_FALSE(check_mission_name(kTeam, std::string(94, 'x')).ok());
  EXPECT_FALSE(check_mission_name(kTeam, "a~b").ok());
  EXPECT_FALSE(check_mission_name(Namespace("No"), "a").ok());
  EXPECT_EQ(name_room(Namespace(std::string(63, 'x'))), 36U);
}

}  // namespace
}  // namespace reeve::model
