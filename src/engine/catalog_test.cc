#include "engine/catalog.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace reeve::engine {
namespace {

constexpr Timestamp kNoon = from_unix_millis(1'800'000'000'000);
constexpr Duration kMinute{60'000};

WorkflowApplied version(std::string_view text, std::string number = {}) {
  return {
      .version = {.version = std::move(number), .digest = sha256(text)},
      .triggers = {{"tick", TriggerKind::Cron}, {"drop", TriggerKind::Inbox}}};
}

class CatalogMachine : public testing::Test {
 protected:
  CatalogMachine() {
    deployed_.name = "nightly";
    deployed_.ns = Namespace("default");
    deployed_.uid = Uid("u-1");
  }

  Result<void> happen(const CatalogEvent& event) {
    ++revision_;
    Result<void> outcome = apply(
        deployed_,
        event,
        {.revision = Revision(revision_), .at = kNoon, .actor = Principal("user:alice")}
    );
    if (outcome) {
      EXPECT_EQ(breach(deployed_), "");
      EXPECT_EQ(deployed_.revision, Revision(revision_));
    }
    return outcome;
  }

  bool allowed(const CatalogEvent& event) {
    Deployed copy = deployed_;
    const bool fine = apply(copy, event, {.revision = Revision(99), .at = kNoon, .actor = {}}).ok();
    if (!fine) {
      std::string before;
      std::string after;
      encode_deployed(deployed_, before);
      encode_deployed(copy, after);
      EXPECT_EQ(before, after) << type_of(event);
    }
    return fine;
  }

  TriggerStatus& tick() { return *deployed_.find("tick"); }

  Deployed deployed_;
  std::uint64_t revision_ = 0;
};

TEST_F(CatalogMachine, ANewTextIsANewGenerationAndTheSameTextIsNone) {
  ASSERT_TRUE(happen(version("one", "1.0")).ok());
  EXPECT_EQ(deployed_.generation, 1U);
  EXPECT_EQ(deployed_.owner, Principal("user:alice"));
  EXPECT_FALSE(allowed(version("one", "1.0")));
  ASSERT_TRUE(happen(version("two", "2.0")).ok());
  EXPECT_EQ(deployed_.generation, 2U);
  EXPECT_EQ(deployed_.digest(), sha256("two"));
  ASSERT_TRUE(happen(version("one", "1.0")).ok());
  EXPECT_EQ(deployed_.versions.size(), 2U);
  EXPECT_EQ(deployed_.digest(), sha256("one"));
}

TEST_F(CatalogMachine, RemembersABoundedNumberOfVersions) {
  for (std::size_t i = 0; i < kVersionsMax + 5; ++i) {
    ASSERT_TRUE(happen(version(std::to_string(i))).ok());
  }
  EXPECT_EQ(deployed_.versions.size(), kVersionsMax);
  EXPECT_EQ(deployed_.versions.front().digest, sha256("5"));
}

TEST_F(CatalogMachine, IsSwitchedOffAndOnInTurns) {
  ASSERT_TRUE(happen(version("one")).ok());
  ASSERT_TRUE(happen(TriggerArmed{.trigger = "tick", .due = kNoon}).ok());
  EXPECT_FALSE(allowed(WorkflowEnabled{}));
  ASSERT_TRUE(happen(WorkflowDisabled{}).ok());
  EXPECT_FALSE(tick().due.has_value());
  EXPECT_FALSE(allowed(WorkflowDisabled{}));
  EXPECT_FALSE(allowed(TriggerArmed{.trigger = "tick", .due = kNoon}));
  ASSERT_TRUE(happen(version("two")).ok());
  EXPECT_FALSE(deployed_.enabled);
  ASSERT_TRUE(happen(WorkflowEnabled{}).ok());
  EXPECT_TRUE(allowed(TriggerArmed{.trigger = "tick", .due = kNoon}));
}

TEST_F(CatalogMachine, ATickIsSpentOnce) {
  ASSERT_TRUE(happen(version("one")).ok());
  const TriggerFired fired{.trigger = "tick", .mission = "m", .tick = kNoon, .window = {}};
  EXPECT_FALSE(allowed(fired)) << "nothing was waited for";
  ASSERT_TRUE(happen(TriggerArmed{.trigger = "tick", .due = kNoon}).ok());
  const TriggerFired early{
      .trigger = "tick", .mission = "m", .tick = kNoon - kMinute, .window = {}};
  EXPECT_FALSE(allowed(early));
  ASSERT_TRUE(happen(fired).ok());
  EXPECT_EQ(tick().fired, 1U);
  EXPECT_FALSE(allowed(fired));
  EXPECT_FALSE(allowed(TriggerArmed{.trigger = "tick", .due = kNoon}));
  ASSERT_TRUE(happen(TriggerArmed{.trigger = "tick", .due = kNoon + kMinute}).ok());
  EXPECT_FALSE(allowed(fired));
  ASSERT_TRUE(happen(TriggerSkipped{
                         .trigger = "tick",
                         .reason = "deduplicated",
                         .message = {},
                         .tick = kNoon + kMinute,
                         .window = {}}
  ).ok());
  EXPECT_EQ(tick().skipped, 1U);
  EXPECT_EQ(tick().last_tick, kNoon + kMinute);
}

TEST_F(CatalogMachine, MissedTicksAreCountedWhereTheyWereWaitedFor) {
  ASSERT_TRUE(happen(version("one")).ok());
  EXPECT_FALSE(allowed(TriggerMissed{.trigger = "tick", .from = kNoon, .count = 2}));
  ASSERT_TRUE(happen(TriggerArmed{.trigger = "tick", .due = kNoon}).ok());
  EXPECT_FALSE(allowed(TriggerMissed{.trigger = "tick", .from = kNoon + kMinute, .count = 2}));
  EXPECT_FALSE(allowed(TriggerMissed{.trigger = "tick", .from = kNoon, .count = 0}));
  ASSERT_TRUE(happen(TriggerMissed{.trigger = "tick", .from = kNoon, .count = 2}).ok());
  EXPECT_EQ(tick().missed, 2U);
}

TEST_F(CatalogMachine, OtherTriggersHaveNoTicks) {
  ASSERT_TRUE(happen(version("one")).ok());
  EXPECT_FALSE(allowed(TriggerArmed{.trigger = "drop", .due = kNoon}));
  EXPECT_FALSE(allowed(TriggerFired{.trigger = "drop", .mission = "m", .tick = kNoon, .window = {}})
  );
  EXPECT_FALSE(allowed(TriggerFired{.trigger = "absent", .mission = "m", .tick = {}, .window = {}})
  );
  const trigger::RateWindow window{.started_at = kNoon, .used = 3};
  ASSERT_TRUE(
      happen(TriggerFired{.trigger = "drop", .mission = "m", .tick = {}, .window = window}).ok()
  );
  EXPECT_EQ(deployed_.find("drop")->window, window);
}

TEST_F(CatalogMachine, WhatATriggerKnowsOutlivesANewTextIfItKeepsItsKind) {
  ASSERT_TRUE(happen(version("one")).ok());
  ASSERT_TRUE(happen(TriggerFired{.trigger = "drop", .mission = "m", .tick = {}, .window = {}}).ok()
  );
  ASSERT_TRUE(happen(TriggerArmed{.trigger = "tick", .due = kNoon}).ok());
  ASSERT_TRUE(happen(version("two")).ok());
  EXPECT_EQ(deployed_.find("drop")->fired, 1U);
  EXPECT_FALSE(tick().due.has_value());
  WorkflowApplied changed = version("three");
  changed.triggers = {{"drop", TriggerKind::Webhook}};
  ASSERT_TRUE(happen(changed).ok());
  EXPECT_EQ(deployed_.find("drop")->fired, 0U);
  EXPECT_EQ(deployed_.find("tick"), nullptr);
}

TEST_F(CatalogMachine, RowsComeBackAsTheyWere) {
  ASSERT_TRUE(happen(version("one", "1.0")).ok());
  ASSERT_TRUE(happen(version("two", "2.0")).ok());
  ASSERT_TRUE(happen(TriggerArmed{.trigger = "tick", .due = kNoon}).ok());
  ASSERT_TRUE(happen(TriggerMissed{.trigger = "tick", .from = kNoon, .count = 2}).ok());
  ASSERT_TRUE(happen(TriggerFired{
                         .trigger = "drop",
                         .mission = "m",
                         .tick = {},
                         .window = trigger::RateWindow{.started_at = kNoon, .used = 1}}
  ).ok());
  std::string text;
  encode_deployed(deployed_, text);
  const Result<Deployed> back = decode_deployed(parse_json(text).value());
  ASSERT_TRUE(back.ok()) << back.error().describe();
  std::string again;
  encode_deployed(*back, again);
  EXPECT_EQ(again, text);
}

TEST(CatalogCodec, EventsComeBackAsTheyWere) {
  const CatalogEvent events[] = {
      version("one", "1.0"),
      WorkflowDisabled{},
      WorkflowEnabled{},
      TriggerArmed{.trigger = "tick", .due = kNoon},
      TriggerFired{
          .trigger = "tick",
          .mission = "m",
          .tick = kNoon,
          .window = trigger::RateWindow{.started_at = kNoon, .used = 2}},
      TriggerSkipped{
          .trigger = "drop", .reason = "filtered", .message = "why", .tick = {}, .window = {}},
      TriggerMissed{.trigger = "tick", .from = kNoon, .count = 7}};
  for (const CatalogEvent& event : events) {
    const std::string data = to_json(event).dump();
    const Result<CatalogEvent> back = decode_catalog_event(type_of(event), data);
    ASSERT_TRUE(back.ok()) << type_of(event) << ": " << back.error().describe();
    EXPECT_EQ(back->index(), event.index());
    EXPECT_EQ(to_json(*back).dump(), data);
  }
}

TEST(CatalogCodec, RefusesWhatWasNeverWritten) {
  const std::pair<const char*, const char*> samples[] = {
      {"workflow.removed", "{}"},
      {"workflow.applied", "{}"},
      {"workflow.applied", R"({"digest":"d","triggers":{"t":"moon"}})"},
      {"workflow.applied", R"({"digest":"d","triggers":{},"more":1})"},
      {"workflow.disabled", R"({"a":1})"},
      {"trigger.armed", R"({"trigger":"t"})"},
      {"trigger.armed", R"({"trigger":"t","due":"tomorrow"})"},
      {"trigger.fired", R"({"trigger":"t"})"},
      {"trigger.fired", R"({"trigger":"t","mission":"m","window":{}})"},
      {"trigger.skipped", R"({"trigger":"t"})"},
      {"trigger.missed", R"({"trigger":"t","from":"2027-01-15T08:00:00.000Z","count":0})"},
      {"trigger.missed", "[]"}};
  for (const auto& [type, data] : samples) {
    const Result<CatalogEvent> decoded = decode_catalog_event(type, data);
    ASSERT_FALSE(decoded.ok()) << type << " " << data;
    EXPECT_EQ(decoded.error().code, ErrorCode::Corrupt) << type;
  }
}

TEST(CatalogCodec, RefusesRowsThatContradictThemselves) {
  Deployed deployed;
  deployed.name = "w";
  deployed.ns = Namespace("default");
  deployed.generation = 1;
  deployed.versions = {{.version = {}, .digest = sha256("x")}};
  TriggerStatus status;
  status.name = "tick";
  status.due = kNoon;
  status.last_tick = kNoon;
  deployed.triggers = {status};
  std::string text;
  encode_deployed(deployed, text);
  const Result<Deployed> back = decode_deployed(parse_json(text).value());
  ASSERT_FALSE(back.ok());
  EXPECT_EQ(back.error().code, ErrorCode::Corrupt);
  EXPECT_FALSE(decode_deployed(parse_json("{}").value()).ok());
  EXPECT_FALSE(decode_deployed(parse_json("[]").value()).ok());
}

}  // namespace
}  // namespace reeve::engine
