#include "security/access/policy.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "security/access/builtin.h"

namespace reeve::access {

namespace {

constexpr std::string_view kServiceAccountPrefix = "system:serviceaccount:";

std::string user_key(std::string_view user) {
  return concat("user:", user);
}

std::string group_key(std::string_view group) {
  return concat("group:", group);
}

std::string key_of(const Subject& subject) {
  switch (subject.kind) {
    case Subject::Kind::User:
      return user_key(subject.name);
    case Subject::Kind::Group:
      return group_key(subject.name);
    case Subject::Kind::ServiceAccount:
      return user_key(concat(kServiceAccountPrefix, subject.ns, ":", subject.name));
  }
  return {};
}

/// `User "alice"` for the key of a subject.
std::string describe(std::string_view subject) {
  const std::size_t colon = subject.find(':');
  std::string text = subject.starts_with("user:") ? "User " : "Group ";
  append_json_string(text, subject.substr(colon + 1));
  return text;
}

std::string describe(const PolicyKey& key) {
  return concat(to_string(key.kind), " \"", key.ns, key.ns.empty() ? "" : "/", key.name, "\"");
}

bool gathers(const Role& role, const Role& other) {
  return std::any_of(role.aggregates.begin(), role.aggregates.end(), [&](const auto& wanted) {
    return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
      const auto found = other.labels.find(label.first);
      return found != other.labels.end() && found->second == label.second;
    });
  });
}

/// Whether a rule is about something that is in namespaces.
bool shows_namespaces(const Rule& rule) {
  return std::any_of(rule.api_groups.begin(), rule.api_groups.end(), [&](const auto& group) {
    return std::any_of(rule.resources.begin(), rule.resources.end(), [&](const auto& resource) {
      return !is_cluster_resource(group, resource);
    });
  });
}

Rule everything() {
  Rule rule;
  rule.verbs = {"*"};
  rule.api_groups = {"*"};
  rule.resources = {"*"};
  return rule;
}

Rule every_path() {
  Rule rule;
  rule.verbs = {"*"};
  rule.non_resource_urls = {"*"};
  return rule;
}

Error too_many(std::string_view what, std::size_t limit) {
  return make_error(
      ErrorCode::LimitExceeded, concat("there are more than ", limit, " ", what), std::string(what)
  );
}

bool is_role(PolicyKind kind) {
  return kind == PolicyKind::Role || kind == PolicyKind::ClusterRole;
}

Json to_array(const std::vector<Rule>& rules) {
  Json array = Json::array();
  for (const Rule& rule : rules) {
    array.push(to_json(rule));
  }
  return array;
}

}  // namespace

bool is_cluster_resource(std::string_view group, std::string_view resource) {
  const std::string_view kind = resource.substr(0, resource.find('/'));
  if (group.empty()) {
    return kind == "namespaces" || kind == "users" || kind == "groups";
  }
  if (group == kApiGroup) {
    return kind == "hosts" || kind == "tokens";
  }
  if (group == kRbacGroup) {
    return kind == "clusterroles" || kind == "clusterrolebindings";
  }
  // What anybody asks about themselves belongs to no namespace, although one may be named in it.
  return group == "authorization.k8s.io" || group == "authentication.k8s.io";
}

Json RulesReview::to_json() const {
  Json json = Json::object();
  json.set("resourceRules", to_array(resource_rules));
  json.set("nonResourceRules", to_array(non_resource_rules));
  json.set("incomplete", incomplete);
  return json;
}

Policy::Policy() {
  for (auto& [key, role] : built_in_roles()) {
    put_role(key, std::move(role));
  }
  for (auto& [key, binding] : built_in_bindings()) {
    put_binding(key, std::move(binding));
  }
}

Result<void> Policy::upsert(const Json& object) {
  REEVE_TRY(const PolicyKey key, policy_key_of(object));
  if (is_role(key.kind)) {
    REEVE_TRY(Role role, parse_role(key.kind, object));
    if (!roles_.contains(key) && roles_.size() >= kRolesMax) {
      return too_many("roles", kRolesMax);
    }
    if (!role.aggregates.empty() && !gathered_.contains(key) &&
        gathered_.size() >= kAggregatingRolesMax) {
      return too_many("roles with an aggregationRule", kAggregatingRolesMax);
    }
    put_role(key, std::move(role));
  } else {
    REEVE_TRY(Binding binding, parse_binding(key.kind, key.ns, object));
    if (!bindings_.contains(key) && bindings_.size() >= kBindingsMax) {
      return too_many("bindings", kBindingsMax);
    }
    put_binding(key, std::move(binding));
  }
  written_.insert(key);
  return {};
}

