#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "journal/event.h"

/// What the engine itself looks at in the metadata of an object: who owns it and what keeps it from
/// being removed.
namespace reeve::engine {

/// Finalizers, and owners, of one object.
inline constexpr std::size_t kFinalizersMax = 64;
inline constexpr std::size_t kOwnersMax = 64;
/// Of the name of a finalizer, and of each text of an owner reference.
inline constexpr std::size_t kMetadataWordBytesMax = 320;

/// Put on an object whose dependents are deleted before it, and on one whose dependents are kept.
inline constexpr std::string_view kForegroundFinalizer = "foregroundDeletion";
inline constexpr std::string_view kOrphanFinalizer = "orphan";
/// Put on a live mission that is being deleted, until it has ended.
inline constexpr std::string_view kRunFinalizer = "reeve.dev/run";

/// An object without which another one has no reason to be there.
struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
  Uid uid;
  /// A foreground deletion of the owner waits for this dependent.
  bool blocks = false;

  friend bool operator==(const OwnerReference&, const OwnerReference&) = default;
};

struct ObjectLinks {
  std::vector<std::string> finalizers;
  std::vector<OwnerReference> owners;
  /// It has a deletionTimestamp.
  bool deleting = false;

  bool has_finalizer(std::string_view name) const;
};

/// What garbage collection adds to the finalizers of an object that is being deleted.
inline constexpr std::size_t kFinalizersReserve = 3;

/// Reads the members `finalizers`, `ownerReferences` and `deletionTimestamp`. Invalid or
/// LimitExceeded, with the path of the member ("metadata.finalizers") as subject: wrong types,
/// missing members, too many.
Result<ObjectLinks> links_from(const Json& metadata);

/// What becomes of the dependents of an object that is deleted.
enum class Propagation : std::uint8_t { Background, Foreground, Orphan };

/// "Background", "Foreground", "Orphan"; empty: Background. Invalid, subject "propagationPolicy".
Result<Propagation> parse_propagation(std::string_view text);

/// Invalid, subject "metadata.finalizers": an object that is being deleted gets a new finalizer.
Result<void> check_finalizers(const ObjectLinks& before, const ObjectLinks& after);

/// Replaces the finalizers; without any there is no such member.
void set_finalizers(Json& metadata, const std::vector<std::string>& finalizers);

/// Takes a member out of an object, if it is there.
void erase_member(Json& object, std::string_view name);

/// Adds the finalizer that a deletion of this kind needs, unless it is there.
void add_propagation(std::vector<std::string>& finalizers, Propagation propagation);

/// Takes references to these owners out of the metadata. Says whether there were any.
bool remove_owners(Json& metadata, const std::vector<Uid>& owners);

/// What must be true of the object for a command to be carried out; each may be left out.
struct Precondition {
  Uid uid;
  std::optional<Revision> revision;
};

/// Conflict, in the words of the Kubernetes API: the object is another one or has changed.
Result<void> check_precondition(
    const Precondition& expected, const Uid& uid, Revision revision, std::string_view name
);

/// Whether two values are the same whatever the order of members.
bool same_value(const Json& left, const Json& right);

/// `2026-11-21T09:30:00Z`: RFC 3339, UTC, whole seconds, as metadata has its times.
std::string format_seconds(Timestamp at);

/// Whether the body of a row says that its object was deleted: every such row begins with
/// `{"deleted":true`, others never do.
bool is_deleted_row(std::string_view body);

/// An object that is no more, as its last row tells: `deleted`, and the metadata `name`,
/// `namespace` (unless it has none), `uid`.
void encode_deleted(
    std::string_view api_version,
    std::string_view kind,
    const journal::ObjectKey& key,
    const Uid& uid,
    std::string& out
);

/// PermissionDenied because the namespace is being deleted: nothing can be made in it any more.
Error namespace_terminating(const Namespace& ns);
/// Whether an error is that one.
bool is_namespace_terminating(const Error& error);

/// NotFound: `namespaces "x" not found`.
Error namespace_not_found(const Namespace& ns);

}  // namespace reeve::engine
