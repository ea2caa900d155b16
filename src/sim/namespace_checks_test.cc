#include "sim/namespace_checks.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/simulation.h"

namespace reeve::sim {
namespace {

model::Mission mission() {
  model::Mission m;
  m.name = MissionName("team~m");
  m.ns = Namespace("team");
  m.tasks.resize(1);
  return m;
}

model::LaunchRun launch() {
  model::LaunchRun effect;
  effect.mission = MissionName("team~m");
  effect.run = RunName("team~m.1.t.1");
  effect.spec.steps.push_back({.script = "x"});
  effect.spec.environment = {{"REEVE_NAMESPACE", "team"}};
  return effect;
}

TEST(NamespaceChecks, AcceptWhatStaysWithinANamespace) {
  model::Mission m = mission();
  m.after = {MissionName("team~before")};
  m.tasks[0].submitted = {MissionName()};
  EXPECT_FALSE(crossing_of(m).has_value());
  EXPECT_FALSE(crossing_of(model::Effect(launch())).has_value());
}

TEST(NamespaceChecks, SeeEveryNameOfAnotherNamespace) {
  const MissionName other("other");
  const std::vector<std::function<void(model::Mission&)>> changes = {
      [&](model::Mission& m) { m.name = other; },
      [&](model::Mission& m) {
        m.after = {MissionName("team~a"), other};
      },
      [&](model::Mission& m) { m.continues = other; },
      [&](model::Mission& m) { m.parent = model::Parent{.mission = other, .task = TaskName("t")}; },
      [&](model::Mission& m) { m.tasks[0].submitted = {other}; },
      [&](model::Mission& m) {
        m.tasks[0].children = model::Children{};
        m.tasks[0].children->missions.resize(1);
        m.tasks[0].children->missions[0].name = other;
      }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    model::Mission m = mission();
    changes[i](m);
    EXPECT_TRUE(crossing_of(m).has_value()) << i;
  }
}

TEST(NamespaceChecks, SeeRequestsThatCross) {
  model::LaunchRun run = launch();
  run.run = RunName("m.1.t.1");
  EXPECT_TRUE(crossing_of(model::Effect(run)).has_value());
  model::LaunchRun told = launch();
  told.spec.environment = {{"REEVE_NAMESPACE", "default"}};
  EXPECT_TRUE(crossing_of(model::Effect(told)).has_value());
  model::LaunchRun trusted = launch();
  trusted.spec.credentials.resize(1);
  EXPECT_TRUE(crossing_of(model::Effect(trusted)).has_value()) << "of default";
  trusted.spec.ns = Namespace("team");
  EXPECT_FALSE(crossing_of(model::Effect(trusted)).has_value());
}

/// The workload has what the checks are about.
TEST(NamespaceChecks, SomeSeedsHaveTwoNamespaces) {
  std::uint64_t foreign = 0;
  for (std::uint64_t seed = 1; seed <= 12 && foreign == 0; ++seed) {
    const Outcome outcome = simulate(seed);
    EXPECT_FALSE(outcome.violation.has_value()) << *outcome.violation;
    foreign += outcome.foreign;
  }
  EXPECT_GT(foreign, 0U);
}

}  // namespace
}  // namespace reeve::sim
