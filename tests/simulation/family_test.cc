// Missions that make missions, wait for places and grow, killed at every boundary.
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "installation.h"

namespace reeve::sim {
namespace {

using model::MissionState;

constexpr std::uint64_t kBoundariesMax = 400;

/// Plays a story once for each boundary, killed there, until it is over before it comes to one.
void killed_everywhere(
    const std::function<void(Installation&)>& tell, const std::function<void(Installation&)>& expect
) {
  bool killed = true;
  for (std::uint64_t boundary = 1; killed && boundary < kBoundariesMax; ++boundary) {
    Installation site;
    site.controller().crash_at(boundary);
    tell(site);
    site.run_until_idle();
    killed = site.controller().crashes() > 0;
    site.expect_sound();
    expect(site);
    ASSERT_FALSE(testing::Test::HasFailure()) << "killed at boundary " << boundary;
  }
  EXPECT_FALSE(killed);
}

TEST(Killed, AFanOutCarriesOutEachItemOnce) {
  const std::string source = workflow_of(
      "fan",
      "  - name: work\n    script: \"exit 0; slow 2s\"\n    timeout: 1m\n"
      "    fanOut: {over: 1..5, parallel: 2}\n"
  );
  killed_everywhere(
      [&](Installation& site) { site.submit(source, "fan"); },
      [](Installation& site) {
        EXPECT_EQ(site.state("fan"), MissionState::Complete);
        for (const model::ChildMission& child : site.task("fan", 0).children->missions) {
          EXPECT_EQ(site.completions(child.name.str(), "work"), 1U);
        }
      }
  );
}

TEST(Killed, AnExtensionIsThereOnceAndWhole) {
  const std::string source = workflow_of(
      "grow",
      "  - name: init\n    script: \"exit 0; extend good\"\n    timeout: 1m\n"
      "    permissions: [mission.extend]\n"
  );
  killed_everywhere(
      [&](Installation& site) { site.submit(source, "grow"); },
      [](Installation& site) {
        EXPECT_EQ(site.state("grow"), MissionState::Complete);
        ASSERT_EQ(site.mission("grow").tasks.size(), 3U);
        EXPECT_EQ(site.completions("grow", "x1"), 1U);
        EXPECT_EQ(site.completions("grow", "x2"), 1U);
      }
  );
}

TEST(Killed, AQueueOfMissionsIsServedOneByOne) {
  std::string source =
      workflow_of("queue", "  - name: work\n    script: \"exit 0; slow 2s\"\n    timeout: 1m\n");
  source.insert(source.find("  tasks:"), "  maxConcurrency: 1\n");
  killed_everywhere(
      [&](Installation& site) {
        for (int i = 0; i < 5; ++i) {
          site.submit(source, concat("m", i));
        }
      },
      [](Installation& site) {
        for (int i = 0; i < 5; ++i) {
          EXPECT_EQ(site.completions(concat("m", i), "work"), 1U);
        }
      }
  );
}

TEST(Killed, AMissionThatATemplateAsksForIsMadeOnce) {
  const std::string asked =
      workflow_of("asked", "  - name: work\n    script: \"exit 0\"\n    timeout: 1m\n");
  const std::string source = workflow_of(
      "asking",
      "  - name: ask\n    script: \"exit 0\"\n    timeout: 1m\n"
      "    environment: {JOB: '{{SubmitJob \"asked\" \"please\"}}'}\n"
  );
  killed_everywhere(
      [&](Installation& site) {
        site.deploy(asked);
        site.advance(Duration(60'000));
        site.submit(source, "asking");
      },
      [](Installation& site) {
        EXPECT_EQ(site.state("asking"), MissionState::Complete);
        EXPECT_EQ(site.checkers().missions().size(), 2U);
      }
  );
}

TEST(Killed, AMissionAfterAnotherStartsWhenThatIsComplete) {
  const std::string source =
      workflow_of("step", "  - name: work\n    script: \"exit 0; slow 2s\"\n    timeout: 1m\n");
  killed_everywhere(
      [&](Installation& site) {
        engine::SubmitMission first;
        first.name = MissionName("first");
        first.workflow = *site.shelf().load(source);
        engine::SubmitMission second = first;
        second.name = MissionName("second");
        second.after = {MissionName("first")};
        site.client().submit(first, [&site, second](const Result<engine::Reply>& reply) {
          EXPECT_TRUE(reply.ok());
          site.client().submit(second);
        });
      },
      [](Installation& site) {
        EXPECT_EQ(site.completions("first", "work"), 1U);
        EXPECT_EQ(site.completions("second", "work"), 1U);
        EXPECT_GE(site.mission("second").started_at, site.mission("first").ended_at);
      }
  );
}

TEST(Dependencies, AMissionAfterOneThatFailsIsAborted) {
  Installation site;
  engine::SubmitMission first;
  first.name = MissionName("first");
  first.workflow = *site.shelf().load(
      workflow_of("bad", "  - name: work\n    script: \"exit 1; slow 2s\"\n    timeout: 1m\n")
  );
  engine::SubmitMission second = first;
  second.name = MissionName("second");
  second.after = {MissionName("first")};
  site.client().submit(first, [&](const Result<engine::Reply>&) { site.client().submit(second); });
  site.run_until_idle();
  site.expect_sound();
  EXPECT_EQ(site.state("first"), MissionState::Failed);
  EXPECT_EQ(site.state("second"), MissionState::Aborted);
  EXPECT_NE(site.mission("second").message.find("mission first"), std::string::npos);
  EXPECT_EQ(site.executions("second", "work"), 0U);
}

/// What a seed never contains it cannot check.
TEST(Workload, SeedsContainEveryKindOfFamily) {
  std::uint64_t children = 0;
  std::uint64_t waits = 0;
  std::uint64_t extensions = 0;
  std::uint64_t successors = 0;
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    simulate(seed, [&](Simulation& sim) {
      const FamilyChecks& families = sim.checkers().families();
      children += families.children();
      waits += families.waits();
      extensions += families.extensions();
      successors += families.successors();
    });
  }
  EXPECT_GT(children, 0U);
  EXPECT_GT(waits, 0U);
  EXPECT_GT(extensions, 0U);
  EXPECT_GT(successors, 0U);
}

TEST(UserKeys, AMissionCannotWaitForItself) {
  Installation site;
  const std::string source =
      workflow_of("loop", "  - name: ask\n    mission: {workflow: loop, userKey: same}\n");
  site.deploy(source);
  site.advance(Duration(1000));
  engine::SubmitMission command;
  command.name = MissionName("first");
  command.workflow = *site.shelf().load(source);
  command.user_key = "same";
  site.client().submit(command);
  site.expect_sound();
  EXPECT_EQ(site.state("first"), MissionState::Failed);
  EXPECT_NE(site.mission("first").message.find("cannot wait for itself"), std::string::npos);
}

}  // namespace
}  // namespace reeve::sim