void Policy::remove(const PolicyKey& key) {
  if (written_.erase(key) == 0) {
    return;
  }
  if (is_role(key.kind)) {
    drop_role(key);
    for (auto& [name, role] : built_in_roles()) {
      if (name == key) {
        put_role(key, std::move(role));
      }
    }
    return;
  }
  drop_binding(key);
  for (auto& [name, binding] : built_in_bindings()) {
    if (name == key) {
      put_binding(key, std::move(binding));
    }
  }
}

void Policy::put_role(const PolicyKey& key, Role role) {
  drop_role(key);
  if (key.kind == PolicyKind::ClusterRole) {
    for (auto& [gatherer, members] : gathered_) {
      if (gathers(roles_.at(gatherer), role)) {
        members.insert(key);
      }
    }
    if (!role.aggregates.empty()) {
      std::set<PolicyKey>& members = gathered_[key];
      for (const auto& [other_key, other] : roles_) {
        if (other_key.kind == PolicyKind::ClusterRole && gathers(role, other)) {
          members.insert(other_key);
        }
      }
    }
  }
  roles_[key] = std::move(role);
}

void Policy::drop_role(const PolicyKey& key) {
  gathered_.erase(key);
  if (key.kind == PolicyKind::ClusterRole) {
    for (auto& [gatherer, members] : gathered_) {
      members.erase(key);
    }
  }
  roles_.erase(key);
}

void Policy::put_binding(const PolicyKey& key, Binding binding) {
  drop_binding(key);
  for (const Subject& subject : binding.subjects) {
    grants_[key_of(subject)][key.ns][binding.role].insert(key);
  }
  bindings_[key] = std::move(binding);
}

void Policy::drop_binding(const PolicyKey& key) {
  const auto found = bindings_.find(key);
  if (found == bindings_.end()) {
    return;
  }
  for (const Subject& subject : found->second.subjects) {
    const auto placed = grants_.find(key_of(subject));
    const auto place =
        placed == grants_.end() ? PlacedGrants::iterator() : placed->second.find(key.ns);
    // The same subject may be named twice in one binding.
    if (placed == grants_.end() || place == placed->second.end()) {
      continue;
    }
    const auto grant = place->second.find(found->second.role);
    if (grant != place->second.end() && grant->second.erase(key) > 0 && grant->second.empty()) {
      place->second.erase(grant);
    }
    if (place->second.empty()) {
      placed->second.erase(place);
    }
    if (placed->second.empty()) {
      grants_.erase(placed);
    }
  }
  bindings_.erase(found);
}

bool Policy::visit_role(
    const PolicyKey& role, const PolicyKey& via, std::string_view subject, const Visit& visit
) const {
  const auto visit_own = [&](const PolicyKey& key) {
    const Role* const found = find_role(key);
    return found == nullptr ||
           std::all_of(found->rules.begin(), found->rules.end(), [&](const Rule& rule) {
             return visit({.rule = rule, .role = role, .via = via, .subject = subject});
           });
  };
  if (!gathered_.contains(role)) {
    return visit_own(role);
  }
  std::vector<const PolicyKey*> waiting = {&role};
  // Roles that gather each other would go on for ever.
  std::set<PolicyKey> seen = {role};
  while (!waiting.empty()) {
    const PolicyKey& key = *waiting.back();
    waiting.pop_back();
    if (!visit_own(key)) {
      return false;
    }
    const auto members = gathered_.find(key);
    if (members == gathered_.end()) {
      continue;
    }
    for (const PolicyKey& member : members->second) {
      if (seen.insert(member).second) {
        waiting.push_back(&member);
      }
    }
  }
  return true;
}

bool Policy::visit_place(std::string_view subject, std::string_view ns, const Visit& visit) const {
  const auto placed = grants_.find(subject);
  if (placed == grants_.end()) {
    return true;
  }
  const auto place = placed->second.find(ns);
  if (place == placed->second.end()) {
    return true;
  }
  return std::all_of(place->second.begin(), place->second.end(), [&](const auto& grant) {
    return visit_role(grant.first, *grant.second.begin(), subject, visit);
  });
}

void Policy::visit_rules(const Identity& identity, std::string_view ns, const Visit& visit) const {
  std::vector<std::string> subjects = {user_key(identity.user)};
  for (const std::string& group : identity.groups) {
    subjects.push_back(group_key(group));
  }
  for (const std::string& subject : subjects) {
    if (!visit_place(subject, {}, visit) || (!ns.empty() && !visit_place(subject, ns, visit))) {
      return;
    }
  }
  const std::string runs_here = concat(kRunsPrefix, ns);
  if (!ns.empty() && identity.in_group(runs_here)) {
    const PolicyKey role{.kind = PolicyKind::ClusterRole, .ns = {}, .name = std::string(kRunRole)};
    const PolicyKey via{
        .kind = PolicyKind::RoleBinding, .ns = std::string(ns), .name = std::string(kRunRole)};
    const std::string subject = group_key(runs_here);
    for (const Rule& rule : own_rules(identity)) {
      if (!visit({.rule = rule, .role = role, .via = via, .subject = subject})) {
        return;
      }
    }
    visit_role(role, via, subject, visit);
  }
}

