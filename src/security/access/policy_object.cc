#include <algorithm>
#include <optional>

#include "base/fields.h"
#include "base/strings.h"
#include "security/access/policy.h"

// Roles and bindings as objects of the API.
namespace reeve::access {

namespace {

constexpr std::size_t kSelectorsMax = 20;
constexpr std::size_t kSelectorLabelsMax = 20;
constexpr std::size_t kNameBytesMax = 253;

Error invalid(std::string message, std::string subject) {
  return make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
}

Result<std::map<std::string, std::string>> read_selector(
    const Json& json, const std::string& place
) {
  if (!json.is_object()) {
    return invalid("must be an object", place);
  }
  Fields fields(json, place);
  const auto labels = fields.texts("matchLabels");
  REEVE_CHECK(fields.finish());
  // One without labels would gather all roles there are: nobody means that.
  if (labels.empty() || labels.size() > kSelectorLabelsMax) {
    return invalid(
        concat("must have between 1 and ", kSelectorLabelsMax, " labels"),
        concat(place, ".matchLabels")
    );
  }
  return std::map<std::string, std::string>(labels.begin(), labels.end());
}

Result<std::vector<std::map<std::string, std::string>>> read_aggregates(const Json& rule) {
  std::vector<std::map<std::string, std::string>> aggregates;
  Fields fields(rule, "aggregationRule");
  const Json* const selectors = fields.array("clusterRoleSelectors");
  REEVE_CHECK(fields.finish());
  const std::string place = "aggregationRule.clusterRoleSelectors";
  if (selectors == nullptr || selectors->as_array().empty()) {
    return invalid("must have at least one selector", place);
  }
  if (selectors->as_array().size() > kSelectorsMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("has more than ", kSelectorsMax, " entries"), place
    );
  }
  for (std::size_t i = 0; i < selectors->as_array().size(); ++i) {
    REEVE_TRY(auto labels, read_selector(selectors->as_array()[i], concat(place, "[", i, "]")));
    aggregates.push_back(std::move(labels));
  }
  return aggregates;
}

Result<std::map<std::string, std::string>> read_labels(const Json& object) {
  std::map<std::string, std::string> labels;
  const Json* const metadata = object.find("metadata");
  const Json* const found = metadata == nullptr ? nullptr : metadata->find("labels");
  if (found == nullptr || found->is_null()) {
    return labels;
  }
  if (!found->is_object()) {
    return invalid("must be an object", "metadata.labels");
  }
  for (const auto& [name, value] : found->as_object()) {
    if (!value.is_string()) {
      return invalid("must be text", concat("metadata.labels.", name));
    }
    labels[name] = value.as_string();
  }
  return labels;
}

Result<void> check_group(const std::string& group, std::string_view wanted, std::string place) {
  if (!group.empty() && group != wanted) {
    return invalid(concat("must be \"", wanted, "\""), std::move(place));
  }
  return {};
}

Result<Subject> read_subject(const Json& json, const std::string& place) {
  if (!json.is_object()) {
    return invalid("must be an object", place);
  }
  Fields fields(json, place);
  const std::string kind = fields.required_text("kind");
  const std::string group = fields.text("apiGroup");
  Subject subject;
  subject.name = fields.required_text("name");
  subject.ns = fields.text("namespace");
  REEVE_CHECK(fields.finish());
  if (subject.name.size() > kPrincipalBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("is longer than ", kPrincipalBytesMax, " bytes"),
        concat(place, ".name")
    );
  }
  if (kind == "ServiceAccount") {
    subject.kind = Subject::Kind::ServiceAccount;
    REEVE_CHECK(check_group(group, "", concat(place, ".apiGroup")));
    if (subject.ns.empty()) {
      return invalid("a service account has a namespace", concat(place, ".namespace"));
    }
    return subject;
  }
  if (kind != "User" && kind != "Group") {
    return invalid("must be User, Group or ServiceAccount", concat(place, ".kind"));
  }
  subject.kind = kind == "User" ? Subject::Kind::User : Subject::Kind::Group;
  REEVE_CHECK(check_group(group, kRbacGroup, concat(place, ".apiGroup")));
  if (!subject.ns.empty()) {
    return invalid("users and groups have no namespace", concat(place, ".namespace"));
  }
  return subject;
}

