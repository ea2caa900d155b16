// Namespaces: what can be made in them, and how they are emptied.

#include "base/strings.h"
#include "objects_fixture.h"

namespace reeve::kernel {
namespace {

using journal::Kind;
using journal::ObjectKey;

class Namespaces : public ObjectsTest {
 protected:
  const ObjectKey team_ = cluster_key(Kind::Namespace, "team");

  std::string phase() {
    const Json object = stored(team_);
    return object.is_null() ? "gone" : object.find("status")->get_string("phase");
  }

  static Json json(std::string_view text) { return *parse_json(text); }

  /// One of each kind, in the namespace "team".
  std::vector<ObjectKey> fill() {
    std::vector<ObjectKey> objects;
    for (const Kind kind :
         {Kind::BudgetQuota, Kind::BlackboardEntry, Kind::Role, Kind::RoleBinding}) {
      objects.push_back(key(kind, "x", "team"));
      EXPECT_EQ(outcome(create(objects.back())), "done");
    }
    const auto put = [&](Kind kind, std::string name, std::string verb, std::string_view body) {
      objects.push_back(key(kind, std::move(name), "team"));
      EXPECT_EQ(outcome(command(objects.back(), std::move(verb), json(body))), "done");
    };
    put(Kind::Channel, "c", "set", "{}");
    put(Kind::Credential, "secret", "set", R"({"sealed":"v1.k.abc","keyId":"k"})");
    put(Kind::Setting, "SET", "set", R"({"value":"v"})");
    put(Kind::Pool, "p", "set", R"({"units":1})");
    return objects;
  }

