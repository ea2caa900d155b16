#include "sim/catalog_checks.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace reeve::sim {
namespace {

constexpr Timestamp kNoon = from_unix_millis(1'800'000'000'000);
constexpr Duration kMinute{60'000};

class CatalogChecksTest : public testing::Test {
 protected:
  CatalogChecksTest() {
    workflow_ = std::make_shared<workflow::Workflow>();
    workflow::Trigger trigger;
    trigger.name = "t";
    trigger.source = workflow::CronTrigger{.expression = "* * * * *", .time_zone = {}};
    workflow_->triggers.push_back(std::move(trigger));
    EXPECT_EQ(
        see(engine::WorkflowApplied{
            .version = {.version = {}, .digest = sha256("x")},
            .triggers = {{"t", engine::TriggerKind::Cron}}}),
        ""
    );
  }

  std::string see(const engine::CatalogEvent& happened) {
    journal::Event event;
    event.object = {.kind = journal::Kind::Workflow, .ns = Namespace("default"), .name = "w"};
    event.type = engine::type_of(happened);
    event.data = to_json(happened).dump();
    return checks_.see(event, [this](const Digest&) { return workflow_; }).value_or("");
  }

  std::string armed(Timestamp due) { return see(engine::TriggerArmed{.trigger = "t", .due = due}); }

  /// A mission is made for a tick, and the trigger says so.
  std::string fired(Timestamp tick, const std::string& mission) {
    engine::MissionCreated created;
    created.trigger = "t";
    created.user_key = "w-t-" + format_timestamp(tick);
    checks_.see_mission(mission, created);
    return see(engine::TriggerFired{.trigger = "t", .mission = mission, .tick = tick, .window = {}}
    );
  }

  CatalogChecks checks_;
  std::shared_ptr<workflow::Workflow> workflow_;
};

TEST_F(CatalogChecksTest, AcceptsEveryTickDealtWithOnce) {
  EXPECT_EQ(armed(kNoon), "");
  EXPECT_EQ(fired(kNoon, "a"), "");
  EXPECT_EQ(armed(kNoon + kMinute), "");
  EXPECT_EQ(see(engine::TriggerMissed{.trigger = "t", .from = kNoon + kMinute, .count = 4}), "");
  EXPECT_EQ(fired(kNoon + 5 * kMinute, "b"), "");
  EXPECT_EQ(armed(kNoon + 6 * kMinute), "");
  EXPECT_FALSE(checks_.at_end().has_value());
  EXPECT_EQ(checks_.ticks(), 2U);
}

TEST_F(CatalogChecksTest, NoticesATickThatGotLost) {
  armed(kNoon);
  EXPECT_NE(armed(kNoon + kMinute).find("1 ticks passed and 0 were dealt with"), std::string::npos);
}

TEST_F(CatalogChecksTest, NoticesTwoMissionsOfOneTick) {
  armed(kNoon);
  fired(kNoon, "a");
  EXPECT_NE(fired(kNoon, "b").find("two missions"), std::string::npos);
}

TEST_F(CatalogChecksTest, NoticesMissionsThatNoTriggerNamesAndTheOtherWayRound) {
  armed(kNoon);
  EXPECT_NE(
      see(engine::TriggerFired{.trigger = "t", .mission = "ghost", .tick = kNoon, .window = {}}), ""
  );
  engine::MissionCreated created;
  created.trigger = "t";
  checks_.see_mission("silent", created);
  EXPECT_TRUE(checks_.at_end().has_value());
}

TEST_F(CatalogChecksTest, NoticesAMissionWithTheKeyOfAnotherTick) {
  armed(kNoon);
  engine::MissionCreated created;
  created.trigger = "t";
  created.user_key = "w-t-never";
  checks_.see_mission("a", created);
  EXPECT_NE(
      see(engine::TriggerFired{.trigger = "t", .mission = "a", .tick = kNoon, .window = {}}
      ).find("has the user key"),
      std::string::npos
  );
}

}  // namespace
}  // namespace reeve::sim
