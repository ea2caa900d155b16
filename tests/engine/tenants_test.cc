#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/mission_codec.h"
#include "engine/resource_book.h"
#include "kernel/audit.h"
#include "kernel_fixture.h"
#include "model/scoped_name.h"
#include "workflow/load/load.h"

/// Two namespaces in one store, and what an earlier version has left there.
namespace reeve::kernel {
namespace {

const Namespace kTeam("team");

engine::SubmitMission submission_in(const Namespace& ns, std::string_view name) {
  engine::SubmitMission command = submit_command(name);
  command.ns = ns;
  return command;
}

engine::ObjectCommand apply_in(const Namespace& ns, const std::string& name, std::string source) {
  Json body = Json::object();
  body.set("source", std::move(source));
  return {
      .object = {.kind = journal::Kind::Workflow, .ns = ns, .name = name},
      .verb = "apply",
      .body = std::move(body)};
}

/// A bench with the team's namespace.
class TeamBench : public Bench {
 public:
  TeamBench() {
    Json metadata = Json::object();
    metadata.set("name", kTeam.str());
    Json object = Json::object();
    object.set("apiVersion", "v1").set("kind", "Namespace").set("metadata", std::move(metadata));
    Json body = Json::object();
    body.set("object", std::move(object));
    const Result<engine::Reply> reply = call(engine::ObjectCommand{
        .object = engine::namespace_key(kTeam), .verb = "create", .body = std::move(body)});
    EXPECT_TRUE(reply.ok()) << reply.error().describe();
  }
};

/// The store, with some rows written anew.
void rewrite(Bench& b, const std::function<void(store::Row&, const Fold&)>& change) {
  Fold fold(workflow::load_source);
  store::EventQuery query;
  query.limit = 5000;
  const Result<std::vector<journal::Event>> events = b.store().events(query);
  ASSERT_TRUE(events.ok());
  for (const journal::Event& event : *events) {
    const Result<void> applied = fold.apply(event);
    ASSERT_TRUE(applied.ok()) << event.type << ": " << applied.error().describe();
  }
  store::Commit commit;
  ASSERT_TRUE(b.store()
                  .each_row([&](store::Row row) -> Result<void> {
                    change(row, fold);
                    commit.rows.push_back(std::move(row));
                    return {};
                  })
                  .ok());
  ASSERT_TRUE(b.store().commit(commit).ok());
}

TEST(Tenants, MayNameTheirMissionsAlike) {
  TeamBench b;
  EXPECT_EQ(b.call(submission_in(Namespace("default"), "m"))->mission.view(), "m");
  EXPECT_EQ(b.call(submission_in(kTeam, "m"))->mission.view(), "team~m");
  EXPECT_EQ(b.call(submission_in(kTeam, "m")).error().code, ErrorCode::AlreadyExists);
  const Result<std::optional<store::Row>> row =
      b.store().get({.kind = journal::Kind::Mission, .ns = kTeam, .name = "m"});
  ASSERT_TRUE(row.ok() && row->has_value());
  const Json body = *parse_json((*row)->body);
  EXPECT_EQ(body.find("metadata")->get_string("name"), "m");
  EXPECT_EQ(body.find("metadata")->get_string("namespace"), "team");
  EXPECT_TRUE(audit(b.store(), workflow::load_source).ok());
}

TEST(Tenants, GoOnAfterARestart) {
  TeamBench b;
  b.call(submission_in(Namespace("default"), "m")).value();
  b.call(submission_in(kTeam, "m")).value();
  b.take_launches();
  b.restart();
  b.commit();
  for (const model::LaunchRun& launch : b.take_launches()) {
    b.call(started(launch)).value();
    b.call(finished(launch, launch.mission.view() == "m" ? 0 : 1)).value();
  }
  EXPECT_EQ(b.stored_state("m"), "COMPLETE");
  b.advance(std::chrono::hours(1));
  for (const model::LaunchRun& launch : b.take_launches()) {
    EXPECT_EQ(launch.mission.view(), "team~m");
    b.call(finished(launch, 1)).value();
  }
  // The store alone has it now; its name is taken all the same.
  const auto again =
      b.call(engine::RetryMission{.parent = MissionName("team~m"), .name = MissionName("again")});
  ASSERT_TRUE(again.ok()) << again.error().describe();
  EXPECT_EQ(again->mission.view(), "team~again");
  EXPECT_EQ(b.call(submission_in(kTeam, "m")).error().code, ErrorCode::AlreadyExists);
  EXPECT_TRUE(audit(b.store(), workflow::load_source).ok());
}

TEST(Tenants, HaveCronTriggersOfTheSameName) {
  const std::string source =
      "job_type: nightly\ncron_trigger: \"0 * * * * * *\"\ntasks:\n"
      "- task_type: a\n  method: SHELL\n  script: [x]\n";
  TeamBench b;
  b.call(apply_in(Namespace("default"), "nightly", source)).value();
  b.call(apply_in(kTeam, "nightly", source)).value();
  b.advance(std::chrono::seconds(61));
  std::set<std::string> namespaces;
  for (const model::LaunchRun& launch : b.take_launches()) {
    namespaces.insert(model::namespace_of(launch.mission.view()).str());
  }
  EXPECT_EQ(namespaces, (std::set<std::string>{"default", "team"}));
  const auto row = b.store().get({.kind = journal::Kind::Workflow, .ns = kTeam, .name = "nightly"});
  ASSERT_TRUE(row.ok() && row->has_value());
  EXPECT_EQ((*row)->body.find("team~"), std::string::npos) << (*row)->body;
  EXPECT_TRUE(audit(b.store(), workflow::load_source).ok());
}

TEST(Tenants, AreAllToldByAnAudit) {
  TeamBench b;
  b.call(submission_in(kTeam, "m")).value();
  rewrite(b, [](store::Row& row, const Fold&) {
    if (row.key.kind == journal::Kind::Mission) {
      row.body = replace_all(row.body, "\"attempt\":1", "\"attempt\":2");
    }
  });
  const Result<AuditReport> report = audit(b.store(), workflow::load_source);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().subject, "mission team/m");
}

/// As if the store had been written by a version that kept nothing of earlier runs.
void write_earlier_rows(Bench& b) {
  rewrite(b, [](store::Row& row, const Fold& fold) {
    if (row.key.kind == journal::Kind::Mission) {
      row.body = fold.earlier_body(engine::mission_of(row.key));
    }
  });
}

TEST(EarlierRows, OfMissionsThatAreOverStayAndAreProven) {
  TeamBench b;
  b.call(submit_command("m")).value();
  b.call(finished(b.take_launch(), 1)).value();
  b.advance(std::chrono::hours(1));
  b.call(finished(b.take_launch(), 0)).value();
  write_earlier_rows(b);
  EXPECT_TRUE(audit(b.store(), workflow::load_source).ok());
  b.restart();
  b.commit();
  EXPECT_TRUE(audit(b.store(), workflow::load_source).ok());
}

TEST(EarlierRows, OfLiveMissionsAreMadeWholeAgain) {
  TeamBench b;
  b.call(submit_command("m")).value();
  const model::LaunchRun first = b.take_launch();
  b.call(finished(first, 1)).value();
  write_earlier_rows(b);
  b.restart();
  b.advance(std::chrono::hours(1));
  b.call(finished(b.take_launch(), 0)).value();
  const Result<AuditReport> report = audit(b.store(), workflow::load_source);
  EXPECT_TRUE(report.ok()) << report.error().describe();
  const auto row = b.store().get(mission_key("m"));
  EXPECT_NE((*row)->body.find("\"history\":[{\"epoch\":1,\"attempt\":1"), std::string::npos)
      << (*row)->body;
}

}  // namespace
}  // namespace reeve::kernel
