#include "api/objects/metadata.h"

#include <array>
#include <cctype>

#include "base/hash.h"
#include "base/strings.h"

namespace reeve::api {

namespace {

/// What clients set about any object.
constexpr std::array kClientMembers = {
    std::string_view("generateName"),
    std::string_view("annotations"),
    std::string_view("ownerReferences"),
    std::string_view("finalizers"),
    std::string_view("deletionTimestamp"),
    std::string_view("deletionGracePeriodSeconds"),
    std::string_view("managedFields")};

constexpr std::size_t kLabelBytesMax = 63;

bool is_alphanumeric(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

const Json& member(const Json& object, std::string_view name) {
  static const Json kEmpty = Json::object();
  const Json* found = object.find(name);
  return found == nullptr ? kEmpty : *found;
}

const Json::Array& elements(const Json& object, std::string_view name) {
  static const Json::Array kNone;
  const Json* found = object.find(name);
  return found == nullptr || !found->is_array() ? kNone : found->as_array();
}

void copy_member(const Json& from, std::string_view name, Json& to) {
  if (const Json* found = from.find(name)) {
    to.set(std::string(name), *found);
  }
}

Json make_metadata(const Source& source, const Labels& labels) {
  const Json& row = member(source.row, "metadata");
  Json metadata = Json::object();
  metadata.set("name", source.key.name);
  if (!source.key.ns.empty()) {
    metadata.set("namespace", source.key.ns.str());
  }
  metadata.set("uid", source.uid.str());
  metadata.set("resourceVersion", std::to_string(source.revision.value()));
  const Json* generation = source.metadata.find("generation");
  generation = generation == nullptr ? row.find("generation") : generation;
  metadata.set("generation", generation == nullptr ? Json(1) : *generation);
  // Rows of channels have another word for it.
  const std::string created = row.get_string("creationTimestamp", row.get_string("createdAt"));
  if (!created.empty()) {
    metadata.set("creationTimestamp", whole_seconds(created));
  }
  Json all = member(source.metadata, "labels");
  for (const auto& [key, value] : labels) {
    if (!value.empty()) {
      all.set(std::string(key), value);
    }
  }
  if (all.is_object() && !all.as_object().empty()) {
    metadata.set("labels", std::move(all));
  }
  for (const std::string_view name : kClientMembers) {
    copy_member(source.metadata, name, metadata);
  }
  return metadata;
}

Json owner_reference(std::string_view kind, std::string_view name, std::string_view uid) {
  Json reference = Json::object();
  reference.set("apiVersion", kGroupVersion).set("kind", kind).set("name", name).set("uid", uid);
  reference.set("controller", true).set("blockOwnerDeletion", true);
  return reference;
}

Json condition(
    std::string_view type,
    std::string_view status,
    std::string_view reason,
    std::string message,
    std::string_view since
) {
  Json made = Json::object();
  made.set("type", type).set("status", status).set("reason", reason);
  made.set("message", std::move(message)).set("lastTransitionTime", since);
  return made;
}

std::string camel_case(std::string_view text) {
  std::string out;
  bool upper = true;
  for (const char c : text) {
    if (!is_alphanumeric(c)) {
      upper = true;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(static_cast<char>(upper ? std::toupper(byte) : std::tolower(byte)));
    upper = false;
  }
  return out;
}

std::string whole_seconds(std::string_view time) {
  const std::size_t dot = time.find('.');
  return dot == std::string_view::npos ? std::string(time) : concat(time.substr(0, dot), "Z");
}

Uid part_uid(const Uid& whole, std::string_view part) {
  std::string hex = sha256(concat(whole.view(), "/", part)).str();
  // The form of an RFC 9562 UUID of version 8: made by a rule of our own.
  hex[12] = '8';
  hex[16] = 'a';
  return Uid(concat(
      hex.substr(0, 8),
      "-",
      hex.substr(8, 4),
      "-",
      hex.substr(12, 4),
      "-",
      hex.substr(16, 4),
      "-",
      hex.substr(20, 12)
  ));
}

std::string label_value(std::string_view text) {
  if (text.size() > kLabelBytesMax || text.empty() || !is_alphanumeric(text.front()) ||
      !is_alphanumeric(text.back())) {
    return {};
  }
  for (const char c : text) {
    if (!is_alphanumeric(c) && c != '-' && c != '_' && c != '.') {
      return {};
    }
  }
  return std::string(text);
}

std::string_view api_kind(journal::Kind kind) {
  switch (kind) {
    case journal::Kind::Workflow:
      return "Workflow";
    case journal::Kind::Mission:
      return "Mission";
    case journal::Kind::Credential:
      return "Credential";
    case journal::Kind::Setting:
      return "Setting";
    case journal::Kind::Channel:
      return "Channel";
    case journal::Kind::Pool:
      return "Pool";
    case journal::Kind::Namespace:
      return "Namespace";
    case journal::Kind::BudgetQuota:
      return "BudgetQuota";
    case journal::Kind::BlackboardEntry:
      return "BlackboardEntry";
    case journal::Kind::Role:
      return "Role";
    case journal::Kind::ClusterRole:
      return "ClusterRole";
    case journal::Kind::RoleBinding:
      return "RoleBinding";
    case journal::Kind::ClusterRoleBinding:
      return "ClusterRoleBinding";
    case journal::Kind::Token:
      return "Token";
    case journal::Kind::Metadata:
      return "Metadata";
    case journal::Kind::Denial:
      return "Denial";
    case journal::Kind::Agent:
      return "Agent";
    case journal::Kind::ModelRoute:
      return "ModelRoute";
    case journal::Kind::ToolServer:
      return "ToolServer";
    case journal::Kind::ToolCall:
      return "ToolCall";
    case journal::Kind::ModelCall:
      return "ModelCall";
    case journal::Kind::BudgetUsage:
      return "BudgetUsage";
    case journal::Kind::ClusterBudgetQuota:
      return "ClusterBudgetQuota";
    case journal::Kind::Endpoint:
      return "Endpoint";
    case journal::Kind::Incident:
      return "Incident";
    case journal::Kind::NotificationSink:
      return "NotificationSink";
  }
  return "Unknown";
}

}  // namespace reeve::api
