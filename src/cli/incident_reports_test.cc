#include "cli/incident_reports.h"

#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

journal::Event event_of(journal::Kind kind, std::string type, std::string data) {
  journal::Event event;
  event.object = {.kind = kind, .ns = Namespace("team"), .name = "it"};
  event.type = std::move(type);
  event.data = std::move(data);
  return event;
}

TEST(IncidentReports, HeldToolsAreAnIncidentUntilTheyAreAccepted) {
  const auto changed = incident_of(event_of(
      journal::Kind::ToolServer,
      "resource.updated",
      R"({"status":{"tools":[{"name":"a","state":"Held"},{"name":"b","state":"Pinned"}]}})"
  ));
  ASSERT_TRUE(changed.has_value());
  EXPECT_FALSE(changed->over);
  EXPECT_EQ(changed->report.reason, "ToolChanged");
  EXPECT_EQ(changed->report.subject, "it");
  EXPECT_NE(changed->report.message.find("held: a"), std::string::npos);
  const auto accepted = incident_of(event_of(
      journal::Kind::ToolServer,
      "resource.updated",
      R"({"status":{"tools":[{"name":"a","state":"Pinned"}]}})"
  ));
  ASSERT_TRUE(accepted.has_value());
  EXPECT_TRUE(accepted->over);
  EXPECT_FALSE(incident_of(event_of(journal::Kind::ToolServer, "resource.updated", R"({"spec":{}})")
  )
                   .has_value());
}

TEST(IncidentReports, AStormOfRefusalsIsOneAndAFewAreNone) {
  const auto denied = [](int count) {
    Json denial = Json::object();
    denial.set("user", "mallory").set("count", count);
    Json data = Json::object();
    data.set("denials", Json::array().push(std::move(denial))).set("others", 1);
    return incident_of(event_of(journal::Kind::Denial, "access.denied", data.dump()));
  };
  EXPECT_FALSE(denied(98).has_value());
  const auto storm = denied(99);
  ASSERT_TRUE(storm.has_value());
  EXPECT_EQ(storm->report.reason, "DeniedStorm");
  EXPECT_EQ(storm->report.subject, "team");
  EXPECT_NE(storm->report.message.find("mallory"), std::string::npos);
}

TEST(IncidentReports, BudgetsAndSpirals) {
  journal::Event spent = event_of(
      journal::Kind::BudgetUsage,
      "budget.exceeded",
      R"({"quota":"team/q","limit":"maxTotalCost","level":"5","used":"5.2"})"
  );
  spent.object.name = "quota.q";
  const auto budget = incident_of(spent);
  ASSERT_TRUE(budget.has_value());
  EXPECT_EQ(budget->report.subject, "q");
  EXPECT_EQ(budget->report.message, "maxTotalCost is used up: 5.2 of 5");
  EXPECT_FALSE(budget->over);
  spent.type = "usage.period_begun";
  spent.data = R"({"start":"2026-11-21T00:00:00Z"})";
  const auto anew = incident_of(spent);
  ASSERT_TRUE(anew.has_value());
  EXPECT_TRUE(anew->over);
  EXPECT_EQ(anew->report.reason, budget->report.reason);
  EXPECT_EQ(anew->report.subject, budget->report.subject);
  spent.type = "budget.relieved";
  spent.data = R"({"quota":"team/q","limits":["maxTotalCost"],"left":["maxTokensPerRun"]})";
  EXPECT_FALSE(incident_of(spent).has_value()) << "another limit is still in the way";
  spent.data = R"({"quota":"team/q","limits":["maxTotalCost"],"left":[]})";
  const auto raised = incident_of(spent);
  ASSERT_TRUE(raised.has_value());
  EXPECT_TRUE(raised->over);
  EXPECT_EQ(raised->report.subject, budget->report.subject);
  EXPECT_EQ(raised->report.message, "the limit was raised, or taken away");
  spent.data = R"({"quota":"team/q","limits":["maxTotalCost"],"left":[],"deleted":true})";
  EXPECT_EQ(incident_of(spent)->report.message, "the quota was deleted");
  const auto spiral = incident_of(
      event_of(journal::Kind::ToolCall, "spiral.detected", R"({"mission":"m","message":"circles"})")
  );
  ASSERT_TRUE(spiral.has_value());
  EXPECT_EQ(spiral->report.subject_kind, "Mission");
  EXPECT_EQ(spiral->report.subject, "m");
  EXPECT_FALSE(incident_of(event_of(journal::Kind::Mission, "run.ended", "{}")).has_value());
  EXPECT_FALSE(incident_of(event_of(journal::Kind::ToolCall, "spiral.detected", "[")).has_value());
}

}  // namespace
}  // namespace reeve::cli
