// Deployed workflows and their triggers, through the kernel and a store.

#include <gtest/gtest.h>

#include "base/strings.h"
#include "kernel/audit.h"
#include "kernel_fixture.h"
#include "workflow/load/load.h"

namespace reeve::kernel {
namespace {

using namespace std::chrono_literals;

/// Two hours ahead of UTC, always.
class TestZones final : public cron::ZoneSource {
 public:
  Result<cron::Zone> find(std::string_view name) override {
    if (gone) {
      return make_error(ErrorCode::Unavailable, "no zones today");
    }
    if (name.empty() || name == "UTC") {
      return cron::Zone();
    }
    if (name == "Test/East") {
      return cron::Zone("Test/East", std::chrono::seconds(2h));
    }
    return make_error(ErrorCode::NotFound, "no such zone", "time_zone");
  }

  bool gone = false;
};

/// Triggers are written behind the document, one in a line: `#@ {"name":…, "cron":…}`.
Result<std::shared_ptr<const workflow::Workflow>> load_with_triggers(std::string_view source) {
  REEVE_TRY(const std::shared_ptr<const workflow::Workflow> loaded, workflow::load_source(source));
  auto workflow = std::make_shared<workflow::Workflow>(*loaded);
  for (const std::string_view line : split(source, '\n')) {
    if (!line.starts_with("#@ ")) {
      continue;
    }
    const Json json = parse_json(line.substr(3)).value();
    workflow::Trigger trigger;
    trigger.name = json.get_string("name");
    if (json.find("cron") != nullptr) {
      trigger.source = workflow::CronTrigger{
          .expression = json.get_string("cron"),
          .time_zone = json.get_string("zone"),
          .missed = json.get_bool("runOnce") ? workflow::MissedTicks::RunOnce
                                             : workflow::MissedTicks::Skip};
    } else {
      trigger.source = workflow::InboxTrigger{};
    }
    trigger.filter.text = json.get_string("filter");
    trigger.params.emplace_back(
        "what", workflow::Text{.text = json.get_string("param", "x"), .position = {}}
    );
    if (json.find("max") != nullptr) {
      trigger.rate_limit =
          workflow::RateLimit{.max = static_cast<std::uint32_t>(json.get_int("max")), .window = 1h};
    }
    workflow->triggers.push_back(std::move(trigger));
  }
  return std::shared_ptr<const workflow::Workflow>(std::move(workflow));
}

journal::ObjectKey workflow_key(std::string_view name) {
  return {.kind = journal::Kind::Workflow, .ns = Namespace("default"), .name = std::string(name)};
}

class Catalog : public testing::Test {
 protected:
  Catalog() : bench_(options()) {}

  CoreOptions options() {
    CoreOptions options = core_options();
    options.loader = load_with_triggers;
    options.zones = &zones_;
    return options;
  }

  static std::string text(std::string_view triggers, std::string_view script = "x") {
    return concat(
        "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n"
        "  params: {what: {default: none}}\n  tasks:\n    - {name: a, script: ",
        script,
        "}\n",
        triggers
    );
  }

  Result<engine::Reply> command(std::string verb, Json body = Json::object()) {
    return bench_.call(engine::ObjectCommand{
        .object = workflow_key("w"), .verb = std::move(verb), .body = std::move(body)});
  }

  Result<engine::Reply> apply(const std::string& source) {
    Json body = Json::object();
    body.set("source", source);
    return command("apply", std::move(body));
  }

  Result<engine::Reply> fire(std::string_view trigger, Json data = Json::object()) {
    Json body = Json::object();
    body.set("trigger", trigger).set("data", std::move(data));
    return command("fire", std::move(body));
  }

  Json row() {
    const auto row = bench_.store().get(workflow_key("w"));
    return parse_json((*row)->body).value();
  }

  Json trigger(std::size_t index = 0) {
    return row().find("status")->find("triggers")->as_array().at(index);
  }

