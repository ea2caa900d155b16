#include "sim/family_checks.h"

#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/mission_machine.h"
#include "workflow/load/load.h"

namespace reeve::sim {
namespace {

using model::MissionState;
using model::Reason;

/// Tells the checks a history that no engine would write.
class Families : public testing::Test {
 protected:
  /// A workflow from the lines that follow `spec:`.
  static std::shared_ptr<const workflow::Workflow> workflow(
      const std::string& name, const std::string& spec
  ) {
    const auto loaded = workflow::load_source(concat(
        "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: ", name, "}\nspec:\n", spec
    ));
    EXPECT_TRUE(loaded.ok()) << loaded.error().describe();
    return *loaded;
  }

  /// One event; what is wrong with it, or "".
  std::string tell(const std::string& name, const engine::MissionEvent& event) {
    Member& member = members_.at(name);
    if (const auto before = checks_.before(*member.mission, *member.workflow, event)) {
      return *before;
    }
    revision_ = revision_.next();
    engine::apply(*member.mission, event, revision_, Timestamp(Duration(1000)));
    return checks_.after(*member.mission, *member.workflow, event).value_or("");
  }

  /// A mission that has just been made.
  std::string make(
      const std::string& name,
      std::shared_ptr<const workflow::Workflow> workflow,
      engine::MissionCreated event = {}
  ) {
    event.ns = ns_;
    event.workflow_name = workflow->name;
    event.workflow = workflow->digest;
    event.task_count = static_cast<std::uint32_t>(workflow->tasks.size());
    Member member{.mission = std::make_unique<model::Mission>(), .workflow = std::move(workflow)};
    member.mission->name = MissionName(name);
    members_[name] = std::move(member);
    return tell(name, event);
  }

  std::string move(const std::string& name, MissionState to, Reason reason = Reason::UserRequest) {
    return tell(
        name,
        engine::MissionTransitioned{
            .from = members_.at(name).mission->state,
            .to = to,
            .reason = reason,
            .error_code = {},
            .message = {}}
    );
  }

  std::string admit(const std::string& name) {
    const std::string moved = move(name, MissionState::Queued);
    return moved.empty() ? tell(name, engine::MissionAdmitted{}) : moved;
  }

  /// A run inside the engine that has planned `items` missions.
  std::string plan(const std::string& name, std::size_t items) {
    const std::string problems[] = {
        make(name, fan_out_),
        admit(name),
        tell(
            name, engine::RunCreated{.slot = {}, .attempt = 1, .not_before = {}, .closing = false}
        ),
        tell(name, engine::RunLaunching{.slot = {}, .inside = true}),
        tell(name, engine::RunActive{.slot = {}}),
        tell(
            name,
            engine::ChildrenPlanned{
                .task = 0, .fans_out = true, .items = std::vector<std::string>(items, "1")}
        )};
    for (const std::string& problem : problems) {
      if (!problem.empty()) {
        return problem;
      }
    }
    return "";
  }

  std::string start_child(
      const std::string& parent, std::uint32_t item, const std::string& child, bool make_it = true
  ) {
    if (make_it) {
      engine::MissionCreated created;
      created.parent =
          model::Parent{.mission = MissionName(parent), .task = TaskName("work"), .item = item};
      EXPECT_EQ(make(child, plain_, created), "");
    }
    return tell(
        parent,
        engine::ChildStarted{.task = 0, .item = item, .mission = MissionName(child), .own = true}
    );
  }

  std::string end_child(const std::string& parent, std::uint32_t item, MissionState state) {
    engine::ChildEnded event;
    event.task = 0;
    event.item = item;
    event.state = state;
    return tell(parent, event);
  }

  void declare_pool(const std::string& name, int units) {
    journal::Event event;
    event.object = {.kind = journal::Kind::Pool, .ns = Namespace("default"), .name = name};
    event.type = "pool.set";
    event.data = concat("{\"units\":", units, "}");
    checks_.see_pool(event);
  }

  static bool says(const std::string& problem, std::string_view part) {
    return problem.find(part) != std::string::npos;
  }

  const std::shared_ptr<const workflow::Workflow> plain_ =
      workflow("plain", "  tasks:\n    - {name: work, script: 'true', timeout: 1m}\n");
  const std::shared_ptr<const workflow::Workflow> fan_out_ = workflow(
      "fan",
      "  tasks:\n    - {name: work, script: 'true', timeout: 1m, fanOut: {over: 1..3, parallel: 2, "
      "policy: failFast}}\n"
  );
  FamilyChecks checks_;
  Namespace ns_{"default"};

  struct Member {
    std::unique_ptr<model::Mission> mission;
    std::shared_ptr<const workflow::Workflow> workflow;
  };