  bool is_live(const ObjectKey& object) {
    const auto found = row(object);
    return found && found->live;
  }
};

TEST_F(Namespaces, TheDefaultOneIsThereAndStays) {
  const ObjectKey named = cluster_key(Kind::Namespace, "default");
  EXPECT_EQ(stored(named).find("status")->get_string("phase"), "Active");
  EXPECT_EQ(remove(named).error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(outcome(create(key(Kind::BudgetQuota, "q"))), "done");
}

TEST_F(Namespaces, NothingIsMadeInOneThatIsNotThere) {
  const std::string nowhere = R"(not_found: team: namespaces "team" not found)";
  EXPECT_EQ(outcome(create(key(Kind::BudgetQuota, "q", "team"))), nowhere);
  EXPECT_EQ(outcome(command(key(Kind::Channel, "c", "team"), "set", Json::object())), nowhere);
  EXPECT_EQ(
      outcome(command(key(Kind::Setting, "S", "team"), "set", json(R"({"value":"v"})"))), nowhere
  );
  engine::SubmitMission mission = submit_command("m");
  mission.ns = Namespace("team");
  EXPECT_EQ(outcome(bench_.call(mission)), nowhere);
  make_namespace("team");
  EXPECT_EQ(outcome(bench_.call(mission)), "done");
}

TEST_F(Namespaces, HaveNamesThatOthersCanUse) {
  for (const char* name : {"Team", "a.b", "-a", "a-", "a_b", "a~b"}) {
    EXPECT_EQ(create(cluster_key(Kind::Namespace, name)).error().subject, "metadata.name") << name;
  }
  const std::string long_name(64, 'a');
  EXPECT_FALSE(create(cluster_key(Kind::Namespace, long_name)).ok());
}

TEST_F(Namespaces, TheirPhaseIsNotForOthersToSay) {
  const auto made = create(team_, {}, R"("status":{"phase":"Odd"},)");
  EXPECT_EQ(phase(), "Active");
  Json object = made->detail;
  object.set("status", json(R"({"phase":"Odd","note":1})"));
  update(team_, object, R"({"subresource":"status"})").value();
  EXPECT_EQ(stored(team_).find("status")->dump(), R"({"phase":"Active","note":1})");
}

TEST_F(Namespaces, EmptyOnesGo) {
  make_namespace("team");
  const auto asked = remove(team_);
  ASSERT_EQ(outcome(asked), "done");
  EXPECT_FALSE(asked->gone);
  EXPECT_EQ(phase(), "Terminating");
  EXPECT_EQ(outcome(remove(team_)), "done");
  collect();
  EXPECT_EQ(phase(), "gone");
  make_namespace("team");
  EXPECT_EQ(phase(), "Active");
}

TEST_F(Namespaces, NothingIsMadeInOneThatIsBeingDeleted) {
  make_namespace("team");
  create(key(Kind::BudgetQuota, "q", "team"), R"("finalizers":["a/b"],)").value();
  remove(team_).value();
  const auto refused = create(key(Kind::BlackboardEntry, "e", "team"));
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(engine::is_namespace_terminating(refused.error()));
  EXPECT_EQ(
      refused.error().message,
      "unable to create new content in namespace team because it is being terminated"
  );
  engine::SubmitMission mission = submit_command("m");
  mission.ns = Namespace("team");
  EXPECT_TRUE(engine::is_namespace_terminating(bench_.call(mission).error()));
  const auto channel = command(key(Kind::Channel, "c", "team"), "send", json(R"({"body":"x"})"));
  EXPECT_TRUE(engine::is_namespace_terminating(channel.error()));
}

TEST_F(Namespaces, TakeEverythingWithThem) {
  make_namespace("team");
  make_namespace("other");
  const std::vector<ObjectKey> objects = fill();
  const ObjectKey decision = key(Kind::BlackboardEntry, "d", "team");
  create(decision, {}, R"("spec":{"type":"decision"},)").value();
  const ObjectKey elsewhere = key(Kind::BudgetQuota, "x", "other");
  create(elsewhere).value();
  create(key(Kind::BudgetQuota, "x")).value();
  remove(team_).value();
  collect();
  EXPECT_EQ(phase(), "gone");
  for (const ObjectKey& object : objects) {
    EXPECT_FALSE(is_live(object)) << object.name << " " << to_string(object.kind);
  }
  EXPECT_FALSE(is_live(decision));
  EXPECT_TRUE(is_live(elsewhere));
  EXPECT_TRUE(is_live(key(Kind::BudgetQuota, "x")));
}

TEST_F(Namespaces, WaitForFinalizersOfTheirContents) {
  make_namespace("team");
  const ObjectKey held = key(Kind::BudgetQuota, "q", "team");
  create(held, R"("finalizers":["a/b"],)").value();
  remove(team_).value();
  collect();
  EXPECT_EQ(phase(), "Terminating");
  bench_.restart();
  bench_.commit();
  collect();
  EXPECT_EQ(phase(), "Terminating");
  Json object = stored(held);
  object.find("metadata")->set("finalizers", Json::array());
  update(held, std::move(object)).value();
  collect();
  EXPECT_EQ(phase(), "gone");
}

TEST_F(Namespaces, WaitForTheirOwnFinalizers) {
  create(team_, R"("finalizers":["a/b"],)").value();
  remove(team_).value();
  collect();
  EXPECT_EQ(phase(), "Terminating");
  Json object = stored(team_);
  object.find("metadata")->set("finalizers", Json::array());
  EXPECT_FALSE(update(team_, std::move(object)).value().gone);
  collect();
  EXPECT_EQ(phase(), "gone");
}

TEST_F(Namespaces, AbortTheirMissionsAndWaitForThem) {
  make_namespace("team");
  submit("running", "team");
  submit("elsewhere");
  const ObjectKey quota = key(Kind::BudgetQuota, "q", "team");
  create(quota).value();
  remove(team_).value();
  collect();
  EXPECT_EQ(phase(), "Terminating");
  // Missions go first: what they use stays until then.
  EXPECT_TRUE(there(quota));
  finish_runs();
  collect();
  EXPECT_EQ(phase(), "gone");
  EXPECT_FALSE(there(key(Kind::Mission, "running", "team")));
  EXPECT_FALSE(there(quota));
  EXPECT_TRUE(there(key(Kind::Mission, "elsewhere")));
}

TEST_F(Namespaces, TakeMissionsWithThemThatHaveEndedLongAgo) {
  make_namespace("team");
  for (int i = 0; i < 120; ++i) {
    bench_.post([&] {
      engine::SubmitMission command = submit_command(concat("m", i));
      command.ns = Namespace("team");
      if (i % 2 == 0) {
        command.metadata = json(R"({"labels":{"a":"b"}})");
      }
      return command;
    }());
  }
  bench_.commit();
  while (!bench_.core().engine().live_missions().empty()) {
    finish_runs();
  }
  submit("elsewhere");
  bench_.restart();
  bench_.commit();
  remove(team_).value();
  collect();
  EXPECT_EQ(phase(), "gone");
  for (int i = 0; i < 120; ++i) {
    EXPECT_FALSE(there(key(Kind::Mission, concat("m", i), "team"))) << i;
    EXPECT_FALSE(there(about(Kind::Mission, concat("m", i), "team"))) << i;
  }
}

TEST_F(Namespaces, AnEndedMissionWithAFinalizerHoldsItsNamespace) {
  make_namespace("team");
  submit("m", "team", json(R"({"finalizers":["a/b"]})"));
  finish_runs();
  bench_.restart();
  bench_.commit();
  remove(team_).value();
  collect();
  EXPECT_EQ(phase(), "Terminating");
  EXPECT_TRUE(describe(key(Kind::Mission, "m", "team"), "{}").value().gone);
  collect();
  EXPECT_EQ(phase(), "gone");
}

TEST_F(Namespaces, AreDeletedInTheForeground) {
  make_namespace("team");
  create(key(Kind::BudgetQuota, "q", "team")).value();
  remove(team_, R"({"propagationPolicy":"Foreground"})").value();
  collect();
  EXPECT_EQ(phase(), "gone");
}

}  // namespace
}  // namespace reeve::kernel