  std::vector<journal::Event> events(std::string_view type) {
    std::vector<journal::Event> found;
    const auto all = bench_.store().events({.after = {}, .object = {}, .limit = 100'000});
    for (const journal::Event& event : *all) {
      if (event.type == type) {
        found.push_back(event);
      }
    }
    return found;
  }

  /// The ticks that missions were made for.
  std::vector<std::string> fired_ticks() {
    std::vector<std::string> ticks;
    for (const journal::Event& event : events("trigger.fired")) {
      ticks.push_back(parse_json(event.data)->get_string("tick"));
    }
    return ticks;
  }

  void audit() {
    const Result<AuditReport> report = kernel::audit(bench_.store(), load_with_triggers);
    EXPECT_TRUE(report.ok()) << report.error().describe();
  }

  TestZones zones_;
  Bench bench_;
};

// kStart is 2027-01-15T08:00:00Z.
const std::string kEveryMinute = "#@ {\"name\":\"tick\",\"cron\":\"* * * * *\"}\n";

TEST_F(Catalog, ApplyingTheSameTextAgainChangesNothing) {
  const Result<engine::Reply> first = apply(text(""));
  ASSERT_TRUE(first.ok()) << first.error().describe();
  EXPECT_EQ(first->subject, "w");
  EXPECT_TRUE(first->detail.get_bool("changed"));
  EXPECT_EQ(first->detail.get_int("generation"), 1);
  const Result<engine::Reply> again = apply(text(""));
  EXPECT_FALSE(again->detail.get_bool("changed"));
  EXPECT_EQ(events("workflow.applied").size(), 1U);
  EXPECT_EQ(apply(text("", "y"))->detail.get_int("generation"), 2);
  EXPECT_EQ(events("workflow.registered").size(), 2U);
  audit();
}

TEST_F(Catalog, RefusesWhatCouldNeverFireOrBelongsElsewhere) {
  EXPECT_FALSE(apply("kind: nonsense").ok());
  const std::pair<const char*, const char*> samples[] = {
      {"#@ {\"name\":\"t\",\"cron\":\"* *\"}\n", "triggers.t"},
      {"#@ {\"name\":\"t\",\"cron\":\"* * * * *\",\"zone\":\"Mars/Base\"}\n",
       "triggers.t.time_zone"},
      {"#@ {\"name\":\"t\",\"cron\":\"0 0 0 1 1 * 2020\"}\n", "triggers.t"}};
  for (const auto& [triggers, subject] : samples) {
    const Result<engine::Reply> reply = apply(text(triggers));
    ASSERT_FALSE(reply.ok()) << triggers;
    EXPECT_TRUE(reply.error().subject.starts_with(subject)) << reply.error().describe();
  }
  Json body = Json::object();
  body.set("source", text(""));
  const Result<engine::Reply> other = bench_.call(engine::ObjectCommand{
      .object = workflow_key("other"), .verb = "apply", .body = std::move(body)});
  EXPECT_EQ(other.error().subject, "name");
  EXPECT_EQ(command("disable").error().code, ErrorCode::NotFound);
  EXPECT_EQ(command("dance").error().subject, "verb");
  EXPECT_TRUE(events("workflow.registered").empty());
}

TEST_F(Catalog, MakesOneMissionForEachTick) {
  ASSERT_TRUE(apply(text(kEveryMinute)).ok());
  EXPECT_EQ(trigger().get_string("due"), "2027-01-15T08:01:00.000Z");
  bench_.advance(59s);
  EXPECT_TRUE(fired_ticks().empty());
  bench_.advance(1s);
  bench_.advance(0s);
  bench_.advance(60s);
  EXPECT_EQ(
      fired_ticks(),
      (std::vector<std::string>{"2027-01-15T08:01:00.000Z", "2027-01-15T08:02:00.000Z"})
  );
  EXPECT_EQ(events("mission.created").size(), 2U);
  EXPECT_EQ(trigger().get_int("fired"), 2);
  EXPECT_EQ(
      trigger().get_string("mission"),
      parse_json(events("trigger.fired").back().data)->get_string("mission")
  );
  audit();
}

TEST_F(Catalog, ACrashBeforeTheCommitCostsNoTickAndMakesNoSecondMission) {
  ASSERT_TRUE(apply(text(kEveryMinute)).ok());
  for (int minute = 0; minute < 5; ++minute) {
    // The turn of the tick is done and lost.
    bench_.restart(60s);
    bench_.core().fire_timers(bench_.now(), 100);
    bench_.restart();
    bench_.core().fire_timers(bench_.now(), 100);
    bench_.commit();
    bench_.restart();
    bench_.advance(0s);
  }
  const std::vector<std::string> ticks = fired_ticks();
  EXPECT_EQ(ticks.size(), 5U);
  EXPECT_EQ(std::set<std::string>(ticks.begin(), ticks.end()).size(), 5U);
  EXPECT_EQ(events("mission.created").size(), 5U);
  audit();
}

TEST_F(Catalog, TicksThatPassedWhileNobodyWasThereAreCountedAndSkipped) {
  ASSERT_TRUE(apply(text("#@ {\"name\":\"tick\",\"cron\":\"0 * * * *\"}\n")).ok());
  bench_.restart(std::chrono::hours(3) + 30min);
  bench_.advance(0s);
  EXPECT_TRUE(fired_ticks().empty());
  EXPECT_EQ(trigger().get_int("missed"), 3);
  EXPECT_EQ(trigger().get_string("due"), "2027-01-15T12:00:00.000Z");
  ASSERT_EQ(events("trigger.missed").size(), 1U);
  bench_.advance(30min);
  EXPECT_EQ(fired_ticks(), std::vector<std::string>{"2027-01-15T12:00:00.000Z"});
  audit();
}

TEST_F(Catalog, MissedTicksAreMadeGoodOnceIfTheTriggerSaysSo) {
  ASSERT_TRUE(apply(text("#@ {\"name\":\"tick\",\"cron\":\"0 * * * *\",\"runOnce\":true}\n")).ok());
  bench_.restart(std::chrono::hours(3) + 30min);
  bench_.advance(0s);
  EXPECT_EQ(fired_ticks(), std::vector<std::string>{"2027-01-15T11:00:00.000Z"});
  EXPECT_EQ(trigger().get_int("missed"), 2);
  audit();
}

TEST_F(Catalog, ATickIsOfTheTriggersTimeZone) {
  ASSERT_TRUE(apply(text("#@ {\"name\":\"tick\",\"cron\":\"30 11 * * "
                         "*\",\"zone\":\"Test/East\",\"param\":\"{{ .Tick.Zone }}\"}\n"))
                  .ok());
  EXPECT_EQ(trigger().get_string("due"), "2027-01-15T09:30:00.000Z");
  bench_.advance(90min);
  ASSERT_EQ(events("mission.created").size(), 1U);
  EXPECT_NE(events("mission.created").front().data.find("Test/East"), std::string::npos);
}

TEST_F(Catalog, WithoutZonesATickWaitsForThem) {
  ASSERT_TRUE(apply(text("#@ {\"name\":\"tick\",\"cron\":\"30 11 * * "
                         "*\",\"zone\":\"Test/East\",\"runOnce\":true}\n"))
                  .ok());
  zones_.gone = true;
  bench_.advance(90min);
  EXPECT_TRUE(fired_ticks().empty());
  zones_.gone = false;
  bench_.advance(1min);
  EXPECT_EQ(fired_ticks(), std::vector<std::string>{"2027-01-15T09:30:00.000Z"});
}

TEST_F(Catalog, ADisabledWorkflowRestsAndGoesOnFromWhereTheClockIs) {
  ASSERT_TRUE(apply(text(kEveryMinute + "#@ {\"name\":\"drop\"}\n")).ok());
  EXPECT_TRUE(command("disable")->detail.get_bool("changed"));
  EXPECT_FALSE(command("disable")->detail.get_bool("changed"));
  bench_.advance(10min);
  EXPECT_TRUE(fired_ticks().empty());
  EXPECT_EQ(fire("drop").error().code, ErrorCode::IllegalTransition);
  ASSERT_TRUE(apply(text(kEveryMinute, "y")).ok());
  bench_.restart();
  bench_.advance(1min);
  EXPECT_TRUE(fired_ticks().empty());
  ASSERT_TRUE(command("enable").ok());
  EXPECT_TRUE(events("trigger.missed").empty());
  bench_.advance(1min);
  EXPECT_EQ(fired_ticks(), std::vector<std::string>{"2027-01-15T08:12:00.000Z"});
  audit();
}

TEST_F(Catalog, ANewTextTakesOverWithoutATickLostOrTwice) {
  ASSERT_TRUE(apply(text(kEveryMinute)).ok());
  bench_.advance(60s);
  ASSERT_TRUE(apply(text(kEveryMinute, "y")).ok());
  ASSERT_TRUE(apply(text("#@ {\"name\":\"other\",\"cron\":\"* * * * *\"}\n", "z")).ok());
  bench_.advance(60s);
  EXPECT_EQ(events("trigger.fired").size(), 2U);
  EXPECT_EQ(parse_json(events("trigger.fired").back().data)->get_string("trigger"), "other");
  ASSERT_TRUE(apply(text("", "last")).ok());
  bench_.advance(10min);
  EXPECT_EQ(events("trigger.fired").size(), 2U);
  audit();
}

TEST_F(Catalog, SaysWhatCameOfWhatHappened) {
  ASSERT_TRUE(apply(text("#@ {\"name\":\"drop\",\"filter\":\"{{ .File.Good }}\",\"param\":\"{{ "
                         ".File.Name }}\",\"max\":1}\n"))
                  .ok());
  const auto file = [](bool good) {
    Json file = Json::object();
    file.set("Name", "a.csv").set("Good", good);
    Json data = Json::object();
    data.set("File", std::move(file));
    return data;
  };
  EXPECT_EQ(fire("drop", file(false))->detail.get_string("verdict"), "filtered");
  const Result<engine::Reply> fired = fire("drop", file(true));
  EXPECT_EQ(fired->detail.get_string("verdict"), "fired");
  EXPECT_NE(events("mission.created").back().data.find("a.csv"), std::string::npos);
  EXPECT_EQ(fire("drop", file(true)).error().code, ErrorCode::LimitExceeded);
  bench_.restart(61min);
  EXPECT_EQ(fire("drop", file(true))->detail.get_string("verdict"), "fired");
  EXPECT_EQ(fire("drop", Json::object())->detail.get_string("verdict"), "filtered");
  EXPECT_EQ(fire("absent").error().code, ErrorCode::NotFound);
  EXPECT_EQ(trigger().get_int("fired"), 2);
  EXPECT_EQ(trigger().get_int("skipped"), 2) << "what came too early may come again";
  audit();
}

TEST_F(Catalog, TheMessageThatFiresIsAcknowledgedInTheSameCommit) {
  ASSERT_TRUE(apply(text("#@ {\"name\":\"drop\",\"filter\":\"{{ .File.Good }}\"}\n")).ok());
  const journal::ObjectKey orders{
      .kind = journal::Kind::Channel, .ns = Namespace("default"), .name = "orders"};
  const auto channel = [&](std::string verb, std::string_view body) {
    return bench_.call(engine::ObjectCommand{
        .object = orders, .verb = std::move(verb), .body = *parse_json(body)});
  };
  const auto fire_for = [&](const Json& received, bool good) {
    Json message = Json::object();
    message.set("channel", "orders").set("group", "g");
    message.set("sequence", received.get_int("sequence")).set("token", received.get_int("token"));
    Json file = Json::object();
    file.set("Good", good);
    Json data = Json::object();
    data.set("File", std::move(file));
    Json body = Json::object();
    body.set("trigger", "drop").set("data", std::move(data)).set("message", std::move(message));
    return command("fire", std::move(body));
  };
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(channel("send", R"({"body": "x"})").ok());
  }
  const auto received = channel("receive", R"({"group": "g", "count": 3})");
  const Json::Array& messages = received->detail.find("messages")->as_array();
  EXPECT_TRUE(fire_for(messages.at(0), true)->detail.get_bool("acked"));
  EXPECT_TRUE(fire_for(messages.at(1), false)->detail.get_bool("acked")) << "not wanted is done";
  EXPECT_EQ(events("message.acked").size(), 2U);
  // What failed is not.
  EXPECT_FALSE(fire("absent").ok());
  // Nor is what somebody else has by now.
  Json late = messages.at(2);
  late.set("token", 1);
  const auto fired = fire_for(late, true);
  EXPECT_EQ(fired->detail.get_string("verdict"), "fired");
  EXPECT_FALSE(fired->detail.get_bool("acked", true));
  EXPECT_EQ(events("message.acked").size(), 2U);
  audit();
}

TEST_F(Catalog, AMissionOfATickBelongsToWhoAppliedAndNamesItsTrigger) {
  ASSERT_TRUE(apply(text(kEveryMinute)).ok());
  bench_.advance(60s);
  const Json created = parse_json(events("mission.created").at(0).data).value();
  EXPECT_EQ(events("mission.created").at(0).actor, Principal("system:timer"));
  EXPECT_EQ(created.get_string("owner"), "user:test");
  EXPECT_EQ(created.get_string("userKey"), "w-tick-2027-01-15T08:01:00.000Z");
  EXPECT_EQ(created.get_string("trigger"), "tick");
}

TEST_F(Catalog, AMissionIsMadeByTheNameOfItsWorkflow) {
  const auto submit = [this](std::string_view name, std::string_view version) {
    engine::SubmitMission command;
    command.deployed = name;
    command.version = version;
    return bench_.call(std::move(command));
  };
  EXPECT_EQ(submit("w", "").error().code, ErrorCode::NotFound);
  ASSERT_TRUE(apply(text("", "old")).ok());
  const std::string old_digest = row().find("spec")->get_string("digest");
  ASSERT_TRUE(apply(text("", "new")).ok());
  const Result<engine::Reply> reply = submit("w", "");
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
  EXPECT_TRUE(reply->mission.view().starts_with("w-"));
  ASSERT_TRUE(submit("w", old_digest.substr(0, 12)).ok());
  EXPECT_EQ(parse_json(events("mission.created").back().data)->get_string("digest"), old_digest);
  EXPECT_EQ(submit("w", "9.9").error().code, ErrorCode::NotFound);
  ASSERT_TRUE(command("disable").ok());
  EXPECT_EQ(submit("w", "").error().code, ErrorCode::IllegalTransition);
  audit();
}

TEST_F(Catalog, WhatFailsIsToldAndMayComeAgain) {
  ASSERT_TRUE(apply(text("#@ {\"name\":\"drop\",\"param\":\"{{ .File.Name }}\"}\n")).ok());
  Json body = Json::object();
  body.set("trigger", "drop").set("data", Json::object());
  engine::ObjectCommand command{.object = workflow_key("w"), .verb = "fire", .body = body};
  EXPECT_FALSE(bench_.call(command, "file-1").ok());
  EXPECT_EQ(trigger().get_int("skipped"), 0);
  Json file = Json::object();
  file.set("Name", "a.csv");
  command.body.find("data")->set("File", std::move(file));
  ASSERT_TRUE(bench_.call(command, "file-1").ok());
  EXPECT_EQ(events("mission.created").size(), 1U);
  audit();
}

TEST_F(Catalog, TheClockAloneFiresACronTrigger) {
  ASSERT_TRUE(apply(text(kEveryMinute)).ok());
  EXPECT_EQ(fire("tick").error().code, ErrorCode::Invalid);
}

TEST_F(Catalog, ARepeatedRequestFiresOnce) {
  ASSERT_TRUE(apply(text("#@ {\"name\":\"drop\"}\n")).ok());
  Json body = Json::object();
  body.set("trigger", "drop");
  const engine::ObjectCommand command{.object = workflow_key("w"), .verb = "fire", .body = body};
  ASSERT_TRUE(bench_.call(command, "file-1").ok());
  bench_.restart();
  ASSERT_TRUE(bench_.call(command, "file-1").ok());
  EXPECT_EQ(events("mission.created").size(), 1U);
}

}  // namespace
}  // namespace reeve::kernel
