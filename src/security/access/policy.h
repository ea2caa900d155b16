#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "security/access/identity.h"
#include "security/access/rule.h"

namespace reeve::access {

/// As many as the store keeps.
inline constexpr std::size_t kRolesMax = 100'000;
inline constexpr std::size_t kBindingsMax = 100'000;
inline constexpr std::size_t kSubjectsMax = 1'000;
/// Roles that gather the rules of others.
inline constexpr std::size_t kAggregatingRolesMax = 100;
/// Rules that a review lists; beyond, it is incomplete.
inline constexpr std::size_t kReviewRulesMax = 2'000;

enum class PolicyKind { Role, ClusterRole, RoleBinding, ClusterRoleBinding };

/// The name of the kind in the API.
std::string_view to_string(PolicyKind kind);

/// `roles`, `clusterroles` …
std::string_view plural_of(PolicyKind kind);

struct PolicyKey {
  PolicyKind kind = PolicyKind::Role;
  /// Empty for the kinds of the cluster.
  std::string ns;
  std::string name;

  friend bool operator==(const PolicyKey&, const PolicyKey&) = default;
  friend auto operator<=>(const PolicyKey&, const PolicyKey&) = default;
};

/// To whom a binding gives its role.
struct Subject {
  enum class Kind { User, Group, ServiceAccount };

  Kind kind = Kind::User;
  std::string name;
  /// Of a service account.
  std::string ns;
};

/// What a role object says.
struct Role {
  std::vector<Rule> rules;
  std::map<std::string, std::string> labels;
  /// Labels that other cluster roles must have for their rules to count as this one's.
  std::vector<std::map<std::string, std::string>> aggregates;
};

/// What a binding object says.
struct Binding {
  PolicyKey role;
  std::vector<Subject> subjects;
};

/// Which of the four an API object is, and its name. Invalid: none, or no name.
Result<PolicyKey> policy_key_of(const Json& object);

/// Reads a Role or ClusterRole; checks all that can be checked without other objects. Invalid,
/// LimitExceeded: the subject is the field.
Result<Role> parse_role(PolicyKind kind, const Json& object);

/// The same for a RoleBinding or ClusterRoleBinding of a namespace ("" for the cluster's).
Result<Binding> parse_binding(PolicyKind kind, std::string_view ns, const Json& object);

/// The API object, without server-owned metadata.
Json to_json(const PolicyKey& key, const Role& role);
Json to_json(const PolicyKey& key, const Binding& binding);

/// A binding gives the same role for life. Invalid: `after` names another one than `before`.
Result<void> check_role_ref_unchanged(const Json& before, const Json& after);

/// For SelfSubjectRulesReview.
struct RulesReview {
  std::vector<Rule> resource_rules;
  std::vector<Rule> non_resource_rules;
  /// There are more than kReviewRulesMax.
  bool incomplete = false;

  /// `{resourceRules, nonResourceRules, incomplete}`.
  Json to_json() const;
};

/// The namespaces whose existence somebody may know of.
struct VisibleNamespaces {
  bool all = false;
  std::set<std::string, std::less<>> names;

  bool contains(std::string_view ns) const { return all || names.contains(ns); }
};

/// Roles and bindings, and the decisions that follow from them. Starts with the built-in ones; an
/// object of the same name takes the place of a built-in one for as long as it is there.
///
/// A decision looks at the roles bound to the user and to each group, here and in the whole
/// cluster: its cost does not depend on how many bindings there are of others or elsewhere.
///
/// Threading: changed on one thread. A copy is independent: published as `shared_ptr<const Policy>`
/// it may be asked on any.
class Policy {
 public:
  Policy();

  /// Takes over a Role, ClusterRole, RoleBinding or ClusterRoleBinding, new or changed. On an error
  /// nothing has changed. Invalid: it is none, or not a valid one. LimitExceeded: there are too
  /// many.
  Result<void> upsert(const Json& object);

