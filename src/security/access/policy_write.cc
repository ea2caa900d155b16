#include <algorithm>

#include "base/strings.h"
#include "security/access/policy.h"

// Who may give permissions away: nobody more than they have.
namespace reeve::access {

namespace {

constexpr std::string_view kServiceAccountPrefix = "system:serviceaccount:";

Attributes on_role(std::string_view verb, std::string_view ns, const PolicyKey& role) {
  Attributes attributes;
  attributes.verb = verb;
  attributes.group = kRbacGroup;
  attributes.resource = plural_of(role.kind);
  attributes.ns = ns;
  attributes.name = role.name;
  return attributes;
}

Attributes impersonate(std::string_view group, std::string_view resource, std::string_view name) {
  Attributes attributes;
  attributes.verb = "impersonate";
  attributes.group = group;
  attributes.resource = resource;
  attributes.name = name;
  return attributes;
}

Attributes impersonate_user(std::string_view user) {
  if (user.starts_with(kServiceAccountPrefix)) {
    const std::string_view rest = user.substr(kServiceAccountPrefix.size());
    const std::size_t colon = rest.find(':');
    if (colon != std::string_view::npos) {
      Attributes attributes = impersonate("", "serviceaccounts", rest.substr(colon + 1));
      attributes.ns = rest.substr(0, colon);
      return attributes;
    }
  }
  return impersonate("", "users", user);
}

}  // namespace

Result<void> Policy::check_held(
    const Identity& by, std::string_view ns, const std::vector<Rule>& rules, const PolicyKey& target
) const {
  REEVE_TRY(const std::string missing, first_uncovered(rules_held(by, ns), rules));
  if (missing.empty()) {
    return {};
  }
  Error error = make_error(
      ErrorCode::PermissionDenied,
      concat(
          plural_of(target.kind),
          ".",
          kRbacGroup,
          " \"",
          target.name,
          "\" is forbidden: user \"",
          by.user,
          "\" is attempting to grant a permission that is not held: ",
          missing
      ),
      target.name
  );
  error.hint = "nobody gives more than they have; the verbs escalate and bind are the exception";
  return error;
}

Result<void> Policy::check_role_write(const Identity& by, const Json& object) const {
  REEVE_TRY(const PolicyKey key, policy_key_of(object));
  if (key.kind != PolicyKind::Role && key.kind != PolicyKind::ClusterRole) {
    return make_error(ErrorCode::Invalid, "must be Role or ClusterRole", "kind");
  }
  REEVE_TRY(Role role, parse_role(key.kind, object));
  if (decide(by, on_role("escalate", key.ns, key)).allowed) {
    return {};
  }
  if (!role.aggregates.empty()) {
    // What it will gather some day is not known yet.
    Rule any;
    any.verbs = {"*"};
    any.api_groups = {"*"};
    any.resources = {"*"};
    Rule any_path;
    any_path.verbs = {"*"};
    any_path.non_resource_urls = {"*"};
    role.rules = {any, any_path};
  }
  return check_held(by, key.ns, role.rules, key);
}

Result<void> Policy::check_binding_write(const Identity& by, const Json& object) const {
  REEVE_TRY(const PolicyKey key, policy_key_of(object));
  if (key.kind != PolicyKind::RoleBinding && key.kind != PolicyKind::ClusterRoleBinding) {
    return make_error(ErrorCode::Invalid, "must be RoleBinding or ClusterRoleBinding", "kind");
  }
  REEVE_TRY(const Binding binding, parse_binding(key.kind, key.ns, object));
  if (decide(by, on_role("bind", key.ns, binding.role)).allowed) {
    return {};
  }
  if (find_role(binding.role) == nullptr) {
    return make_error(
        ErrorCode::NotFound,
        concat(
            plural_of(binding.role.kind), ".", kRbacGroup, " \"", binding.role.name, "\" not found"
        ),
        "roleRef.name"
    );
  }
  return check_held(by, key.ns, rules_of(binding.role), key);
}

Result<void> Policy::check_impersonation(const Identity& by, const Identity& as) const {
  REEVE_CHECK(check_identity(as));
  REEVE_CHECK(check(by, impersonate_user(as.user)));
  for (const std::string& group : as.groups) {
    // Everybody is in it who is somebody.
    if (group != kAuthenticated) {
      REEVE_CHECK(check(by, impersonate("", "groups", group)));
    }
  }
  if (!as.uid.empty()) {
    REEVE_CHECK(check(by, impersonate("authentication.k8s.io", "uids", as.uid)));
  }
  for (const auto& [key, values] : as.extra) {
    for (const std::string& value : values) {
      Attributes attributes = impersonate("authentication.k8s.io", "userextras", value);
      attributes.subresource = key;
      REEVE_CHECK(check(by, attributes));
    }
  }
  return {};
}

}  // namespace reeve::access