  std::map<std::string, Member> members_;
  Revision revision_;
};

TEST_F(Families, WhatTheEngineDoesIsFine) {
  EXPECT_EQ(plan("m", 3), "");
  EXPECT_EQ(start_child("m", 0, "a"), "");
  EXPECT_EQ(start_child("m", 1, "b"), "");
  EXPECT_EQ(move("a", MissionState::Aborted), "");
  EXPECT_EQ(end_child("m", 0, MissionState::Aborted), "");
  EXPECT_EQ(checks_.children(), 2U);
}

TEST_F(Families, TooManyMissionsOfAWorkflow) {
  const auto one_place = workflow(
      "one", "  maxConcurrency: 1\n  tasks:\n    - {name: work, script: 'true', timeout: 1m}\n"
  );
  EXPECT_EQ(make("first", one_place), "");
  EXPECT_EQ(admit("first"), "");
  EXPECT_EQ(make("second", one_place), "");
  EXPECT_TRUE(says(admit("second"), "2 missions of one run, 1 may"));
}

TEST_F(Families, NamespacesHavePlacesOfTheirOwn) {
  const auto one_place = workflow(
      "one", "  maxConcurrency: 1\n  tasks:\n    - {name: work, script: 'true', timeout: 1m}\n"
  );
  EXPECT_EQ(make("first", one_place), "");
  EXPECT_EQ(admit("first"), "");
  ns_ = Namespace("team");
  EXPECT_EQ(make("team~first", one_place), "");
  EXPECT_EQ(admit("team~first"), "");
  EXPECT_EQ(make("team~second", one_place), "");
  EXPECT_TRUE(says(admit("team~second"), "2 missions of one run, 1 may"));
  EXPECT_EQ(checks_.foreign(), 2U);
}

TEST_F(Families, AHeldMissionKeepsNoPlace) {
  EXPECT_EQ(make("m", plain_), "");
  EXPECT_EQ(admit("m"), "");
  members_.at("m").mission->state = MissionState::Active;
  engine::MissionEvent held = engine::MissionTransitioned{
      .from = MissionState::Active,
      .to = MissionState::Held,
      .reason = Reason::UserRequest,
      .error_code = {},
      .message = {}};
  EXPECT_EQ(tell("m", held), "");
  members_.at("m").mission->admitted = true;
  const Member& member = members_.at("m");
  EXPECT_TRUE(says(
      checks_.after(*member.mission, *member.workflow, held).value_or(""), "is HELD and has a place"
  ));
}

TEST_F(Families, MoreUnitsThanAPoolHas) {
  const auto wants_two = workflow(
      "two",
      "  tasks:\n    - {name: work, script: 'true', timeout: 1m, semaphores: [{pool: gpu, units: "
      "2}]}\n"
  );
  declare_pool("gpu", 3);
  const auto launch = [&](const std::string& name) {
    EXPECT_EQ(make(name, wants_two), "");
    EXPECT_EQ(admit(name), "");
    EXPECT_EQ(
        tell(
            name, engine::RunCreated{.slot = {}, .attempt = 1, .not_before = {}, .closing = false}
        ),
        ""
    );
    return tell(name, engine::RunLaunching{.slot = {}, .inside = false});
  };
  EXPECT_EQ(launch("first"), "");
  EXPECT_TRUE(says(launch("second"), "4 units of pool gpu are in use, which has 3"));
}

TEST_F(Families, MissionsThatTakeMoreUnitsThanAPoolHas) {
  const auto wants_two = workflow(
      "two",
      "  semaphores: [{pool: gpu, units: 2}]\n"
      "  tasks:\n    - {name: work, script: 'true', timeout: 1m}\n"
  );
  declare_pool("gpu", 3);
  EXPECT_EQ(make("first", wants_two), "");
  EXPECT_EQ(admit("first"), "");
  EXPECT_EQ(make("second", wants_two), "");
  EXPECT_TRUE(says(admit("second"), "4 units of pool gpu are in use, which has 3"));
}

TEST_F(Families, TwoLiveMissionsWithOneKey) {
  engine::MissionCreated created;
  created.user_key = "issue-7";
  EXPECT_EQ(make("first", plain_, created), "");
  EXPECT_TRUE(says(make("second", plain_, created), "have the key issue-7"));
  EXPECT_EQ(move("first", MissionState::Aborted), "");
  EXPECT_EQ(move("second", MissionState::Aborted), "");
  EXPECT_EQ(make("third", plain_, created), "");
}

TEST_F(Families, ChildrenBeyondTheLimit) {
  EXPECT_EQ(plan("m", 3), "");
  EXPECT_EQ(start_child("m", 0, "a"), "");
  EXPECT_EQ(start_child("m", 1, "b"), "");
  EXPECT_TRUE(says(start_child("m", 2, "c"), "was started beside 2 others"));
}

TEST_F(Families, AnItemStartedTwiceOrNotAtAll) {
  EXPECT_EQ(plan("m", 2), "");
  EXPECT_EQ(start_child("m", 0, "a"), "");
  EXPECT_TRUE(says(start_child("m", 0, "b"), "was started twice"));
  EXPECT_TRUE(says(start_child("m", 1, "a", false), "belongs to another parent"));
  EXPECT_TRUE(says(start_child("m", 9, "c"), "does not exist"));
}

TEST_F(Families, AnItemThatIsNotNeededAnyMore) {
  EXPECT_EQ(plan("m", 3), "");
  EXPECT_EQ(start_child("m", 0, "a"), "");
  EXPECT_EQ(start_child("m", 1, "b"), "");
  EXPECT_EQ(move("a", MissionState::Aborted), "");
  EXPECT_EQ(end_child("m", 0, MissionState::Aborted), "");
  EXPECT_TRUE(says(start_child("m", 2, "c"), "is not needed"));
  EXPECT_TRUE(says(checks_.settled().value_or(""), "goes on although another item has decided"));
}

TEST_F(Families, AnEndThatIsNotTrueOrComesTwice) {
  EXPECT_EQ(plan("m", 2), "");
  EXPECT_EQ(start_child("m", 0, "a"), "");
  EXPECT_TRUE(says(end_child("m", 0, MissionState::Complete), "which it is not"));
  EXPECT_EQ(move("a", MissionState::Aborted), "");
  EXPECT_EQ(end_child("m", 0, MissionState::Aborted), "");
  EXPECT_TRUE(says(end_child("m", 0, MissionState::Aborted), "ended twice"));
  EXPECT_TRUE(says(end_child("m", 1, MissionState::Failed), "without a mission or a reason"));
}

TEST_F(Families, ATaskThatEndsBeforeItsMissions) {
  EXPECT_EQ(plan("m", 2), "");
  EXPECT_EQ(start_child("m", 0, "a"), "");
  engine::RunEnded ended;
  ended.slot = {};
  ended.attempt = 1;
  EXPECT_TRUE(says(tell("m", ended), "ended and its mission a did not"));
}

TEST_F(Families, AChildThatItsParentDoesNotKnow) {
  EXPECT_EQ(plan("m", 2), "");
  engine::MissionCreated created;
  created.parent = model::Parent{.mission = MissionName("m"), .task = TaskName("work"), .item = 0};
  EXPECT_EQ(make("a", plain_, created), "");
  EXPECT_TRUE(says(checks_.settled().value_or(""), "has a parent that does not know it"));
}

TEST_F(Families, AMissionThatATemplateAsksForTwice) {
  EXPECT_EQ(make("m", plain_), "");
  const engine::MissionSubmitted asked{
      .task = 0, .mission = MissionName("gone"), .own = false, .message = {}};
  EXPECT_EQ(tell("m", asked), "");
  EXPECT_TRUE(says(checks_.settled().value_or(""), "was asked for and does not exist"));
  EXPECT_TRUE(says(tell("m", asked), "asked for a mission twice"));
}

TEST_F(Families, AnExtensionWithoutRight) {
  EXPECT_EQ(make("m", plain_), "");
  EXPECT_TRUE(says(
      tell("m", engine::MissionExtended{.task = 0, .workflow = plain_->digest, .task_count = 3}),
      "without right"
  ));
}

TEST_F(Families, AMissionThatStartsTooEarlyOrNever) {
  engine::MissionCreated created;
  created.after = {MissionName("first")};
  EXPECT_EQ(make("first", plain_), "");
  EXPECT_EQ(make("second", plain_, created), "");
  model::Hold hold;
  hold.kind = model::HoldKind::Dependency;
  hold.subject = "first";
  EXPECT_EQ(tell("second", engine::HoldRaised{.hold = hold}), "");
  EXPECT_EQ(move("second", MissionState::Held, Reason::Dependency), "");
  EXPECT_EQ(checks_.settled().value_or(""), "");
  EXPECT_EQ(move("first", MissionState::Aborted), "");
  EXPECT_TRUE(says(checks_.settled().value_or(""), "waits for mission first, which is over"));
  EXPECT_TRUE(says(
      move("second", MissionState::Queued, Reason::Dependency), "before mission first is COMPLETE"
  ));
}

TEST_F(Families, AQueuedMissionWithoutAReason) {
  EXPECT_EQ(make("m", plain_), "");
  EXPECT_EQ(move("m", MissionState::Queued), "");
  EXPECT_TRUE(says(checks_.settled().value_or(""), "does not say why"));
  EXPECT_EQ(tell("m", engine::MissionWaiting{.message = "a place"}), "");
  EXPECT_EQ(checks_.settled().value_or(""), "");
  EXPECT_TRUE(says(checks_.at_end().value_or(""), "waits for nothing"));
}

}  // namespace
}  // namespace reeve::sim