  /// Forgets an object; one that is not there is fine.
  void remove(const PolicyKey& key);

  Decision decide(const Identity& identity, const Attributes& attributes) const;

  /// `decide` as a result. PermissionDenied: with the text of a 403.
  Result<void> check(const Identity& identity, const Attributes& attributes) const;

  /// All that an identity may do in a namespace, or in the cluster's scope ("").
  RulesReview rules_for(const Identity& identity, std::string_view ns) const;

  /// Where an identity holds any permission on namespaced resources.
  VisibleNamespaces namespaces_visible(const Identity& identity) const;

  /// Whether it holds one there. If not, everything there is answered as if it did not exist.
  bool sees_namespace(const Identity& identity, std::string_view ns) const;

  /// Whether somebody may write this Role or ClusterRole, besides the permission to write such
  /// objects: all that it gives must be held there already, or the verb `escalate` on it.
  /// PermissionDenied: the message names a permission that is missing. Invalid: as `upsert`.
  Result<void> check_role_write(const Identity& by, const Json& object) const;

  /// Whether somebody may write this binding: all that its role gives must be held there already,
  /// or the verb `bind` on the role. NotFound: the role does not exist, so nobody but holders of
  /// `bind` may.
  Result<void> check_binding_write(const Identity& by, const Json& object) const;

  /// Whether somebody may act as another, or hand out a token for another: the verb `impersonate`
  /// on the user, on each of its groups, on its uid and on its extras.
  Result<void> check_impersonation(const Identity& by, const Identity& as) const;

  /// The role, or null.
  const Role* find_role(const PolicyKey& key) const;

  /// The built-in roles and bindings that no object replaces, as API objects without server-owned
  /// metadata; in order of kind and name.
  std::vector<Json> built_in_objects() const;

  /// Whether the role or binding is a built-in one that no object replaces.
  bool is_built_in(const PolicyKey& key) const;

 private:
  /// Bindings that give one role to one subject in one place, by key.
  using Grants = std::map<PolicyKey, std::set<PolicyKey>>;
  /// Of one subject, by namespace; "" is everywhere.
  using PlacedGrants = std::map<std::string, Grants, std::less<>>;

  /// Called for each rule that applies; false ends the walk. `via` is the binding, `role` the role
  /// it gives, `subject` the index key.
  struct Applied {
    const Rule& rule;
    const PolicyKey& role;
    const PolicyKey& via;
    std::string_view subject;
  };

  using Visit = std::function<bool(const Applied&)>;

  void put_role(const PolicyKey& key, Role role);
  void drop_role(const PolicyKey& key);
  void put_binding(const PolicyKey& key, Binding binding);
  void drop_binding(const PolicyKey& key);
  bool visit_role(
      const PolicyKey& role, const PolicyKey& via, std::string_view subject, const Visit& visit
  ) const;
  bool visit_place(std::string_view subject, std::string_view ns, const Visit& visit) const;
  void visit_rules(const Identity& identity, std::string_view ns, const Visit& visit) const;
  std::vector<Rule> rules_of(const PolicyKey& role) const;
  std::vector<Rule> rules_held(const Identity& identity, std::string_view ns) const;
  Result<void> check_held(
      const Identity& by,
      std::string_view ns,
      const std::vector<Rule>& rules,
      const PolicyKey& target
  ) const;

  std::map<PolicyKey, Role> roles_;
  std::map<PolicyKey, Binding> bindings_;
  /// `user:alice`, `group:devs` → what is bound to it.
  std::map<std::string, PlacedGrants, std::less<>> grants_;
  /// Cluster roles that gather others → whom they gather now.
  std::map<PolicyKey, std::set<PolicyKey>> gathered_;
  std::set<PolicyKey> written_;
};

/// Whether a resource has no namespace, so that permission on it shows none.
bool is_cluster_resource(std::string_view group, std::string_view resource);

}  // namespace reeve::access