Decision Policy::decide(const Identity& identity, const Attributes& attributes) const {
  if (identity.in_group(kMasters)) {
    return {.allowed = true, .reason = concat("the group ", kMasters, " may do everything")};
  }
  Decision decision{.allowed = false, .reason = "no role allows it"};
  const std::string_view ns = attributes.is_resource() ? std::string_view(attributes.ns) : "";
  visit_rules(identity, ns, [&](const Applied& applied) {
    if (!applied.rule.allows(attributes)) {
      return true;
    }
    decision.allowed = true;
    decision.reason = concat(
        "allowed by ",
        describe(applied.via),
        " of ",
        describe(applied.role),
        " to ",
        describe(applied.subject)
    );
    return false;
  });
  return decision;
}

Result<void> Policy::check(const Identity& identity, const Attributes& attributes) const {
  if (decide(identity, attributes).allowed) {
    return {};
  }
  return forbidden(identity, attributes);
}

RulesReview Policy::rules_for(const Identity& identity, std::string_view ns) const {
  RulesReview review;
  if (identity.in_group(kMasters)) {
    review.resource_rules.push_back(everything());
    review.non_resource_rules.push_back(every_path());
    return review;
  }
  visit_rules(identity, ns, [&](const Applied& applied) {
    const std::size_t size = review.resource_rules.size() + review.non_resource_rules.size();
    if (size >= kReviewRulesMax) {
      review.incomplete = true;
      return false;
    }
    const bool is_path = !applied.rule.non_resource_urls.empty();
    (is_path ? review.non_resource_rules : review.resource_rules).push_back(applied.rule);
    return true;
  });
  return review;
}

VisibleNamespaces Policy::namespaces_visible(const Identity& identity) const {
  VisibleNamespaces visible;
  visible.all = sees_namespace(identity, {});
  if (visible.all) {
    return visible;
  }
  std::vector<std::string> subjects = {user_key(identity.user)};
  for (const std::string& group : identity.groups) {
    subjects.push_back(group_key(group));
    if (group.starts_with(kRunsPrefix) &&
        sees_namespace(identity, group.substr(kRunsPrefix.size()))) {
      visible.names.insert(group.substr(kRunsPrefix.size()));
    }
  }
  for (const std::string& subject : subjects) {
    const auto placed = grants_.find(subject);
    if (placed == grants_.end()) {
      continue;
    }
    for (const auto& [ns, grants] : placed->second) {
      if (!ns.empty() && !visible.names.contains(ns) && sees_namespace(identity, ns)) {
        visible.names.insert(ns);
      }
    }
  }
  return visible;
}

bool Policy::sees_namespace(const Identity& identity, std::string_view ns) const {
  bool sees = identity.in_group(kMasters);
  if (!sees) {
    visit_rules(identity, ns, [&](const Applied& applied) {
      sees = !applied.via.ns.empty() || shows_namespaces(applied.rule);
      return !sees;
    });
  }
  return sees;
}

const Role* Policy::find_role(const PolicyKey& key) const {
  const auto found = roles_.find(key);
  return found == roles_.end() ? nullptr : &found->second;
}

std::vector<Json> Policy::built_in_objects() const {
  std::vector<Json> objects;
  for (const auto& [key, role] : built_in_roles()) {
    if (!written_.contains(key)) {
      objects.push_back(access::to_json(key, role));
    }
  }
  for (const auto& [key, binding] : built_in_bindings()) {
    if (!written_.contains(key)) {
      objects.push_back(access::to_json(key, binding));
    }
  }
  return objects;
}

bool Policy::is_built_in(const PolicyKey& key) const {
  const auto named = [&key](const auto& known) {
    return known.first == key;
  };
  const auto roles = built_in_roles();
  const auto bindings = built_in_bindings();
  return !written_.contains(key) && (std::any_of(roles.begin(), roles.end(), named) ||
                                     std::any_of(bindings.begin(), bindings.end(), named));
}

std::vector<Rule> Policy::rules_of(const PolicyKey& role) const {
  std::vector<Rule> rules;
  visit_role(role, role, {}, [&](const Applied& applied) {
    rules.push_back(applied.rule);
    return true;
  });
  return rules;
}

std::vector<Rule> Policy::rules_held(const Identity& identity, std::string_view ns) const {
  std::vector<Rule> rules;
  if (identity.in_group(kMasters)) {
    return {everything(), every_path()};
  }
  visit_rules(identity, ns, [&](const Applied& applied) {
    rules.push_back(applied.rule);
    return true;
  });
  return rules;
}

}  // namespace reeve::access
