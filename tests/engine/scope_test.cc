#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/engine.h"
#include "engine/resource_book.h"
#include "model/scoped_name.h"
#include "walk.h"
#include "workflow/load/load.h"

/// Two namespaces in which everything is named alike.
namespace reeve::engine {
namespace {

const Namespace kDefault("default");
const Namespace kTeam("team");

/// An engine with two tenants.
class Tenants : public Walk {
 public:
  explicit Tenants(Limits limits = {}) : Walk(limits) { make_namespace(kTeam); }

  void make_namespace(const Namespace& ns) {
    Json metadata = Json::object();
    metadata.set("name", ns.str());
    Json object = Json::object();
    object.set("apiVersion", "v1").set("kind", "Namespace").set("metadata", std::move(metadata));
    Json body = Json::object();
    body.set("object", std::move(object));
    const Result<Reply> reply = command(ObjectCommand{
        .object = namespace_key(ns), .verb = "create", .body = std::move(body)});
    ASSERT_TRUE(reply.ok()) << reply.error().describe();
  }

  Result<Reply> submit_in(
      const Namespace& ns, std::string_view text, std::string_view name, SubmitMission command = {}
  ) {
    workflow::Loaded loaded = workflow::load(text);
    EXPECT_TRUE(loaded.ok()) << loaded.first_error().describe();
    command.ns = ns;
    command.name = MissionName(std::string(name));
    command.workflow = loaded.workflow;
    return this->command(command);
  }

  void deploy_in(const Namespace& ns, const std::string& name, std::string_view text) {
    Json body = Json::object();
    body.set("source", std::string(text));
    const Result<Reply> reply = command(ObjectCommand{
        .object = {.kind = journal::Kind::Workflow, .ns = ns, .name = name},
        .verb = "apply",
        .body = std::move(body)});
    ASSERT_TRUE(reply.ok()) << reply.error().describe();
  }

  void set_pool_in(const Namespace& ns, const std::string& name, int units) {
    Json body = Json::object();
    body.set("units", std::int64_t{units});
    const Result<Reply> reply = command(ObjectCommand{
        .object = {.kind = journal::Kind::Pool, .ns = ns, .name = name},
        .verb = "set",
        .body = std::move(body)});
    ASSERT_TRUE(reply.ok()) << reply.error().describe();
  }

