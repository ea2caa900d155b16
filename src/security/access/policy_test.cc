#include "security/access/policy.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "security/access/builtin.h"

namespace reeve::access {
namespace {

Json json(std::string_view text) {
  auto parsed = parse_json(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return std::move(parsed).value();
}

Json role_object(std::string_view ns, std::string_view name, std::string_view rules) {
  Json metadata = Json::object().set("name", name);
  if (!ns.empty()) {
    metadata.set("namespace", ns);
  }
  Json object = Json::object();
  object.set("kind", ns.empty() ? "ClusterRole" : "Role");
  object.set("metadata", std::move(metadata));
  object.set("rules", json(rules));
  return object;
}

/// `who` is `User:alice`, `Group:devs` …
Json binding_object(
    std::string_view ns,
    std::string_view name,
    std::string_view role_kind,
    std::string_view role,
    std::string_view who
) {
  Json metadata = Json::object().set("name", name);
  if (!ns.empty()) {
    metadata.set("namespace", ns);
  }
  const std::size_t colon = who.find(':');
  Json subject = Json::object().set("kind", who.substr(0, colon));
  subject.set("name", who.substr(colon + 1));
  Json object = Json::object();
  object.set("kind", ns.empty() ? "ClusterRoleBinding" : "RoleBinding");
  object.set("metadata", std::move(metadata));
  object.set("roleRef", Json::object().set("kind", role_kind).set("name", role));
  object.set("subjects", Json::array().push(std::move(subject)));
  return object;
}

Identity user(std::string name, std::vector<std::string> groups = {}) {
  Identity identity;
  identity.user = std::move(name);
  identity.groups = std::move(groups);
  add_group(identity, kAuthenticated);
  return identity;
}

Attributes on(
    std::string verb, std::string resource, std::string ns, std::string subresource = {}
) {
  Attributes attributes;
  attributes.verb = std::move(verb);
  attributes.group = kApiGroup;
  attributes.resource = std::move(resource);
  attributes.subresource = std::move(subresource);
  attributes.ns = std::move(ns);
  return attributes;
}

Attributes path(std::string name) {
  Attributes attributes;
  attributes.verb = "get";
  attributes.non_resource_path = std::move(name);
  return attributes;
}

constexpr std::string_view kReadMissions =
    R"([{"verbs":["get","list"],"apiGroups":["reeve.dev"],"resources":["missions"]}])";

class PolicyTest : public testing::Test {
 protected:
  void put(const Json& object) {
    const auto done = policy_.upsert(object);
    ASSERT_TRUE(done.ok()) << done.error().describe();
  }

  void bind(
      std::string_view ns,
      std::string_view name,
      std::string_view role_kind,
      std::string_view role,
      std::string_view who
  ) {
    put(binding_object(ns, name, role_kind, role, who));
  }

  bool may(const Identity& identity, const Attributes& attributes) const {
    return policy_.decide(identity, attributes).allowed;
  }

  Policy policy_;
};

TEST_F(PolicyTest, RefusesWhatNoRoleAllows) {
  const Decision decision = policy_.decide(user("alice"), on("list", "missions", "default"));
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.reason, "no role allows it");
  const auto checked = policy_.check(user("alice"), on("list", "missions", "default"));
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code, ErrorCode::PermissionDenied);
  EXPECT_TRUE(checked.error().message.starts_with("missions.reeve.dev is forbidden: User"));
}

TEST_F(PolicyTest, AllowsInTheNamespaceOfTheBindingOnly) {
  put(role_object("alpha", "reader", kReadMissions));
  bind("alpha", "readers", "Role", "reader", "User:alice");
  const Decision decision = policy_.decide(user("alice"), on("list", "missions", "alpha"));
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(
      decision.reason,
      "allowed by RoleBinding \"alpha/readers\" of Role \"alpha/reader\" to User \"alice\""
  );
  EXPECT_FALSE(may(user("alice"), on("list", "missions", "beta")));
  EXPECT_FALSE(may(user("alice"), on("list", "missions", "")));
  EXPECT_FALSE(may(user("alice"), on("delete", "missions", "alpha")));
  EXPECT_FALSE(may(user("bob"), on("list", "missions", "alpha")));
  // A user is not a group of the same name.
  EXPECT_FALSE(may(user("bob", {"alice"}), on("list", "missions", "alpha")));
}

TEST_F(PolicyTest, TellsARoleFromAClusterRoleOfTheSameName) {
  put(role_object("alpha", "reader", kReadMissions));
  bind("alpha", "readers", "ClusterRole", "reader", "User:alice");
  EXPECT_FALSE(may(user("alice"), on("list", "missions", "alpha")));
  bind("beta", "readers", "Role", "reader", "User:alice");
  EXPECT_FALSE(may(user("alice"), on("list", "missions", "beta")));
}

TEST_F(PolicyTest, AllowsEverywhereWithABindingOfTheCluster) {
  put(role_object("", "reader", kReadMissions));
  bind("", "readers", "ClusterRole", "reader", "Group:devs");
  const Identity bob = user("bob", {"devs"});
  EXPECT_TRUE(may(bob, on("list", "missions", "alpha")));
  EXPECT_TRUE(may(bob, on("list", "missions", "")));
  EXPECT_FALSE(may(user("devs"), on("list", "missions", "alpha")));
}

TEST_F(PolicyTest, KnowsServiceAccounts) {
  Json object = binding_object("alpha", "robots", "ClusterRole", "view", "ServiceAccount:ci");
  EXPECT_EQ(policy_.upsert(object).error().subject, "subjects[0].namespace");
  object.find("subjects")->as_array()[0].set("namespace", "tools");
  put(object);
  EXPECT_TRUE(may(user("system:serviceaccount:tools:ci"), on("list", "missions", "alpha")));
  EXPECT_FALSE(may(user("system:serviceaccount:alpha:ci"), on("list", "missions", "alpha")));
}

TEST_F(PolicyTest, FollowsChangesOfRolesAndBindings) {
  bind("alpha", "readers", "Role", "reader", "User:alice");
  EXPECT_FALSE(may(user("alice"), on("list", "missions", "alpha")));
  put(role_object("alpha", "reader", kReadMissions));
  EXPECT_TRUE(may(user("alice"), on("list", "missions", "alpha")));
  put(role_object("alpha", "reader", "[]"));
  EXPECT_FALSE(may(user("alice"), on("list", "missions", "alpha")));
  put(role_object("alpha", "reader", kReadMissions));
  bind("alpha", "readers", "Role", "reader", "User:bob");
  EXPECT_FALSE(may(user("alice"), on("list", "missions", "alpha")));
  EXPECT_TRUE(may(user("bob"), on("list", "missions", "alpha")));
  bind("alpha", "more", "Role", "reader", "User:bob");
  policy_.remove({.kind = PolicyKind::RoleBinding, .ns = "alpha", .name = "readers"});
  EXPECT_TRUE(may(user("bob"), on("list", "missions", "alpha")));
  policy_.remove({.kind = PolicyKind::RoleBinding, .ns = "alpha", .name = "more"});
  EXPECT_FALSE(may(user("bob"), on("list", "missions", "alpha")));
  policy_.remove({.kind = PolicyKind::RoleBinding, .ns = "alpha", .name = "more"});
}

TEST_F(PolicyTest, SurvivesASubjectThatIsNamedTwice) {
  Json object = binding_object("alpha", "twice", "ClusterRole", "view", "User:alice");
  object.find("subjects")->push(Json(object.find("subjects")->as_array()[0]));
  put(object);
  EXPECT_TRUE(may(user("alice"), on("list", "missions", "alpha")));
  policy_.remove({.kind = PolicyKind::RoleBinding, .ns = "alpha", .name = "twice"});
  EXPECT_FALSE(may(user("alice"), on("list", "missions", "alpha")));
}

TEST_F(PolicyTest, ChangesNothingOnAnInvalidObject) {
  put(role_object("alpha", "reader", kReadMissions));
  bind("alpha", "readers", "Role", "reader", "User:alice");
  EXPECT_FALSE(policy_.upsert(role_object("alpha", "reader", R"([{"verbs":[]}])")).ok());
  EXPECT_FALSE(policy_.upsert(binding_object("alpha", "readers", "Job", "x", "User:a")).ok());
  EXPECT_TRUE(may(user("alice"), on("list", "missions", "alpha")));
}

TEST_F(PolicyTest, RefusesObjectsThatAreNone) {
  struct Row {
    Json object;
    std::string_view subject;
  };

  Json with_rule = role_object("alpha", "r", "[]");
  with_rule.set("aggregationRule", Json::object());
  Json no_selector = role_object("", "r", "[]");
  no_selector.set("aggregationRule", json(R"({"clusterRoleSelectors":[]})"));
  Json gathers_all = role_object("", "r", "[]");
  gathers_all.set("aggregationRule", json(R"({"clusterRoleSelectors":[{}]})"));
  Json expressions = role_object("", "r", "[]");
  expressions.set("aggregationRule", json(R"({"clusterRoleSelectors":[{"matchExpressions":[]}]})"));
  Json wrong_group = binding_object("alpha", "b", "Role", "r", "User:a");
  wrong_group.find("roleRef")->set("apiGroup", "apps");
  Json wrong_place = role_object("alpha", "r", "[]");
  wrong_place.set("kind", "ClusterRole");
  const std::vector<Row> rows = {
      {json(R"({"kind":"Pod","metadata":{"name":"x"}})"), "kind"},
      {json(R"({"kind":"Role"})"), "metadata.name"},
      {json(R"({"kind":"Role","metadata":{"name":"x"}})"), "metadata.namespace"},
      {json(R"({"kind":"RoleBinding","metadata":{"name":"x","namespace":"a"}})"), "roleRef"},
      {wrong_place, "metadata.namespace"},
      {with_rule, "aggregationRule"},
      {no_selector, "aggregationRule.clusterRoleSelectors"},
      {gathers_all, "aggregationRule.clusterRoleSelectors[0].matchLabels"},
      {expressions, "aggregationRule.clusterRoleSelectors[0].matchExpressions"},
      {wrong_group, "roleRef.apiGroup"},
      {binding_object("", "b", "Role", "r", "User:a"), "roleRef.kind"},
      {binding_object("alpha", "b", "Role", "r", "Team:a"), "subjects[0].kind"},
      {binding_object("alpha", "b", "Role", "r", "User:"), "subjects[0].name"},
  };
  for (const Row& row : rows) {
    const auto done = policy_.upsert(row.object);
    ASSERT_FALSE(done.ok()) << row.object.dump();
    EXPECT_EQ(done.error().code, ErrorCode::Invalid);
    EXPECT_EQ(done.error().subject, row.subject) << row.object.dump();
  }
}

TEST_F(PolicyTest, LetsMastersDoEverythingWhateverTheObjectsSay) {
  put(role_object("", "cluster-admin", "[]"));
  const Identity root = user("root", {std::string(kMasters)});
  EXPECT_TRUE(may(root, on("delete", "tokens", "")));
  EXPECT_TRUE(may(root, path("/metrics")));
  EXPECT_TRUE(policy_.sees_namespace(root, "alpha"));
  EXPECT_TRUE(policy_.namespaces_visible(root).all);
  EXPECT_EQ(policy_.rules_for(root, "alpha").resource_rules.size(), 1U);
}

TEST_F(PolicyTest, LetsEverybodyDiscoverAndAskAboutThemselves) {
  EXPECT_TRUE(may(user("alice"), path("/apis/reeve.dev/v1")));
  EXPECT_FALSE(may(user("alice"), path("/metrics")));
  EXPECT_FALSE(may(anonymous(), path("/apis")));
  EXPECT_TRUE(may(anonymous(), path("/livez")));
  Attributes review;
  review.verb = "create";
  review.group = "authorization.k8s.io";
  review.resource = "selfsubjectaccessreviews";
  EXPECT_TRUE(may(user("alice"), review));
  EXPECT_FALSE(may(anonymous(), review));
}

TEST_F(PolicyTest, GivesBuiltInRolesTheirMeaning) {
  for (const std::string_view role : {kAdmin, kEdit, kView, kApprover}) {
    bind("alpha", role, "ClusterRole", role, concat("User:", role));
  }
  const Identity admin = user("admin");
  const Identity edit = user("edit");
  const Identity view = user("view");
  const Identity approver = user("reeve:approver");
  for (const Identity* one : {&admin, &edit, &view, &approver}) {
    EXPECT_TRUE(may(*one, on("get", "missions", "alpha"))) << one->user;
    EXPECT_TRUE(may(*one, on("get", "missions", "alpha", "log"))) << one->user;
    EXPECT_FALSE(may(*one, on("get", "missions", "beta"))) << one->user;
    EXPECT_FALSE(may(*one, on("update", "budgetquotas", "alpha"))) << one->user;
    EXPECT_FALSE(may(*one, on("create", "tokens", "alpha"))) << one->user;
  }
  EXPECT_TRUE(may(edit, on("create", "missions", "alpha")));
  EXPECT_FALSE(may(view, on("create", "missions", "alpha")));
  EXPECT_FALSE(may(approver, on("create", "missions", "alpha")));
  EXPECT_TRUE(may(approver, on("create", "missions", "alpha", "approve")));
  EXPECT_TRUE(may(admin, on("approve", "toolcalls", "alpha")));
  EXPECT_FALSE(may(edit, on("create", "missions", "alpha", "approve")));
  EXPECT_FALSE(may(edit, on("create", "toolcalls", "alpha", "approve")));
  EXPECT_FALSE(may(view, on("get", "credentials", "alpha")));
  EXPECT_TRUE(may(edit, on("create", "credentials", "alpha")));
  Attributes roles = on("create", "roles", "alpha");
  roles.group = kRbacGroup;
  EXPECT_TRUE(may(admin, roles));
  EXPECT_FALSE(may(edit, roles));
}

TEST_F(PolicyTest, GivesRunsTheirRoleInTheirNamespaceOnly) {
  const Identity run = user("run:alpha~m.1.t.1", {"system:runs", "system:runs:alpha"});
  EXPECT_TRUE(may(run, on("create", "blackboardentries", "alpha")));
  EXPECT_FALSE(may(run, on("create", "blackboardentries", "beta")));
  EXPECT_FALSE(may(run, on("create", "missions", "alpha")));
  EXPECT_FALSE(may(run, on("create", "channels", "alpha", "send")));
  EXPECT_FALSE(may(run, on("list", "missions", "")));
  EXPECT_FALSE(may(run, on("get", "credentials", "alpha")));
  EXPECT_FALSE(may(run, on("create", "toolcalls", "alpha", "approve")));
  EXPECT_TRUE(policy_.sees_namespace(run, "alpha"));
  EXPECT_FALSE(policy_.sees_namespace(run, "beta"));
  EXPECT_EQ(policy_.namespaces_visible(run).names, (std::set<std::string, std::less<>>{"alpha"}));
  put(role_object("", kRunRole, "[]"));
  EXPECT_FALSE(may(run, on("create", "blackboardentries", "alpha")));
  EXPECT_FALSE(policy_.sees_namespace(run, "alpha"));
}

TEST_F(PolicyTest, LetsRunsReadThemselvesAndTheirMission) {
  Identity run = user("run:alpha~m.1.t.1", {"system:runs", "system:runs:alpha"});
  run.extra = {{"reeve.dev/mission", {"m"}}, {"reeve.dev/run", {"m.1.t.1"}}};
  const auto named =
      [](std::string resource, std::string ns, std::string name, std::string subresource = {}) {
        Attributes asked = on("get", std::move(resource), std::move(ns), std::move(subresource));
        asked.name = std::move(name);
        return asked;
      };
  EXPECT_TRUE(may(run, named("missions", "alpha", "m")));
  EXPECT_TRUE(may(run, named("missions", "alpha", "m", "events")));
  EXPECT_TRUE(may(run, named("runs", "alpha", "m.1.t.1", "log")));
  EXPECT_FALSE(may(run, named("missions", "alpha", "other")));
  EXPECT_FALSE(may(run, named("missions", "beta", "m")));
  EXPECT_FALSE(may(run, named("runs", "alpha", "m.1.t.2", "log")));
  EXPECT_FALSE(may(run, on("list", "missions", "alpha")));
  // The extras alone prove nothing.
  run.groups = {"system:authenticated"};
  EXPECT_FALSE(may(run, named("missions", "alpha", "m")));
  run.groups = {"system:runs:alpha"};
  run.user = "mallory";
  EXPECT_FALSE(may(run, named("missions", "alpha", "m")));
}

TEST_F(PolicyTest, GivesRunsMoreWhereSomebodyBindsIt) {
  bind("alpha", "workers", "ClusterRole", "reeve:run-work", "Group:system:runs:alpha");
  const Identity run = user("run:alpha~m.1.t.1", {"system:runs", "system:runs:alpha"});
  EXPECT_TRUE(may(run, on("create", "missions", "alpha")));
  EXPECT_TRUE(may(run, on("create", "channels", "alpha", "send")));
  EXPECT_FALSE(may(run, on("create", "missions", "beta")));
  EXPECT_FALSE(may(run, on("get", "credentials", "alpha")));
}

TEST_F(PolicyTest, BringsABuiltInRoleBackWhenItsObjectGoes) {
  bind("alpha", "viewers", "ClusterRole", "view", "User:alice");
  const std::size_t all = policy_.built_in_objects().size();
  const PolicyKey view{.kind = PolicyKind::ClusterRole, .ns = {}, .name = "view"};
  EXPECT_TRUE(policy_.is_built_in(view));
  EXPECT_FALSE(policy_.is_built_in({.kind = PolicyKind::Role, .ns = "alpha", .name = "view"}));
  EXPECT_TRUE(policy_.is_built_in(
      {.kind = PolicyKind::ClusterRoleBinding, .ns = {}, .name = "system:discovery"}
  ));
  put(role_object("", "view", "[]"));
  EXPECT_FALSE(may(user("alice"), on("list", "missions", "alpha")));
  EXPECT_EQ(policy_.built_in_objects().size(), all - 1);
  EXPECT_FALSE(policy_.is_built_in(view));
  policy_.remove({.kind = PolicyKind::ClusterRole, .ns = {}, .name = "view"});
  EXPECT_TRUE(may(user("alice"), on("list", "missions", "alpha")));
  EXPECT_EQ(policy_.built_in_objects().size(), all);
  // What was never written cannot be removed.
  policy_.remove({.kind = PolicyKind::ClusterRole, .ns = {}, .name = "view"});
  EXPECT_TRUE(may(user("alice"), on("list", "missions", "alpha")));
  bind("", "system:discovery", "ClusterRole", "system:discovery", "Group:nobody");
  EXPECT_FALSE(may(user("alice"), path("/apis")));
  policy_.remove({.kind = PolicyKind::ClusterRoleBinding, .ns = {}, .name = "system:discovery"});
  EXPECT_TRUE(may(user("alice"), path("/apis")));
}

TEST_F(PolicyTest, ShowsBuiltInsAsObjectsThatItCanReadAgain) {
  Policy other;
  for (const Json& object : policy_.built_in_objects()) {
    const auto done = other.upsert(object);
    EXPECT_TRUE(done.ok()) << object.dump() << done.error().describe();
  }
  EXPECT_TRUE(other.built_in_objects().empty());
}

TEST_F(PolicyTest, GathersTheRulesOfOtherRoles) {
  bind("alpha", "viewers", "ClusterRole", "view", "User:alice");
  bind("alpha", "editors", "ClusterRole", "edit", "User:bob");
  Json extra = role_object(
      "", "widgets", R"([{"verbs":["get"],"apiGroups":["x.io"],"resources":["widgets"]}])"
  );
  extra.find("metadata")
      ->set("labels", json(R"({"rbac.authorization.k8s.io/aggregate-to-view":"true"})"));
  Attributes widget = on("get", "widgets", "alpha");
  widget.group = "x.io";
  EXPECT_FALSE(may(user("alice"), widget));
  put(extra);
  EXPECT_TRUE(may(user("alice"), widget));
  EXPECT_TRUE(may(user("bob"), widget));
  extra.find("metadata")->set("labels", Json::object());
  put(extra);
  EXPECT_FALSE(may(user("alice"), widget));
}

TEST_F(PolicyTest, EndsWhereRolesGatherEachOther) {
  for (const std::string_view name : {"a", "b"}) {
    Json object = role_object("", name, name == "a" ? "[]" : kReadMissions);
    object.find("metadata")->set("labels", json(R"({"circle":"yes"})"));
    object.set(
        "aggregationRule", json(R"({"clusterRoleSelectors":[{"matchLabels":{"circle":"yes"}}]})")
    );
    put(object);
  }
  bind("alpha", "x", "ClusterRole", "a", "User:alice");
  EXPECT_TRUE(may(user("alice"), on("get", "missions", "alpha")));
  EXPECT_FALSE(may(user("alice"), on("delete", "missions", "alpha")));
  policy_.remove({.kind = PolicyKind::ClusterRole, .ns = {}, .name = "b"});
  EXPECT_FALSE(may(user("alice"), on("get", "missions", "alpha")));
}

TEST_F(PolicyTest, ListsTheRulesOfSomebody) {
  put(role_object("", "reader", kReadMissions));
  bind("alpha", "readers", "ClusterRole", "reader", "User:alice");
  const RulesReview review = policy_.rules_for(user("alice"), "alpha");
  EXPECT_FALSE(review.incomplete);
  const Json text = review.to_json();
  bool found = false;
  for (const Json& rule : text.find("resourceRules")->as_array()) {
    found = found || rule.dump() == json(kReadMissions).as_array()[0].dump();
  }
  EXPECT_TRUE(found) << text.dump();
  EXPECT_FALSE(text.find("nonResourceRules")->as_array().empty());
  EXPECT_EQ(
      policy_.rules_for(user("alice"), "beta").resource_rules.size() + 1,
      review.resource_rules.size()
  );
}

TEST_F(PolicyTest, SaysWhenAListOfRulesIsNotComplete) {
  Json rules = Json::array();
  for (std::size_t i = 0; i < kRulesMax; ++i) {
    rules.push(json(kReadMissions).as_array()[0]);
  }
  for (std::size_t i = 0; i <= kReviewRulesMax / kRulesMax; ++i) {
    put(role_object("alpha", concat("r", i), rules.dump()));
    bind("alpha", concat("b", i), "Role", concat("r", i), "User:alice");
  }
  const RulesReview review = policy_.rules_for(user("alice"), "alpha");
  EXPECT_TRUE(review.incomplete);
  EXPECT_EQ(review.resource_rules.size() + review.non_resource_rules.size(), kReviewRulesMax);
}

TEST_F(PolicyTest, ShowsNamespacesOnlyToThoseWhoHoldSomethingThere) {
  EXPECT_FALSE(policy_.sees_namespace(user("alice"), "alpha"));
  EXPECT_TRUE(policy_.namespaces_visible(user("alice")).names.empty());
  bind("alpha", "viewers", "ClusterRole", "view", "User:alice");
  bind("beta", "viewers", "ClusterRole", "view", "Group:devs");
  bind("gamma", "viewers", "ClusterRole", "missing", "User:alice");
  const Identity alice = user("alice", {"devs"});
  EXPECT_TRUE(policy_.sees_namespace(alice, "alpha"));
  EXPECT_TRUE(policy_.sees_namespace(alice, "beta"));
  EXPECT_FALSE(policy_.sees_namespace(alice, "gamma"));
  EXPECT_FALSE(policy_.sees_namespace(alice, "delta"));
  const VisibleNamespaces visible = policy_.namespaces_visible(alice);
  EXPECT_FALSE(visible.all);
  EXPECT_EQ(visible.names, (std::set<std::string, std::less<>>{"alpha", "beta"}));
  EXPECT_TRUE(visible.contains("alpha"));
  EXPECT_FALSE(visible.contains("gamma"));
  EXPECT_FALSE(policy_.namespaces_visible(anonymous()).all);
}

TEST_F(PolicyTest, DoesNotShowNamespacesForResourcesThatAreInNone) {
  put(role_object(
      "", "hosts", R"([{"verbs":["get"],"apiGroups":["reeve.dev"],"resources":["hosts"]}])"
  ));
  bind("", "hosts", "ClusterRole", "hosts", "User:alice");
  EXPECT_FALSE(policy_.sees_namespace(user("alice"), "alpha"));
  bind("", "all", "ClusterRole", "view", "User:bob");
  EXPECT_TRUE(policy_.sees_namespace(user("bob"), "alpha"));
  EXPECT_TRUE(policy_.namespaces_visible(user("bob")).all);
}

TEST_F(PolicyTest, LetsNobodyWriteARoleThatGivesMoreThanTheyHave) {
  bind("alpha", "admins", "ClusterRole", "admin", "User:alice");
  const Identity alice = user("alice");
  EXPECT_TRUE(policy_.check_role_write(alice, role_object("alpha", "r", kReadMissions)).ok());
  const auto elsewhere = policy_.check_role_write(alice, role_object("beta", "r", kReadMissions));
  ASSERT_FALSE(elsewhere.ok());
  EXPECT_EQ(elsewhere.error().code, ErrorCode::PermissionDenied);
  const auto more = policy_.check_role_write(
      alice, role_object("alpha", "r", R"([{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}])")
  );
  ASSERT_FALSE(more.ok());
  EXPECT_NE(more.error().message.find("* on *.*"), std::string::npos) << more.error().message;
  EXPECT_FALSE(policy_.check_role_write(alice, role_object("", "r", kReadMissions)).ok());
  const Identity root = user("root", {std::string(kMasters)});
  EXPECT_TRUE(policy_.check_role_write(root, role_object("", "r", kReadMissions)).ok());
}

TEST_F(PolicyTest, WantsEverythingOfWhoWritesARoleThatGathers) {
  put(role_object("", "reader", kReadMissions));
  bind("", "readers", "ClusterRole", "reader", "User:alice");
  Json object = role_object("", "r", kReadMissions);
  EXPECT_TRUE(policy_.check_role_write(user("alice"), object).ok());
  object.set("aggregationRule", json(R"({"clusterRoleSelectors":[{"matchLabels":{"a":"b"}}]})"));
  EXPECT_FALSE(policy_.check_role_write(user("alice"), object).ok());
  bind("", "roots", "ClusterRole", "cluster-admin", "User:root");
  EXPECT_TRUE(policy_.check_role_write(user("root"), object).ok());
}

TEST_F(PolicyTest, LetsNobodyBindARoleThatGivesMoreThanTheyHave) {
  bind("alpha", "admins", "ClusterRole", "admin", "User:alice");
  const Identity alice = user("alice");
  const auto bound = [&](std::string_view ns, std::string_view kind, std::string_view role) {
    return policy_.check_binding_write(alice, binding_object(ns, "b", kind, role, "User:bob"));
  };
  EXPECT_TRUE(bound("alpha", "ClusterRole", "view").ok());
  EXPECT_TRUE(bound("alpha", "ClusterRole", "reeve:approver").ok());
  EXPECT_EQ(
      bound("alpha", "ClusterRole", "cluster-admin").error().code, ErrorCode::PermissionDenied
  );
  EXPECT_EQ(bound("beta", "ClusterRole", "view").error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(bound("", "ClusterRole", "view").error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(bound("alpha", "Role", "missing").error().code, ErrorCode::NotFound);
  EXPECT_EQ(bound("alpha", "Job", "x").error().code, ErrorCode::Invalid);
}

TEST_F(PolicyTest, KnowsTheVerbsEscalateAndBind) {
  put(role_object(
      "alpha",
      "granter",
      R"([{"verbs":["escalate"],"apiGroups":["rbac.authorization.k8s.io"],"resources":["roles"]},
          {"verbs":["bind"],"apiGroups":["rbac.authorization.k8s.io"],
           "resources":["clusterroles"],"resourceNames":["cluster-admin"]}])"
  ));
  bind("alpha", "granters", "Role", "granter", "User:alice");
  const Identity alice = user("alice");
  EXPECT_TRUE(policy_.check_role_write(alice, role_object("alpha", "r", kReadMissions)).ok());
  EXPECT_FALSE(policy_.check_role_write(alice, role_object("beta", "r", kReadMissions)).ok());
  const Json own = binding_object("alpha", "b", "ClusterRole", "cluster-admin", "User:bob");
  EXPECT_TRUE(policy_.check_binding_write(alice, own).ok());
  const Json view = binding_object("alpha", "b", "ClusterRole", "view", "User:bob");
  EXPECT_FALSE(policy_.check_binding_write(alice, view).ok());
}

TEST_F(PolicyTest, LetsActAsOthersOnlyWithThePermission) {
  put(role_object(
      "",
      "actor",
      R"([{"verbs":["impersonate"],"apiGroups":[""],"resources":["users"],"resourceNames":["bob"]},
          {"verbs":["impersonate"],"apiGroups":[""],"resources":["groups"],
           "resourceNames":["devs"]},
          {"verbs":["impersonate"],"apiGroups":["authentication.k8s.io"],
           "resources":["userextras/scopes"],"resourceNames":["read"]}])"
  ));
  bind("", "actors", "ClusterRole", "actor", "User:alice");
  const Identity alice = user("alice");
  EXPECT_TRUE(policy_.check_impersonation(alice, user("bob", {"devs"})).ok());
  const auto other = policy_.check_impersonation(alice, user("eve"));
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(
      other.error().message,
      "users \"eve\" is forbidden: User \"alice\" cannot impersonate resource \"users\" in API "
      "group \"\" at the cluster scope"
  );
  EXPECT_FALSE(policy_.check_impersonation(alice, user("bob", {std::string(kMasters)})).ok());
  Identity bob = user("bob");
  bob.extra["scopes"] = {"read"};
  EXPECT_TRUE(policy_.check_impersonation(alice, bob).ok());
  bob.extra["scopes"] = {"read", "write"};
  EXPECT_FALSE(policy_.check_impersonation(alice, bob).ok());
  bob.extra.clear();
  bob.uid = "7";
  EXPECT_FALSE(policy_.check_impersonation(alice, bob).ok());
  EXPECT_FALSE(policy_.check_impersonation(alice, user("system:serviceaccount:a:bob")).ok());
}

