#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

/// Who may do what: role-based access control with the semantics of Kubernetes.
namespace reeve::access {

// Groups and users that mean something to the policy itself.
inline constexpr std::string_view kMasters = "system:masters";
inline constexpr std::string_view kAuthenticated = "system:authenticated";
inline constexpr std::string_view kUnauthenticated = "system:unauthenticated";
inline constexpr std::string_view kAnonymous = "system:anonymous";
/// Names that begin like this are the system's: no identity provider may assert them.
inline constexpr std::string_view kSystemPrefix = "system:";
/// Every run is in this group, and in `system:runs:<namespace>`.
inline constexpr std::string_view kRuns = "system:runs";
inline constexpr std::string_view kRunsPrefix = "system:runs:";
/// The user of a run is `run:<name of the run>`.
inline constexpr std::string_view kRunUserPrefix = "run:";
/// Extras of a run: the names of its own objects in its namespace.
inline constexpr std::string_view kRunExtra = "reeve.dev/run";
inline constexpr std::string_view kMissionExtra = "reeve.dev/mission";
inline constexpr std::string_view kAgentExtra = "reeve.dev/agent";

/// The group of the API's own kinds.
inline constexpr std::string_view kApiGroup = "reeve.dev";
inline constexpr std::string_view kRbacGroup = "rbac.authorization.k8s.io";

/// Longest name of a user or a group, in bytes.
inline constexpr std::size_t kPrincipalBytesMax = 512;
inline constexpr std::size_t kGroupsMax = 256;
inline constexpr std::size_t kExtrasMax = 32;
inline constexpr std::size_t kExtraValuesMax = 32;

/// Who asks, once it is known.
struct Identity {
  std::string user = {};
  std::vector<std::string> groups = {};
  std::string uid = {};
  std::map<std::string, std::vector<std::string>> extra = {};

  bool in_group(std::string_view group) const;

  friend bool operator==(const Identity&, const Identity&) = default;
};

/// Nobody in particular: user `system:anonymous`, group `system:unauthenticated`.
Identity anonymous();

/// Adds the group if it is not there yet.
void add_group(Identity& identity, std::string_view group);

/// Whether the names can be names: not empty, valid UTF-8, no control characters, within the limits
/// above. Invalid, LimitExceeded: no; the subject is the member.
Result<void> check_identity(const Identity& identity);

/// What is asked for: a resource, or a path that is none (then `non_resource_path` is set and only
/// the verb counts besides).
struct Attributes {
  std::string verb = {};
  std::string group = {};
  std::string resource = {};
  std::string subresource = {};
  /// Empty: the cluster's scope, or all namespaces.
  std::string ns = {};
  /// Empty for collections and for creation.
  std::string name = {};
  std::string non_resource_path = {};

  bool is_resource() const { return non_resource_path.empty(); }

  /// `missions` or `missions/log`.
  std::string full_resource() const;
};

/// Whether it may be done, and why.
struct Decision {
  bool allowed = false;
  std::string reason;
};

/// What a 403 says: `missions.reeve.dev is forbidden: User "alice" cannot list resource "missions"
/// in API group "reeve.dev" in the namespace "default"`.
std::string forbidden_message(const Identity& identity, const Attributes& attributes);

/// The same as an error. PermissionDenied; the subject is the resource or the path.
Error forbidden(const Identity& identity, const Attributes& attributes);

}  // namespace reeve::access