  std::string variable(std::string_view name, std::string_view mission) {
    for (const auto& [key, value] : launch_of("a", mission).spec.environment) {
      if (key == name) {
        return value;
      }
    }
    return "<none>";
  }
};

const std::string kWork = native_text({"{name: a, script: x}"});

TEST(Namespaces, EachHasAMissionOfTheSameName) {
  Tenants t;
  EXPECT_EQ(t.submit_in(kDefault, kWork, "build")->mission.view(), "build");
  const Result<Reply> other = t.submit_in(kTeam, kWork, "build");
  ASSERT_TRUE(other.ok()) << other.error().describe();
  EXPECT_EQ(other->mission.view(), "team~build");
  EXPECT_EQ(t.launches(), "build.1.a.1 team~build.1.a.1");
  t.started("a", "team~build");
  t.finished("a", 1, {}, "team~build");
  EXPECT_EQ(t.state("team~build"), "FAILED");
  EXPECT_EQ(t.state("build"), "LAUNCHING");
  t.started("a", "build");
  t.finished("a", 0, {}, "build");
  EXPECT_EQ(t.state("build"), "COMPLETE");
}

TEST(Namespaces, RowsAndEventsHaveTheNamespaceAndThePlainName) {
  Tenants t;
  ASSERT_TRUE(t.submit_in(kTeam, kWork, "build").ok());
  EXPECT_EQ(mission_key(MissionName("team~build")).ns, kTeam);
  EXPECT_EQ(mission_key(MissionName("team~build")).name, "build");
  for (const journal::Event& event : t.events()) {
    if (event.object.kind == journal::Kind::Namespace) {
      continue;
    }
    EXPECT_EQ(event.object.ns, kTeam) << event.type;
    EXPECT_EQ(event.object.name.find('~'), std::string::npos) << event.object.name;
    EXPECT_EQ(event.data.find("team~"), std::string::npos) << event.data;
  }
}

TEST(Namespaces, RunsAreToldTheirNamesAndTheirNamespace) {
  Tenants t;
  ASSERT_TRUE(t.submit_in(kTeam, kWork, "build").ok());
  EXPECT_EQ(t.variable("REEVE_MISSION", "team~build"), "build");
  EXPECT_EQ(t.variable("REEVE_NAMESPACE", "team~build"), "team");
  EXPECT_EQ(t.variable("REEVE_RUN", "team~build"), "team~build.1.a.1");
}

TEST(Namespaces, ANameNeverReachesIntoAnotherNamespace) {
  Tenants t;
  ASSERT_TRUE(t.submit_in(kTeam, kWork, "build").ok());
  for (const char* name : {"team~build", "team~other", "~", "a~b"}) {
    const Result<Reply> made = t.submit_in(kDefault, kWork, name);
    ASSERT_FALSE(made.ok()) << name;
    EXPECT_EQ(made.error().code, ErrorCode::Invalid) << name;
  }
  const Result<Reply> abort = t.command(AbortMission{
      .mission = model::qualify(kDefault, "team~build"), .message = "not yours"});
  ASSERT_FALSE(abort.ok());
  EXPECT_EQ(abort.error().code, ErrorCode::NotFound);
  EXPECT_EQ(t.state("team~build"), "LAUNCHING");
}

TEST(Namespaces, ABadNamespaceIsRefused) {
  Tenants t;
  for (const char* ns : {"", "Team", "a~b", "-x"}) {
    const Result<Reply> made = t.submit_in(Namespace(ns), kWork, "m");
    ASSERT_FALSE(made.ok()) << ns;
    EXPECT_EQ(made.error().code, ErrorCode::Invalid);
    EXPECT_EQ(made.error().subject, "namespace");
  }
}

TEST(Namespaces, TheRoomForANameShrinksByTheNamespace) {
  Tenants t;
  EXPECT_TRUE(t.submit_in(kTeam, kWork, std::string(95, 'x')).ok());
  EXPECT_FALSE(t.submit_in(kTeam, kWork, std::string(96, 'y')).ok());
  // What is named by the engine always fits.
  const Namespace longest(std::string(63, 'n'));
  t.make_namespace(longest);
  const std::string name(100, 'w');
  const Result<Reply> made =
      t.submit_in(longest, replace_all(kWork, "{name: w}", concat("{name: ", name, "}")), "");
  ASSERT_TRUE(made.ok()) << made.error().describe();
  EXPECT_LE(made->mission.view().size(), model::kScopedNameBytesMax);
}

TEST(Namespaces, AMissionWaitsOnlyForMissionsOfItsNamespace) {
  Tenants t;
  ASSERT_TRUE(t.submit_in(kDefault, kWork, "first").ok());
  SubmitMission after;
  after.after = {model::qualify(kTeam, "first")};
  EXPECT_EQ(t.submit_in(kTeam, kWork, "second", after).error().code, ErrorCode::NotFound);
  after.after = {MissionName("first")};
  EXPECT_EQ(t.submit_in(kTeam, kWork, "second", after).error().code, ErrorCode::NotFound);
  ASSERT_TRUE(t.submit_in(kTeam, kWork, "first").ok());
  after.after = {model::qualify(kTeam, "first")};
  ASSERT_TRUE(t.submit_in(kTeam, kWork, "second", after).ok());
  EXPECT_EQ(t.mission("team~second").holds.at(0).subject, "first");
  t.started("a", "first");
  t.finished("a", 0, {}, "first");
  EXPECT_EQ(t.state("team~second"), "HELD");
  t.restart();
  t.started("a", "team~first");
  t.finished("a", 0, {}, "team~first");
  EXPECT_EQ(t.state("team~second"), "LAUNCHING");
}

TEST(Namespaces, PlacesOfAWorkflowAreThoseOfItsNamespace) {
  Tenants t;
  const std::string one = native_text({"{name: a, script: x}"}, "maxConcurrency: 1");
  ASSERT_TRUE(t.submit_in(kDefault, one, "x").ok());
  ASSERT_TRUE(t.submit_in(kTeam, one, "x").ok());
  ASSERT_TRUE(t.submit_in(kTeam, one, "y").ok());
  EXPECT_EQ(t.state("x"), "LAUNCHING");
  EXPECT_EQ(t.state("team~x"), "LAUNCHING");
  EXPECT_EQ(t.state("team~y"), "QUEUED");
  t.started("a", "x");
  t.finished("a", 0, {}, "x");
  EXPECT_EQ(t.state("team~y"), "QUEUED");
  t.restart();
  t.started("a", "team~x");
  t.finished("a", 0, {}, "team~x");
  EXPECT_EQ(t.state("team~y"), "LAUNCHING");
}

TEST(Namespaces, PoolsAreThoseOfTheirNamespace) {
  Tenants t;
  const std::string wants = native_text({"{name: a, script: x, semaphores: [{pool: gpu}]}"});
  t.set_pool_in(kTeam, "gpu", 0);
  ASSERT_TRUE(t.submit_in(kDefault, wants, "x").ok());
  ASSERT_TRUE(t.submit_in(kTeam, wants, "x").ok());
  EXPECT_EQ(t.launches(), "x.1.a.1");
  EXPECT_EQ(t.task("a", "team~x").message, "needs 1 units of pool gpu, which has 0");
  t.set_pool_in(kDefault, "gpu", 7);
  EXPECT_EQ(t.launches(), "x.1.a.1");
  t.set_pool_in(kTeam, "gpu", 1);
  EXPECT_EQ(t.launches(), "x.1.a.1 team~x.1.a.1");
  EXPECT_EQ(t.engine().pools().used().size(), 2U);
}

TEST(Namespaces, ChildrenAreOfTheDeployedWorkflowOfTheirNamespace) {
  Tenants t;
  t.deploy_in(kDefault, "w", native_text({"{name: mine, script: x}"}));
  t.deploy_in(kTeam, "w", native_text({"{name: theirs, script: x}"}));
  const std::string parent =
      replace_all(native_text({"{name: a, mission: {workflow: w}}"}), "{name: w}", "{name: p}");
  ASSERT_TRUE(t.submit_in(kDefault, parent, "p").ok());
  ASSERT_TRUE(t.submit_in(kTeam, parent, "p").ok());
  const MissionName mine = t.task("a", "p").children->missions.at(0).name;
  const MissionName theirs = t.task("a", "team~p").children->missions.at(0).name;
  EXPECT_EQ(model::namespace_of(mine.view()), kDefault);
  EXPECT_EQ(model::namespace_of(theirs.view()), kTeam);
  EXPECT_TRUE(model::plain(theirs).starts_with("p.a.")) << theirs.view();
  EXPECT_EQ(t.task_state("mine", mine.view()), "LAUNCHING");
  EXPECT_EQ(t.task_state("theirs", theirs.view()), "LAUNCHING");
  t.restart();
  const std::string child = theirs.str();
  t.started("theirs", child);
  t.finished("theirs", 0, {}, child);
  EXPECT_EQ(t.state("team~p"), "COMPLETE");
  EXPECT_EQ(t.state("p"), "ACTIVE");
  const auto& outputs = t.task("a", "team~p").outputs;
  ASSERT_FALSE(outputs.empty());
  EXPECT_EQ(outputs.at(0), (model::NamedValue{"a-mission", std::string(model::plain(child))}));
}

TEST(Namespaces, AWorkflowOfAnotherNamespaceIsNotDeployed) {
  Tenants t;
  t.deploy_in(kTeam, "w", kWork);
  const auto here = t.engine().workflow_to_submit(kDefault, "w", {});
  ASSERT_FALSE(here.ok());
  EXPECT_EQ(here.error().code, ErrorCode::NotFound);
  EXPECT_TRUE(t.engine().workflow_to_submit(kTeam, "w", {}).ok());
}

TEST(Namespaces, OneIsDisabledWithoutTheOther) {
  Tenants t;
  t.deploy_in(kDefault, "w", kWork);
  t.deploy_in(kTeam, "w", kWork);
  ASSERT_TRUE(t.command(ObjectCommand{
                            .object = {.kind = journal::Kind::Workflow, .ns = kTeam, .name = "w"},
                            .verb = "disable",
                            .body = {}}
  ).ok());
  EXPECT_TRUE(t.engine().workflow_to_submit(kDefault, "w", {}).ok());
  EXPECT_EQ(
      t.engine().workflow_to_submit(kTeam, "w", {}).error().code, ErrorCode::IllegalTransition
  );
}

TEST(Namespaces, EachKeepsItsOwnVersionsOfAText) {
  Tenants t;
  ASSERT_TRUE(t.submit_in(kDefault, kWork, "x").ok());
  ASSERT_TRUE(t.submit_in(kTeam, kWork, "x").ok());
  ASSERT_TRUE(t.submit_in(kTeam, kWork, "y").ok());
  EXPECT_EQ(t.count_events("workflow.registered"), 2U);
}

TEST(Namespaces, UserKeysAndCountsAreThoseOfOne) {
  Tenants t;
  SubmitMission keyed;
  keyed.user_key = "nightly";
  ASSERT_TRUE(t.submit_in(kDefault, kWork, "x", keyed).ok());
  const Result<Reply> other = t.submit_in(kTeam, kWork, "x", keyed);
  ASSERT_TRUE(other.ok()) << other.error().describe();
  EXPECT_FALSE(other->existing);
  EXPECT_TRUE(t.submit_in(kTeam, kWork, "y", keyed)->existing);
  ASSERT_TRUE(t.submit_in(kTeam, kWork, "z").ok());
  t.started("a", "team~z");
  t.finished("a", 0, {}, "team~z");
  EXPECT_EQ(t.engine().count_missions(kDefault, "w", {"RUNNING"}), 1);
  EXPECT_EQ(t.engine().count_missions(kTeam, "w", {"RUNNING"}), 1);
  EXPECT_EQ(t.engine().count_missions(kTeam, "w", {"COMPLETED"}), 1);
  EXPECT_EQ(t.engine().count_missions(kDefault, "w", {"COMPLETED"}), 0);
  EXPECT_EQ(t.engine().tally_of(mission_key(MissionName("team~z"))), "team~w/COMPLETE");
}

TEST(Namespaces, ARetryStaysInItsNamespace) {
  Tenants t;
  ASSERT_TRUE(t.submit_in(kTeam, kWork, "x").ok());
  t.started("a", "team~x");
  t.finished("a", 1, {}, "team~x");
  const Result<Reply> again =
      t.command(RetryMission{.parent = MissionName("team~x"), .name = MissionName("again")});
  ASSERT_TRUE(again.ok()) << again.error().describe();
  EXPECT_EQ(again->mission.view(), "team~again");
  EXPECT_EQ(t.mission("team~again").continues, MissionName("team~x"));
  const Result<Reply> named =
      t.command(RetryMission{.parent = MissionName("team~x"), .name = MissionName("default~y")});
  EXPECT_EQ(named.error().code, ErrorCode::Invalid);
}

TEST(Namespaces, TheOwnerOfARunIsFoundInItsNamespace) {
  Tenants t;
  ASSERT_TRUE(t.submit_in(kDefault, kWork, "x").ok());
  ASSERT_TRUE(t.submit_in(kTeam, kWork, "x").ok());
  SubmitMission by_run;
  by_run.ns = kTeam;
  by_run.name = MissionName("made");
  by_run.workflow = workflow::load(kWork).workflow;
  ASSERT_TRUE(t.command(by_run, "run:team~x.1.a.1").ok());
  EXPECT_EQ(t.mission("team~made").responsible(), Principal("user:test"));
}

TEST(Namespaces, NothingIsLeftOfAnyWhenAllIsOver) {
  Tenants t;
  for (const Namespace& ns : {kDefault, kTeam}) {
    ASSERT_TRUE(t.submit_in(ns, kWork, "x").ok());
    const std::string name = model::qualify(ns, "x").str();
    t.started("a", name);
    t.finished("a", 0, {}, name);
  }
  EXPECT_TRUE(t.engine().at_rest());
}

}  // namespace
}  // namespace reeve::engine