Result<PolicyKey> read_role_ref(PolicyKind kind, std::string_view ns, const Json& object) {
  const Json* const json = object.find("roleRef");
  if (json == nullptr || !json->is_object()) {
    return invalid("must be there, and an object", "roleRef");
  }
  Fields fields(*json, "roleRef");
  const std::string role_kind = fields.required_text("kind");
  const std::string group = fields.text("apiGroup");
  PolicyKey key;
  key.name = fields.required_text("name");
  REEVE_CHECK(fields.finish());
  REEVE_CHECK(check_group(group, kRbacGroup, "roleRef.apiGroup"));
  if (role_kind == "ClusterRole") {
    key.kind = PolicyKind::ClusterRole;
    return key;
  }
  if (role_kind == "Role" && kind == PolicyKind::RoleBinding) {
    key.kind = PolicyKind::Role;
    key.ns = ns;
    return key;
  }
  return invalid(
      kind == PolicyKind::RoleBinding ? "must be Role or ClusterRole" : "must be ClusterRole",
      "roleRef.kind"
  );
}

}  // namespace

std::string_view to_string(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::Role:
      return "Role";
    case PolicyKind::ClusterRole:
      return "ClusterRole";
    case PolicyKind::RoleBinding:
      return "RoleBinding";
    case PolicyKind::ClusterRoleBinding:
      return "ClusterRoleBinding";
  }
  return {};
}

std::string_view plural_of(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::Role:
      return "roles";
    case PolicyKind::ClusterRole:
      return "clusterroles";
    case PolicyKind::RoleBinding:
      return "rolebindings";
    case PolicyKind::ClusterRoleBinding:
      return "clusterrolebindings";
  }
  return {};
}

Result<PolicyKey> policy_key_of(const Json& object) {
  const std::string kind = object.get_string("kind");
  std::optional<PolicyKind> found;
  for (const PolicyKind one :
       {PolicyKind::Role,
        PolicyKind::ClusterRole,
        PolicyKind::RoleBinding,
        PolicyKind::ClusterRoleBinding}) {
    found = kind == to_string(one) ? std::optional(one) : found;
  }
  if (!found) {
    return invalid("must be a kind of role or of binding", "kind");
  }
  const Json* const metadata = object.find("metadata");
  PolicyKey key;
  key.kind = *found;
  key.name = metadata == nullptr ? std::string() : metadata->get_string("name");
  key.ns = metadata == nullptr ? std::string() : metadata->get_string("namespace");
  if (key.name.empty() || key.name.size() > kNameBytesMax) {
    return invalid("must be there, with at most 253 bytes", "metadata.name");
  }
  const bool namespaced = *found == PolicyKind::Role || *found == PolicyKind::RoleBinding;
  if (namespaced == key.ns.empty() || key.ns.size() > kNameBytesMax) {
    return invalid(
        namespaced ? "must be there" : "must be empty: the object belongs to no namespace",
        "metadata.namespace"
    );
  }
  return key;
}

Result<Role> parse_role(PolicyKind kind, const Json& object) {
  const bool of_cluster = kind == PolicyKind::ClusterRole;
  Role role;
  REEVE_TRY(role.labels, read_labels(object));
  REEVE_TRY(role.rules, parse_rules(object.find("rules"), of_cluster));
  const Json* const aggregation = object.find("aggregationRule");
  if (aggregation == nullptr || aggregation->is_null()) {
    return role;
  }
  if (!of_cluster || !aggregation->is_object()) {
    return invalid(
        of_cluster ? "must be an object" : "only a ClusterRole gathers the rules of others",
        "aggregationRule"
    );
  }
  REEVE_TRY(role.aggregates, read_aggregates(*aggregation));
  return role;
}