TEST_F(PolicyTest, RefusesAnotherRoleInAnExistingBinding) {
  const Json before = binding_object("alpha", "b", "ClusterRole", "view", "User:a");
  EXPECT_TRUE(check_role_ref_unchanged(
                  before, binding_object("alpha", "b", "ClusterRole", "view", "User:b")
  )
                  .ok());
  EXPECT_FALSE(check_role_ref_unchanged(
                   before, binding_object("alpha", "b", "ClusterRole", "edit", "User:a")
  )
                   .ok());
  EXPECT_FALSE(
      check_role_ref_unchanged(before, binding_object("alpha", "b", "Role", "view", "User:a")).ok()
  );
}

TEST_F(PolicyTest, LooksOnlyAtWhatConcernsWhoAsks) {
  // With ten thousand bindings of others, many in the same place, a decision still finds its own.
  for (int i = 0; i < 10'000; ++i) {
    bind(concat("ns", i % 100), concat("b", i), "ClusterRole", "view", concat("User:u", i));
  }
  bind("ns7", "mine", "ClusterRole", "edit", "User:alice");
  EXPECT_TRUE(may(user("alice"), on("create", "missions", "ns7")));
  EXPECT_FALSE(may(user("alice"), on("get", "missions", "ns8")));
  EXPECT_TRUE(may(user("u9999"), on("get", "missions", "ns99")));
  const Policy copy = policy_;
  policy_.remove({.kind = PolicyKind::RoleBinding, .ns = "ns7", .name = "mine"});
  EXPECT_FALSE(may(user("alice"), on("create", "missions", "ns7")));
  EXPECT_TRUE(copy.decide(user("alice"), on("create", "missions", "ns7")).allowed);
}

}  // namespace
}  // namespace reeve::access
