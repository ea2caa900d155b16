#include "security/access/builtin.h"

#include "base/strings.h"

namespace reeve::access {

namespace {

using Texts = std::vector<std::string>;

constexpr std::string_view kAggregateTo = "rbac.authorization.k8s.io/aggregate-to-";
const Texts kRead = {"get", "list", "watch"};
const Texts kWrite = {"create", "update", "patch", "delete", "deletecollection"};

Rule on(Texts verbs, std::string_view group, Texts resources) {
  Rule rule;
  rule.verbs = std::move(verbs);
  rule.api_groups = {std::string(group)};
  rule.resources = std::move(resources);
  return rule;
}

Rule on_paths(Texts urls) {
  Rule rule;
  rule.verbs = {"get"};
  rule.non_resource_urls = std::move(urls);
  return rule;
}

void append(std::vector<Rule>& rules, std::vector<Rule> more) {
  rules.insert(rules.end(), more.begin(), more.end());
}

/// What people work with in a namespace, credentials left out.
const Texts kWorkKinds = {
    "workflows",
    "missions",
    "apps",
    "agents",
    "tools",
    "flags",
    "channels",
    "actors",
    "sessions",
    "learnings",
    "locks",
    "blackboardentries",
    "modelroutes",
    "notificationsinks"};

/// What the system writes, or what people decide about elsewhere.
const Texts kObservedKinds = {
    "runs",
    "toolcalls",
    "toolservers",
    "approvals",
    "budgetquotas",
    "clusterbudgetquotas",
    "budgetusages",
    "modelcalls",
    "promises",
    "endpoints",
    "incidents",
    "transfers"};

std::vector<Rule> view_rules() {
  Texts kinds = kWorkKinds;
  kinds.insert(kinds.end(), kObservedKinds.begin(), kObservedKinds.end());
  return {
      on(kRead, kApiGroup, std::move(kinds)),
      on(kRead, kApiGroup, {"*/status", "*/log", "*/events", "*/scale"}),
      on(kRead, "", {"namespaces", "pods", "pods/log", "pods/status", "events"}),
      on(kRead, "events.k8s.io", {"events"}),
  };
}

std::vector<Rule> edit_rules() {
  std::vector<Rule> rules = view_rules();
  append(
      rules,
      {
          on(kWrite, kApiGroup, kWorkKinds),
          on(kRead, kApiGroup, {"credentials"}),
          on(kWrite, kApiGroup, {"credentials"}),
          on({"create"}, kApiGroup, {"toolcalls", "transfers", "workflows/submit"}),
          // To ask models without a run.
          on({"create"}, kApiGroup, {"modelroutes/use"}),
          on({"create"},
             kApiGroup,
             {"missions/hold",
              "missions/release",
              "missions/abort",
              "missions/retry",
              "missions/signal"}),
          on(kWrite, kApiGroup, {"endpoints"}),
          on({"create"}, kApiGroup, {"endpoints/renew", "incidents/acknowledge", "incidents/close"}
          ),
          on({"create"}, kApiGroup, {"apps/restart", "apps/rollback"}),
          on({"update", "patch"}, kApiGroup, {"apps/scale"}),
          on({"create"},
             kApiGroup,
             {"channels/send", "channels/receive", "channels/ack", "channels/nack"}),
          on({"create"}, kApiGroup, {"locks/acquire", "locks/renew", "locks/release"}),
          on({"create"},
             kApiGroup,
             {"blackboardentries/write", "blackboardentries/read", "blackboardentries/take"}),
          on(kRead, "", {"secrets"}),
          on(kWrite, "", {"secrets"}),
      }
  );
  return rules;
}

std::vector<Rule> approver_rules() {
  return {
      on(kRead, kApiGroup, {"missions", "runs", "toolcalls", "approvals", "transfers"}),
      on(kRead, kApiGroup, {"missions/log", "runs/log", "missions/events"}),
      on({"create"},
         kApiGroup,
         {"missions/approve",
          "missions/reject",
          "toolcalls/approve",
          "toolcalls/reject",
          "toolcalls/rollback",
          "approvals/approve",
          "approvals/reject",
          "approvals/revise"}),
      on({"approve"}, kApiGroup, {"missions", "toolcalls", "approvals", "transfers"}),
  };
}

std::vector<Rule> admin_rules() {
  std::vector<Rule> rules = edit_rules();
  append(rules, approver_rules());
  // Which tools runs may call, and on which terms.
  rules.push_back(on(kWrite, kApiGroup, {"toolservers"}));
  rules.push_back(on({"create"}, kApiGroup, {"toolservers/accept"}));
  rules.push_back(on({"delete", "deletecollection"}, kApiGroup, {"incidents"}));
  rules.push_back(on(kRead, kRbacGroup, {"roles", "rolebindings"}));
  rules.push_back(on(kWrite, kRbacGroup, {"roles", "rolebindings"}));
  rules.push_back(on({"create"}, "authorization.k8s.io", {"localsubjectaccessreviews"}));
  return rules;
}

/// Whoever speaks for a run may be whatever it has downloaded: it tells what it has found out.
std::vector<Rule> run_rules() {
  return {on({"create"}, kApiGroup, {"blackboardentries"})};
}

/// No credentials, no roles, no approvals: what a run needs to have work done by others.
std::vector<Rule> run_work_rules() {
  return {
      on(kRead,
         kApiGroup,
         {"missions",
          "runs",
          "workflows",
          "toolcalls",
          "approvals",
          "agents",
          "tools",
          "flags",
          "channels",
          "budgetquotas",
          "blackboardentries",
          "sessions",
          "learnings",
          "endpoints"}),
      on({"get"}, kApiGroup, {"missions/log", "runs/log", "missions/events"}),
      on({"create"},
         kApiGroup,
         {"missions",
          "missions/signal",
          "workflows/submit",
          "toolcalls",
          "learnings",
          "endpoints/renew"}),
      on({"create", "update", "patch", "delete"},
         kApiGroup,
         {"blackboardentries", "sessions", "endpoints"}),
      on({"create"},
         kApiGroup,
         {"blackboardentries/write", "blackboardentries/read", "blackboardentries/take"}),
      on({"create"},
         kApiGroup,
         {"channels/send", "channels/receive", "channels/ack", "channels/nack"}),
      on({"create"}, kApiGroup, {"locks/acquire", "locks/renew", "locks/release"}),
  };
}

std::vector<Rule> discovery_rules() {
  return {
      on_paths(
          {"/api",
           "/api/*",
           "/apis",
           "/apis/*",
           "/openapi",
           "/openapi/*",
           "/version",
           "/version/",
           "/healthz",
           "/livez",
           "/readyz",
           "/startupz"}
      ),
      on({"create"}, "authorization.k8s.io", {"selfsubjectaccessreviews", "selfsubjectrulesreviews"}
      ),
      on({"create"}, "authentication.k8s.io", {"selfsubjectreviews"}),
  };
}

PolicyKey cluster_role(std::string_view name) {
  return {.kind = PolicyKind::ClusterRole, .ns = {}, .name = std::string(name)};
}

std::pair<PolicyKey, Role> role(
    std::string_view name, std::vector<Rule> rules, const Texts& aggregates = {}
) {
  Role made;
  made.rules = std::move(rules);
  made.labels = {{"reeve.dev/built-in", "true"}};
  for (const std::string& level : aggregates) {
    made.aggregates.push_back({{concat(kAggregateTo, level), "true"}});
  }
  return {cluster_role(name), std::move(made)};
}

std::pair<PolicyKey, Binding> binding(
    std::string_view name, std::string_view role_name, const Texts& groups
) {
  Binding made;
  made.role = cluster_role(role_name);
  for (const std::string& group : groups) {
    made.subjects.push_back({.kind = Subject::Kind::Group, .name = group, .ns = {}});
  }
  PolicyKey key{.kind = PolicyKind::ClusterRoleBinding, .ns = {}, .name = std::string(name)};
  return {std::move(key), std::move(made)};
}

void add_own(
    std::vector<Rule>& rules, const Identity& run, std::string_view extra, Texts resources
) {
  const auto found = run.extra.find(std::string(extra));
  if (found == run.extra.end() || found->second.empty()) {
    return;
  }
  Rule rule = on({"get"}, kApiGroup, std::move(resources));
  rule.resource_names = found->second;
  rules.push_back(std::move(rule));
}

}  // namespace

std::vector<Rule> own_rules(const Identity& run) {
  std::vector<Rule> rules;
  if (run.user.starts_with(kRunUserPrefix)) {
    add_own(rules, run, kMissionExtra, {"missions", "missions/status", "missions/events"});
    add_own(rules, run, kRunExtra, {"runs", "runs/status", "runs/log"});
  }
  return rules;
}

std::vector<std::pair<PolicyKey, Role>> built_in_roles() {
  const Rule everything = on({"*"}, "*", {"*"});
  Rule every_path = on_paths({"*"});
  every_path.verbs = {"*"};
  return {
      role(kAdmin, admin_rules(), {"admin", "edit", "view"}),
      role(kClusterAdmin, {everything, every_path}),
      role(kEdit, edit_rules(), {"edit", "view"}),
      role(kApprover, approver_rules()),
      role(kRunRole, run_rules()),
      role(kRunWorkRole, run_work_rules()),
      role(kDiscovery, discovery_rules()),
      role(
          kPublicInfo,
          {on_paths(
              {"/api/health", "/healthz", "/livez", "/readyz", "/startupz", "/version", "/version/"}
          )}
      ),
      role(kView, view_rules(), {"view"}),
  };
}

std::vector<std::pair<PolicyKey, Binding>> built_in_bindings() {
  return {
      binding(kClusterAdmin, kClusterAdmin, {std::string(kMasters)}),
      binding(kDiscovery, kDiscovery, {std::string(kAuthenticated)}),
      binding(
          kPublicInfo, kPublicInfo, {std::string(kAuthenticated), std::string(kUnauthenticated)}
      ),
  };
}

}  // namespace reeve::access