Result<Binding> parse_binding(PolicyKind kind, std::string_view ns, const Json& object) {
  Binding binding;
  REEVE_TRY(binding.role, read_role_ref(kind, ns, object));
  const Json* const subjects = object.find("subjects");
  if (subjects == nullptr || subjects->is_null()) {
    return binding;
  }
  if (!subjects->is_array()) {
    return invalid("must be a list", "subjects");
  }
  if (subjects->as_array().size() > kSubjectsMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("has more than ", kSubjectsMax, " entries"), "subjects"
    );
  }
  for (std::size_t i = 0; i < subjects->as_array().size(); ++i) {
    REEVE_TRY(Subject subject, read_subject(subjects->as_array()[i], concat("subjects[", i, "]")));
    binding.subjects.push_back(std::move(subject));
  }
  return binding;
}

Result<void> check_role_ref_unchanged(const Json& before, const Json& after) {
  const Json* const old_ref = before.find("roleRef");
  const Json* const new_ref = after.find("roleRef");
  const auto same = [&](std::string_view member) {
    return old_ref != nullptr && new_ref != nullptr &&
           old_ref->get_string(member) == new_ref->get_string(member);
  };
  if (same("kind") && same("name")) {
    return {};
  }
  Error error = invalid("cannot change roleRef", "roleRef");
  error.hint = "delete the binding and create it anew";
  return error;
}

Json to_json(const PolicyKey& key, const Role& role) {
  Json labels = Json::object();
  for (const auto& [name, value] : role.labels) {
    labels.set(name, value);
  }
  Json metadata = Json::object();
  metadata.set("name", key.name);
  if (!key.ns.empty()) {
    metadata.set("namespace", key.ns);
  }
  metadata.set("labels", std::move(labels));
  Json rules = Json::array();
  for (const Rule& rule : role.rules) {
    rules.push(to_json(rule));
  }
  Json object = Json::object();
  object.set("apiVersion", concat(kRbacGroup, "/v1"));
  object.set("kind", to_string(key.kind));
  object.set("metadata", std::move(metadata));
  if (!role.aggregates.empty()) {
    Json selectors = Json::array();
    for (const auto& wanted : role.aggregates) {
      Json match = Json::object();
      for (const auto& [name, value] : wanted) {
        match.set(name, value);
      }
      selectors.push(Json::object().set("matchLabels", std::move(match)));
    }
    object.set("aggregationRule", Json::object().set("clusterRoleSelectors", std::move(selectors)));
  }
  object.set("rules", std::move(rules));
  return object;
}

Json to_json(const PolicyKey& key, const Binding& binding) {
  Json metadata = Json::object();
  metadata.set("name", key.name);
  if (!key.ns.empty()) {
    metadata.set("namespace", key.ns);
  }
  metadata.set("labels", Json::object().set("reeve.dev/built-in", "true"));
  Json role_ref = Json::object();
  role_ref.set("apiGroup", kRbacGroup);
  role_ref.set("kind", to_string(binding.role.kind));
  role_ref.set("name", binding.role.name);
  Json subjects = Json::array();
  for (const Subject& subject : binding.subjects) {
    Json one = Json::object();
    const bool is_account = subject.kind == Subject::Kind::ServiceAccount;
    one.set(
        "kind",
        is_account                            ? "ServiceAccount"
        : subject.kind == Subject::Kind::User ? "User"
                                              : "Group"
    );
    one.set("apiGroup", is_account ? std::string_view() : kRbacGroup);
    one.set("name", subject.name);
    if (is_account) {
      one.set("namespace", subject.ns);
    }
    subjects.push(std::move(one));
  }
  Json object = Json::object();
  object.set("apiVersion", concat(kRbacGroup, "/v1"));
  object.set("kind", to_string(key.kind));
  object.set("metadata", std::move(metadata));
  object.set("roleRef", std::move(role_ref));
  object.set("subjects", std::move(subjects));
  return object;
}

}  // namespace reeve::access
