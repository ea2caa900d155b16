#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

/// Names within namespaces, and the one name that they have in the whole installation: the plain
/// name in the namespace `default`, `<namespace>~<name>` in any other. No name that somebody gives
/// has a '~', so that every installation-wide name belongs to exactly one namespace, and what was
/// made before there were others keeps its name.
///
/// A MissionName is installation-wide everywhere, except where a declaration says otherwise. Rows
/// and events have the namespace and the plain name.
namespace reeve::model {

inline constexpr char kScopeSign = '~';
inline constexpr std::string_view kDefaultNamespace = "default";
/// Bytes of a namespace: a DNS label.
inline constexpr std::size_t kNamespaceBytesMax = 63;
/// Bytes of a mission's name with what its namespace adds. Directories are named after its runs.
inline constexpr std::size_t kScopedNameBytesMax = 100;

/// An installation-wide name, taken apart.
struct ScopedName {
  Namespace ns;
  /// As its namespace knows it.
  std::string name;

  friend bool operator==(const ScopedName&, const ScopedName&) = default;
};

/// The installation-wide name of what a namespace calls `name`: a mission, a workflow, a pool. Any
/// text may be given: whatever is in it, the result names nothing of another namespace.
std::string scoped(const Namespace& ns, std::string_view name);

/// The same for a mission; no name stays no name.
MissionName qualify(const Namespace& ns, std::string_view name);

/// The inverse: `split(qualify(ns, name).view())` is `{ns, name}` for every good namespace and
/// every name.
ScopedName split(std::string_view name);

/// What a namespace calls its mission, or its run: without the namespace.
std::string_view plain(std::string_view name);
std::string_view plain(const MissionName& name);

/// The namespace of a mission, or of a run.
Namespace namespace_of(std::string_view name);

/// Bytes that are left for a mission's plain name.
std::size_t name_room(const Namespace& ns);

/// Invalid: no DNS label (lower-case letters, digits and '-', at most 63, no '-' at the ends).
Result<void> check_namespace(std::string_view ns);

/// Invalid: a mission of this namespace cannot have this plain name, see check_name.
Result<void> check_mission_name(const Namespace& ns, std::string_view name);

}  // namespace reeve::model
